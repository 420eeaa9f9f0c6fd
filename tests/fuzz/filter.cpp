// Conditions and mappings that users write (first line, second line) on events that anybody sends
// (third line): what is printed reads back the same; evaluating stays within its steps, and obeys
// not, and, or; what a mapping makes is within its bytes and reads back as JSON.
#include "personas/filter/filter.hpp"

#include "personas/codec/json.hpp"
#include "personas/filter/mapping.hpp"

#include "support.hpp"

namespace personas::fuzz {
namespace {

filter::Verdict evaluate(const filter::Filter& compiled, const filter::Subject& subject) {
  const auto verdict = compiled.evaluate(subject);
  PERSONAS_FUZZ_CHECK(verdict.steps <= filter::kMaxSteps, "the limit of steps");
  PERSONAS_FUZZ_CHECK(!verdict.gave_up || !verdict.matches, "giving up matches nothing");
  return verdict;
}

void check_filter(std::string_view text, const filter::Subject& subject) {
  const auto compiled = filter::Filter::compile(text);
  if (!compiled) return check_error(compiled.error());
  // A few bytes more than what was written, for spaces; it may no longer fit, but only for that.
  const auto& printed = compiled->text();
  const auto again = filter::Filter::compile(printed);
  if (printed.size() <= filter::kMaxFilterBytes) {
    PERSONAS_FUZZ_CHECK(again, "what is printed can be read:", printed);
    PERSONAS_FUZZ_CHECK(*again == *compiled, "printed and read again:", printed);
  }
  const auto verdict = evaluate(*compiled, subject);
  if (verdict.gave_up) return;
  const auto law = [&](const std::string& form, bool expected) {
    const auto other = filter::Filter::compile(form);
    if (!other) return check_error(other.error());  // only a limit: one more depth, longer
    const auto found = evaluate(*other, subject);
    PERSONAS_FUZZ_CHECK(found.gave_up || found.matches == expected, "a law of logic:", form);
  };
  law("not (" + printed + ")", !verdict.matches);
  law("(" + printed + ") and not (" + printed + ")", false);
  law("not (" + printed + ") or (" + printed + ")", true);
  law("(" + printed + ") and true", verdict.matches);
  law("(" + printed + ") or false", verdict.matches);
}

void check_mapping(std::string_view text, const filter::Subject& subject) {
  const auto json = codec::parse_json(text);
  if (!json) return;
  const auto mapping = filter::Mapping::compile(*json);
  if (!mapping) return check_error(mapping.error());
  const auto made = mapping->apply(subject);
  if (!made) return check_error(made.error());
  const auto written = codec::serialize(*made);
  PERSONAS_FUZZ_CHECK(written.size() <= filter::kMaxMappedBytes, "the limit of bytes");
  const auto read = codec::parse_json(written);
  PERSONAS_FUZZ_CHECK(read, "what is made can be read:", written);
  PERSONAS_FUZZ_CHECK(same_json(*read, *made), "and is the same:", written);
}

}  // namespace
}  // namespace personas::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace personas;
  using namespace personas::fuzz;
  std::string_view rest = text_of(data, size);
  const auto condition = take_line(rest);
  const auto mapping = take_line(rest);
  const auto payload = codec::parse_json(rest);
  const boost::json::value none;
  const filter::Subject subject{.payload = payload ? *payload : none,
                                .envelope = {.event_type = "x", .source_id = "a/b"}};
  check_filter(condition, subject);
  check_mapping(mapping, subject);
  return 0;
}
