#include "personas/triggers/firing.hpp"

#include <utility>

#include <fmt/format.h>

#include "personas/codec/json.hpp"
#include "personas/model/execution.hpp"
#include "personas/model/execution_described.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/store/repositories.hpp"
#include "personas/triggers/trigger_store.hpp"

#include "settled.hpp"

namespace personas::triggers {
namespace {

using store::Row;
using store::Sql;
using store::Transaction;

Result<void> append(Transaction& tx, const TenantId& tenant, Timestamp now, std::string_view type,
                    std::string data, const PersonaId& persona) {
  TRY_VOID(tx.append({.tenant = tenant,
                      .at = now,
                      .type = type,
                      .data = std::move(data),
                      .execution_id = {},
                      .persona_id = persona.str()}));
  return {};
}

store::NewEvent event_of(const Trigger& trigger, const Plan& plan, const Slot& slot,
                         const InstanceId& origin, Timestamp now) {
  Event event;
  event.id = slot.ids.event;
  event.event_type = plan.event_type();
  event.source_type = "trigger";
  event.source_id = trigger.id.str();
  event.target_persona_id = target_of(trigger);
  event.payload =
      codec::JsonText{plan.config.payload ? plan.config.payload->text
                                          : fmt::format(R"({{"triggerId":"{}","slot":"{}"}})",
                                                        trigger.id.str(), to_rfc3339(slot.at))};
  event.origin = origin;
  event.created_at = now;
  return {.event = std::move(event),
          .dedupe_key = slot.key.empty() ? fmt::format("{}:{}", trigger.id.str(), slot.at.micros)
                                         : fmt::format("{}:{}", trigger.id.str(), slot.key),
          .caused_by = slot.caused_by,
          .follows = slot.follows,
          .goes = store::NewEvent::Goes::kToTargetAsWell,
          .trigger = trigger.id};
}

// ---- what came of the firings before -----------------------------------------------------------

struct Runs {
  std::vector<ExecutionId> active;
  bool any_failed = false;
  bool any = false;
};

Result<Runs> runs_of(Transaction& tx, const TenantId& tenant, const EventId& event) {
  static const Sql kRuns("SELECT id, status FROM executions WHERE tenant_id = ? AND event_id = ?");
  Runs runs;
  TRY_VOID(tx.query(kRuns, {tenant, event}, [&](const Row& row) -> Result<bool> {
    ExecutionStatus status = ExecutionStatus::kFailed;
    codec::value_of(row.text(1), status);
    runs.any = true;
    if (!is_final(status)) runs.active.emplace_back(std::string(row.text(0)));
    runs.any_failed |= status == ExecutionStatus::kFailed;
    return true;
  }));
  return runs;
}

// Its outcome, or nullopt while it has none.
Result<std::optional<FiringStatus>> outcome_of(Transaction& tx, const TenantId& tenant,
                                               const EventId& id, const Runs& runs) {
  if (!runs.active.empty()) return std::nullopt;
  if (runs.any) return runs.any_failed ? FiringStatus::kFailed : FiringStatus::kCompleted;
  TRY(const auto event, store::find_event(tx, tenant, id));
  if (!event) return FiringStatus::kCompleted;
  switch (event->status) {
    case EventStatus::kPending:
    case EventStatus::kProcessing:
      return std::nullopt;
    case EventStatus::kFailed:
    case EventStatus::kDead:
      return FiringStatus::kFailed;
    default:
      return FiringStatus::kCompleted;
  }
}

// ---- one due trigger ---------------------------------------------------------------------------

Result<bool> skip_slot(Transaction& tx, const DueWork& work, const Slot& slot,
                       std::string_view reason, Timestamp now) {
  const TriggerFiring firing{.id = slot.ids.firing,
                             .trigger_id = work.seen.id,
                             .slot = slot.at,
                             .kind = slot.kind,
                             .event_id = {},
                             .status = FiringStatus::kSkipped,
                             .error = std::string(reason),
                             .created_at = now};
  TRY(const bool fresh, insert_firing(tx, work.tenant, firing));
  if (fresh) TRY_VOID(record_firing(tx, work.tenant, work.seen, firing));
  return fresh;
}

// Which of the due slots are published: the first under `skip`, the last under `cancel_previous`,
// because each of them overlaps with its neighbours; all under `queue`.
std::string_view reason_to_skip(Overlap overlap, std::size_t index, std::size_t count,
                                bool is_running) {
  if (overlap == Overlap::kSkip && is_running) return "A run of a slot before has not ended";
  if (overlap == Overlap::kSkip && index > 0) return "The slot before was due at the same time";
  if (overlap == Overlap::kCancelPrevious && index + 1 < count) {
    return "A later slot was due at the same time";
  }
  return {};
}

Result<FiredCounts> fire_slots(Transaction& tx, const FiringPorts& ports, const DueWork& work,
                               const Before& before, Timestamp now, AfterCommit& after) {
  FiredCounts counts;
  const auto overlap = work.plan.config.overlap.value_or(Overlap::kQueue);
  const std::size_t count = work.due.fire.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Slot slot{.at = work.due.fire[i], .kind = FiringKind::kSchedule, .ids = work.ids[i]};
    const auto reason = reason_to_skip(overlap, i, count, !before.active.empty());
    if (!reason.empty()) {
      TRY(const bool skipped, skip_slot(tx, work, slot, reason, now));
      counts.skipped += skipped ? 1 : 0;
      continue;
    }
    TRY(const auto fired, publish_slot(tx, ports.sink, ports.origin, work.tenant, work.seen,
                                       work.plan, slot, now, after));
    counts.published += fired ? 1 : 0;
  }
  if (overlap == Overlap::kCancelPrevious && counts.published > 0) {
    for (const auto& run : before.active) {
      TRY_VOID(
          ports.cancel(tx, work.tenant, run, "The next slot of its trigger is due", now, after));
    }
  }
  return counts;
}

}  // namespace

Result<void> record_firing(Transaction& tx, const TenantId& tenant, const Trigger& trigger,
                           const TriggerFiring& firing) {
  const record::TriggerFired fact{trigger.id,
                                  trigger.persona_id,
                                  firing.slot,
                                  std::string(codec::name_of(firing.kind)),
                                  std::string(codec::name_of(firing.status)),
                                  firing.event_id};
  return append(tx, tenant, firing.created_at, record::kTriggerFired, codec::to_json(fact),
                trigger.persona_id);
}

Result<Before> settle(Transaction& tx, const TenantId& tenant, const Trigger& trigger) {
  Before before{.active = {}, .failures = trigger.consecutive_failures};
  TRY(auto open, open_firings(tx, tenant, trigger.id, kMaxOpen));
  for (auto& firing : open) {
    const EventId event = firing.event_id.value_or(EventId());
    TRY(auto runs, runs_of(tx, tenant, event));
    TRY(const auto outcome, outcome_of(tx, tenant, event, runs));
    for (auto& run : runs.active) before.active.push_back(std::move(run));
    if (!outcome) continue;
    before.failures = *outcome == FiringStatus::kFailed ? before.failures + 1 : 0;
    firing.status = *outcome;
    TRY_VOID(update_firing(tx, tenant, firing));
  }
  return before;
}

bool is_as_seen(const std::optional<Trigger>& now, const Trigger& seen) {
  return now && now->enabled && now->next_slot == seen.next_slot &&
         now->updated_at == seen.updated_at;
}

bool too_many(const Plan& plan, std::int64_t failures) {
  const auto most = plan.config.pause_after_failures.value_or(kDefaultPauseAfter);
  return most > 0 && failures >= most;
}

Result<std::optional<TriggerFiring>> publish_slot(Transaction& tx, store::EventSink& sink,
                                                  const InstanceId& origin, const TenantId& tenant,
                                                  const Trigger& trigger, const Plan& plan,
                                                  const Slot& slot, Timestamp now,
                                                  AfterCommit& after) {
  TriggerFiring firing{.id = slot.ids.firing,
                       .trigger_id = trigger.id,
                       .slot = slot.at,
                       .kind = slot.kind,
                       .event_id = slot.ids.event,
                       .status = FiringStatus::kPublished,
                       .error = {},
                       .created_at = now};
  TRY(const bool fresh, insert_firing(tx, tenant, firing));
  if (!fresh) return std::nullopt;
  TRY(const auto published,
      sink.publish(tx, tenant, event_of(trigger, plan, slot, origin, now), after));
  if (published.status == EventStatus::kDead) {
    TRY(const auto event, store::find_event(tx, tenant, published.id));
    firing.status = FiringStatus::kFailed;
    if (event) firing.error = event->error_message;
  }
  if (published.id != slot.ids.event || firing.status != FiringStatus::kPublished) {
    firing.event_id = published.id;
    TRY_VOID(update_firing(tx, tenant, firing));
  }
  TRY_VOID(record_firing(tx, tenant, trigger, firing));
  return firing;
}

Result<std::optional<TriggerFiring>> publish_now(Transaction& tx, store::EventSink& sink,
                                                 const InstanceId& origin, const TenantId& tenant,
                                                 Trigger trigger, const Plan& plan, Slot slot,
                                                 Timestamp now, AfterCommit& after) {
  constexpr int kMaxNeighbours = 1'000;
  std::optional<TriggerFiring> fired;
  for (int i = 0; i < kMaxNeighbours && !fired; ++i) {
    TRY(fired, publish_slot(tx, sink, origin, tenant, trigger, plan, slot, now, after));
    slot.at = slot.at + Duration(1);
  }
  if (!fired) return fired;
  trigger.last_triggered_at = now;
  ++trigger.trigger_count;
  TRY_VOID(update_trigger(tx, tenant, trigger));
  return fired;
}

Result<FiredCounts> fire_due(Transaction& tx, const FiringPorts& ports, const DueWork& work,
                             Timestamp now, AfterCommit& after) {
  TRY(auto trigger, find_trigger(tx, work.tenant, work.seen.id));
  if (!is_as_seen(trigger, work.seen)) return FiredCounts{};
  TRY(const auto before, settle(tx, work.tenant, *trigger));
  trigger->consecutive_failures = before.failures;
  if (too_many(work.plan, before.failures)) {
    TRY_VOID(pause_by_itself(tx, ports.sink, ports.origin, work.tenant, std::move(*trigger),
                             fmt::format("{} runs in a row have failed", before.failures),
                             work.pause_event, now, after));
    return FiredCounts{.paused = 1};
  }
  TRY(const auto counts, fire_slots(tx, ports, work, before, now, after));
  trigger->trigger_count += counts.published;
  trigger->missed_count += work.due.passed_over;
  if (counts.published > 0) trigger->last_triggered_at = now;
  set_next(*trigger, work.plan, work.due.next);
  TRY_VOID(update_trigger(tx, work.tenant, *trigger));
  TRY_VOID(forget_firings(tx, work.tenant, trigger->id, now - kFiringsKept));
  return counts;
}

Result<void> pause_by_itself(Transaction& tx, store::EventSink& sink, const InstanceId& origin,
                             const TenantId& tenant, Trigger seen, const std::string& reason,
                             const EventId& event, Timestamp now, AfterCommit& after) {
  TRY(auto trigger, find_trigger(tx, tenant, seen.id));
  if (!is_as_seen(trigger, seen)) return {};
  trigger->consecutive_failures = seen.consecutive_failures;
  trigger->enabled = false;
  trigger->paused_reason = reason;
  trigger->next_slot = trigger->next_trigger_at = std::nullopt;
  trigger->updated_at = now;
  TRY_VOID(update_trigger(tx, tenant, *trigger));
  TRY_VOID(append(tx, tenant, now, record::kTriggerUpdated,
                  codec::to_json(record::Named{trigger->id.str(), trigger->name.value_or("")}),
                  trigger->persona_id));
  // Without a target: who wants to act on it subscribes to it, and it starts nothing by itself.
  Event told;
  told.id = event;
  told.event_type = "trigger.paused";
  told.source_type = "trigger";
  told.source_id = trigger->id.str();
  boost::json::object payload{{"triggerId", trigger->id.str()},
                              {"personaId", trigger->persona_id.str()},
                              {"reason", reason},
                              {"consecutiveFailures", trigger->consecutive_failures}};
  told.payload = codec::JsonText{codec::serialize(payload)};
  told.origin = origin;
  told.created_at = now;
  store::NewEvent fresh{.event = std::move(told),
                        .dedupe_key = fmt::format("{}:paused:{}", trigger->id.str(), now.micros)};
  TRY_VOID(sink.publish(tx, tenant, fresh, after));
  return {};
}

}  // namespace personas::triggers
