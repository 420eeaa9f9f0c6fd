#include "personas/bus/bus.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/codec/json.hpp"
#include "personas/model/journal_records.hpp"

#include "candidates.hpp"
#include "chain_rate.hpp"
#include "delivery.hpp"
#include "windows.hpp"

namespace personas::bus {
namespace {

using store::AfterCommit;
using store::Transaction;

bool is_refusal(const Error& error) {
  return error.code == ErrorCode::kNotFound || error.code == ErrorCode::kUnprocessable ||
         error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kInvalidRequest;
}

// What is shown of a refusal, bounded: messages name what users wrote.
std::string reason_of(const Error& error) {
  constexpr std::size_t kMaxReason = 500;
  std::string text = error.describe();
  if (text.size() > kMaxReason) text.resize(kMaxReason);
  return text;
}

Result<void> record_published(Transaction& tx, const TenantId& tenant, const Event& event) {
  const record::EventPublished record{event.id, event.event_type, event.source_type,
                                      event.target_persona_id, event.origin};
  TRY_VOID(
      tx.append({.tenant = tenant,
                 .at = event.created_at,
                 .type = record::kEventPublished,
                 .data = codec::to_json(record),
                 .persona_id = event.target_persona_id ? event.target_persona_id->str() : ""}));
  return {};
}

Result<void> record_updated(Transaction& tx, const TenantId& tenant, const Event& event,
                            Timestamp now) {
  const record::EventUpdated record{event.id, event.event_type,
                                    std::string(codec::name_of(event.status)), event.error_message,
                                    event.retry_count};
  TRY_VOID(
      tx.append({.tenant = tenant,
                 .at = now,
                 .type = record::kEventUpdated,
                 .data = codec::to_json(record),
                 .persona_id = event.target_persona_id ? event.target_persona_id->str() : ""}));
  return {};
}

// How deep it is, and what it all began with.
Result<void> find_chain(Transaction& tx, const TenantId& tenant, const store::NewEvent& wanted,
                        store::EventKeys& keys) {
  Cause cause;
  if (wanted.caused_by) {
    TRY(cause, cause_of_run(tx, tenant, *wanted.caused_by));
  } else if (wanted.follows) {
    TRY(cause, cause_of_event(tx, tenant, *wanted.follows));
  } else {
    return {};
  }
  keys.depth = cause.depth + 1;
  keys.chain_root = std::move(cause.root);
  return {};
}

}  // namespace

struct Bus::Remembered {
  std::string epoch;
  std::unordered_map<std::string, std::shared_ptr<const Candidates>> types;
};

Bus::Bus(Clock& clock, Runs& runs, std::function<void(Timestamp)> on_due, BusOptions options)
    : clock_(clock), runs_(runs), on_due_(std::move(on_due)), options_(options) {}

Bus::~Bus() = default;

Result<std::shared_ptr<const Candidates>> Bus::candidates(Transaction& tx, const TenantId& tenant,
                                                          const std::string& type) {
  static const auto kNone = std::make_shared<const Candidates>(std::vector<Subscription>{});
  TRY(auto epoch, subscription_epoch(tx, tenant));
  if (epoch.empty()) return kNone;
  const std::lock_guard lock(mutex_);
  auto& remembered = remembered_[tenant];
  if (remembered && remembered->epoch == epoch) {
    const auto it = remembered->types.find(type);
    if (it != remembered->types.end()) return it->second;
  } else {
    if (remembered) forget(*remembered);
    remembered = std::make_unique<Remembered>();
    remembered->epoch = std::move(epoch);
  }
  TRY(auto subscriptions, subscriptions_to(tx, tenant, type));
  auto made = std::make_shared<const Candidates>(std::move(subscriptions));
  ++remembered_types_;
  remembered_subscriptions_ += made->size();
  remembered->types.emplace(type, made);
  if (remembered_types_ > kMaxRememberedTypes ||
      remembered_subscriptions_ > kMaxRememberedSubscriptions) {
    remembered_.clear();
    remembered_types_ = remembered_subscriptions_ = 0;
  }
  return made;
}

void Bus::forget(const Remembered& remembered) {
  remembered_types_ -= remembered.types.size();
  for (const auto& [type, candidates] : remembered.types) {
    remembered_subscriptions_ -= candidates->size();
  }
}

Result<store::Published> Bus::publish(Transaction& tx, const TenantId& tenant,
                                      const store::NewEvent& wanted, AfterCommit& after) {
  using Was = store::Published::Was;
  if (!wanted.dedupe_key.empty()) {
    TRY(const auto first, find_repeated(tx, tenant, wanted.event.source_type, wanted.dedupe_key));
    if (first) return store::Published{first->id, first->status, Was::kRepeated};
  }
  if (!wanted.effect_key.empty()) {
    TRY(const auto first, find_by_effect(tx, tenant, wanted.effect_key));
    if (first) return store::Published{first->id, first->status, Was::kRepeated};
  }
  Delivery delivery{.tenant = tenant,
                    .event = wanted.event,
                    .trigger = wanted.trigger,
                    .now = wanted.event.created_at,
                    .after = after};
  Event& event = delivery.event;
  event.replay_of = wanted.replay_of;
  store::EventKeys keys{.effect_key = wanted.effect_key, .dedupe_key = wanted.dedupe_key};
  TRY_VOID(find_chain(tx, tenant, wanted, keys));
  TRY_VOID(record_published(tx, tenant, event));
  if (event.status == EventStatus::kPending && keys.depth > 0) {
    TRY(auto reason, why_cut(tx, tenant, keys, delivery.now));
    if (reason) {
      event.status = EventStatus::kDead;
      event.error_message = std::move(reason);
    }
  }
  if (event.status == EventStatus::kPending) {
    delivery.direct = wanted.goes == store::NewEvent::Goes::kToTargetAsWell;
    TRY_VOID(deliver(tx, delivery));
    settle(delivery);
  }
  TRY_VOID(store::insert_event(tx, tenant, event, keys));
  return store::Published{event.id, event.status, Was::kNew};
}

Result<std::optional<std::string>> Bus::why_cut(Transaction& tx, const TenantId& tenant,
                                                const store::EventKeys& keys, Timestamp now) const {
  using Reason = std::optional<std::string>;
  if (keys.depth > kMaxDepth) {
    return Reason(fmt::format(
        "The chain ends here: {} events led to each other by way of runs, and at most {} may. "
        "Narrow the subscription that closes the circle.",
        keys.depth, kMaxDepth));
  }
  if (options_.chain_rate <= 0) return Reason();
  TRY(const bool has_room, take_of_chain(tx, tenant, keys.chain_root, options_.chain_rate, now));
  if (has_room) return Reason();
  return Reason(fmt::format(
      "The chain is too fast: what began with {} has published more than the {} events a minute "
      "that one chain may (chain-rate). Narrow what multiplies it; a retry starts this one.",
      keys.chain_root, options_.chain_rate));
}

Result<void> Bus::deliver(Transaction& tx, Delivery& delivery) {
  TRY(const auto known, candidates(tx, delivery.tenant, delivery.event.event_type));
  const EventView view(delivery.event);
  std::size_t taken = 0;
  for (const Compiled* one : known->fitting(delivery.event)) {
    if (!one->accepts(view)) continue;
    const Subscription& subscription = one->subscription();
    ++taken;
    if (delivery.is_settled(subscription.id.str())) continue;
    if (taken > kMaxMatches) {
      delivery.event.error_message =
          fmt::format("More than {} subscriptions match; narrow them", kMaxMatches);
      break;
    }
    EventMatch match{.event_id = delivery.event.id,
                     .subscription_id = subscription.id.str(),
                     .persona_id = subscription.persona_id,
                     .created_at = delivery.now,
                     .updated_at = delivery.now};
    if (subscription.window) {
      TRY_VOID(gather(tx, delivery, std::move(match), subscription));
    } else {
      TRY_VOID(start(tx, delivery, std::move(match),
                     {.input = one->input_of(view),
                      .priority = subscription.priority,
                      .concurrency_key = one->concurrency_of(view),
                      .max_concurrent = subscription.max_concurrent.value_or(1)}));
    }
  }
  if (taken > 0 || !delivery.direct || !delivery.event.target_persona_id ||
      delivery.is_settled(kDirect)) {
    return {};
  }
  EventMatch match{.event_id = delivery.event.id,
                   .subscription_id = std::string(kDirect),
                   .persona_id = *delivery.event.target_persona_id,
                   .created_at = delivery.now,
                   .updated_at = delivery.now};
  return start(tx, delivery, std::move(match), {.input = default_input(view)});
}

Result<void> Bus::start(Transaction& tx, Delivery& delivery, EventMatch match, Order order) {
  Result<ExecutionId> started = fail(ErrorCode::kUnprocessable, "not started");
  if (!order.concurrency_key) {
    started = fail(std::move(order.concurrency_key).error());
  } else if (order.input) {
    started = runs_.start(tx, delivery.tenant,
                          {.persona = match.persona_id,
                           .event = delivery.event.id,
                           .trigger = delivery.trigger,
                           .input = std::move(*order.input),
                           .priority = order.priority,
                           .concurrency_key = std::move(*order.concurrency_key),
                           .max_concurrent = order.max_concurrent,
                           .now = delivery.now},
                          delivery.after);
  } else {
    started = std::unexpected(std::move(order.input).error());
  }
  if (started) {
    match.status = MatchStatus::kStarted;
    match.execution_id = std::move(*started);
  } else if (is_refusal(started.error())) {
    match.status = MatchStatus::kRefused;
    match.error_message = reason_of(started.error());
  } else {
    return std::unexpected(std::move(started).error());
  }
  TRY_VOID(put_match(tx, delivery.tenant, match));
  delivery.put(std::move(match));
  return {};
}

Result<void> Bus::gather(Transaction& tx, Delivery& delivery, EventMatch match,
                         const Subscription& subscription) {
  match.status = MatchStatus::kWaiting;
  TRY_VOID(put_match(tx, delivery.tenant, match));
  delivery.put(std::move(match));
  TRY(const Timestamp due, extend_window(tx, delivery.tenant, subscription, delivery.now));
  delivery.after.push_back([this, due] { on_due_(due); });
  return {};
}

void Bus::settle(Delivery& delivery) {
  const auto due = delivery.settle(kRetryPauses);
  if (due) delivery.after.push_back([this, at = *due] { on_due_(at); });
}

Result<Event> Bus::retry(Transaction& tx, const TenantId& tenant, const EventId& id, Asked asked,
                         AfterCommit& after) {
  TRY(auto found, store::find_event(tx, tenant, id));
  if (!found) return fail(ErrorCode::kNotFound, "There is no event '" + id.str() + "'");
  Delivery delivery{
      .tenant = tenant, .event = std::move(*found), .now = clock_.wall(), .after = after};
  TRY(delivery.matches, matches_of(tx, tenant, id));
  Event& event = delivery.event;
  const EventStatus before = event.status;
  event.retry_count = asked == Asked::kByHand ? 0 : event.retry_count + 1;
  event.error_message.reset();
  delivery.direct = delivery.was_direct();
  TRY_VOID(deliver(tx, delivery));
  settle(delivery);
  TRY_VOID(update_state(tx, tenant, event));
  if (event.status != before || asked == Asked::kByHand) {
    TRY_VOID(record_updated(tx, tenant, event, delivery.now));
  }
  return event;
}

Result<void> Bus::close_window(Transaction& tx, const DueWindow& window, Timestamp now,
                               AfterCommit& after) {
  TRY_VOID(drop_window(tx, window));
  TRY(const auto subscription, find_subscription(tx, window.tenant, window.subscription));
  TRY(auto gathered, gathered_events(tx, window, subscription ? *subscription : Subscription{}));
  if (gathered.events.empty()) return {};
  Delivery run{
      .tenant = window.tenant, .event = gathered.events.back(), .now = now, .after = after};
  EventMatch match{.event_id = run.event.id,
                   .subscription_id = window.subscription.str(),
                   .persona_id = subscription ? subscription->persona_id : PersonaId(),
                   .created_at = now,
                   .updated_at = now};
  Order order{.input = fail(ErrorCode::kNotFound, "The subscription is gone")};
  if (subscription) {
    order.input = std::move(gathered.input);
    order.priority = subscription->priority;
    if (subscription->max_concurrent) order.concurrency_key = subscription->id.str() + ":";
    order.max_concurrent = subscription->max_concurrent.value_or(0);
  }
  TRY_VOID(start(tx, run, match, std::move(order)));
  const EventMatch& became = run.matches.back();
  for (auto& event : gathered.events) {
    Delivery each{.tenant = window.tenant, .event = std::move(event), .now = now, .after = after};
    TRY(each.matches, matches_of(tx, window.tenant, each.event.id));
    match = became;
    match.event_id = each.event.id;
    TRY_VOID(put_match(tx, window.tenant, match));
    each.put(match);
    settle(each);
    TRY_VOID(update_state(tx, window.tenant, each.event));
    TRY_VOID(record_updated(tx, window.tenant, each.event, now));
  }
  return {};
}

Result<std::optional<Timestamp>> Bus::close_windows(Transaction& tx, Timestamp now,
                                                    AfterCommit& after) {
  TRY(const auto due, due_windows(tx, now));
  for (const auto& window : due.windows) TRY_VOID(close_window(tx, window, now, after));
  return due.next;
}

}  // namespace personas::bus
