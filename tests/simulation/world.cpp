#include "world.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace personas::simulation {
namespace {

// Peace has to bring everything to its end within this: dead connections are noticed (11 s), leases
// end (18 s), agents that hang reach their limits (minutes), questions expire, gates open; and one
// slot may have to do all the rest, one after the other.
constexpr Duration kPatience = minutes(60);
constexpr Duration kPatiencePerExecution = minutes(4);
// What was put off while a wall clock was wrong waits until the right one has come there.
constexpr Duration kLongestJump = hours(23);
constexpr Duration kStartTime = minutes(5);
// From peace until nothing is held by a worker that is gone: an orchestrator that is just down
// starts again (25 s) and gives everything a lease (18 s).
constexpr Duration kGivenAway = seconds(60);

Disk::Image& image() {
  static Disk::Image once = migrated_image();
  return once;
}

// How wrong clocks run: some parts in a million, as crystals do.
std::int64_t drift(Random& random) {
  return static_cast<std::int64_t>(random.below(401)) - 200;
}

}  // namespace

World::World(std::uint64_t seed, WorldPlants plants)
    : plants_(plants),
      random_(seed),
      began_(scheduler_.now()),
      observer_(scheduler_),
      network_(scheduler_, random_,
               [this](const std::string& worker, Side from, const std::string& text) {
                 observer_.count("frames");
                 observer_.trace(fmt::format("frame {} {} {}", worker,
                                             from == Side::kWorker ? "up" : "down", text.size()));
               }),
      agents_(seed, observer_, plants.agents),
      machine_(scheduler_, drift(random_), seconds(1000)),
      disk_(random_),
      users_(scheduler_, random_, observer_,
             [this] { return orchestrator_ && !disk_.stopped() ? orchestrator_.get() : nullptr; }) {
  const auto& prepared = image();
  // SQLite draws from a generator of the whole process.
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, static_cast<int>(seed % 1'000'000) + 1, nullptr);
  disk_.load(prepared);
  if (plants_.disk_lies) disk_.set_sync(Disk::Sync::kLies);
  if (chance(random_, 25)) network_.weather().max_delay = seconds(1);
  if (chance(random_, 30)) options_.tenant_limit = 1 + static_cast<std::int64_t>(random_.below(4));
  if (chance(random_, 20)) options_.max_queued = 3;
  observer_.limits.tenant = options_.tenant_limit;
  make_workers();
}

World::~World() {
  if (orchestrator_) orchestrator_->kill();
  for (const auto& old : replaced_) old->kill();
}

void World::make_workers() {
  const auto count = 1 + random_.below(4);
  for (std::uint64_t i = 0; i < count; ++i) {
    WorkerNode::Options options;
    options.name = fmt::format("wrk_{}", i);
    options.slots = 1 + random_.below(3);
    options.drift = drift(random_);
    if (chance(random_, 25)) options.spool = {.pause_run = 32 * 1024, .pause_total = 64 * 1024};
    workers_.push_back(
        std::make_unique<WorkerNode>(scheduler_, random_, network_, agents_, observer_, options));
    if (plants_.limits_lie) observer_.limits.slots[options.name] = options.slots - 1;
  }
}

std::vector<Users::Persona> World::personas() {
  std::vector<Users::Persona> all;
  const auto count = 1 + random_.below(3);
  for (std::uint64_t i = 0; i < count; ++i) {
    Users::Persona one;
    one.name = fmt::format("persona {}", i);
    one.limit = 1 + static_cast<std::int64_t>(random_.below(4));
    const bool claude = chance(random_, 65);
    constexpr std::array kPolicies = {"risky", "hold", "never"};
    constexpr std::array kOnQuota = {"park", "fail", "fallback"};
    one.body = fmt::format(
        R"({{"name":"{}","backend":"{}","maxConcurrent":{},"timeoutMs":{},"reviewTimeoutMs":{},)"
        R"("reviewPolicy":"{}","onQuota":"{}","systemPrompt":"work","permissionPolicy":{}{}{}{}}})",
        one.name, claude ? "claude" : "command", one.limit, 20'000 + random_.below(280'000),
        2'000 + random_.below(120'000), kPolicies[random_.below(3)], kOnQuota[random_.below(3)],
        claude ? "{}" : R"({"command":["agent"]})",
        chance(random_, 40) ? R"(,"idleTimeoutMs":15000)" : "",
        chance(random_, 15) ? R"(,"maxOutputBytes":20000)" : "",
        chance(random_, 60) ? R"(,"retry":{"maxAttempts":4,"initialBackoffMs":500})" : "");
    all.push_back(std::move(one));
  }
  return all;
}

// ---- the course of it ---------------------------------------------------------------------------

std::string World::run() {
  boot();
  for (const auto& worker : workers_) worker->boot();
  users_.make_personas(personas());
  if (!run_until([this] { return users_.ready(); }, kStartTime)) {
    return "it does not start\n" + stuck();
  }
  const std::size_t executions = 1 + random_.below(chance(random_, 10) ? 40 : 12);
  const Duration time = between(random_, seconds(5), seconds(chance(random_, 10) ? 600 : 90));
  // What is asked for at once and what one transaction starts is counted when it is committed.
  observer_.limits.queued = options_.max_queued + 2 * static_cast<std::int64_t>(executions) +
                            users_.wake_personas(machine_.wall(), time);
  if (plants_.limits_lie) {
    for (auto& [id, limit] : observer_.limits.persona) limit = 0;
  }
  users_.begin(executions, time);
  const Instant heal_at = scheduler_.now() + time;
  trouble();
  run_until([&] { return scheduler_.now() >= heal_at; }, time);
  if (observer_.violations().empty()) heal();
  const auto patience =
      kPatience + kLongestJump + static_cast<Duration::rep>(executions) * kPatiencePerExecution;
  const bool over = run_until([this] { return users_.content() && all_over(); }, patience);
  if (over) {
    const auto looked =
        orchestrator_->store().read_now([this](store::Transaction& tx) -> Result<void> {
          observer_.look_at_all(tx, Observer::Moment::kEnd);
          return {};
        });
    if (!looked) observer_.violate("the end cannot be read: " + looked.error().message);
  }
  observer_.count("sectors torn", disk_.torn());
  observer_.count("writes refused by a full disk", disk_.refused());
  std::string report;
  for (const auto& violation : observer_.violations()) report += violation + "\n";
  if (report.empty() && !over) report = "not everything came to its end\n";
  if (!report.empty()) {
    report +=
        fmt::format("at {:.3f} s\n", static_cast<double>(virtual_time().count()) / 1e6) + stuck();
  }
  return report;
}

bool World::run_until(const std::function<bool()>& done, Duration most) {
  const Instant end = scheduler_.now() + most;
  while (observer_.violations().empty()) {
    // Looking into the database costs more than a step does.
    if (steps_ % 32 == 0 && done()) return true;
    if (!step(end)) return done();
  }
  return false;
}

bool World::step(Instant end) {
  if (!scheduler_.step(end)) return false;
  ++steps_;
  if (orchestrator_ && disk_.stopped()) {
    observer_.count("orchestrator ended between two steps of its disk");
    end_orchestrator(next_end_, between(random_, milliseconds(50), seconds(20)));
  }
  if (orchestrator_ && orchestrator_->wants_to_end()) {
    observer_.count("orchestrator ended by its disk");
    end_orchestrator(Power::kCut, between(random_, milliseconds(50), seconds(5)));
  }
  if (steps_ % 16 == 0) {
    for (const auto& worker : workers_) worker->look();
  }
  return true;
}

bool World::all_over() {
  if (!peace_ || !orchestrator_ || !orchestrator_->ready()) return false;
  check_departed();
  static const store::Sql kOpen(
      "SELECT (SELECT count(*) FROM executions WHERE status = 'queued' OR status = 'running') + "
      "(SELECT count(*) FROM events WHERE status IN ('pending', 'processing', 'partial', "
      "'failed')) + (SELECT count(*) FROM triggers WHERE next_slot IS NOT NULL)");
  std::int64_t open = -1;
  const auto looked = orchestrator_->store().read_now([&](store::Transaction& tx) -> Result<void> {
    TRY_VOID(tx.query(kOpen, {}, [&](const store::Row& row) -> Result<bool> {
      open = row.integer(0);
      return false;
    }));
    return {};
  });
  return looked.has_value() && open == 0;
}

// A run goes on elsewhere because of its lease, long before any limit of its own.
void World::check_departed() {
  if (scheduler_.now() < peace_since_ + kGivenAway) return;
  static const store::Sql kHeld(
      "SELECT id FROM executions WHERE status = 'running' AND parked IS NULL AND worker_id = ?");
  for (const auto& worker : workers_) {
    if (!worker->departed()) continue;
    const auto looked =
        orchestrator_->store().read_now([&](store::Transaction& tx) -> Result<void> {
          TRY_VOID(tx.query(kHeld, {worker->name()}, [&](const store::Row& row) -> Result<bool> {
            observer_.violate(fmt::format("{} is still given to {}, which is gone for good",
                                          row.text(0), worker->name()));
            return false;
          }));
          return {};
        });
    if (!looked) observer_.violate("check_departed: " + looked.error().message);
  }
}

std::string World::stuck() {
  std::string text;
  for (const auto& worker : workers_) text += worker->describe() + "\n";
  if (!orchestrator_) return text + "the orchestrator is down\n";
  static const store::Sql kOpen(
      "SELECT id, status, attempt, parked, not_before, worker_id FROM executions WHERE status = "
      "'queued' OR status = 'running' ORDER BY id");
  const auto now = machine_.wall();
  const auto looked = orchestrator_->store().read_now([&](store::Transaction& tx) -> Result<void> {
    TRY_VOID(tx.query(kOpen, {}, [&](const store::Row& row) -> Result<bool> {
      text += fmt::format("{} {} attempt {} parked {} not before {:.1f} s worker {}\n", row.text(0),
                          row.text(1), row.integer(2), row.text(3),
                          static_cast<double>(row.integer(4) - now.micros) / 1e6, row.text(5));
      return true;
    }));
    return {};
  });
  if (!looked) text += "the database cannot be read: " + looked.error().message + "\n";
  return text;
}

// ---- the orchestrator ---------------------------------------------------------------------------

void World::boot() {
  if (orchestrator_) return;
  ++generation_;
  stopping_ = false;
  observer_.trace("orchestrator boots");
  const auto failed_before = disk_.failed_syncs();
  auto made = Orchestrator::boot({machine_, random_, disk_, network_, observer_}, options_);
  if (!made) {
    // A disk may refuse it; then it is tried again, as a service manager does.
    observer_.count("starts refused by the disk");
    const bool sync_failed = disk_.failed_syncs() > failed_before;
    disk_.finish(sync_failed ? Disk::End::kPowerCut : Disk::End::kKilled);
    if (!disk_.full() && !sync_failed)
      observer_.violate("it does not start: " + made.error().message);
    scheduler_.after(seconds(2), [this] { boot(); });
    return;
  }
  orchestrator_ = std::move(*made);
}

void World::end_orchestrator(Power power, Duration down) {
  if (!orchestrator_) return;
  observer_.trace(power == Power::kCut ? "power cut" : "orchestrator killed");
  const auto process = orchestrator_->process();
  if (power == Power::kCut) {
    for (const auto& worker : workers_) network_.cut(worker->name(), Network::Loss::kUntold);
  } else {
    network_.ended(process);
  }
  orchestrator_->kill();
  orchestrator_.reset();
  disk_.finish(power == Power::kCut ? Disk::End::kPowerCut : Disk::End::kKilled);
  scheduler_.after(down, [this] { boot(); });
}

void World::stop_orchestrator() {
  if (!orchestrator_ || !orchestrator_->ready() || std::exchange(stopping_, true)) return;
  orchestrator_->stop([this, generation = generation_] {
    scheduler_.after(milliseconds(1), [this, generation] {
      if (generation != generation_ || !orchestrator_) return;
      observer_.count("orchestrator stopped in order");
      end_orchestrator(Power::kOn, between(random_, milliseconds(50), seconds(5)));
    });
  });
}

// The process stands still while things arrive for it, and is taken for dead: another one is
// started on its files. Then it goes on, with what it had in hand and what has arrived, and does
// not know.
void World::replace_orchestrator() {
  if (!orchestrator_ || !orchestrator_->ready() || stopping_) return;
  orchestrator_->process()->freeze();
  scheduler_.after(between(random_, milliseconds(10), seconds(3)), [this, now = generation_] {
    if (peace_ || now != generation_ || !orchestrator_ || disk_.stopped() ||
        orchestrator_->wants_to_end()) {
      return;  // it has ended otherwise; or peace has thawed it
    }
    observer_.count("orchestrators replaced while they lived");
    observer_.trace("orchestrator replaced");
    // Some workers come to the new one at once, with what they run or, as other instances, without:
    // then another attempt may be there when the old one says its word.
    for (const auto& worker : workers_) {
      const bool told = chance(random_, 60);
      network_.cut(worker->name(), told ? Network::Loss::kTold : Network::Loss::kUntold);
      if (!chance(random_, 50)) continue;
      worker->die(WorkerNode::Death::kKilled);
      scheduler_.after(between(random_, milliseconds(300), seconds(4)),
                       [node = worker.get()] { node->boot(); });
    }
    network_.listen({}, {});
    orchestrator_->outlive([this]() -> VirtualStore* {
      return orchestrator_ && orchestrator_->ready() ? &orchestrator_->store() : nullptr;
    });
    std::shared_ptr<Orchestrator> old = std::move(orchestrator_);
    disk_.finish(Disk::End::kKilled);
    replaced_.push_back(old);
    scheduler_.after(between(random_, milliseconds(50), seconds(3)), [this] { boot(); });
    let_old_one_speak(std::move(old));
  });
}

void World::let_old_one_speak(std::shared_ptr<Orchestrator> old) {
  const auto wait = between(random_, milliseconds(100), seconds(40));
  scheduler_.after(wait, [old] { old->process()->thaw(); });
  scheduler_.after(wait + seconds(5), [this, old] {
    network_.ended(old->process());
    old->kill();
    std::erase(replaced_, old);
  });
}

}  // namespace personas::simulation
