#include "personas/design/read.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace personas::design {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Vocabulary kVocabulary{.tools = {"github", "report"}, .library = {"slack"}};

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

TEST(ReadAnswer, AChangeNeedsOnlyWhatChanges) {
  Persona persona;
  persona.name = "Reviewer";
  EXPECT_THAT(problems(draft(R"({"maxTurns":10})", R"(,"tools":[{"library":"slack"}])"), persona),
              IsEmpty());
  EXPECT_THAT(problems(draft(R"({"maxTurns":0})"), persona),
              ElementsAre(HasSubstr("/persona/maxTurns")));
}

}  // namespace
}  // namespace personas::design
