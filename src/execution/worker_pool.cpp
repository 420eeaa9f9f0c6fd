#include "personas/execution/worker_pool.hpp"

#include <algorithm>
#include <cassert>

namespace personas::execution {

template <class Change>
void WorkerPool::update(const WorkerId& id, Change&& change) {
  const auto found = workers_.find(id);
  if (found == workers_.end()) return;
  Worker& worker = found->second;
  if (worker.free() > 0) free_.erase({worker.free(), worker.last_used, id});
  change(worker);
  if (worker.free() > 0) free_.insert({worker.free(), worker.last_used, id});
}

WorkerPool::Worker& WorkerPool::join(WorkerInfo info) {
  const WorkerId id = info.id;
  workers_.try_emplace(id);
  update(id, [&](Worker& worker) {
    worker.info = std::move(info);
    worker.connected = true;
    worker.accepting = false;
    worker.ready = 0;
  });
  return workers_.at(id);
}

void WorkerPool::leave(const WorkerId& id) {
  update(id, [](Worker& worker) {
    worker.connected = false;
    worker.accepting = false;
    worker.ready = 0;
  });
}

void WorkerPool::forget(const WorkerId& id) {
  update(id, [](Worker& worker) { worker.connected = false; });
  workers_.erase(id);
}

void WorkerPool::set_ready(const WorkerId& id, std::int64_t available) {
  update(id, [&](Worker& worker) {
    worker.accepting = true;
    worker.closed = available <= 0;
    worker.ready = std::clamp<std::int64_t>(available, 0, worker.info.slots);
  });
}

void WorkerPool::take_slot(const WorkerId& id, Instant now) {
  update(id, [&](Worker& worker) {
    ++worker.used;
    if (worker.ready > 0) --worker.ready;
    worker.last_used = now;
  });
}

void WorkerPool::give_slot(const WorkerId& id) {
  update(id, [](Worker& worker) {
    assert(worker.used > 0);
    --worker.used;
    // A full worker's slot is free again with its run; a seed worker says `ready` itself.
    if (worker.info.kind != WorkerKind::kFull || worker.closed) return;
    if (worker.ready < worker.info.slots) ++worker.ready;
  });
}

const WorkerPool::Worker* WorkerPool::find(const WorkerId& id) const {
  const auto found = workers_.find(id);
  return found == workers_.end() ? nullptr : &found->second;
}

bool WorkerPool::offers(const WorkerInfo& worker, const QueuedExecution& entry) {
  const auto has = [&](const std::string& capability) {
    return std::find(worker.capabilities.begin(), worker.capabilities.end(), capability) !=
           worker.capabilities.end();
  };
  // Seed workers know one backend, Claude Code, and do not say so.
  const bool runs_backend =
      has(entry.backend) || (worker.kind == WorkerKind::kSeed && entry.backend == "claude");
  if (!runs_backend) return false;
  for (const auto& capability : entry.capabilities) {
    if (!has(capability)) return false;
  }
  for (const auto& [name, value] : entry.labels) {
    const auto label = worker.labels.find(name);
    if (label == worker.labels.end() || label->second != value) return false;
  }
  return true;
}

const WorkerPool::Worker* WorkerPool::choose(const QueuedExecution& entry,
                                             const std::set<WorkerId>& skip) const {
  for (const auto& key : free_) {
    const Worker& worker = workers_.at(key.id);
    if (!skip.contains(key.id) && offers(worker.info, entry)) return &worker;
  }
  return nullptr;
}

bool WorkerPool::any_capable(const QueuedExecution& entry) const {
  return std::any_of(workers_.begin(), workers_.end(), [&](const auto& item) {
    return item.second.connected && offers(item.second.info, entry);
  });
}

}  // namespace personas::execution
