// JSON text → value → text → the same value; a text that is taken keeps the limits it was taken
// under, by rules that are counted here in another way; and the one-pass reader of structs agrees
// with the one that builds a tree.
#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"

#include "support.hpp"
#include "test_types.hpp"

namespace personas::fuzz {
namespace {

namespace bj = boost::json;

constexpr codec::ParseLimits kLimits{.max_bytes = 3000, .max_depth = 12};

struct Shape {
  std::size_t depth = 0;
  std::size_t members = 0;
};

void measure(const bj::value& value, std::size_t depth, Shape& shape) {
  shape.depth = std::max(shape.depth, depth);
  if (const auto* object = value.if_object()) {
    shape.members += object->size();
    for (const auto& member : *object) {
      PERSONAS_FUZZ_CHECK(is_utf8({member.key().data(), member.key().size()}), "a key in UTF-8");
      measure(member.value(), depth + (member.value().is_structured() ? 1 : 0), shape);
    }
  } else if (const auto* array = value.if_array()) {
    for (const auto& element : *array) {
      measure(element, depth + (element.is_structured() ? 1 : 0), shape);
    }
  } else if (value.is_double()) {
    PERSONAS_FUZZ_CHECK(value.get_double() - value.get_double() == 0, "a finite number");
  }
}

// A member has exactly one colon outside of strings, so a key that was dropped shows.
std::size_t colons_of(std::string_view text) {
  std::size_t colons = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (in_string && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      in_string = !in_string;
    } else if (!in_string && text[i] == ':') {
      ++colons;
    }
  }
  return colons;
}

void check_tree(std::string_view text) {
  const auto parsed = codec::parse_json(text, kLimits);
  if (!parsed) {
    check_error(parsed.error());
    PERSONAS_FUZZ_CHECK(
        (text.size() > kLimits.max_bytes) == (parsed.error().code == ErrorCode::kPayloadTooLarge),
        "too long is kPayloadTooLarge, and nothing else is");
    return;
  }
  PERSONAS_FUZZ_CHECK(text.size() <= kLimits.max_bytes, "the limit of bytes");
  PERSONAS_FUZZ_CHECK(is_utf8(text), "UTF-8 alone is taken");
  Shape shape;
  measure(*parsed, parsed->is_structured() ? 1 : 0, shape);
  PERSONAS_FUZZ_CHECK(shape.depth <= kLimits.max_depth, "the limit of depth");
  PERSONAS_FUZZ_CHECK(shape.members == colons_of(text), "every member is there once");

  const std::string written = codec::serialize(*parsed);
  const auto again = codec::parse_json(written, {.max_bytes = 10 * kLimits.max_bytes});
  PERSONAS_FUZZ_CHECK(again && same_json(*parsed, *again), "what is written is read back", written);
  PERSONAS_FUZZ_CHECK(codec::serialize(*again) == written, "and written alike", written);
}

template <class T>
void check_struct(std::string_view text, const codec::ReadOptions& options) {
  const auto direct = codec::parse<T>(text, options, kLimits);
  const auto tree = codec::parse_json(text, kLimits);
  if (!direct) check_error(direct.error());
  if (!tree) {
    PERSONAS_FUZZ_CHECK(!direct, "a struct from what is no JSON");
    return;
  }
  const auto read = codec::from_json<T>(*tree, options);
  PERSONAS_FUZZ_CHECK(direct.has_value() == read.has_value(), "both readers agree",
                      direct ? "" : direct.error().describe(), read ? "" : read.error().describe());
  if (!direct) {
    PERSONAS_FUZZ_CHECK(!direct.error().fields.empty(), "the error names a field");
    PERSONAS_FUZZ_CHECK(direct.error().fields.size() <= codec::kMaxFieldErrors, "their limit");
    return;
  }
  PERSONAS_FUZZ_CHECK(*direct == *read, "and read the same");
  const codec::WriteOptions all{.write_only = codec::WriteOptions::WriteOnly::kInclude};
  const std::string written = codec::to_json(*direct, all);
  const codec::ReadOptions own{.read_only = codec::ReadOptions::ReadOnly::kAccept,
                               .rules = codec::ReadOptions::Rules::kTrust};
  const auto again = codec::parse<T>(written, own, {.max_bytes = 10 * kLimits.max_bytes});
  PERSONAS_FUZZ_CHECK(again.has_value(), "what is written is read back", written,
                      again ? "" : again.error().describe());
  PERSONAS_FUZZ_CHECK(codec::to_json(*again, all) == written, "and is the same", written);
}

}  // namespace
}  // namespace personas::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace personas;
  const auto text = fuzz::text_of(data, size);
  fuzz::check_tree(text);
  fuzz::check_struct<codec_test::Order>(text, {.unknown = codec::UnknownFields::kIgnore});
  fuzz::check_struct<codec_test::Order>(text,
                                        {.completeness = codec::ReadOptions::Completeness::kPartial,
                                         .read_only = codec::ReadOptions::ReadOnly::kRefuse});
  fuzz::check_struct<codec_test::Node>(text, {});
  return 0;
}
