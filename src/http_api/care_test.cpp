// Usage reports, diagnoses and their fixes.
#include "personas/store/diagnoses.hpp"
#include "personas/store/metering.hpp"

#include "test_api.hpp"

namespace personas::http_api {
namespace {

using testing::HasSubstr;

class CareApi : public ApiTest {
 protected:
  void meter(store::Metered metered) {
    metered.at = clock_.wall();
    write([&](store::Transaction& tx) { return store::meter(tx, default_tenant(), metered); });
  }

  // A run of `persona` that ended with this fix on offer.
  std::string diagnosed(const std::string& persona, Fix fix) {
    const std::string id = execute(persona);
    Diagnosis diagnosis{.execution_id = ExecutionId(id),
                        .attempt = 1,
                        .persona_id = PersonaId(persona),
                        .cause = "timeout",
                        .explanation = "It ran too long.",
                        .evidence = {},
                        .fix = std::move(fix),
                        .rerun_execution_id = {},
                        .created_at = clock_.wall(),
                        .resolved_at = {}};
    write([&](store::Transaction& tx) {
      return store::save_diagnosis(tx, default_tenant(), diagnosis);
    });
    return id;
  }

  static Fix longer(bool safe) {
    return {.kind = FixKind::kRaiseTimeout,
            .what_to_do = "Raise it.",
            .persona_patch = codec::RawJson{R"({"timeoutMs":600000})"},
            .safe_to_rerun = safe};
  }
};

TEST_F(CareApi, UsageAddsUpAndGroups) {
  meter({.at = {},
         .persona_id = "per_a",
         .backend = "claude",
         .model = "opus",
         .counters = {.executions = 1, .run_ms = 500, .input_tokens = 10, .cost_usd = 0.5}});
  meter({.at = {},
         .persona_id = "per_a",
         .backend = "claude",
         .model = "opus",
         .counters = {.executions = 2, .failed = 1, .run_ms = 100, .cost_usd = 0.25}});
  meter({.at = {}, .persona_id = "per_b", .counters = {.executions = 4, .events = 7}});
  const auto all = get("/api/usage?groupBy=persona");
  ASSERT_EQ(all.status, 200) << all.text;
  const auto& rows = all.object().at("rows").as_array();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].at("group"), "per_a");  // what cost most comes first
  EXPECT_EQ(rows[0].at("counters").at("executions"), 3);
  EXPECT_EQ(rows[0].at("counters").at("runMs"), 600);
  EXPECT_EQ(rows[0].at("counters").at("costUsd"), 0.75);
  EXPECT_EQ(all.object().at("total").at("executions"), 7);
  EXPECT_EQ(all.object().at("total").at("events"), 7);
  const auto one = get("/api/usage?groupBy=model&personaId=per_a");
  EXPECT_EQ(one.object().at("rows").as_array().size(), 1U);
  EXPECT_EQ(one.object().at("total").at("executions"), 3);
  EXPECT_EQ(get("/api/usage").object().at("rows").as_array().size(), 1U);  // one day
}

TEST_F(CareApi, UsageIsOfTheTimeAskedForAndOfTheTenant) {
  meter({.at = {}, .counters = {.executions = 1}});
  const auto later = to_rfc3339(clock_.wall() + hours(2));
  const auto latest = to_rfc3339(clock_.wall() + hours(3));
  const auto none = get("/api/usage?since=" + later + "&until=" + latest);
  ASSERT_EQ(none.status, 200) << none.text;
  EXPECT_EQ(none.object().at("total").at("executions"), 0);
  const auto wrong = get("/api/usage?since=" + latest + "&until=" + later);
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.text, HasSubstr("query.since"));
  const auto other = send("GET", "/api/usage", {}, {}, kOtherKey);
  EXPECT_EQ(other.object().at("total").at("executions"), 0);
}

TEST_F(CareApi, AFixChangesThePersonaAndRunsAgain) {
  const auto persona = make_persona("slow");
  const auto id = diagnosed(persona, longer(true));
  EXPECT_EQ(get("/api/executions/" + id + "/diagnosis").at("status"), "open");
  EXPECT_EQ(get("/api/diagnoses?status=open").json.as_array().size(), 1U);
  const auto healed = post("/api/executions/" + id + "/heal");
  ASSERT_EQ(healed.status, 200) << healed.text;
  EXPECT_EQ(get("/api/personas/" + persona).at("timeoutMs"), "600000");
  const auto again = healed.at("executionId");
  EXPECT_EQ(get("/api/executions/" + again).at("status"), "queued");
  EXPECT_EQ(executions_.queued.back().id.str(), again);
  EXPECT_EQ(post("/api/executions/" + id + "/heal").status, 409);  // once
  EXPECT_TRUE(get("/api/diagnoses?status=open").json.as_array().empty());
}

TEST_F(CareApi, WhatUsedToolsIsRunAgainOnlyIfThatIsSaid) {
  const auto persona = make_persona("acts");
  const auto id = diagnosed(persona, longer(false));
  const auto refused = post("/api/executions/" + id + "/heal");
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.text, HasSubstr("repeatEffects"));
  EXPECT_EQ(get("/api/personas/" + persona).at("timeoutMs"), "300000");
  const auto only = post("/api/executions/" + id + "/heal", R"({"rerun":false})");
  ASSERT_EQ(only.status, 200) << only.text;
  EXPECT_EQ(only.at("executionId"), "null");
  EXPECT_EQ(get("/api/personas/" + persona).at("timeoutMs"), "600000");
}

TEST_F(CareApi, ADiagnosisIsOfItsTenantAndCanBeSetAside) {
  const auto id = diagnosed(make_persona("x"), longer(true));
  EXPECT_EQ(send("GET", "/api/executions/" + id + "/diagnosis", {}, {}, kOtherKey).status, 404);
  EXPECT_EQ(send("POST", "/api/executions/" + id + "/heal", {}, {}, kViewerKey).status, 403);
  EXPECT_EQ(post("/api/executions/" + id + "/diagnosis/dismiss").at("status"), "dismissed");
  EXPECT_EQ(post("/api/executions/" + id + "/heal").status, 409);
  EXPECT_EQ(get("/api/executions/exe_none/diagnosis").status, 404);
}

}  // namespace
}  // namespace personas::http_api
