#include "personas/design/read.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace personas::design {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const Vocabulary kVocabulary{{"github", "report"}, {}};

std::string draft(std::string_view persona, std::string_view rest = "") {
  return fmt::format(
      R"(I thought about it.
```json
{{"persona_draft": {{"persona": {}{}, "feasibility": {{"score": 80}}}}}}
```
)",
      persona, rest);
}

std::vector<std::string> problems(const std::string& words,
                                  const std::optional<Persona>& existing = {}) {
  std::vector<std::string> all;
  for (const auto& problem : read_answer(words, kVocabulary, existing).problems) {
    all.push_back(problem.path + " " + problem.message);
  }
  return all;
}

TEST(ReadAnswer, TakesAGoodDraftOutOfProse) {
  const auto answer = read_answer(
      draft(R"({"name":"Watcher","structuredPrompt":{"identity":"You watch."},"maxTurns":20})",
            R"(,"tools":[{"library":"github"},{"name":"board","implementationGuide":"Use curl."}],
               "triggers":[{"type":"schedule","config":{"cron":"@daily"},"why":"each day"}])"),
      kVocabulary, {});
  EXPECT_THAT(answer.problems, IsEmpty());
  ASSERT_TRUE(answer.json);
  const auto parsed = parse_draft(*answer.json);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->tools[0].library, "github");
  EXPECT_EQ(parsed->triggers[0].type, TriggerType::kSchedule);
  const auto persona = resulting_persona(*parsed, {});
  ASSERT_TRUE(persona) << persona.error().describe();
  EXPECT_EQ(persona->name, "Watcher");
  EXPECT_EQ(persona->max_turns, 20);
  EXPECT_EQ(persona->structured_prompt->text, R"({"identity":"You watch."})");
}

TEST(ReadAnswer, FindsAllProblemsAtOnceWithTheirPaths) {
  const auto found = problems(
      draft(R"({"description":"no name","timeoutMs":5,"systemprompt":"x","webhookSecret":"s"})",
            R"(,"tools":[{"library":"githup"},{"name":"a"},{"library":"report","name":"b"},{}],
          "surprise":1)"));
  EXPECT_THAT(found, Contains(HasSubstr("/surprise")));
  EXPECT_THAT(found, Contains(HasSubstr("/persona/name")));
  EXPECT_THAT(found, Contains(HasSubstr("/persona/timeoutMs")));
  EXPECT_THAT(found, Contains(HasSubstr("/persona/systemprompt is not a field; did you mean "
                                        "\"systemPrompt\"?")));
  EXPECT_THAT(found, Contains(HasSubstr("/persona/webhookSecret")));
}

TEST(ReadAnswer, ChecksToolsAgainstWhatTheTenantHas) {
  EXPECT_THAT(
      problems(draft(R"({"name":"W"})",
                     R"(,"tools":[{"library":"githup"},{"name":"a"},
                                 {"library":"report","name":"b"},{"library":"report"},
                                 {"library":"report"}])")),
      ElementsAre("/tools/0/library there is no tool 'githup'; did you mean \"github\"?",
                  "/tools/1/implementationGuide a new tool needs a guide",
                  HasSubstr("/tools/2 needs either"), HasSubstr("/tools/4 names the tool")));
}

TEST(ReadAnswer, ChecksThatTheBackendCanRunIt) {
  EXPECT_THAT(problems(draft(R"({"name":"W","backend":"gpt"})")),
              ElementsAre(HasSubstr("/persona/backend expected one of: claude")));
  EXPECT_THAT(problems(draft(R"({"name":"W","backend":"command"})")),
              ElementsAre(HasSubstr("needs {\"command\"")));
}

TEST(ReadAnswer, KeepsWhatIsWrongToBeShown) {
  const auto answer = read_answer(draft(R"({"name":7})"), kVocabulary, {});
  EXPECT_TRUE(answer.json);
  EXPECT_FALSE(answer.problems.empty());
  EXPECT_THAT(problems("I refuse."), ElementsAre(HasSubstr("wrote no")));
  EXPECT_THAT(problems(R"({"persona_draft": {"persona": )"), ElementsAre(HasSubstr("ends before")));
  EXPECT_THAT(problems(draft("[]")), ElementsAre("/persona expected an object"));
}

TEST(ChangesOf, ComparesAChangeFieldByFieldWithTheTools) {
  Persona persona;
  persona.name = "Reviewer";
  persona.structured_prompt = codec::JsonText{R"({"identity":"You review.","examples":"none"})"};
  persona.max_turns = 10;
  const std::string words =
      draft(R"({"structuredPrompt":{"identity":"You review hard."},"maxTurns":10,"model":"m"})",
            R"(,"tools":[{"library":"report"}])");
  EXPECT_THAT(problems(words, persona), IsEmpty()) << "what is not set stays";
  const auto parsed = parse_draft(*read_answer(words, kVocabulary, persona).json);
  const auto changes = changes_of(*parsed, persona, {"github"});
  ASSERT_TRUE(changes);
  std::vector<std::string> shown;
  for (const auto& change : *changes) {
    shown.push_back(
        fmt::format("{}: {} → {}", change.field, change.before.text, change.after.text));
  }
  EXPECT_THAT(shown, UnorderedElementsAre(
                         R"(structuredPrompt.identity: "You review." → "You review hard.")",
                         R"(structuredPrompt.examples: "none" → )", R"(model:  → "m")",
                         R"(tools.report:  → "linked")", R"(tools.github: "linked" → )"));
}

TEST(ChangesOf, OfANewPersonaAreTheFieldsThatDifferFromTheDefaults) {
  const auto parsed =
      parse_draft(*read_answer(draft(R"({"name":"W","timeoutMs":300000})"), kVocabulary, {}).json);
  const auto changes = changes_of(*parsed, {}, {});
  ASSERT_TRUE(changes);
  EXPECT_THAT(*changes, ElementsAre(Field(&FieldChange::field, "name")));
}

}  // namespace
}  // namespace personas::design
