#include "end_diagnosis.hpp"

#include <algorithm>

#include "personas/agents/diagnosis.hpp"
#include "personas/codec/json.hpp"
#include "personas/model/turn.hpp"
#include "personas/store/diagnoses.hpp"

namespace personas::execution {
namespace {

using store::Row;
using store::Sql;
using store::Transaction;

struct Deeds {
  bool any_turns = false;
  bool used_tools = false;
  std::vector<std::string> denied;
};

// What the agent's turns say it did. Failures are rare, so all turns may be read.
Result<Deeds> deeds_of(Transaction& tx, const AppendRequest& request) {
  static const Sql kTurns(
      "SELECT content FROM turns WHERE tenant_id = ? AND execution_id = ? ORDER BY attempt, turn");
  Deeds deeds;
  TRY_VOID(tx.query(kTurns, {request.tenant, request.id}, [&](const Row& row) -> Result<bool> {
    const auto turn = codec::parse<Turn>(row.text(0));
    if (!turn) return true;
    deeds.any_turns = true;
    for (const auto& tool : turn->tools) {
      if (tool.state != ToolState::kDenied) {
        deeds.used_tools = true;
      } else if (std::ranges::find(deeds.denied, tool.name) == deeds.denied.end()) {
        deeds.denied.push_back(tool.name);
      }
    }
    return true;
  }));
  return deeds;
}

bool needs_diagnosis(const ExecutionRow& row, ExecutionStatus status,
                     std::optional<FailureReason> reason) {
  if (status == ExecutionStatus::kCompleted) return row.outcome && !row.outcome->accomplished;
  return reason && status != ExecutionStatus::kCancelled && status != ExecutionStatus::kRunning;
}

}  // namespace

Result<void> write_diagnosis(Transaction& tx, const AppendRequest& request, const ExecutionRow& row,
                             ExecutionStatus status, std::optional<FailureReason> reason,
                             const std::optional<Persona>& persona, const ExecutionConfig& config) {
  if (!needs_diagnosis(row, status, reason)) return {};
  const bool again = status == ExecutionStatus::kQueued;
  TRY(auto deeds, deeds_of(tx, request));
  agents::EndedRun run;
  run.status = again ? ExecutionStatus::kFailed : status;
  run.reason = reason;
  run.message = request.end->message;
  run.persona = persona;
  run.config = config;
  run.outcome = row.outcome;
  run.denied_tools = std::move(deeds.denied);
  // Of a program without turns nobody knows what it did; one that wrote something ran.
  run.used_tools = deeds.any_turns ? deeds.used_tools : row.output_bytes > 0;
  auto finding = agents::diagnose(run);
  if (!finding) return {};
  Diagnosis diagnosis{.execution_id = request.id,
                      .attempt = request.attempt,
                      .persona_id = {},
                      .cause = std::move(finding->cause),
                      .explanation = std::move(finding->explanation),
                      .evidence = std::move(finding->evidence),
                      .fix = std::move(finding->fix),
                      .rerun_execution_id = {},
                      .created_at = request.now,
                      .resolved_at = {}};
  if (!row.persona_id.empty()) diagnosis.persona_id = PersonaId(row.persona_id);
  if (again) {
    diagnosis.status = DiagnosisStatus::kMended;
    diagnosis.resolved_at = request.now;
  }
  return store::save_diagnosis(tx, request.tenant, diagnosis);
}

}  // namespace personas::execution
