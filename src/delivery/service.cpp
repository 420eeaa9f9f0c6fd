#include "personas/delivery/service.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "personas/codec/json.hpp"
#include "personas/delivery/endpoint_store.hpp"

namespace personas::delivery {
namespace {

namespace asio = boost::asio;
using store::Transaction;

std::string quoted(std::string_view text) {
  std::string out;
  codec::append_json_string(text, out);
  return out;
}

Event disabled_event(const Endpoint& endpoint, const InstanceId& origin, EventId id,
                     Timestamp now) {
  Event event;
  event.id = std::move(id);
  event.event_type = kEndpointDisabled;
  event.source_type = "webhook_out";
  event.source_id = endpoint.id.str();
  event.payload = codec::JsonText{R"({"webhookId":)" + quoted(endpoint.id.str()) + R"(,"reason":)" +
                                  quoted(endpoint.disabled_reason.value_or("")) + "}"};
  event.origin = origin;
  event.created_at = now;
  return event;
}

// Whether what came of an attempt may still be written: the row is as it was sent. Of one that was
// held meanwhile only its arrival counts.
bool is_current(const Delivery& row, const Delivery& sent, const Outcome& outcome) {
  if (row.attempts != sent.attempts) return false;
  if (row.next_attempt_at) return true;
  return row.status == DeliveryStatus::kHeld && outcome.error.empty();
}

}  // namespace

struct DeliveryService::Work {
  std::optional<Endpoint> endpoint;
  std::vector<Delivery> deliveries;
  std::vector<Secret> secrets;
};

struct DeliveryService::Settled {
  std::optional<Timestamp> next;
  store::AfterCommit after;
};

DeliveryService::DeliveryService(Parts parts)
    : parts_(std::move(parts)), timer_(parts_.executor), done_(parts_.executor) {}

void DeliveryService::due(const TenantId& tenant, const EndpointId& endpoint) {
  due_at({tenant, endpoint}, parts_.clock.wall());
}

void DeliveryService::due_at(const Lane& lane, Timestamp at) {
  asio::post(parts_.executor, [this, lane, at] {
    if (stopping_) return;
    schedule_.due(lane, at);
    kick();
  });
}

void DeliveryService::kick() {
  kicked_ = true;
  timer_.cancel();
}

void DeliveryService::ended() {
  --running_;
  if (running_ == 0) done_.cancel();
}

Result<void> DeliveryService::tell_disabled(Transaction& tx, const Lane& lane,
                                            const Endpoint& endpoint, const EventId& event,
                                            Timestamp now, store::AfterCommit& after) const {
  TRY_VOID(hold(tx, lane.tenant, lane.endpoint));
  const store::NewEvent told{.event = disabled_event(endpoint, parts_.origin, event, now)};
  TRY_VOID(parts_.events.publish(tx, lane.tenant, told, after));
  return {};
}

Task<Result<void>> DeliveryService::start() {
  auto find = [](Transaction& tx) { return all_due(tx); };
  CO_TRY(const std::vector<Due> found, co_await parts_.store.read(find));
  for (const Due& one : found) schedule_.due({one.tenant, one.endpoint}, one.at);
  began();
  asio::co_spawn(parts_.executor, loop(), [this](const std::exception_ptr& failure) {
    ended();
    if (failure) std::rethrow_exception(failure);
  });
  co_return Result<void>();
}

Task<void> DeliveryService::stop() {
  stopping_ = true;
  kick();
  parts_.carrier.cut();
  boost::system::error_code ignored;
  while (running_ > 0) {
    co_await done_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

Task<void> DeliveryService::loop() {
  while (!stopping_) {
    kicked_ = false;
    while (auto turn = schedule_.next(parts_.clock.wall())) {
      began();
      asio::co_spawn(parts_.executor, batch(std::move(*turn)),
                     [this](const std::exception_ptr& failure) {
                       ended();
                       if (failure) std::rethrow_exception(failure);
                     });
    }
    const auto wake = schedule_.wake();
    const Duration wait = wake ? std::max(Duration(0), *wake - parts_.clock.wall()) : Timer::kNever;
    timer_.expires_after(wait);
    if (kicked_ || stopping_) continue;
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

Task<void> DeliveryService::batch(Schedule::Turn turn) {
  const auto next = co_await run(turn);
  if (next) {
    schedule_.ended(turn, *next);
  } else {
    parts_.on_trouble(next.error());
    schedule_.ended(turn, parts_.clock.wall() + kStorePause);
  }
  kick();
}

Task<Result<std::optional<Timestamp>>> DeliveryService::run(const Schedule::Turn& turn) {
  const Lane& lane = turn.lane;
  const Timestamp now = parts_.clock.wall();
  auto look = [&](Transaction& tx) -> Result<Work> {
    Work work;
    TRY(work.endpoint, find_endpoint(tx, lane.tenant, lane.endpoint));
    if (!work.endpoint || !work.endpoint->enabled) return work;
    const auto limit = std::min<std::size_t>(
        turn.permits,
        static_cast<std::size_t>(std::max<std::int64_t>(1, work.endpoint->concurrency)));
    TRY(work.deliveries, due_deliveries(tx, lane.tenant, lane.endpoint, now, limit));
    if (work.deliveries.empty()) return work;
    TRY(work.secrets, parts_.secrets_of(tx, lane.tenant, *work.endpoint, now));
    return work;
  };
  CO_TRY(const Work work, co_await parts_.store.read(look));
  // Too late to be cut: stop() would wait for it.
  if (stopping_) co_return std::optional<Timestamp>(now);
  if (work.endpoint && work.endpoint->kind == Kind::kCommand) {
    CO_TRY(const Settled started, co_await start_commands(lane, work));
    for (const auto& follow : started.after) follow();
    co_return started.next;
  }
  std::vector<Outcome> outcomes(work.deliveries.size());
  std::size_t left = outcomes.size();
  Timer all(parts_.executor);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    asio::co_spawn(parts_.executor, carry_one(work, i, outcomes[i]),
                   [&left, &all](const std::exception_ptr& failure) {
                     if (--left == 0) all.cancel();
                     if (failure) std::rethrow_exception(failure);
                   });
  }
  boost::system::error_code ignored;
  while (left > 0) co_await all.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  // What was cut short by stop() is no failure of the endpoint: it is sent again.
  if (stopping_) co_return std::optional<Timestamp>(now);
  CO_TRY(const Settled settled, co_await write_down(lane, work, outcomes));
  for (const auto& follow : settled.after) follow();
  co_return settled.next;
}

Task<void> DeliveryService::carry_one(const Work& work, std::size_t index, Outcome& outcome) {
  if (stopping_) co_return;
  const Instant began = parts_.clock.now();
  outcome = co_await parts_.carrier.carry(*work.endpoint, work.deliveries[index], work.secrets,
                                          parts_.clock.wall());
  outcome.took = parts_.clock.now() - began;
}

// Nothing is carried from here: the row says that its command runs, in the transaction that
// enqueues it. What cannot be enqueued (the queue is full) has failed like any other attempt.
Task<Result<DeliveryService::Settled>> DeliveryService::start_commands(const Lane& lane,
                                                                       const Work& work) {
  const Timestamp now = parts_.clock.wall();
  const EventId event_id = EventId::make(now, parts_.random);
  const std::uint64_t dice = parts_.random.next();
  auto start_all = [&](Transaction& tx) -> Result<Settled> {
    Settled out;
    TRY(auto endpoint, find_endpoint(tx, lane.tenant, lane.endpoint));
    if (!endpoint) return out;
    bool disabled = false;
    for (const Delivery& sent : work.deliveries) {
      TRY(auto row, find_delivery(tx, lane.tenant, sent.id));
      if (!row || row->attempts != sent.attempts || !row->next_attempt_at) continue;
      auto execution = parts_.start_command(tx, lane.tenant, *endpoint, *row, now, out.after);
      if (execution) {
        row->status = DeliveryStatus::kRunning;
        row->execution_id = std::move(*execution);
        row->next_attempt_at.reset();
      } else {
        const Outcome refused{.error = execution.error().message};
        disabled |= settle(*endpoint, *row, refused, now, dice) == Verdict::kDisabled;
        TRY_VOID(update_endpoint(tx, lane.tenant, *endpoint));
      }
      TRY_VOID(update_delivery(tx, lane.tenant, *row));
    }
    if (disabled) TRY_VOID(tell_disabled(tx, lane, *endpoint, event_id, now, out.after));
    TRY(out.next, next_due(tx, lane.tenant, lane.endpoint));
    return out;
  };
  co_return co_await parts_.store.write(start_all);
}

Result<void> DeliveryService::command_ended(Transaction& tx, const TenantId& tenant,
                                            const CommandEnd& end, store::AfterCommit& after) {
  TRY(auto row, find_delivery(tx, tenant, end.delivery));
  if (!row || row->status != DeliveryStatus::kRunning || row->execution_id != end.execution) {
    return {};
  }
  TRY(auto endpoint, find_endpoint(tx, tenant, row->endpoint_id));
  if (!endpoint) return {};
  const Lane lane{tenant, row->endpoint_id};
  const Verdict verdict = settle(*endpoint, *row, end.outcome, end.now, end.dice);
  // Of one that was disabled meanwhile, what is to be tried again rests with the others.
  if (!endpoint->enabled && row->next_attempt_at) {
    row->status = DeliveryStatus::kHeld;
    row->next_attempt_at.reset();
  }
  TRY_VOID(update_delivery(tx, tenant, *row));
  TRY_VOID(update_endpoint(tx, tenant, *endpoint));
  const DeliveryId oldest = DeliveryId::make(end.now - kLogKept, parts_.random);
  TRY_VOID(forget_deliveries(tx, tenant, lane.endpoint, oldest));
  if (verdict == Verdict::kDisabled) {
    TRY_VOID(tell_disabled(tx, lane, *endpoint, end.event, end.now, after));
  }
  if (row->next_attempt_at) {
    after.push_back([this, lane, at = *row->next_attempt_at] { due_at(lane, at); });
  }
  return {};
}

Task<Result<DeliveryService::Settled>> DeliveryService::write_down(
    const Lane& lane, const Work& work, const std::vector<Outcome>& outcomes) {
  const Timestamp now = parts_.clock.wall();
  const EventId event_id = EventId::make(now, parts_.random);
  const DeliveryId oldest = DeliveryId::make(now - kLogKept, parts_.random);
  std::vector<std::uint64_t> dice(outcomes.size());
  for (auto& die : dice) die = parts_.random.next();
  auto settle_all = [&](Transaction& tx) -> Result<Settled> {
    Settled out;
    TRY(auto endpoint, find_endpoint(tx, lane.tenant, lane.endpoint));
    if (!endpoint) return out;
    bool disabled = false;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      TRY(auto row, find_delivery(tx, lane.tenant, work.deliveries[i].id));
      if (!row || !is_current(*row, work.deliveries[i], outcomes[i])) continue;
      if (settle(*endpoint, *row, outcomes[i], now, dice[i]) == Verdict::kDisabled) {
        disabled = true;
      }
      TRY_VOID(update_delivery(tx, lane.tenant, *row));
    }
    if (!outcomes.empty()) {
      TRY_VOID(update_endpoint(tx, lane.tenant, *endpoint));
      TRY_VOID(forget_deliveries(tx, lane.tenant, lane.endpoint, oldest));
    }
    if (disabled) TRY_VOID(tell_disabled(tx, lane, *endpoint, event_id, now, out.after));
    TRY(out.next, next_due(tx, lane.tenant, lane.endpoint));
    return out;
  };
  co_return co_await parts_.store.write(settle_all);
}

}  // namespace personas::delivery
