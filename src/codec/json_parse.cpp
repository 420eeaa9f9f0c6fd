// JSON text → value: Boost's parser with a handler of our own, because the library's keeps the last
// of duplicate keys silently, rounds some doubles twice and turns 1e400 into infinity.
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"

namespace personas::codec {
namespace {

namespace bj = boost::json;

// Enough for a usual body, so that parsing needs no heap of its own; spilling over is fine.
constexpr std::size_t kStackBytes = 4 * 1024;
constexpr std::size_t kTreeBytes = 16 * 1024;
constexpr std::size_t kMaxShownKey = 80;

// The parts of a handler that concern limits and are alike in both passes.
struct HandlerLimits {
  static constexpr std::size_t max_object_size = kMaxObjectMembers;
  static constexpr std::size_t max_array_size = bj::array::max_size();
  static constexpr std::size_t max_key_size = bj::string::max_size();
  static constexpr std::size_t max_string_size = bj::string::max_size();
};

// Builds the tree and counts members. Boost drops duplicates while it builds, so fewer members in
// the tree than were seen means that some key was given twice; no key is looked up twice for it.
class TreeBuilder : public HandlerLimits {
 public:
  TreeBuilder(bj::storage_ptr memory, std::span<unsigned char> buffer)
      : stack_({}, buffer.data(), buffer.size()) {
    stack_.reset(std::move(memory));
  }

  bj::value release() { return stack_.release(); }
  std::size_t members() const { return members_; }

  bool on_document_begin(bj::error_code&) { return true; }
  bool on_document_end(bj::error_code&) { return true; }
  bool on_object_begin(bj::error_code&) { return true; }
  bool on_object_end(std::size_t count, bj::error_code&) {
    members_ += count;
    stack_.push_object(count);
    return true;
  }
  bool on_array_begin(bj::error_code&) { return true; }
  bool on_array_end(std::size_t count, bj::error_code&) {
    stack_.push_array(count);
    return true;
  }
  bool on_key_part(bj::string_view part, std::size_t, bj::error_code&) {
    stack_.push_chars(part);
    return true;
  }
  bool on_key(bj::string_view part, std::size_t, bj::error_code&) {
    stack_.push_key(part);
    return true;
  }
  bool on_string_part(bj::string_view part, std::size_t, bj::error_code&) {
    stack_.push_chars(part);
    return true;
  }
  bool on_string(bj::string_view part, std::size_t, bj::error_code&) {
    stack_.push_string(part);
    return true;
  }
  bool on_number_part(bj::string_view, bj::error_code&) { return true; }
  bool on_int64(std::int64_t value, bj::string_view, bj::error_code&) {
    stack_.push_int64(value);
    return true;
  }
  bool on_uint64(std::uint64_t value, bj::string_view, bj::error_code&) {
    stack_.push_uint64(value);
    return true;
  }
  // The text is whole, as the parser gets it in one piece.
  bool on_double(double approximate, bj::string_view text, bj::error_code& error) {
    double value = approximate;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    // Out of range is also what from_chars says of numbers too small; those become zero.
    if (failure != std::errc{}) value = std::abs(approximate) < 1 ? 0.0 : INFINITY;
    if (!std::isfinite(value)) {
      error = bj::error::exponent_overflow;
      return false;
    }
    stack_.push_double(value);
    return true;
  }
  bool on_bool(bool value, bj::error_code&) {
    stack_.push_bool(value);
    return true;
  }
  bool on_null(bj::error_code&) {
    stack_.push_null();
    return true;
  }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }

 private:
  bj::value_stack stack_;
  std::size_t members_ = 0;
};

// Second pass, only once a duplicate is known to exist: stops at it.
class DuplicateFinder : public HandlerLimits {
 public:
  const std::string& key() const { return key_; }

  bool on_document_begin(bj::error_code&) { return true; }
  bool on_document_end(bj::error_code&) { return true; }
  bool on_object_begin(bj::error_code&) {
    open_.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, bj::error_code&) {
    open_.pop_back();
    return true;
  }
  bool on_array_begin(bj::error_code&) { return true; }
  bool on_array_end(std::size_t, bj::error_code&) { return true; }
  bool on_key_part(bj::string_view part, std::size_t, bj::error_code&) {
    partial_.append(part.data(), part.size());
    return true;
  }
  bool on_key(bj::string_view part, std::size_t, bj::error_code& error) {
    key_ = std::exchange(partial_, {}).append(part.data(), part.size());
    if (open_.back().insert(key_).second) return true;
    error = bj::error::syntax;
    return false;
  }
  bool on_string_part(bj::string_view, std::size_t, bj::error_code&) { return true; }
  bool on_string(bj::string_view, std::size_t, bj::error_code&) { return true; }
  bool on_number_part(bj::string_view, bj::error_code&) { return true; }
  bool on_int64(std::int64_t, bj::string_view, bj::error_code&) { return true; }
  bool on_uint64(std::uint64_t, bj::string_view, bj::error_code&) { return true; }
  bool on_double(double, bj::string_view, bj::error_code&) { return true; }
  bool on_bool(bool, bj::error_code&) { return true; }
  bool on_null(bj::error_code&) { return true; }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }

 private:
  std::vector<std::set<std::string>> open_;
  std::string partial_, key_;
};

// Depth is bounded by the parser's max_depth.
std::size_t count_members(const bj::value& value) {
  std::size_t count = 0;
  if (const auto* object = value.if_object()) {
    count = object->size();
    for (const auto& member : *object) {
      if (member.value().is_structured()) count += count_members(member.value());
    }
  } else if (const auto* array = value.if_array()) {
    for (const auto& element : *array) {
      if (element.is_structured()) count += count_members(element);
    }
  }
  return count;
}

std::unexpected<Error> malformed(std::size_t at, std::string_view reason) {
  return fail(ErrorCode::kMalformedJson, fmt::format("not valid JSON at byte {}: {}", at, reason));
}

std::unexpected<Error> explain(std::string_view text, std::size_t at, const bj::error_code& error,
                               const ParseLimits& limits) {
  if (error == bj::error::incomplete) return malformed(at, "the text ends too early");
  if (error == bj::error::too_deep) {
    return malformed(at, fmt::format("nested deeper than {} levels", limits.max_depth));
  }
  if (error == bj::error::object_too_large) {
    return malformed(at, fmt::format("an object has more than {} members", kMaxObjectMembers));
  }
  if (error == bj::error::exponent_overflow) return malformed(at, "the number is too large");
  if (!is_utf8(text)) return malformed(at, "the text is not UTF-8");
  return malformed(at, error.message());
}

std::unexpected<Error> name_duplicate(std::string_view text, const bj::parse_options& options) {
  bj::basic_parser<DuplicateFinder> parser(options);
  bj::error_code error;
  const std::size_t at = parser.write_some(false, text.data(), text.size(), error);
  return malformed(at, fmt::format("the key \"{}\" is given twice",
                                   utf8_prefix(parser.handler().key(), kMaxShownKey)));
}

}  // namespace

Result<bj::value> parse_json(std::string_view text, const ParseLimits& limits,
                             bj::storage_ptr memory) {
  if (text.size() > limits.max_bytes) {
    return fail(ErrorCode::kPayloadTooLarge,
                fmt::format("the JSON text has {} bytes, at most {} are accepted", text.size(),
                            limits.max_bytes));
  }
  if (text.empty()) return malformed(0, "the text is empty");
  if (text.starts_with("\xEF\xBB\xBF")) return malformed(0, "it starts with a byte-order mark");

  bj::parse_options options;
  options.max_depth = limits.max_depth;
  std::array<unsigned char, kStackBytes> buffer;  // NOLINT: filled by the parser
  bj::basic_parser<TreeBuilder> parser(options, std::move(memory), std::span(buffer));
  bj::error_code error;
  const std::size_t at = parser.write_some(false, text.data(), text.size(), error);
  if (!error && at < text.size()) return malformed(at, "there is text after the end of the value");
  if (error) return explain(text, at, error, limits);

  bj::value value = parser.handler().release();
  if (count_members(value) != parser.handler().members()) return name_duplicate(text, options);
  return value;
}

Result<void> parse_into(std::string_view text, const TypeInfo& type, void* out,
                        const ReadOptions& options, const ParseLimits& limits) {
  std::array<unsigned char, kTreeBytes> buffer;  // NOLINT: filled by the resource
  bj::monotonic_resource memory(buffer.data(), buffer.size());
  TRY(const auto json, parse_json(text, limits, &memory));
  return read_json(json, type, out, options);
}

}  // namespace personas::codec
