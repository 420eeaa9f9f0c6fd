// One connection between a worker and the orchestrator, and what can go wrong with it.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "virtual/scheduler.hpp"

namespace personas::virtual_world {

enum class Side : std::uint8_t { kWorker = 0, kHub = 1 };
constexpr Side other(Side side) {
  return side == Side::kWorker ? Side::kHub : Side::kWorker;
}

// Shared by all connections of one schedule.
struct Weather {
  Duration min_delay = milliseconds(1);
  Duration max_delay = milliseconds(50);
  // Beyond what TCP does: single frames are lost, doubled, overtaken. In percent.
  unsigned drop = 0;
  unsigned duplicate = 0;
  unsigned reorder = 0;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Ear {
    std::function<void(const std::string&)> on_text;
    std::function<void()> on_ping;
    std::function<void()> on_pong;
    std::function<void()> on_closed;  // by the other side or by the net; not by close()
  };

  // With `orderly` the weather's faults of single frames are left out.
  Connection(Scheduler& scheduler, Random& random, const Weather& weather, bool orderly)
      : scheduler_(scheduler), random_(random), weather_(weather), orderly_(orderly) {}

  // What came before anybody listened (a process that stands still) is heard now.
  void listen(Side side, Ear ear);
  void send(Side from, std::string text);
  void ping() {
    deliver(Side::kHub, [](Ear& ear) { ear.on_ping(); });
  }
  void pong() {
    deliver(Side::kWorker, [](Ear& ear) { ear.on_pong(); });
  }
  // The other side is told, if the net still works.
  void close(Side from);
  void cut();                                // both sides are told
  void black_hole() { black_hole_ = true; }  // nothing passes, nobody is told
  // The ears hold the ends and the ends hold the connection: somebody has to let go.
  void forget_ears() {
    ears_ = {};
    unheard_ = {};
  }
  void stall_until(Instant when) { stalled_until_ = std::max(stalled_until_, when); }
  bool open(Side side) const { return open_[index(side)]; }

 private:
  static std::size_t index(Side side) { return static_cast<std::size_t>(side); }
  void deliver(Side from, std::function<void(Ear&)> what);
  void hear(Side side, const std::function<void(Ear&)>& what);
  void schedule(Side to, Instant when, std::function<void(Ear&)> what);

  Scheduler& scheduler_;
  Random& random_;
  const Weather& weather_;
  bool orderly_;
  bool black_hole_ = false;
  Instant stalled_until_{};
  std::array<bool, 2> open_{true, true};
  std::array<Ear, 2> ears_;
  std::array<std::vector<std::function<void(Ear&)>>, 2> unheard_;
  std::array<Instant, 2> last_delivery_{};
};

}  // namespace personas::virtual_world
