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
  QueuedExecution& placed = *entry;
  index_.emplace(placed.id, std::move(entry));
  take_up(placed);
}

// An entry that is due, in its lane.
void FairQueue::take_up(QueuedExecution& entry) {
  if (!entry.concurrency) {
    set_ready(entry, !gate_is_closed(entry));
    return;
  }
  lane_of({entry.tenant, entry.persona}).held.insert(&entry);
  const auto key = key_of(entry);
  keys_[*key].entries.insert(&entry);
  share_out(*key);
}

std::optional<KeyOf> FairQueue::key_of(const QueuedExecution& entry) {
  if (!entry.concurrency) return std::nullopt;
  return KeyOf{entry.tenant, entry.concurrency->key};
}

bool FairQueue::gate_is_closed(const QueuedExecution& entry) const {
  return !closed_.empty() && closed_.contains({entry.tenant, entry.gate});
}

void FairQueue::set_ready(QueuedExecution& entry, bool ready) {
  Lane& lane = lane_of({entry.tenant, entry.persona});
  (ready ? lane.held : lane.ready).erase(&entry);
  (ready ? lane.ready : lane.held).insert(&entry);
  if (ready) enlist(lane);
}

// Strictly in order: an entry behind a closed gate keeps its place, and once one waits, those after
// it wait too, even if a later change of the subscription gave them a wider limit.
void FairQueue::share_out(const KeyOf& name) {
  const auto found = keys_.find(name);
  if (found == keys_.end()) return;
  Key& key = found->second;
  std::int64_t before = key.running;
  std::size_t ready_before = key.ready;  // those that are not looked at yet
  bool waits = false;
  for (QueuedExecution* entry : key.entries) {
    waits = waits || before >= entry->concurrency->limit;
    if (waits && ready_before == 0) break;  // all others wait already
    const bool was = lane_of({entry->tenant, entry->persona}).ready.contains(entry);
    const bool ready = !waits && !gate_is_closed(*entry);
    if (was) --ready_before;
    if (was != ready) {
      set_ready(*entry, ready);
      ready ? ++key.ready : --key.ready;
    }
    ++before;
  }
  if (key.running == 0 && key.entries.empty()) keys_.erase(found);
}

const QueuedExecution* FairQueue::worst_of(const Lane& lane) const {
  const QueuedExecution* ready = lane.ready.empty() ? nullptr : *std::prev(lane.ready.end());
  const QueuedExecution* held = lane.held.empty() ? nullptr : *std::prev(lane.held.end());
  if (ready == nullptr || held == nullptr) return ready != nullptr ? ready : held;
  return Before{}(ready, held) ? held : ready;
}

void FairQueue::forget(const QueuedExecution* entry) {
  Lane& lane = lane_of({entry->tenant, entry->persona});
  // `entry` is owned by the index: erase from the sets first, while it is alive to be compared.
  auto* cached = const_cast<QueuedExecution*>(entry);
  const bool was_ready = lane.ready.erase(cached) > 0;
  lane.held.erase(cached);
  const auto key = key_of(*entry);
  if (key) {
    if (const auto found = keys_.find(*key); found != keys_.end()) {
      found->second.entries.erase(cached);
      if (was_ready) --found->second.ready;
    }
  }
  index_.erase(ExecutionId(entry->id));
  if (key) share_out(*key);
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

// Those of the gate, in or out of the lanes' ready entries, as the gate now is.
void FairQueue::gate_moved(const GateKey& gate, bool is_open) {
  std::vector<QueuedExecution*> free;
  std::set<KeyOf> keys;
  for (auto& [name, lane] : lanes_) {
    if (name.tenant != gate.tenant) continue;
    for (QueuedExecution* entry : is_open ? lane->held : lane->ready) {
      if (entry->gate != gate.account) continue;
      if (auto key = key_of(*entry)) {
        keys.insert(std::move(*key));
      } else {
        free.push_back(entry);
      }
    }
  }
  for (QueuedExecution* entry : free) set_ready(*entry, is_open);
  for (const auto& key : keys) share_out(key);
}

void FairQueue::close_gate(const GateKey& gate) {
  if (closed_.insert(gate).second) gate_moved(gate, false);
}

void FairQueue::open_gate(const GateKey& gate) {
  if (closed_.erase(gate) > 0) gate_moved(gate, true);
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

void FairQueue::count(const QueuedExecution& entry, std::int64_t change) {
  Lane& lane = lane_of({entry.tenant, entry.persona});
  lane.running += change;
  lane.tenant->running += change;
  assert(lane.running >= 0 && lane.tenant->running >= 0);
  const auto key = key_of(entry);
  if (key) keys_[*key].running += change;
}

void FairQueue::count_running(const QueuedExecution& entry) {
  count(entry, 1);
  if (const auto key = key_of(entry)) share_out(*key);
}

void FairQueue::finished(const QueuedExecution& entry) {
  count(entry, -1);
  if (const auto key = key_of(entry)) share_out(*key);
  enlist(lane_of({entry.tenant, entry.persona}));
}

std::int64_t FairQueue::running_of_key(const QueuedExecution& entry) const {
  const auto key = key_of(entry);
  const auto found = key ? keys_.find(*key) : keys_.end();
  return found == keys_.end() ? 0 : found->second.running;
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
