#include "worker_node.hpp"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include "orchestrator.hpp"

namespace personas::simulation {

WorkerNode::WorkerNode(Scheduler& scheduler, Random& random, Network& network, Agents& agents,
                       Observer& observer, Options options)
    : scheduler_(scheduler),
      random_(random),
      network_(network),
      agents_(agents),
      observer_(observer),
      options_(std::move(options)),
      machine_(scheduler, options_.drift, seconds(50)) {
  observer_.limits.slots[name()] = options_.slots;
  observer_.limits.spool[name()] =
      options_.spool.pause_total + options_.slots * worker_agent::kSpoolReserve;
}

WorkerNode::~WorkerNode() {
  if (up()) leave();
}

void WorkerNode::boot() {
  if (up() || departed_) return;
  stopping_ = false;
  process_ = std::make_shared<Process>(machine_);
  client_ = network_.client(name(), process_);
  sandbox_ = make_sandbox(agents_, name(), process_);
  worker_agent::WorkerRuntimeOptions options;
  options.session.worker_id = name();
  options.session.instance_id = fmt::format("{}-{}", name(), ++boots_);
  options.session.version = "1";
  options.session.token = Secret(std::string(kWorkerToken));
  options.session.slots = options_.slots;
  options.session.spool = options_.spool;
  options.url = "ws://orchestrator/workers";
  options.backends = {"claude", "command"};
  options.notice = [this](std::string_view event, std::string_view detail) {
    observer_.trace(fmt::format("{} {} {}", name(), event, detail));
  };
  worker_ = std::make_unique<worker_agent::Worker>(process_->executor(), *client_, *sandbox_,
                                                   machine_, random_, std::move(options));
  process_->run([this] { worker_->start(); });
}

// The process is over: what it held open is closed by its system.
void WorkerNode::leave() {
  process_->end();
  worker_.reset();
  sandbox_.reset();
  client_.reset();
  process_.reset();
}

void WorkerNode::die(Death death) {
  if (!up()) return;
  if (death == Death::kKilled) {
    agents_.worker_died(process_);
    network_.ended(process_);
  } else {
    agents_.machine_died(process_);
    network_.cut(name(), Network::Loss::kUntold);
  }
  leave();
}

void WorkerNode::depart() {
  die(Death::kPowerCut);
  departed_ = true;
}

void WorkerNode::freeze(Duration time) {
  if (!up()) return;
  process_->freeze();
  scheduler_.after(time, [process = std::weak_ptr(process_)] {
    if (const auto still = process.lock()) still->thaw();
  });
}

void WorkerNode::thaw() {
  if (up()) process_->thaw();
}

Task<void> WorkerNode::stopping(worker_agent::Worker& worker, Duration grace) {
  co_await worker.stop(grace);
}

void WorkerNode::stop(Duration grace) {
  if (!up() || std::exchange(stopping_, true)) return;
  process_->run([this, grace] {
    boost::asio::co_spawn(
        process_->loop(), stopping(*worker_, grace),
        [this, process = std::weak_ptr(process_)](const std::exception_ptr& broken) {
          if (broken) return observer_.violate("stopping a worker threw");
          // Not from inside its own loop.
          scheduler_.after(milliseconds(1), [this, process] {
            const auto still = process.lock();
            if (!still || still != process_) return;
            observer_.count("workers stopped in order");
            network_.ended(process_);
            leave();
            scheduler_.after(between(random_, milliseconds(300), seconds(20)), [this] { boot(); });
          });
        });
  });
}

void WorkerNode::look() {
  if (up()) observer_.spooled(name(), worker_->spooled_bytes());
}

std::string WorkerNode::describe() const {
  if (!up()) return name() + (departed_ ? ": gone for good" : ": down");
  return fmt::format("{}: {}, {} runs, {} bytes spooled{}", name(),
                     worker_->is_accepted() ? "accepted" : "not connected", worker_->live_runs(),
                     worker_->spooled_bytes(), process_->frozen() ? ", frozen" : "");
}

}  // namespace personas::simulation
