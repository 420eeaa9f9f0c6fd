#include "personas/agents/demo.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/agents/parser.hpp"
#include "personas/agents/prompt.hpp"
#include "personas/agents/protocols.hpp"
#include "personas/agents/transcript.hpp"

namespace personas::agents {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

std::string text_of(const std::vector<DemoLine>& lines) {
  std::string text;
  for (const auto& line : lines) text += line.text + "\n";
  return text;
}

std::set<std::string_view> spoken(const std::vector<DemoLine>& lines) {
  ProtocolParser parser;
  std::vector<IndexedEffect> effects;
  parser.feed(text_of(lines), effects);
  EXPECT_EQ(parser.counters().malformed, 0U);
  std::set<std::string_view> keys;
  for (const auto& effect : effects) keys.insert(key_of(effect.effect));
  return keys;
}

TEST(Demo, SaysOnEveryLineThatItIsADemoAndIsShort) {
  const auto lines = demo_script("Please review \"this\"\nand that");
  Duration total{};
  for (const auto& line : lines) {
    EXPECT_THAT(line.text, HasSubstr("demo"));
    EXPECT_THAT(line.text, Not(HasSubstr("\n")));
    total += line.pause;
  }
  EXPECT_LT(total, seconds(2));
}

TEST(Demo, SpeaksSeveralProtocolsAndAsksForAReviewWhenItIsMentioned) {
  EXPECT_THAT(spoken(demo_script("Say hello")),
              IsSupersetOf({"user_message", "agent_memory", "execution_flow", "emit_event",
                            "outcome_assessment"}));
  EXPECT_THAT(spoken(demo_script("Say hello")), Not(Contains("manual_review")));
  EXPECT_THAT(spoken(demo_script("REVIEW it")), Contains("manual_review"));
}

TEST(Demo, QuotesTheTaskOfAnAssembledPrompt) {
  PromptInput input;
  input.persona = Persona{};
  input.persona->name = "Greeter";
  input.persona->system_prompt = "Reviews are your life.";
  input.prompt = "Greet the {team}";
  SeededRandom random(1);
  const auto lines = demo_script(*assemble_prompt(input, random));
  EXPECT_EQ(lines[1].text, "[demo] My task: Greet the {team}");
  EXPECT_THAT(spoken(lines), Not(Contains("manual_review")));
}

TEST(Demo, HasSomethingToSayWithoutATask) {
  EXPECT_THAT(text_of(demo_script("")), HasSubstr("no task was given"));
}

TEST(Demo, AnswersADesignPromptWithADraftMadeOfItsWords) {
  const std::string prompt = std::string(kDesignTitle) + "Schemas…\n" + std::string(kDesignLabel) +
                             "Watch our \"open\" issues daily, and tell me.\nEvery morning." +
                             std::string(kDesignEnd) + "JSON please";
  const auto lines = demo_script(prompt);
  for (const auto& line : lines) EXPECT_THAT(line.text, HasSubstr("demo"));
  const auto answer = find_answer(text_of(lines), "persona_draft");
  ASSERT_TRUE(answer) << answer.error().describe();
  const auto json = boost::json::parse(answer->text);
  const auto& persona = json.at("persona").as_object();
  EXPECT_EQ(persona.at("name"), "[demo] Watch our \"open\" issues daily");
  EXPECT_EQ(persona.at("backend"), "demo");
  EXPECT_THAT(std::string(persona.at("structuredPrompt").at("instructions").as_string()),
              HasSubstr("Every morning."));
  EXPECT_EQ(json.at("triggers").as_array().size(), 1U);
  EXPECT_EQ(json.at("feasibility").at("notes").as_array().size(), 1U);
}

}  // namespace
}  // namespace personas::agents
