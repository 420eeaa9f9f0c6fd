// Scenarios and test runs over the API; what their executions bring about is tested in reactions.
#include "test_api.hpp"

namespace personas::http_api {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr std::string_view kScenario =
    R"({"name":"works","prompt":"Do it","input":{"a":1},"timeoutMs":5000,
        "expectations":[{"outputContains":"done"},{"judge":{"criteria":"good"}}]})";

class TestsApi : public ApiTest {
 protected:
  void SetUp() override { persona = make_persona("Tested"); }
  std::string scenarios() const { return "/api/personas/" + persona + "/scenarios"; }
  std::string tests() const { return "/api/personas/" + persona + "/tests"; }

  std::string persona;
};

TEST_F(TestsApi, ScenariosAreMadeChangedListedAndDeleted) {
  const auto made = post(scenarios(), std::string(kScenario));
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.at("personaId"), persona);
  EXPECT_EQ(post(scenarios(), std::string(kScenario)).status, 409);
  const auto path = scenarios() + "/" + made.at("id");
  const auto changed =
      send("PUT", path, R"({"name":"still","prompt":"x","expectations":[{"accomplished":true}]})");
  ASSERT_EQ(changed.status, 200) << changed.text;
  EXPECT_EQ(changed.at("id"), made.at("id"));
  EXPECT_THAT(get(scenarios()).json.as_array(), SizeIs(1));
  EXPECT_EQ(send("GET", scenarios(), {}, {}, kOtherKey).status, 404);
  EXPECT_EQ(send("DELETE", path).status, 204);
  EXPECT_EQ(send("DELETE", path).status, 404);
  EXPECT_THAT(get(scenarios()).json.as_array(), SizeIs(0));
}

TEST_F(TestsApi, WrongRulesAreRefusedWithTheirPlace) {
  const auto wrong = post(scenarios(), R"({"name":"x","prompt":"x","expectations":[{},
      {"outputMatches":"("},{"outputContains":"a","maxTurns":1}]})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.text, HasSubstr("/expectations/0"));
  EXPECT_THAT(wrong.text, HasSubstr("/expectations/1/outputMatches"));
  EXPECT_THAT(wrong.text, HasSubstr("/expectations/2"));
}

TEST_F(TestsApi, ARunStartsAnExecutionPerScenarioAndRepetition) {
  EXPECT_EQ(post(tests(), "{}").status, 422) << "there is nothing to test";
  post(scenarios(), std::string(kScenario));
  const auto started = post(tests(), R"({"repeat":3,"backend":"demo"})");
  ASSERT_EQ(started.status, 202) << started.text;
  EXPECT_EQ(started.at("total"), "3");
  EXPECT_EQ(started.at("personaVersion"), "1");
  ASSERT_THAT(executions_.queued, SizeIs(3));
  const auto execution = get("/api/executions/" + executions_.queued[0].id.str());
  EXPECT_EQ(execution.at("source"), "test");
  EXPECT_EQ(execution.at("prompt"), "Do it");
  EXPECT_EQ(execution.at("inputData"), R"({"a":1})");
  EXPECT_THAT(execution.at("config"), HasSubstr(R"("timeoutMs":5000)"));
  EXPECT_THAT(execution.at("config"), HasSubstr(R"("backend":"demo")"));

  const auto report = get("/api/tests/" + started.at("id"));
  ASSERT_EQ(report.status, 200) << report.text;
  EXPECT_EQ(report.object().at("results").as_array().size(), 3U);
  EXPECT_THAT(report.at("comparison"), HasSubstr(R"("change":"new")"));
  EXPECT_THAT(get(tests()).json.as_array(), SizeIs(1));
  EXPECT_EQ(send("GET", "/api/tests/" + started.at("id"), {}, {}, kOtherKey).status, 404);
}

TEST_F(TestsApi, ARunIsBoundedAndNamesScenariosOfItsPersona) {
  for (int i = 0; i < 30; ++i) {
    post(scenarios(), fmt::format(R"({{"name":"s{}","prompt":"x",
        "expectations":[{{"accomplished":true}}]}})",
                                  i));
  }
  const auto many = post(tests(), R"({"repeat":20})");
  EXPECT_EQ(many.status, 422);
  EXPECT_THAT(many.at("detail"), HasSubstr("500"));
  EXPECT_EQ(post(tests(), R"({"repeat":21})").status, 400);
  EXPECT_EQ(post(tests(), R"({"scenarioIds":["scn_other"]})").status, 404);
  EXPECT_THAT(executions_.queued, SizeIs(0)) << "nothing is started by halves";
}

TEST_F(TestsApi, AFileBringsTheTestsOfItsPersona) {
  const auto import = [&](std::string_view tests, std::string_view mode) {
    return post("/api/import", fmt::format(R"({{"mode":"{}","documents":[{{"name":"Tested",
        "tests":{}}}]}})",
                                           mode, tests));
  };
  const auto list = fmt::format("[{}]", kScenario);
  EXPECT_THAT(import(list, "merge").text, HasSubstr(R"("result":"updated")"));
  EXPECT_THAT(import(list, "merge").text, HasSubstr(R"("result":"unchanged")"));
  EXPECT_THAT(get("/api/personas/" + persona + "/export").text, HasSubstr("tests:"));
  const auto wrong = import(R"([{"name":"x","prompt":"x","expectations":[{}]}])", "merge");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.text, HasSubstr("/documents/0/tests/0/expectations/0"));
  EXPECT_THAT(import("[]", "replace").text, HasSubstr("tests.works"));
  EXPECT_THAT(get(scenarios()).json.as_array(), SizeIs(0));
}

TEST_F(TestsApi, ATemplateBringsItsScenariosAsTests) {
  const auto made = post("/api/personas/from-template", R"({"template":"daily-report"})");
  ASSERT_EQ(made.status, 201) << made.text;
  const auto scenarios = get("/api/personas/" + made.at("id") + "/scenarios");
  EXPECT_THAT(scenarios.json.as_array(), SizeIs(testing::Ge(2)));
  EXPECT_THAT(scenarios.text, HasSubstr(R"("judge":{"criteria":"- )"));
}

TEST_F(TestsApi, DeletingThePersonaTakesItsScenarios) {
  post(scenarios(), std::string(kScenario));
  EXPECT_EQ(send("DELETE", "/api/personas/" + persona).status, 204);
  write([&](store::Transaction& tx) -> Result<void> {
    static const store::Sql kCount("SELECT COUNT(*) FROM test_scenarios");
    TRY_VOID(tx.query(kCount, {}, [](const store::Row& row) -> Result<bool> {
      EXPECT_EQ(row.integer(0), 0);
      return false;
    }));
    return {};
  });
}

}  // namespace
}  // namespace personas::http_api
