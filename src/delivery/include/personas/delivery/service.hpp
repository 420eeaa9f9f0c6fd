// Sends what is due, one timer at the next due moment; with nothing due it does nothing.
//
// A batch reads what is due for one endpoint, carries it there, and writes what came of it: the
// delivery's row and the endpoint's health in one transaction. A crash between carrying and writing
// carries again, under the same id: at least once, never less. Lives on one executor; stop() before
// it goes.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "personas/async/task.hpp"
#include "personas/async/timer.hpp"
#include "personas/base/clock.hpp"
#include "personas/base/secret.hpp"
#include "personas/delivery/endpoint.hpp"
#include "personas/delivery/outbox.hpp"
#include "personas/delivery/retry.hpp"
#include "personas/delivery/schedule.hpp"
#include "personas/net/guarded_client.hpp"
#include "personas/net/mail_client.hpp"
#include "personas/store/event_sink.hpp"
#include "personas/store/store.hpp"

namespace personas::delivery {

inline constexpr std::size_t kMaxUnderWay = 32;  // deliveries at once, over all endpoints
// After the store refused to tell what is due or to take what came of it.
inline constexpr Duration kStorePause = seconds(5);
inline constexpr std::string_view kEndpointDisabled = "webhook.disabled";  // an event's type

// Carries one delivery to where its endpoint is.
class Carrier {
 public:
  virtual ~Carrier() = default;
  virtual Task<Outcome> carry(const Endpoint& endpoint, const Delivery& delivery,
                              std::span<const Secret> secrets, Timestamp now) = 0;
  // Ends what is under way soon.
  virtual void cut() = 0;
};

// Over HTTP; the client outlives it.
std::unique_ptr<Carrier> make_http_carrier(net::GuardedClient& client, std::string user_agent);

// What e-mail sinks use that name no server of their own.
struct MailDefaults {
  std::string server;  // smtp://…; empty: there is none
  std::string user;
  Secret password;
  std::string from;
};
// By SMTP; the client outlives it. `targets`: of servers that sinks name.
std::unique_ptr<Carrier> make_mail_carrier(net::MailClient& client, MailDefaults defaults,
                                           net::PrivateTargets targets);
// Each kind by its own; both outlive it.
std::unique_ptr<Carrier> make_carrier_by_kind(Carrier& http, Carrier& mail);

// Starts the command of a delivery on a worker, in the transaction that writes it down; bound to
// executions. Its end is told by command_ended().
using StartCommand =
    std::function<Result<ExecutionId>(store::Transaction&, const TenantId&, const Endpoint&,
                                      const Delivery&, Timestamp now, store::AfterCommit& after)>;

// The secrets that this endpoint's deliveries are signed with now; bound to the vault.
using SecretsOf = std::function<Result<std::vector<Secret>>(store::Transaction&, const TenantId&,
                                                            const Endpoint&, Timestamp now)>;

class DeliveryService final : public Outbox {
 public:
  struct Parts {
    boost::asio::any_io_executor executor;
    store::Store& store;
    Clock& clock;
    Random& random;
    Carrier& carrier;
    SecretsOf secrets_of;
    StartCommand start_command;
    store::EventSink& events;
    InstanceId origin;
    std::function<void(const Error&)> on_trouble;
  };
  explicit DeliveryService(Parts parts);

  // Finds what a process before left to do, then sends until stop().
  Task<Result<void>> start();
  Task<void> stop();
  void due(const TenantId& tenant, const EndpointId& endpoint) override;

  // The command that carried a delivery has ended, in the caller's transaction. Nothing happens if
  // the delivery no longer waits for this execution. `outcome`: empty error for success.
  struct CommandEnd {
    DeliveryId delivery;
    ExecutionId execution;
    Outcome outcome;
    EventId event;  // of the event that may follow
    std::uint64_t dice = 0;
    Timestamp now;
  };
  Result<void> command_ended(store::Transaction& tx, const TenantId& tenant, const CommandEnd& end,
                             store::AfterCommit& after);

 private:
  struct Work;
  struct Settled;

  void due_at(const Lane& lane, Timestamp at);
  Task<void> loop();
  Task<void> batch(Schedule::Turn turn);
  Task<Result<std::optional<Timestamp>>> run(const Schedule::Turn& turn);
  Task<void> carry_one(const Work& work, std::size_t index, Outcome& outcome);
  Result<void> tell_disabled(store::Transaction& tx, const Lane& lane, const Endpoint& endpoint,
                             const EventId& event, Timestamp now, store::AfterCommit& after) const;
  Task<Result<Settled>> start_commands(const Lane& lane, const Work& work);
  Task<Result<Settled>> write_down(const Lane& lane, const Work& work,
                                   const std::vector<Outcome>& outcomes);
  void began() { ++running_; }
  void ended();
  void kick();

  Parts parts_;
  Schedule schedule_{kMaxUnderWay};
  Timer timer_;
  Timer done_;
  int running_ = 0;  // coroutines
  bool kicked_ = false;
  bool stopping_ = false;
};

}  // namespace personas::delivery
