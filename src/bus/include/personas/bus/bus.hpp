// The event bus: stores an event, finds who subscribes to it and starts their runs, all in the
// transaction of whoever publishes it (docs/decisions/0021-event-bus.md).
//
// So an event that is acknowledged is matched, and each of its matches is a run or a reason why
// not; there is no queue between the two in which it could be lost or taken twice. What could not
// be started is asked again after kRetryPauses, and is dead when they are spent.
//
// Everything here runs inside write transactions, which the store runs one after the other; what it
// remembers of subscriptions is checked against the tenant's epoch in each of them.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/bus/event_store.hpp"
#include "personas/bus/subscription_store.hpp"
#include "personas/model/signals.hpp"
#include "personas/model/subscription.hpp"
#include "personas/store/event_sink.hpp"
#include "personas/store/repositories.hpp"
#include "personas/store/store.hpp"

namespace personas::bus {

// A run leads to an event, the event to a run: so many times at most, then the chain is cut.
inline constexpr std::int64_t kMaxDepth = 20;
// Runs that one event may start. More subscriptions than this are a mistake, and would make one
// transaction arbitrarily long.
inline constexpr std::size_t kMaxMatches = 1'000;
inline constexpr std::array<Duration, 5> kRetryPauses{seconds(5), minutes(1), minutes(10), hours(1),
                                                      hours(6)};
// What is remembered of subscriptions, over all tenants; beyond, it is read again.
inline constexpr std::size_t kMaxRememberedTypes = 10'000;
inline constexpr std::size_t kMaxRememberedSubscriptions = 500'000;
inline constexpr std::string_view kDirect = "direct";

class Candidates;
struct DueWindow;

struct BusOptions {
  // Events a minute that one chain may publish, and so many at once; 0: no limit.
  std::int64_t chain_rate = 600;
};

// A run that the bus wants.
struct RunWanted {
  PersonaId persona;
  EventId event;
  std::optional<TriggerId> trigger;
  std::optional<codec::RawJson> input;
  std::int64_t priority = 0;
  // So many runs with the same key at once; empty: no such bound.
  std::string concurrency_key = {};
  std::int64_t max_concurrent = 0;
  Timestamp now;
};

// Port: starts runs. kNotFound, kUnprocessable and kUnavailable are refusals, which leave no trace
// in the transaction; everything else fails it.
class Runs {
 public:
  virtual ~Runs() = default;
  virtual Result<ExecutionId> start(store::Transaction& tx, const TenantId& tenant,
                                    const RunWanted& run, store::AfterCommit& after) = 0;
};

class Bus final : public store::EventSink {
 public:
  // `on_due` is told after a commit that something is to be done again at that time; from any
  // thread.
  Bus(Clock& clock, Runs& runs, std::function<void(Timestamp)> on_due, BusOptions options = {});
  ~Bus() override;

  Result<store::Published> publish(store::Transaction& tx, const TenantId& tenant,
                                   const store::NewEvent& event,
                                   store::AfterCommit& after) override;

  // Starts what this event has not started yet: refused matches, and subscriptions made since.
  enum class Asked : std::uint8_t { kByTime, kByHand };
  Result<Event> retry(store::Transaction& tx, const TenantId& tenant, const EventId& id,
                      Asked asked, store::AfterCommit& after);

  // Ends the windows that are due: one run for what each has gathered. Returns when the next is
  // due.
  Result<std::optional<Timestamp>> close_windows(store::Transaction& tx, Timestamp now,
                                                 store::AfterCommit& after);

 private:
  struct Remembered;
  struct Delivery;

  Result<std::shared_ptr<const Candidates>> candidates(store::Transaction& tx,
                                                       const TenantId& tenant,
                                                       const std::string& type);
  void forget(const Remembered& remembered);
  // Why the chain of an event with these keys ends with it, if it does.
  Result<std::optional<std::string>> why_cut(store::Transaction& tx, const TenantId& tenant,
                                             const store::EventKeys& keys, Timestamp now) const;
  Result<void> deliver(store::Transaction& tx, Delivery& delivery);
  void settle(Delivery& delivery);
  // What a match wants of its run.
  struct Order {
    Result<codec::RawJson> input;
    std::int64_t priority = 0;
    Result<std::string> concurrency_key = std::string();
    std::int64_t max_concurrent = 0;
  };
  Result<void> start(store::Transaction& tx, Delivery& delivery, EventMatch match, Order order);
  Result<void> gather(store::Transaction& tx, Delivery& delivery, EventMatch match,
                      const Subscription& subscription);
  Result<void> close_window(store::Transaction& tx, const DueWindow& window, Timestamp now,
                            store::AfterCommit& after);

  Clock& clock_;
  Runs& runs_;
  std::function<void(Timestamp)> on_due_;
  BusOptions options_;
  std::mutex mutex_;  // engines with several writers
  std::unordered_map<TenantId, std::unique_ptr<Remembered>> remembered_;
  std::size_t remembered_types_ = 0;
  std::size_t remembered_subscriptions_ = 0;
};

}  // namespace personas::bus
