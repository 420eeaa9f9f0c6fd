// The network between workers and the orchestrator, as the ports of `net`.
//
// A connection is TCP's: in order, without loss, until it breaks, is cut, stands still or swallows
// everything without telling anybody. Between connections there is no order.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "personas/net/client.hpp"

#include "machine.hpp"
#include "virtual/link.hpp"

namespace personas::simulation {

using virtual_world::Connection;
using virtual_world::Side;
using virtual_world::Weather;

// What passes on the wire, for the trace.
using Tap = std::function<void(const std::string& worker, Side from, const std::string& text)>;

class Network {
 public:
  Network(Scheduler& scheduler, Random& random, Tap tap)
      : scheduler_(scheduler), random_(random), tap_(std::move(tap)) {}
  ~Network();

  // Who takes connections; nobody while `process` is gone.
  void listen(std::shared_ptr<Process> process, net::UpgradeHandler upgrade);
  // The client of one worker's process.
  std::unique_ptr<net::Client> client(const std::string& worker, std::shared_ptr<Process> process);

  // ---- faults
  enum class Loss : std::uint8_t { kTold, kUntold };
  void cut(const std::string& worker, Loss loss);
  void stall(const std::string& worker, Duration time);
  // Nothing new gets through until then, and what is open swallows or stands still.
  void separate(const std::string& worker, Duration time);
  void heal();
  Weather& weather() { return weather_; }
  std::size_t open_connections();

  // ---- for the client's coroutine
  struct Dialled {
    std::shared_ptr<net::WebSocket> socket;  // empty: refused
    std::string why;
  };
  void dial(const std::string& worker, const std::shared_ptr<Process>& process,
            net::Headers headers, std::shared_ptr<net::WebSocketListener> listener,
            std::function<void(Dialled)> done);
  void ended(const std::shared_ptr<Process>& process);  // the system closes its sockets

 private:
  struct Link {
    std::string worker;
    std::shared_ptr<Connection> connection;
    std::weak_ptr<Process> ends[2];
  };
  bool separated(const std::string& worker) const;
  void forget_closed();

  Scheduler& scheduler_;
  Random& random_;
  Tap tap_;
  Weather weather_;
  std::weak_ptr<Process> server_;
  net::UpgradeHandler upgrade_;
  std::vector<Link> links_;
  std::map<std::string, Instant> separated_until_;
};

}  // namespace personas::simulation
