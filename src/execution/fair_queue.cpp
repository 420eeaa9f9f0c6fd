#include "personas/execution/fair_queue.hpp"

#include <cassert>
#include <tuple>

namespace personas::execution {

bool FairQueue::Before::operator()(const QueuedExecution* a, const QueuedExecution* b) const {
  return std::tuple(-a->priority, a->queued_at, std::string_view(a->id.str())) <
         std::tuple(-b->priority, b->queued_at, std::string_view(b->id.str()));
}

FairQueue::Lane& FairQueue::lane_of(const LaneKey& key) {
  auto& lane = lanes_[key];
  if (!lane) {
    lane = std::make_unique<Lane>();
    lane->key = key;
    lane->tenant = &tenants_[key.tenant];
  }
  return *lane;
}

bool FairQueue::lane_open(const Lane& lane) const {
  return !lane.ready.empty() && (lane.limit == 0 || lane.running < lane.limit);
}

void FairQueue::enlist(Lane& lane) {
  if (lane.in_ring || !lane_open(lane)) return;
  lane.in_ring = true;
  lane.tenant->ring.push_back(&lane);
  if (!lane.tenant->in_ring) {
    lane.tenant->in_ring = true;
    ring_.push_back(lane.tenant);
  }
}

void FairQueue::insert(QueuedExecution entry, Timestamp now) {
  erase(entry.id);
  place(std::make_unique<QueuedExecution>(std::move(entry)), now);
}

void FairQueue::place(std::unique_ptr<QueuedExecution> entry, Timestamp now) {
  Lane& lane = lane_of({entry->tenant, entry->persona});
  lane.limit = entry->max_concurrent;
  if (entry->not_before > now) {
    delayed_.emplace(entry->not_before, entry->id);
    index_.emplace(entry->id, std::move(entry));
    return;
  }
  const bool full = lane.cached() >= kLaneWindow;
  const QueuedExecution* worst = worst_of(lane);
  const bool beats_worst = worst != nullptr && Before{}(entry.get(), worst);
  // With more in the store, an entry behind the window has to wait for its turn there.
  if ((full || lane.more_in_store) && !beats_worst) {
    lane.more_in_store = true;
    lane.missed = lane.refilling;  // the answer under way may be older than this entry
    maybe_refill(lane);
    return;
  }
  if (full) {
    forget(worst);
    lane.more_in_store = true;
  }
  const bool shut = !closed_.empty() && closed_.contains({entry->tenant, entry->gate});
  (shut ? lane.held : lane.ready).insert(entry.get());
  index_.emplace(entry->id, std::move(entry));
  enlist(lane);
}

const QueuedExecution* FairQueue::worst_of(const Lane& lane) const {
  const QueuedExecution* ready = lane.ready.empty() ? nullptr : *std::prev(lane.ready.end());
  const QueuedExecution* held = lane.held.empty() ? nullptr : *std::prev(lane.held.end());
  if (ready == nullptr || held == nullptr) return ready != nullptr ? ready : held;
  return Before{}(ready, held) ? held : ready;
}

void FairQueue::forget(const QueuedExecution* entry) {
  Lane& lane = lane_of({entry->tenant, entry->persona});
  // `entry` is owned by the index: erase from the set first, while it is alive to be compared.
  lane.ready.erase(const_cast<QueuedExecution*>(entry));
  lane.held.erase(const_cast<QueuedExecution*>(entry));
  index_.erase(ExecutionId(entry->id));
}

bool FairQueue::erase(const ExecutionId& id) {
  const auto found = index_.find(id);
  if (found == index_.end()) return false;
  const auto [first, last] = delayed_.equal_range(found->second->not_before);
  for (auto it = first; it != last; ++it) {
    if (it->second == id) {
      delayed_.erase(it);
      break;
    }
  }
  Lane& lane = lane_of({found->second->tenant, found->second->persona});
  forget(found->second.get());
  maybe_refill(lane);
  return true;
}

const QueuedExecution* FairQueue::find(const ExecutionId& id) const {
  const auto found = index_.find(id);
  return found == index_.end() ? nullptr : found->second.get();
}

void FairQueue::release_due(Timestamp now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    auto node = index_.extract(delayed_.begin()->second);
    delayed_.erase(delayed_.begin());
    if (!node.empty()) place(std::move(node.mapped()), now);
  }
  while (!delayed_lanes_.empty() && delayed_lanes_.begin()->first <= now) {
    const LaneKey key = delayed_lanes_.begin()->second;
    delayed_lanes_.erase(delayed_lanes_.begin());
    mark_more(key);
  }
}

std::optional<Timestamp> FairQueue::next_due() const {
  std::optional<Timestamp> due;
  if (!delayed_.empty()) due = delayed_.begin()->first;
  if (!delayed_lanes_.empty() && (!due || delayed_lanes_.begin()->first < *due)) {
    due = delayed_lanes_.begin()->first;
  }
  return due;
}

void FairQueue::close_gate(const GateKey& gate) {
  if (!closed_.insert(gate).second) return;
  for (auto& [key, lane] : lanes_) {
    if (key.tenant != gate.tenant) continue;
    std::erase_if(lane->ready, [&](QueuedExecution* entry) {
      if (entry->gate != gate.account) return false;
      lane->held.insert(entry);
      return true;
    });
  }
}

void FairQueue::open_gate(const GateKey& gate) {
  if (closed_.erase(gate) == 0) return;
  for (auto& [key, lane] : lanes_) {
    if (key.tenant != gate.tenant) continue;
    std::erase_if(lane->held, [&](QueuedExecution* entry) {
      if (entry->gate != gate.account) return false;
      lane->ready.insert(entry);
      return true;
    });
    enlist(*lane);
  }
}

void FairQueue::unpark(const GateKey& gate) {
  std::vector<ExecutionId> parked;
  for (const auto& [due, id] : delayed_) {
    const QueuedExecution* entry = find(id);
    if (entry == nullptr || !entry->parked) continue;
    if (GateKey{entry->tenant, entry->gate} == gate) parked.push_back(id);
  }
  for (const auto& id : parked) erase(id);
  for (auto& [key, lane] : lanes_) {
    if (key.tenant == gate.tenant) mark_more(key);
  }
}

void FairQueue::set_lane_limit(const LaneKey& key, std::int64_t limit) {
  Lane& lane = lane_of(key);
  lane.limit = limit;
  for (auto* entry : lane.ready) entry->max_concurrent = limit;
  for (auto* entry : lane.held) entry->max_concurrent = limit;
  enlist(lane);
}

void FairQueue::count_running(const LaneKey& key) {
  Lane& lane = lane_of(key);
  ++lane.running;
  ++lane.tenant->running;
}

void FairQueue::finished(const LaneKey& key) {
  Lane& lane = lane_of(key);
  assert(lane.running > 0 && lane.tenant->running > 0);
  --lane.running;
  --lane.tenant->running;
  enlist(lane);
}

std::int64_t FairQueue::running(const LaneKey& key) const {
  const auto found = lanes_.find(key);
  return found == lanes_.end() ? 0 : found->second->running;
}

std::int64_t FairQueue::running(const TenantId& tenant) const {
  const auto found = tenants_.find(tenant);
  return found == tenants_.end() ? 0 : found->second.running;
}

std::int64_t FairQueue::lane_limit(const LaneKey& key) const {
  const auto found = lanes_.find(key);
  return found == lanes_.end() ? 0 : found->second->limit;
}

void FairQueue::maybe_refill(Lane& lane) {
  if (!lane.more_in_store || lane.refilling || lane.cached() > kLaneWindow / 2) return;
  lane.refilling = true;
  refills_.push_back(lane.key);
}

std::vector<LaneKey> FairQueue::take_refills() {
  return std::exchange(refills_, {});
}

void FairQueue::refilled(const LaneKey& key, std::vector<QueuedExecution> entries, bool more,
                         std::optional<Timestamp> next_not_before, Timestamp now) {
  Lane& lane = lane_of(key);
  lane.refilling = false;
  lane.more_in_store = false;
  for (auto& entry : entries) {
    if (!index_.contains(entry.id)) {
      place(std::make_unique<QueuedExecution>(std::move(entry)), now);
    }
  }
  lane.more_in_store = lane.more_in_store || more || std::exchange(lane.missed, false);
  maybe_refill(lane);
  if (next_not_before) delayed_lanes_.emplace(*next_not_before, key);
  enlist(lane);
}

void FairQueue::mark_more(const LaneKey& key) {
  Lane& lane = lane_of(key);
  lane.more_in_store = true;
  lane.missed = lane.refilling;
  maybe_refill(lane);
}

}  // namespace personas::execution
