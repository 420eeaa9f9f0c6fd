#include "world.hpp"

#include <utility>

#include <fmt/format.h>

namespace personas::lossy_link {
namespace {

// Peace has to bring everything to an end within this: dead connections noticed (11 s), a stale
// workerId given up (11 s), back-off (15 s), a lease or two (18 s); and for each run, as one slot
// may have to do them all, up to 30 frames and a retry for an agent that ends with an error.
constexpr Duration kPatience = seconds(120);
constexpr Duration kPatiencePerRun = seconds(60);

}  // namespace

World::World(std::uint64_t seed) : random_(seed) {
  frame_faults_ = chance(random_, 25);
  sign_ = chance(random_, 10);
  weather_.max_delay = chance(random_, 20) ? Duration(seconds(2)) : Duration(milliseconds(60));
  if (frame_faults_) {
    weather_.drop = static_cast<unsigned>(random_.below(6));
    weather_.duplicate = static_cast<unsigned>(random_.below(10));
    weather_.reorder = static_cast<unsigned>(random_.below(10));
  }
  hub_ = std::make_unique<Hub>(scheduler_, random_, ledger_, wire::Timing{},
                               sign_ && chance(random_, 50));
  make_workers();
  executions_ = 2 + random_.below(kMostExecutions - 1);
  const Duration trouble = between(random_, seconds(5), seconds(60));
  for (std::size_t i = 0; i < executions_; ++i) {
    scheduler_.after(between(random_, milliseconds(0), trouble),
                     [this, id = fmt::format("e{}", i)] { hub_->enqueue(id); });
  }
  trouble_until_ = scheduler_.now() + trouble;
}

World::~World() {
  for (const auto& connection : connections_) connection->forget_ears();
  for (const auto& connection : over_) connection->forget_ears();
}

void World::make_workers() {
  const auto full = random_.below(3) + (chance(random_, 80) ? 1 : 0);
  // Seed workers cannot sign.
  const auto seeds = sign_ ? 0 : full == 0 ? 1 : random_.below(2);
  for (std::size_t i = 0; i < (sign_ && full == 0 ? 1 : full); ++i) {
    FullWorker::Options options;
    options.id = fmt::format("full-{}", i);
    options.slots = 1 + random_.below(3);
    options.sign = sign_;
    if (chance(random_, 30)) options.spool = {.pause_run = 1500, .pause_total = 4000};
    options.faulty_agents = chance(random_, 20) ? 20 : 0;
    full_.push_back(std::make_unique<FullWorker>(scheduler_, random_, ledger_, options,
                                                 dial_up(!frame_faults_)));
    full_.back()->boot();
  }
  for (std::size_t i = 0; i < seeds; ++i) {
    seeds_.push_back(
        std::make_unique<SeedWorker>(scheduler_, random_, ledger_, fmt::format("seed-{}", i),
                                     full_.empty() ? SeedWorker::AfterDisconnect::kAgentEnds
                                                   : SeedWorker::AfterDisconnect::kAgentGoesOn,
                                     dial_up(true)));
    seeds_.back()->boot();
  }
  if (!full_.empty()) hub_->avoid_same_seed();
}

DialUp World::dial_up(bool orderly) {
  return [this, orderly](std::function<void(std::shared_ptr<Connection>)> answer) {
    scheduler_.after(between(random_, milliseconds(1), milliseconds(200)),
                     [this, orderly, answer = std::move(answer)] {
                       if (!hub_->up() || scheduler_.now() < net_down_until_) {
                         return answer(nullptr);
                       }
                       auto connection =
                           std::make_shared<Connection>(scheduler_, random_, weather_, orderly);
                       connections_.push_back(connection);
                       hub_->open(connection);
                       answer(std::move(connection));
                     });
  };
}

// ---- trouble
// -------------------------------------------------------------------------------------

void World::trouble() {
  if (peace_) return;
  if (scheduler_.now() >= trouble_until_) return heal();
  scheduler_.after(between(random_, milliseconds(200), seconds(6)), [this] {
    if (!peace_) one_fault();
    trouble();
  });
}

std::shared_ptr<Connection> World::some_connection() {
  std::erase_if(connections_, [this](const auto& connection) {
    if (connection->open(Side::kWorker) || connection->open(Side::kHub)) return false;
    over_.push_back(connection);
    return true;
  });
  if (connections_.empty()) return nullptr;
  return connections_[random_.below(connections_.size())];
}

void World::one_fault() {
  const auto long_time = between(random_, milliseconds(100), seconds(35));
  const auto soon = between(random_, milliseconds(10), seconds(20));
  const auto connection = some_connection();
  const auto fault = random_.below(10);
  auto* worker = full_.empty() ? nullptr : full_[random_.below(full_.size())].get();
  if (fault == 0 && connection) {
    connection->cut();
  } else if (fault == 1 && connection) {
    connection->black_hole();
  } else if (fault == 2 && connection) {
    connection->stall_until(scheduler_.now() + long_time);
  } else if (fault == 3) {  // a partition of the whole net
    net_down_until_ = scheduler_.now() + long_time;
    for (const auto& link : connections_) {
      chance(random_, 50) ? link->black_hole() : link->stall_until(net_down_until_);
    }
  } else if (fault == 4) {
    hub_->crash();
    scheduler_.after(soon, [this] { hub_->restart(); });
  } else if (fault == 5 && worker != nullptr) {
    worker->crash();
    scheduler_.after(soon, [worker] { worker->boot(); });
  } else if (fault == 6 && worker != nullptr) {
    worker->freeze(long_time);
  } else if (fault == 7 && worker != nullptr && chance(random_, 50)) {
    worker->stop(between(random_, milliseconds(0), seconds(10)));
  } else if (fault == 8 && chance(random_, 40)) {
    hub_->cancel(fmt::format("e{}", random_.below(executions_)));
    ledger_.count("cancels");
  } else if (fault == 9 && !seeds_.empty()) {
    auto* seed = seeds_[random_.below(seeds_.size())].get();
    seed->crash();
    scheduler_.after(soon, [seed] { seed->boot(); });
  }
}

void World::heal() {
  peace_ = true;
  net_down_until_ = Instant{};
  hub_->restart();
  for (const auto& worker : full_) worker->boot();
  for (const auto& worker : seeds_) {
    worker->boot();
    // It does not look for life itself; its system's keep-alive does.
    if (worker->connection()) worker->connection()->cut();
  }
  // A connection that lost single frames, which TCP does not do, cannot know what it misses.
  if (!frame_faults_) return;
  weather_.drop = weather_.duplicate = weather_.reorder = 0;
  for (const auto& link : connections_) link->cut();
}

std::string World::run() {
  trouble();
  const Instant end =
      trouble_until_ + kPatience + static_cast<Duration::rep>(executions_) * kPatiencePerRun;
  while (ledger_.violations().empty() && !(peace_ && hub_->all_done())) {
    if (!scheduler_.step(end)) break;
  }
  std::string report;
  for (const auto& violation : ledger_.violations()) report += violation + "\n";
  if (report.empty() && !hub_->all_done()) report = "not everything came to an end\n";
  if (report.empty()) return report;
  report += fmt::format("at {:.3f} s; {}\n",
                        static_cast<double>(scheduler_.now().micros - 1'000'000'000) / 1e6,
                        hub_->describe());
  for (const auto& worker : full_) report += worker->describe() + "\n";
  return report;
}

}  // namespace personas::lossy_link
