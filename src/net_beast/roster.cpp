#include "roster.hpp"

#include <algorithm>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace personas::net_beast {
namespace {

constexpr Duration kMinSweep = milliseconds(5);
constexpr Duration kMaxSweep = seconds(1);
// How soon a drain notices that the last connection went.
constexpr Duration kDrainPoll = milliseconds(5);

}  // namespace

Roster::Roster(boost::asio::io_context& io, const Clock& clock, Duration shortest_deadline)
    : clock_(clock), period_(std::clamp(shortest_deadline / 4, kMinSweep, kMaxSweep)), timer_(io) {}

void Roster::enter(Peer& peer) {
  peers_.push_back(peer);
  if (!armed_ && !stopped_) arm();
}

void Roster::arm() {
  armed_ = true;
  timer_.expires_after(period_);
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
    if (alive.expired()) return;
    armed_ = false;
    if (error || stopped_) return;
    const Instant now = clock_.now();
    for (Peer& peer : peers_) peer.expire_if_due(now);
    if (!peers_.empty()) arm();
  });
}

void Roster::drain_all() {
  for (Peer& peer : peers_) peer.drain();
}

void Roster::abort_all() {
  for (Peer& peer : peers_) peer.abort();
}

Task<bool> Roster::wait_until_empty(Duration patience) {
  const auto start = std::chrono::steady_clock::now();
  boost::asio::steady_timer poll(timer_.get_executor());
  while (!peers_.empty() && std::chrono::steady_clock::now() - start < patience) {
    poll.expires_after(kDrainPoll);
    boost::system::error_code ignored;
    co_await poll.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  }
  co_return peers_.empty();
}

void Roster::stop() {
  stopped_ = true;
  timer_.cancel();
}

}  // namespace personas::net_beast
