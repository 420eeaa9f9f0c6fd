// The dispatcher's queue: who runs next, by fairness between tenants, then between personas, then
// priority, then age (docs/decisions/0005-dispatch.md).
//
// A lane is one persona of one tenant (the empty persona is the lane of runs without one). Lanes
// take turns; within a lane the order is priority, then age. A lane at its limit of running
// executions waits aside, and so does an entry whose provider's gate is closed, or before which
// others of the same concurrency key take all places of that key. The queue is a
// WINDOW on the store: a lane caches at most kLaneWindow entries, its best ones (held ones count);
// `take_refills` lists lanes that should be read again.
//
// Pure: no clock, no I/O. Strand: the core's.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/execution/execution_store.hpp"

namespace personas::execution {

// A thousand cached entries per persona is minutes of work ahead; 100,000 queued rows must not be
// 100,000 objects in a 256 MB machine.
inline constexpr std::size_t kLaneWindow = 1'000;
// How many entries at the head of a lane are tried when the first fits no free worker.
inline constexpr std::size_t kHeadsTried = 16;

struct LaneKey {
  TenantId tenant;
  PersonaId persona;
  auto operator<=>(const LaneKey&) const = default;
};

// A provider's account of a tenant; see QueuedExecution::gate.
struct GateKey {
  TenantId tenant;
  std::string account;
  auto operator<=>(const GateKey&) const = default;
};

// A concurrency key of a tenant; see ConcurrencyKey.
struct KeyOf {
  TenantId tenant;
  std::string key;
  auto operator<=>(const KeyOf&) const = default;
};

class FairQueue {
 public:
  explicit FairQueue(std::int64_t tenant_limit) : tenant_limit_(tenant_limit) {}

  // Adds an entry, unless the lane's window is full of better ones. Known ids are replaced.
  void insert(QueuedExecution entry, Timestamp now);
  // False if it was not cached.
  bool erase(const ExecutionId& id);
  const QueuedExecution* find(const ExecutionId& id) const;
  std::size_t size() const { return index_.size(); }

  // Moves entries whose not_before has come into their lanes.
  void release_due(Timestamp now);
  std::optional<Timestamp> next_due() const;

  // Gates. Behind a closed one entries are held: they keep their place, but are not taken.
  void close_gate(const GateKey& gate);
  void open_gate(const GateKey& gate);
  // The store has made due what was parked behind the gate: forgets that it was not, and has the
  // tenant's lanes read again.
  void unpark(const GateKey& gate);

  // Limits. A running execution counts for its lane, its tenant and its key from take() until
  // finished().
  void set_lane_limit(const LaneKey& lane, std::int64_t limit);
  void count_running(const QueuedExecution& entry);  // adopted at start, not taken from the queue
  void finished(const QueuedExecution& entry);
  std::int64_t running(const LaneKey& lane) const;
  std::int64_t running(const TenantId& tenant) const;
  std::int64_t running_of_key(const QueuedExecution& entry) const;
  std::int64_t lane_limit(const LaneKey& lane) const;
  std::int64_t tenant_limit() const { return tenant_limit_; }

  // Takes the next entry for which `fits` says yes, in fair order; nullopt if there is none.
  // `fits` may be called for several entries. The entry counts as running afterwards.
  template <class Fits>
  std::optional<QueuedExecution> take(Fits&& fits);

  // ---- the window ----
  // Lanes whose cache ran low while the store has more.
  std::vector<LaneKey> take_refills();
  // The store's answer: the lane's best queued entries (kLaneWindow at most, due ones only),
  // whether it has more, and when the next one that is not due yet becomes due.
  void refilled(const LaneKey& lane, std::vector<QueuedExecution> entries, bool more,
                std::optional<Timestamp> next_not_before, Timestamp now);
  // Says that the store has entries of this lane that are not cached.
  void mark_more(const LaneKey& lane);

 private:
  struct Before {
    bool operator()(const QueuedExecution* a, const QueuedExecution* b) const;
  };
  struct Tenant;
  struct Lane {
    LaneKey key;
    Tenant* tenant = nullptr;
    std::set<QueuedExecution*, Before> ready;
    std::set<QueuedExecution*, Before> held;  // by a closed gate, or by others of its key
    std::int64_t running = 0;
    std::int64_t limit = 0;  // 0: none
    bool in_ring = false;
    bool more_in_store = false;
    bool refilling = false;
    bool missed = false;  // an entry was left to the store while a refill was under way
    std::size_t cached() const { return ready.size() + held.size(); }
  };
  struct Tenant {
    std::deque<Lane*> ring;  // lanes with ready entries, below their limit
    std::int64_t running = 0;
    bool in_ring = false;
  };

  // Entries of one key over all lanes. Those that are ready have a place among those that may run.
  struct Key {
    std::set<QueuedExecution*, Before> entries;  // cached and due
    std::size_t ready = 0;                       // of the entries
    std::int64_t running = 0;
  };

  Lane& lane_of(const LaneKey& key);
  static std::optional<KeyOf> key_of(const QueuedExecution& entry);
  void count(const QueuedExecution& entry, std::int64_t change);
  void gate_moved(const GateKey& gate, bool is_open);
  bool gate_is_closed(const QueuedExecution& entry) const;
  void set_ready(QueuedExecution& entry, bool ready);
  // Gives the places of the key to its first entries. Whoever changes the one or the other calls.
  void share_out(const KeyOf& key);
  void take_up(QueuedExecution& entry);
  void place(std::unique_ptr<QueuedExecution> entry, Timestamp now);
  void enlist(Lane& lane);
  void forget(const QueuedExecution* entry);
  bool lane_open(const Lane& lane) const;
  const QueuedExecution* worst_of(const Lane& lane) const;
  void maybe_refill(Lane& lane);

  std::int64_t tenant_limit_;  // 0: none
  std::map<LaneKey, std::unique_ptr<Lane>> lanes_;
  std::unordered_map<TenantId, Tenant> tenants_;
  std::deque<Tenant*> ring_;   // tenants with a non-empty ring
  std::map<KeyOf, Key> keys_;  // of which entries are cached or run
  std::set<GateKey> closed_;
  std::unordered_map<ExecutionId, std::unique_ptr<QueuedExecution>> index_;
  std::multimap<Timestamp, ExecutionId> delayed_;    // cached entries that are not due
  std::multimap<Timestamp, LaneKey> delayed_lanes_;  // lanes to read again then
  std::vector<LaneKey> refills_;
};

template <class Fits>
std::optional<QueuedExecution> FairQueue::take(Fits&& fits) {
  for (std::size_t tenants_left = ring_.size(); tenants_left > 0; --tenants_left) {
    Tenant* tenant = ring_.front();
    ring_.pop_front();
    std::optional<QueuedExecution> taken;
    const bool tenant_open = tenant_limit_ == 0 || tenant->running < tenant_limit_;
    for (std::size_t lanes_left = tenant_open ? tenant->ring.size() : 0; lanes_left > 0 && !taken;
         --lanes_left) {
      Lane* lane = tenant->ring.front();
      tenant->ring.pop_front();
      std::size_t tried = 0;
      for (auto it = lane->ready.begin(); it != lane->ready.end() && tried < kHeadsTried;
           ++it, ++tried) {
        if (!fits(**it)) continue;
        taken = **it;
        count(*taken, 1);
        forget(*it);
        break;
      }
      lane->in_ring = lane_open(*lane);
      if (lane->in_ring) tenant->ring.push_back(lane);
      maybe_refill(*lane);
    }
    tenant->in_ring = !tenant->ring.empty();
    if (tenant->in_ring) ring_.push_back(tenant);
    if (taken) return taken;
  }
  return std::nullopt;
}

}  // namespace personas::execution
