// A small orchestrator around the real GatewaySession: queue, leases, a disk that commits late and
// in batches, crashes that lose everything but the disk.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "personas/worker_gateway/session.hpp"

#include "ledger.hpp"
#include "parts.hpp"

namespace personas::lossy_link {

struct Execution {
  enum class State { kQueued, kLeased, kDone };
  // On the disk.
  std::string id;
  State state = State::kQueued;
  std::int64_t attempt = 0;
  std::string worker;
  std::string instance;  // empty: a seed worker
  std::int64_t committed_seq = 0;
  bool cancel_wanted = false;
  bool completed = false;  // the completion of this attempt is on the disk
  // In memory.
  Instant lease_end{};
  std::int64_t accepted_seq = 0;
  std::map<std::string, Instant> skip_worker;
  std::set<std::string> tried_seeds;

  wire::RunKey key() const { return {ExecutionId(id), attempt}; }
};

class Hub {
 public:
  Hub(Scheduler& scheduler, Random& random, Ledger& ledger, wire::Timing timing, bool sign);

  bool up() const { return up_; }
  void enqueue(const std::string& id);
  void cancel(const std::string& id);
  void crash();
  void restart();
  void open(std::shared_ptr<Connection> connection);
  bool all_done() const;
  std::string describe() const;
  // Seeds that still send for runs of an earlier socket cannot be told from new attempts of the
  // same run: with an elsewhere, a run is not given to the same seed worker again.
  void avoid_same_seed() { avoid_same_seed_ = true; }

 private:
  struct Peer {
    std::shared_ptr<Connection> connection;
    worker_gateway::GatewaySession session;
    std::string worker;
    std::string instance;
    bool accepted = false;
    bool listed = false;
    std::int64_t max_slots = 1;
    std::int64_t available = 0;  // what the last ready said, less what was assigned since
    Instant timer = Instant::never();
  };
  using PeerRef = std::shared_ptr<Peer>;
  struct Pending {
    wire::RunKey run;
    std::int64_t seq;
    std::string text;
    std::optional<std::string> status;  // of a completion
    std::string reason;
  };

  template <class F>
  void input(const PeerRef& peer, F call);
  void drain(const PeerRef& peer);
  void arm(const PeerRef& peer);
  void handle(const PeerRef& peer, worker_gateway::Output& output);
  void on_hello(const PeerRef& peer, const worker_gateway::HelloReceived& hello);
  void admit(const PeerRef& peer, bool seed);
  void on_active(const PeerRef& peer, const worker_gateway::ActiveRuns& runs);
  void on_frame(const PeerRef& peer, Pending pending);
  void gone(const PeerRef& peer);

  void expire();
  void give_away(Execution& execution, const std::string& why);
  void end(Execution& execution);
  void dispatch();
  void commit_soon();
  void commit();
  void apply(Execution& execution, const Pending& pending);
  std::int64_t leased_to(const std::string& worker) const;
  PeerRef current(const std::string& worker) const;
  void every_so_often(std::uint64_t epoch);

  Scheduler& scheduler_;
  Random& random_;
  Ledger& ledger_;
  wire::Timing timing_;
  bool sign_;
  bool up_ = true;
  bool avoid_same_seed_ = false;
  std::uint64_t epoch_ = 0;
  std::uint64_t tokens_ = 0;
  std::map<std::string, Execution> executions_;
  std::vector<PeerRef> peers_;
  std::vector<Pending> pending_;
  bool commit_scheduled_ = false;
};

}  // namespace personas::lossy_link
