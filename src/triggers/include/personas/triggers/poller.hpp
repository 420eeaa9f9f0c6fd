// Takes looks at URLs: asks, and writes down what came (polling.hpp). The scheduler says when.
//
// At most kMaxLooks are under way; who has no room is not begun, so nothing queues here. A request
// carries the marks of the answer before, so that an unchanged page costs its server nothing. The
// guarded client bounds time and size and keeps requests out of private networks; redirects are
// not followed.
//
// Lives on one executor. Lifetime: until stop() has completed.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "personas/async/task.hpp"
#include "personas/async/timer.hpp"
#include "personas/base/clock.hpp"
#include "personas/net/guarded_client.hpp"
#include "personas/store/store.hpp"
#include "personas/triggers/polling.hpp"

namespace personas::triggers {

inline constexpr std::size_t kMaxLooks = 16;
// Of a look as a whole.
inline constexpr Duration kLookDeadline = seconds(20);
static_assert(kLookLease > 2 * kLookDeadline, "a look is over when its lease is");

class Poller {
 public:
  struct Parts {
    boost::asio::any_io_executor executor;
    store::Store& store;
    Clock& clock;
    net::GuardedClient& client;
    FiringPorts ports;
    std::string user_agent;
    std::function<void(const Error&)> on_trouble;
  };
  explicit Poller(Parts parts);
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Looks that may be begun now.
  std::size_t room() const { return stopping_ ? 0 : kMaxLooks - running_; }
  // There is room.
  void begin(Look look);
  // Called whenever one has ended.
  void on_ended(std::function<void()> tell) { tell_ = std::move(tell); }

  // Cuts what is under way, which is looked at again after its lease, and waits for it.
  Task<void> stop();

 private:
  Task<void> take(Look look);
  Task<Result<void>> write_down(const Look& look, const Result<Looked>& looked);
  void ended();

  Parts parts_;
  std::function<void()> tell_;
  Timer done_;
  std::size_t running_ = 0;
  bool stopping_ = false;
};

// What an answer of the server is as a look.
Result<Looked> read_answer(Result<net::Response> response);

}  // namespace personas::triggers
