// A worker written from the first description of the protocol: no version, no seq, no leases.
// After a reconnect its agent just goes on, unless it is alone: with nowhere else to retry a run,
// its old frames and those of the new attempt carry the same executionId and nothing beside it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "full_worker.hpp"
#include "ledger.hpp"
#include "parts.hpp"

namespace personas::lossy_link {

class SeedWorker {
 public:
  enum class AfterDisconnect { kAgentGoesOn, kAgentEnds };

  SeedWorker(Scheduler& scheduler, Random& random, Ledger& ledger, std::string id,
             AfterDisconnect after_disconnect, DialUp dial);

  void boot();
  void crash();
  const std::shared_ptr<Connection>& connection() const { return connection_; }
  bool up() const { return up_; }

 private:
  struct Agent {
    wire::RunKey run;     // the attempt as the observer knows it; the worker does not
    bool leased = false;  // the socket of its assignment still stands
    int left = 0;
    int written = 0;
    std::uint64_t number = 0;
  };

  void dial();
  void redial();
  void attach(std::shared_ptr<Connection> connection);
  void on_text(const std::string& text);
  void agent_step();
  void say(const std::string& text);
  void later(Duration delay, std::function<void()> event);

  Scheduler& scheduler_;
  Random& random_;
  Ledger& ledger_;
  std::string id_;
  AfterDisconnect after_disconnect_;
  DialUp dial_up_;
  bool up_ = false;
  std::uint64_t process_ = 0;
  std::uint64_t agents_ = 0;
  std::shared_ptr<Connection> connection_;
  std::optional<Agent> agent_;
};

}  // namespace personas::lossy_link
