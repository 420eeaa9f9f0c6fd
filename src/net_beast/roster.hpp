// The connections of one server or client: who is there, and whose deadline has passed.
//
// One timer sweeps them all, so that no request ever arms a timer of its own. A deadline is met to
// within one sweep: a quarter of the shortest deadline, at most a second. Executor's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include "personas/async/task.hpp"
#include "personas/base/clock.hpp"
#include "personas/base/time.hpp"

#include "stream.hpp"

namespace personas::net_beast {

// One connection on a roster. It is listed from enter() until its destruction.
class Peer : public boost::intrusive::list_base_hook<
                 boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  explicit Peer(Stream stream) : stream_(std::move(stream)) {}
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  virtual ~Peer() = default;

  virtual void drain() = 0;  // finish what runs, then go; never destroys this inside the call
  virtual void abort() = 0;  // go now; never destroys this inside the call
  void expire_if_due(Instant now) {
    if (stream_) stream_->expire_if_due(now);
  }

 protected:
  // Off the roster; before the roster's owner is let go.
  void leave() {
    if (is_linked()) unlink();
  }

  std::optional<Stream> stream_;  // empty once handed over or gone
};

class Roster {
 public:
  Roster(boost::asio::io_context& io, const Clock& clock, Duration shortest_deadline);

  void enter(Peer& peer);
  void drain_all();
  void abort_all();
  Instant now() const { return clock_.now(); }
  const Clock& clock() const { return clock_; }

  // Until nobody is left (true) or `patience` has passed; on the real clock.
  Task<bool> wait_until_empty(Duration patience);
  void stop();

 private:
  void arm();

  boost::intrusive::list<Peer, boost::intrusive::constant_time_size<false>> peers_;
  const Clock& clock_;
  Duration period_;
  boost::asio::steady_timer timer_;
  bool armed_ = false;
  bool stopped_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// Bytes read at once; one buffer per loop, because nothing is kept in it across a suspension.
inline constexpr std::size_t kReadBytes = 64 * 1024;

// What all connections of one server or client share.
struct Loop {
  Loop(boost::asio::io_context& io_context, const Clock& clock, Duration shortest_deadline)
      : io(io_context), roster(io_context, clock, shortest_deadline), scratch(kReadBytes) {}

  boost::asio::io_context& io;
  Roster roster;
  std::vector<char> scratch;
};

}  // namespace personas::net_beast
