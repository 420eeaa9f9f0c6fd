// The all-seeing observer: what clients were promised, what agents did, what the journal says; and
// the promises it checks with that.
//
// It hears of physical facts at once (an agent starts, writes, dies; a client gets an answer), and
// looks into the database after every commit, before anybody is told of it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "personas/store/store.hpp"

#include "fold.hpp"
#include "history.hpp"
#include "virtual/scheduler.hpp"

namespace personas::simulation {

// "exe_…/2"
using AttemptName = std::string;
AttemptName attempt_name(std::string_view execution, std::int64_t attempt);
std::string execution_of(std::string_view attempt_name);

// What is checked against the limits that were set.
struct Limits {
  std::map<std::string, std::int64_t> persona;  // running executions
  std::int64_t tenant = 0;                      // 0: none
  std::int64_t queued = 0;                      // new executions that wait
  std::map<std::string, std::size_t> slots;     // of workers
  std::map<std::string, std::size_t> spool;     // bytes
};

class Observer {
 public:
  explicit Observer(const virtual_world::Scheduler& scheduler) : scheduler_(scheduler) {}

  Limits limits;

  // ---- trace: equal seeds, equal hashes
  void trace(std::string_view what);
  std::uint64_t trace_hash() const { return hash_; }
  void print_trace() { printing_ = true; }
  // How often something happened, so that a run can show that it was not harmless.
  void count(const std::string& what, std::uint64_t times = 1) { counts_[what] += times; }
  const std::map<std::string, std::uint64_t>& counts() const { return counts_; }

  // ---- agents
  void agent_started(const AttemptName& attempt, const std::string& worker,
                     const std::map<std::string, std::string>& session_given);
  enum class Ending : std::uint8_t { kByItself, kByForce };
  void agent_ended(const AttemptName& attempt, Ending ending);
  void agent_wrote(const AttemptName& attempt, std::string_view text);
  void agent_kept(const AttemptName& attempt, const std::string& path, std::string_view text);

  // ---- clients
  void asked(const std::string& key);  // an execution, whatever becomes of it
  void promised(const std::string& key, const std::string& execution);
  void cancel_promised(const std::string& execution);
  void answer_promised(const std::string& review, const std::string& status);
  const std::map<std::string, std::string>& promises() const { return executions_; }

  EventHistory events;

  // ---- the store
  // After every commit.
  void look(store::Transaction& tx);
  void acknowledged(store::JournalPosition position);
  // What an orchestrator asks for that has been replaced. The word of an attempt that is over must
  // be refused by the operation itself; nothing of it stays in any case.
  Result<void> try_late(store::Transaction& tx, store::Operation& operation);
  // A new process on what the disk kept: everything that was acknowledged has to be there.
  void look_after_start(store::Transaction& tx);
  void spooled(const std::string& worker, std::size_t bytes);
  // All projections against the fold; when nothing moves any more also what is complete.
  enum class Moment : std::uint8_t { kMeanwhile, kEnd };
  void look_at_all(store::Transaction& tx, Moment moment);

  void violate(std::string what);
  const std::vector<std::string>& violations() const { return violations_; }

 private:
  struct Attempt {
    std::string written;
    std::map<std::string, std::string> kept;  // session files
    bool alive = false;
    std::optional<Ending> ending;
    std::string worker;
  };
  struct Committed {
    std::size_t bytes = 0;  // of stdout, compared with what was written
    std::int64_t last_seq = 0;
  };

  void check(const Result<void>& outcome, std::string_view doing);
  Result<void> read_new(store::Transaction& tx);
  Result<void> check_output(store::Transaction& tx, const Fold::OutputBlock& block);
  Result<void> check_ended(const Fold::Ended& ended);
  Result<void> check_limits(store::Transaction& tx);
  Result<void> check_rows(store::Transaction& tx, const std::set<std::string>& executions);
  Result<void> check_promises(store::Transaction& tx, Moment moment);
  Result<void> check_metering(store::Transaction& tx);
  Result<void> check_effects(store::Transaction& tx);
  Result<void> check_history(store::Transaction& tx);

  const virtual_world::Scheduler& scheduler_;
  std::uint64_t hash_ = 14695981039346656037ULL;
  bool printing_ = false;
  std::map<std::string, std::uint64_t> counts_;

  std::map<AttemptName, Attempt> attempts_;
  std::map<std::string, AttemptName> alive_;       // by execution
  std::map<std::string, std::size_t> busy_slots_;  // by worker
  std::map<AttemptName, Committed> committed_;

  std::set<std::string> keys_;                     // that were ever sent
  std::map<std::string, std::string> executions_;  // promised, by key
  std::set<std::string> cancels_;
  std::map<std::string, std::string> answers_;

  Fold fold_;
  std::map<std::int64_t, std::string> leaves_;  // of all records seen
  std::int64_t acknowledged_ = 0;

  std::vector<std::string> violations_;
};

}  // namespace personas::simulation
