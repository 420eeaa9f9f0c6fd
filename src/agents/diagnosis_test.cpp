#include "personas/agents/diagnosis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/codec/json.hpp"

namespace personas::agents {
namespace {

using testing::HasSubstr;

Persona persona() {
  Persona p;
  p.id = PersonaId("per_1");
  p.name = "triage";
  return p;
}

EndedRun failed(FailureReason reason) {
  EndedRun run;
  run.reason = reason;
  run.persona = persona();
  return run;
}

TEST(Diagnosis, EveryReasonHasACauseAndAFixThatIsAPartialPersona) {
  for (const auto& row : kFailureReasons) {
    EndedRun run = failed(row.reason);
    const auto finding = diagnose(run);
    ASSERT_TRUE(finding) << row.name;
    EXPECT_EQ(finding->cause, row.name);
    EXPECT_FALSE(finding->explanation.empty()) << row.name;
    EXPECT_FALSE(finding->fix.what_to_do.empty()) << row.name;
    if (!finding->fix.persona_patch) continue;
    Persona target = persona();
    const auto json = codec::parse_json(finding->fix.persona_patch->text);
    ASSERT_TRUE(json) << row.name;
    const auto merged = codec::read_into(
        *json, target, {.completeness = codec::ReadOptions::Completeness::kPartial});
    EXPECT_TRUE(merged) << row.name << ": " << merged.error().describe();
  }
}

TEST(Diagnosis, ALimitThatWasReachedIsDoubledUpToItsEnd) {
  EndedRun run = failed(FailureReason::kTimeout);
  run.config.timeout_ms = 60'000;
  auto finding = diagnose(run);
  EXPECT_EQ(finding->fix.kind, FixKind::kRaiseTimeout);
  EXPECT_EQ(finding->fix.persona_patch->text, R"({"timeoutMs":120000})");
  run.config.timeout_ms = 60'000'000;
  EXPECT_EQ(diagnose(run)->fix.persona_patch->text, R"({"timeoutMs":86400000})");
  run.config.timeout_ms = 86'400'000;
  EXPECT_EQ(diagnose(run)->fix.kind, FixKind::kByHand);
  run.config.timeout_ms = 60'000;
  run.persona.reset();
  EXPECT_EQ(diagnose(run)->fix.kind, FixKind::kByHand);
}

TEST(Diagnosis, DeniedToolsAreAddedToThePolicyOnce) {
  EndedRun run = failed(FailureReason::kToolDenied);
  run.persona->permission_policy = codec::RawJson{R"({"mode":"allow","allowedTools":["Read"]})"};
  run.denied_tools = {"Bash", "Read"};
  const auto finding = diagnose(run);
  EXPECT_EQ(finding->fix.kind, FixKind::kAllowTools);
  EXPECT_EQ(finding->fix.persona_patch->text,
            R"({"permissionPolicy":{"mode":"allow","allowedTools":["Read","Bash"]}})");
  EXPECT_THAT(finding->explanation, HasSubstr("Bash"));
  run.persona->permission_policy.reset();
  EXPECT_EQ(diagnose(run)->fix.kind, FixKind::kByHand);
}

TEST(Diagnosis, ARunThatCompletedWithoutItsWorkIsDiagnosedToo) {
  EndedRun run;
  run.status = ExecutionStatus::kCompleted;
  run.persona = persona();
  EXPECT_FALSE(diagnose(run));
  run.outcome = Outcome{.accomplished = true, .summary = "all done", .blockers = {}};
  EXPECT_FALSE(diagnose(run));
  run.outcome = Outcome{.accomplished = false, .summary = "no access", .blockers = {"the VPN"}};
  const auto finding = diagnose(run);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->cause, "not_accomplished");
  EXPECT_EQ(finding->evidence, "no access; the VPN");
}

TEST(Diagnosis, ARunThatUsedToolsIsNotSafeToRepeat) {
  EndedRun run = failed(FailureReason::kProviderError);
  EXPECT_TRUE(diagnose(run)->fix.safe_to_rerun);
  run.used_tools = true;
  EXPECT_FALSE(diagnose(run)->fix.safe_to_rerun);
}

TEST(Diagnosis, NothingIsSaidOfACancelledRun) {
  EndedRun run = failed(FailureReason::kCancelled);
  run.status = ExecutionStatus::kCancelled;
  EXPECT_FALSE(diagnose(run));
}

}  // namespace
}  // namespace personas::agents
