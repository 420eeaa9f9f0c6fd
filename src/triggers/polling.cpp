#include "personas/triggers/polling.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "personas/model/execution.hpp"
#include "personas/model/execution_described.hpp"

#include "settled.hpp"

namespace personas::triggers {
namespace {

using store::Row;
using store::Sql;
using store::Transaction;

bool is_refusal(const Error& error) {
  return error.code == ErrorCode::kNotFound || error.code == ErrorCode::kUnprocessable ||
         error.code == ErrorCode::kUnavailable;
}

// What is known of what this config watches.
Result<PollState> state_of(Transaction& tx, const TenantId& tenant, const Trigger& trigger,
                           const Plan& plan) {
  TRY(auto known, find_poll(tx, tenant, trigger.id));
  auto watched = watched_by(plan.config);
  if (known && known->watched == watched) return std::move(*known);
  PollState fresh{.id = trigger.id, .watched = std::move(watched)};
  if (known) fresh.changes = known->changes;  // its events are numbered, whatever it watches
  return fresh;
}

// The end of one look: the trigger as its row is, and what is to become of it.
struct Ending {
  const FiringPorts& ports;
  const TenantId& tenant;
  Trigger trigger;
  const Plan& plan;
  PollState state;
  Timestamp slot;
  const FiringIds& ids;
  const EventId& pause_event;
  Timestamp now;
  AfterCommit& after;

  // The first slot that is neither over nor within the pause.
  void go_on(Duration pause) {
    const auto next = plan.schedule->next_after(std::max(now + pause, slot));
    // A command has moved on at its begin, and is pushed further at most.
    const bool moved = trigger.next_slot && *trigger.next_slot > slot;
    if (moved && (pause == Duration(0) || (next && *next < *trigger.next_slot))) return;
    set_next(trigger, plan, next);
  }
};

Result<FiredCounts> end_failed(Transaction& tx, Ending end, std::string reason) {
  ++end.state.failures;
  ++end.trigger.consecutive_failures;
  TRY_VOID(put_poll(tx, end.tenant, end.state));
  const TriggerFiring firing{.id = end.ids.firing,
                             .trigger_id = end.trigger.id,
                             .slot = end.slot,
                             .kind = FiringKind::kPolling,
                             .event_id = {},
                             .status = FiringStatus::kFailed,
                             .error = reason,
                             .created_at = end.now};
  TRY(const bool fresh, insert_firing(tx, end.tenant, firing));
  if (fresh) TRY_VOID(record_firing(tx, end.tenant, end.trigger, firing));
  TRY_VOID(forget_firings(tx, end.tenant, end.trigger.id, end.now - kFiringsKept));
  end.go_on(back_off(end.state.failures));
  TRY_VOID(update_trigger(tx, end.tenant, end.trigger));
  if (too_many(end.plan, end.trigger.consecutive_failures)) {
    TRY_VOID(pause_by_itself(tx, end.ports.sink, end.ports.origin, end.tenant, end.trigger,
                             fmt::format("{} looks or runs in a row have failed; the last: {}",
                                         end.trigger.consecutive_failures, reason),
                             end.pause_event, end.now, end.after));
    return FiredCounts{.paused = 1};
  }
  return FiredCounts{};
}

Result<void> cancel_runs(Transaction& tx, const Ending& end) {
  if (end.plan.config.overlap != Overlap::kCancelPrevious) return {};
  TRY(const auto before, settle(tx, end.tenant, end.trigger));
  for (const auto& run : before.active) {
    TRY_VOID(end.ports.cancel(tx, end.tenant, run, "Its trigger has seen the next change", end.now,
                              end.after));
  }
  return {};
}

Result<FiredCounts> end_look(Transaction& tx, Ending end, const Result<Looked>& looked) {
  const PollState before = end.state;
  end.state.looked_at = end.now;
  end.state.looking = false;
  if (!looked) return end_failed(tx, std::move(end), looked.error().message);
  const auto change = advance(end.state, end.plan.config, *looked);
  if (!change) return end_failed(tx, std::move(end), change.error().message);
  end.trigger.consecutive_failures =
      std::max<std::int64_t>(0, end.trigger.consecutive_failures - before.failures);
  end.state.failures = 0;
  TRY_VOID(put_poll(tx, end.tenant, end.state));
  end.go_on(Duration(0));
  if (!fires(*change, end.plan.config)) {
    TRY_VOID(update_trigger(tx, end.tenant, end.trigger));
    return FiredCounts{};
  }
  TRY_VOID(cancel_runs(tx, end));
  Plan plan = end.plan;
  if (!plan.config.payload) {
    plan.config.payload = codec::RawJson{
        change_payload(end.trigger, plan.config, end.slot, before, end.state, *looked)};
  }
  // A change is numbered, so that it is one event whoever sees it.
  const Slot slot{.at = end.slot,
                  .kind = FiringKind::kPolling,
                  .ids = end.ids,
                  .key = fmt::format("change:{}", end.state.changes)};
  TRY_VOID(forget_firings(tx, end.tenant, end.trigger.id, end.now - kFiringsKept));
  TRY(const auto fired, publish_now(tx, end.ports.sink, end.ports.origin, end.tenant, end.trigger,
                                    plan, slot, end.now, end.after));
  return FiredCounts{.published = fired ? 1 : 0};
}

// Whether the command of the slot before still runs, or has ended and we are about to be told.
Result<bool> command_goes_on(Transaction& tx, const TenantId& tenant, const PollState& state,
                             Timestamp now) {
  static const Sql kRun(
      "SELECT status, completed_at FROM executions WHERE tenant_id = ? AND id = ?");
  if (!state.execution_id) return false;
  bool goes_on = false;
  TRY_VOID(tx.query(kRun, {tenant, *state.execution_id}, [&](const Row& row) -> Result<bool> {
    ExecutionStatus status = ExecutionStatus::kFailed;
    codec::value_of(row.text(0), status);
    goes_on = !is_final(status) || Timestamp{row.integer(1)} > now - kEndTold;
    return false;
  }));
  return goes_on;
}

Result<Begun> begin_command(Transaction& tx, Ending begin, const ExecutionId& id,
                            std::optional<Timestamp> next) {
  PollState& state = begin.state;
  set_next(begin.trigger, begin.plan, next);
  TRY(const bool goes_on, command_goes_on(tx, begin.tenant, state, begin.now));
  if (goes_on) {
    ++begin.trigger.missed_count;
    TRY_VOID(update_trigger(tx, begin.tenant, begin.trigger));
    return Begun{};
  }
  const auto started = begin.ports.start_command(
      tx, begin.tenant,
      {.trigger = begin.trigger, .command = *begin.plan.config.command, .id = id, .now = begin.now},
      begin.after);
  state.execution_id.reset();
  if (!started) {
    if (!is_refusal(started.error())) return fail(started.error());
    TRY(const auto counts, end_failed(tx, std::move(begin),
                                      "The command could not be run: " + started.error().message));
    return Begun{.counts = counts};
  }
  state.execution_id = id;
  state.slot = begin.slot;
  TRY_VOID(put_poll(tx, begin.tenant, state));
  TRY_VOID(update_trigger(tx, begin.tenant, begin.trigger));
  return Begun{};
}

}  // namespace

Result<Begun> begin_look(Transaction& tx, const FiringPorts& ports, const DueWork& work,
                         const ExecutionId& command, Timestamp now, AfterCommit& after) {
  TRY(auto trigger, find_trigger(tx, work.tenant, work.seen.id));
  if (!is_as_seen(trigger, work.seen) || trigger->next_trigger_at != work.seen.next_trigger_at) {
    return Begun{};
  }
  TRY(const auto before, settle(tx, work.tenant, *trigger));
  trigger->consecutive_failures = before.failures;
  trigger->missed_count += work.due.passed_over;
  if (too_many(work.plan, before.failures)) {
    TRY_VOID(pause_by_itself(tx, ports.sink, ports.origin, work.tenant, std::move(*trigger),
                             fmt::format("{} looks or runs in a row have failed", before.failures),
                             work.pause_event, now, after));
    return Begun{.counts = {.paused = 1}};
  }
  const bool waits = work.plan.config.overlap == Overlap::kSkip && !before.active.empty();
  if (work.due.fire.empty() || waits) {
    trigger->missed_count += waits ? 1 : 0;
    set_next(*trigger, work.plan, work.due.next);
    TRY_VOID(update_trigger(tx, work.tenant, *trigger));
    return Begun{};
  }
  // One look sees what there is, however many slots it stands for.
  const Timestamp slot = work.due.fire.back();
  TRY(auto state, state_of(tx, work.tenant, *trigger, work.plan));
  if (work.plan.config.command) {
    return begin_command(tx,
                         Ending{.ports = ports,
                                .tenant = work.tenant,
                                .trigger = std::move(*trigger),
                                .plan = work.plan,
                                .state = std::move(state),
                                .slot = slot,
                                .ids = work.ids.back(),
                                .pause_event = work.pause_event,
                                .now = now,
                                .after = after},
                         command, work.due.next);
  }
  trigger->next_trigger_at = now + kLookLease;
  state.looking = true;
  TRY_VOID(put_poll(tx, work.tenant, state));
  TRY_VOID(update_trigger(tx, work.tenant, *trigger));
  return Begun{.look = Look{.tenant = work.tenant,
                            .trigger = std::move(*trigger),
                            .plan = work.plan,
                            .slot = slot,
                            .state = std::move(state),
                            .ids = work.ids.back(),
                            .pause_event = work.pause_event}};
}

Result<void> release_leases(Transaction& tx) {
  static const Sql kDue(
      "UPDATE triggers SET next_trigger_at = next_slot WHERE next_trigger_at IS NOT NULL AND "
      "trigger_type = 'polling' AND enabled = 1 AND EXISTS (SELECT 1 FROM trigger_polls p WHERE "
      "p.tenant_id = triggers.tenant_id AND p.id = triggers.id AND p.looking = 1)");
  static const Sql kNone("UPDATE trigger_polls SET looking = 0 WHERE looking = 1");
  TRY_VOID(tx.execute(kDue, {}));
  TRY_VOID(tx.execute(kNone, {}));
  return {};
}

Result<FiredCounts> finish_look(Transaction& tx, const FiringPorts& ports, const Look& look,
                                const Result<Looked>& looked, Timestamp now, AfterCommit& after) {
  TRY(auto trigger, find_trigger(tx, look.tenant, look.trigger.id));
  if (!is_as_seen(trigger, look.trigger) ||
      trigger->next_trigger_at != look.trigger.next_trigger_at) {
    return FiredCounts{};
  }
  TRY(auto state, state_of(tx, look.tenant, *trigger, look.plan));
  return end_look(tx,
                  Ending{.ports = ports,
                         .tenant = look.tenant,
                         .trigger = std::move(*trigger),
                         .plan = look.plan,
                         .state = std::move(state),
                         .slot = look.slot,
                         .ids = look.ids,
                         .pause_event = look.pause_event,
                         .now = now,
                         .after = after},
                  looked);
}

Result<FiredCounts> finish_command(Transaction& tx, const FiringPorts& ports, const CommandEnd& end,
                                   Timestamp now, AfterCommit& after) {
  TRY(auto trigger, find_trigger(tx, end.tenant, end.trigger));
  TRY(auto state, find_poll(tx, end.tenant, end.trigger));
  if (!trigger || !state || state->execution_id != end.execution) return FiredCounts{};
  const Timestamp slot = state->slot.value_or(now);
  state->execution_id.reset();
  state->slot.reset();
  const auto plan = plan_of(*trigger);
  const bool wanted =
      trigger->enabled && plan && plan->schedule && watched_by(plan->config) == state->watched;
  if (!wanted) {
    TRY_VOID(put_poll(tx, end.tenant, *state));
    return FiredCounts{};
  }
  return end_look(tx,
                  Ending{.ports = ports,
                         .tenant = end.tenant,
                         .trigger = std::move(*trigger),
                         .plan = *plan,
                         .state = std::move(*state),
                         .slot = slot,
                         .ids = end.ids,
                         .pause_event = end.pause_event,
                         .now = now,
                         .after = after},
                  end.looked);
}

}  // namespace personas::triggers
