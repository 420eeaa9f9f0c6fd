// Schemas that users write (first line), on inputs that callers send (second line): what is wrong
// with a schema is told with its place; a check ends within its work, says where, and obeys the
// laws of the schemas that hold others.
#include "personas/codec/json.hpp"
#include "personas/json_schema/schema.hpp"

#include "support.hpp"

namespace personas::fuzz {
namespace {

enum class Answer : std::uint8_t { kFits, kWrong, kGaveUp };

Answer ask(const json_schema::Schema& schema, const boost::json::value& value) {
  const auto checked = schema.check(value);
  if (checked) return Answer::kFits;
  if (checked.error().code == ErrorCode::kUnprocessable) return Answer::kGaveUp;
  check_error(checked.error());
  PERSONAS_FUZZ_CHECK(!checked.error().fields.empty(), "what is wrong has its place");
  return Answer::kWrong;
}

// The schema within another one; only a limit may refuse that.
void law(boost::json::object around, const boost::json::value& value, Answer expected) {
  const std::string text = codec::serialize(around);
  const auto schema = json_schema::Schema::compile(std::move(around));
  if (!schema) return check_error(schema.error());
  const auto answer = ask(*schema, value);
  PERSONAS_FUZZ_CHECK(answer == expected || answer == Answer::kGaveUp, "a law of schemas:", text);
}

void hold(const boost::json::value& json, const boost::json::value& value) {
  const auto schema = json_schema::Schema::compile(json, "/inputSchema");
  if (!schema) {
    check_error(schema.error());
    for (const auto& field : schema.error().fields) {
      PERSONAS_FUZZ_CHECK(field.path.starts_with("/inputSchema"), "a place in the schema");
    }
    return;
  }
  const auto answer = ask(*schema, value);
  if (answer == Answer::kGaveUp) return;
  PERSONAS_FUZZ_CHECK(ask(*schema, value) == answer, "the same answer again");
  if (codec::serialize(json).contains("$ref"))
    return;  // which would lead elsewhere, one level down
  const auto other = answer == Answer::kFits ? Answer::kWrong : Answer::kFits;
  law({{"not", json}}, value, other);
  law({{"allOf", {json, true}}}, value, answer);
  law({{"anyOf", {json, false}}}, value, answer);
  law({{"oneOf", {json, true}}}, value, other);
  law({{"items", json}}, boost::json::array{value}, answer);
  law({{"properties", {{"a", json}}}}, boost::json::object{{"a", value}}, answer);
  law({{"const", value}}, value, Answer::kFits);
}

}  // namespace
}  // namespace personas::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace personas;
  constexpr std::size_t kMaxInput = 8'000;
  std::string_view rest = fuzz::text_of(data, size).substr(0, kMaxInput);
  const auto schema = codec::parse_json(fuzz::take_line(rest));
  const auto value = codec::parse_json(fuzz::take_line(rest));
  if (schema && value) fuzz::hold(*schema, *value);
  return 0;
}
