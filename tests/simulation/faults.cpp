// The world's bad luck, and its end.
#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "world.hpp"

namespace personas::simulation {

void World::trouble() {
  if (peace_) return;
  scheduler_.after(between(random_, milliseconds(100), seconds(6)), [this] {
    if (peace_) return;
    plant();
    one_fault();
    trouble();
  });
}

void World::one_fault() {
  const auto what = random_.below(100);
  if (what < 25) {
    fault_of_orchestrator();
  } else if (what < 50) {
    fault_of_worker(some_worker());
  } else if (what < 75) {
    fault_of_network(some_worker().name());
  } else if (what < 85) {
    fault_of_clock();
  } else if (what < 95) {
    fault_of_disk();
  } else {
    swizzle();
  }
}

void World::fault_of_orchestrator() {
  const auto down = between(random_, milliseconds(50), seconds(25));
  switch (random_.below(7)) {
    case 6:
      return replace_orchestrator();
    case 0:
      observer_.count("orchestrator killed");
      return end_orchestrator(Power::kOn, down);
    case 1:
      observer_.count("orchestrator's power cut");
      return end_orchestrator(Power::kCut, down);
    case 2:
      return stop_orchestrator();
    case 3: {
      if (!orchestrator_) return;
      observer_.count("orchestrator frozen");
      const auto process = orchestrator_->process();
      process->freeze();
      return scheduler_.after(between(random_, milliseconds(100), seconds(30)),
                              [process] { process->thaw(); });
    }
    default:
      // In the middle of what it does to its disk.
      next_end_ = chance(random_, 70) ? Power::kCut : Power::kOn;
      disk_.stop_at(1 + random_.below(60));
  }
}

void World::fault_of_worker(WorkerNode& worker) {
  if (chance(random_, 5) && departs(worker)) return;
  const auto down = between(random_, milliseconds(300), seconds(40));
  const auto boot_later = [this, &worker, down] {
    scheduler_.after(down, [&worker] { worker.boot(); });
  };
  switch (random_.below(5)) {
    case 0:
      observer_.count("workers killed");
      worker.die(WorkerNode::Death::kKilled);
      return boot_later();
    case 1:
      observer_.count("workers' power cut");
      worker.die(WorkerNode::Death::kPowerCut);
      return boot_later();
    case 2:
      return worker.stop(between(random_, Duration::zero(), seconds(20)));
    default:
      observer_.count("workers frozen");
      // A supervisor that sleeps is only seen if its worker stays away for long.
      worker.freeze(between(random_, milliseconds(100),
                            plants_.agents.supervisor_sleeps ? minutes(4) : seconds(40)));
  }
}

// Somebody has to be left.
bool World::departs(WorkerNode& worker) {
  const auto left =
      std::ranges::count_if(workers_, [](const auto& one) { return !one->departed(); });
  if (left < 2 || worker.departed()) return false;
  observer_.count("workers gone for good");
  worker.depart();
  return true;
}

void World::fault_of_network(const std::string& worker) {
  const auto time = between(random_, milliseconds(50), seconds(35));
  switch (random_.below(4)) {
    case 0:
      observer_.count("connections cut");
      return network_.cut(worker, Network::Loss::kTold);
    case 1:
      observer_.count("connections swallowed");
      return network_.cut(worker, Network::Loss::kUntold);
    case 2:
      observer_.count("connections stalled");
      return network_.stall(worker, time);
    default:
      observer_.count("partitions");
      if (chance(random_, 70)) return network_.separate(worker, time);
      for (const auto& one : workers_) network_.separate(one->name(), time);
  }
}

// Clogs one connection after the other, and lets them go in another order.
void World::swizzle() {
  observer_.count("swizzle-clogs");
  for (const auto& worker : workers_) {
    if (chance(random_, 30)) continue;
    const auto from = between(random_, Duration::zero(), seconds(8));
    const auto time = between(random_, seconds(1), seconds(20));
    scheduler_.after(from, [this, name = worker->name(), time] {
      if (!peace_) network_.stall(name, time);
    });
  }
}

void World::fault_of_clock() {
  observer_.count("wall clocks jumped");
  // Rare: what was put off by a wrong clock waits as long, and a seed does nothing else meanwhile.
  const bool far = chance(random_, 4);
  auto by = between(random_, seconds(1), far ? Duration(hours(23)) : Duration(minutes(10)));
  if (chance(random_, 50)) by = -by;
  auto& machine = chance(random_, 60) ? machine_ : some_worker().machine();
  // From one wrong time to the right one, or to another wrong one.
  machine.set_wall_right();
  if (chance(random_, 75)) machine.jump_wall(by);
}

void World::fault_of_disk() {
  if (chance(random_, 25)) {
    observer_.count("syncs failed");
    return disk_.fail_next_sync();
  }
  if (disk_.full()) return;
  observer_.count("disks full");
  disk_.set_full(true);
  scheduler_.after(between(random_, milliseconds(100), seconds(15)),
                   [this] { disk_.set_full(false); });
}

void World::heal() {
  observer_.trace("everything heals");
  peace_ = true;
  peace_since_ = scheduler_.now();
  // Some are lost in the last moment, so that peace begins with leases of nobody.
  if (chance(random_, 30)) departs(some_worker());
  if (plants_.net_stays_down) {
    for (const auto& worker : workers_) network_.separate(worker->name(), hours(1000));
    return;
  }
  users_.calm();
  agents_.heal();
  disk_.heal();
  network_.heal();
  network_.weather().max_delay = milliseconds(20);
  machine_.set_wall_right();
  if (orchestrator_) orchestrator_->process()->thaw();
  for (const auto& worker : workers_) {
    worker->machine().set_wall_right();
    worker->thaw();
    worker->boot();
  }
}

// ---- what is planted ----------------------------------------------------------------------------

void World::plant() {
  if (plants_.address_in_trace) {
    const auto here = reinterpret_cast<std::uintptr_t>(this);
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    observer_.trace(fmt::format("{} {}", here, now));
  }
  if (planted_ || !orchestrator_ || !orchestrator_->ready()) return;
  static const store::Sql kRow(
      "UPDATE executions SET attempt = attempt + 1 WHERE status = 'completed'");
  static const store::Sql kRecord(
      "DELETE FROM journal WHERE position = (SELECT min(position) FROM journal WHERE type = "
      "'execution.queued')");
  static const store::Sql kExecution("DELETE FROM executions WHERE status = 'queued'");
  static const store::Sql kFall(
      "INSERT INTO journal (position, tenant_id, at, type, execution_id, persona_id, record, leaf) "
      "SELECT 0, tenant_id, at, type, execution_id, persona_id, record, x'01' FROM journal "
      "ORDER BY position DESC LIMIT 1");
  static const store::Sql kMeter("UPDATE metering SET executions = executions + 1");
  static const store::Sql kStale(
      "INSERT INTO journal (position, tenant_id, at, type, execution_id, persona_id, record, leaf) "
      "SELECT (SELECT max(position) + 1 FROM journal), j.tenant_id, j.at, j.type, j.execution_id, "
      "j.persona_id, j.record, x'01' FROM journal j JOIN executions e ON e.id = j.execution_id "
      "WHERE j.type = 'execution.output' AND e.status = 'completed' ORDER BY j.position LIMIT 1");
  static const store::Sql kForgotten(
      "UPDATE executions SET event_id = NULL WHERE status = 'completed' AND event_id IN "
      "(SELECT id FROM events WHERE event_type LIKE 'stream%')");
  static const store::Sql kDoubled(
      "UPDATE executions SET event_id = (SELECT id FROM events WHERE event_type LIKE 'stream%' "
      "LIMIT 1) WHERE event_id IS NULL AND EXISTS (SELECT 1 FROM events WHERE event_type LIKE "
      "'stream%')");
  static const store::Sql kRepeated(
      "UPDATE events SET payload = '{\"n\":0}' WHERE event_type LIKE 'stream%'");
  static const store::Sql kSlot("UPDATE trigger_firings SET slot = slot + 1");
  const store::Sql* sql = plants_.row_changes       ? &kRow
                          : plants_.record_vanishes ? &kRecord
                          : plants_.meter_slips     ? &kMeter
                          : plants_.stale_frame     ? &kStale
                          : plants_.position_falls  ? &kFall
                          : plants_.execution_lost  ? &kExecution
                          : plants_.run_forgotten   ? &kForgotten
                          : plants_.run_doubled     ? &kDoubled
                          : plants_.event_repeated  ? &kRepeated
                          : plants_.slot_skipped    ? &kSlot
                                                    : nullptr;
  if (sql == nullptr) return;
  // Behind the back of everybody who keeps rules.
  const auto done = orchestrator_->store().write_now([&](store::Transaction& tx) -> Result<void> {
    TRY(const auto rows, tx.execute(*sql, {}));
    planted_ = rows > 0;
    observer_.look(tx);
    return {};
  });
  if (!done) observer_.violate("cannot plant: " + done.error().message);
  // What is behind the observer's back is seen when it looks at everything.
  if (planted_) end_orchestrator(Power::kOn, seconds(1));
}

}  // namespace personas::simulation
