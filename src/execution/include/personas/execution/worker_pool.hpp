// The connected workers and their slots. Pure; strand: the core's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/execution/execution_store.hpp"

namespace personas::execution {

// What the promises of the protocol hang on: full workers keep runs over a broken connection.
enum class WorkerKind : std::uint8_t { kFull, kSeed };

struct WorkerInfo {
  WorkerId id;
  std::string instance;  // empty for seed workers
  WorkerKind kind = WorkerKind::kFull;
  std::string version;
  std::string sandbox;
  std::int64_t slots = 1;
  std::vector<std::string> capabilities;
  std::map<std::string, std::string> labels;
  Timestamp connected_at;
  std::map<std::string, std::string> agent_versions;  // by backend; for people
};

class WorkerPool {
 public:
  struct Worker {
    WorkerInfo info;
    std::int64_t used = 0;   // slots held by claims and leases
    std::int64_t ready = 0;  // how many assignments it said it takes now
    bool connected = false;
    bool accepting = false;  // it has said `ready` on this connection
    // It said that it takes nothing more: only its own word opens it again, not a slot that is
    // free.
    bool closed = false;
    Instant last_used;
    std::int64_t free() const {
      return connected && accepting ? std::min(info.slots - used, ready) : 0;
    }
  };

  // A new or returning worker; slots in use are kept (its leases live on).
  Worker& join(WorkerInfo info);
  void leave(const WorkerId& id);
  void forget(const WorkerId& id);  // no lease is left and it is gone
  // The worker's own word lowers our count, never raises it above its slots.
  void set_ready(const WorkerId& id, std::int64_t available);
  void take_slot(const WorkerId& id, Instant now);
  void give_slot(const WorkerId& id);

  const Worker* find(const WorkerId& id) const;
  bool any_free() const { return !free_.empty(); }
  const std::unordered_map<WorkerId, Worker>& all() const { return workers_; }

  // The least loaded worker that offers what the entry needs; `skip` holds back-off after `busy`.
  const Worker* choose(const QueuedExecution& entry, const std::set<WorkerId>& skip) const;
  // Whether any connected worker could ever run it.
  bool any_capable(const QueuedExecution& entry) const;
  static bool offers(const WorkerInfo& worker, const QueuedExecution& entry);

 private:
  struct FreeKey {
    std::int64_t free;
    Instant last_used;
    WorkerId id;
    // Most free slots first, then the one that rested longest.
    bool operator<(const FreeKey& other) const {
      if (free != other.free) return free > other.free;
      if (last_used != other.last_used) return last_used < other.last_used;
      return id < other.id;
    }
  };
  // Applies a change to a worker and keeps the free set in step.
  template <class Change>
  void update(const WorkerId& id, Change&& change);

  std::unordered_map<WorkerId, Worker> workers_;
  std::set<FreeKey> free_;
};

}  // namespace personas::execution
