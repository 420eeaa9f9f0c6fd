#include "orchestrator.hpp"

#include <cstdlib>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include "personas/bus/bus_service.hpp"
#include "personas/execution/execution_service.hpp"
#include "personas/http_api/api.hpp"
#include "personas/identity/authenticator.hpp"
#include "personas/net/guarded_client.hpp"
#include "personas/operations/page_cursor.hpp"
#include "personas/operations/table.hpp"
#include "personas/reactions/event_runs.hpp"
#include "personas/reactions/execution_ended.hpp"
#include "personas/reactor/journal_reactor.hpp"
#include "personas/store/journal_feed.hpp"
#include "personas/store/migrations.hpp"
#include "personas/telemetry/log.hpp"
#include "personas/telemetry/metrics.hpp"
#include "personas/triggers/scheduler.hpp"
#include "personas/vault/master_key.hpp"
#include "personas/vault/vault.hpp"
#include "personas/worker_gateway/hub.hpp"

namespace personas::simulation {
namespace {

using store::Transaction;

vault::MasterKey master_key() {
  return *vault::MasterKey::parse(std::string(64, '7'));
}

identity::Authenticator authenticator() {
  return *identity::Authenticator::make(Secret(std::string(kTeamKey)),
                                        Secret(std::string(kWorkerToken)));
}

Result<std::vector<NamedSecret>> no_secrets(Transaction& /*tx*/,
                                            const execution::SecretsRequest& /*request*/) {
  return std::vector<NamedSecret>();
}

// No trigger here looks at anything.
class NoWeb final : public net::GuardedClient {
 public:
  Task<Result<net::Response>> send(net::Request /*request*/) override { co_return nothing(); }
  Task<Result<net::Response>> stream(net::Request /*request*/,
                                     std::function<bool(std::string_view)> /*piece*/) override {
    co_return nothing();
  }
  Task<Result<std::shared_ptr<net::WebSocket>>> connect_websocket(
      std::string /*url*/, net::Headers /*headers*/,
      std::shared_ptr<net::WebSocketListener> /*listener*/) override {
    co_return nothing();
  }
  void cut() override {}

 private:
  static std::unexpected<Error> nothing() {
    return fail(ErrorCode::kUnavailable, "there is no web here");
  }
};

class RunningOrchestrator final : public Orchestrator {
 public:
  RunningOrchestrator(Environment environment, OrchestratorOptions options,
                      std::shared_ptr<Process> process)
      : env_(environment), options_(options), process_(std::move(process)) {}
  ~RunningOrchestrator() override { kill(); }

  Result<void> open();

  void request(net::Request request, Answered answered) override {
    boost::asio::co_spawn(process_->loop(), parts_->api.handle(std::move(request)),
                          [this, answered = std::move(answered)](const std::exception_ptr& broken,
                                                                 net::Response response) {
                            if (broken) return env_.observer.violate("a handler threw");
                            if (replaced_) return;  // its connections went to nobody
                            answered(std::move(response));
                          });
  }
  const std::shared_ptr<Process>& process() const override { return process_; }
  VirtualStore& store() override { return *store_; }
  bool ready() const override { return ready_; }
  bool wants_to_end() const override { return fatal_; }
  void outlive(VirtualStore::Successor successor) override;
  void stop(std::function<void()> done) override;
  void kill() override;

 private:
  // Made once the store is open.
  struct Parts {
    explicit Parts(RunningOrchestrator& owner);

    vault::MasterKey key = master_key();
    vault::Vault secrets;
    identity::Authenticator authenticator = simulation::authenticator();
    reactions::EventRuns event_runs;
    bus::Bus bus;
    VirtualAlarm bus_alarm;
    VirtualAlarm schedule_alarm;
    bus::BusService bus_service;
    NoWeb web;
    triggers::Poller poller;
    triggers::Scheduler scheduler;
    execution::ExecutionService service;
    worker_gateway::Hub hub;
    reactions::ExecutionEnded execution_ended;
    reactor::JournalReactor follower;
    Secret cursor_key;
    store::CursorCodec cursors;
    operations::PageCursors pages;
    telemetry::Metrics metrics;
    telemetry::Logger log;
    operations::Services services;
    http_api::Api api;
  };

  static Task<Result<void>> start(RunningOrchestrator& self);
  static Task<void> stop_in_order(RunningOrchestrator& self);
  execution::ServiceOptions service_options(const vault::MasterKey& key, bus::Bus& bus) const;
  triggers::FiringPorts firing_ports(bus::Bus& bus);
  worker_gateway::HubOptions hub_options(const identity::Authenticator& authenticator);

  Environment env_;
  OrchestratorOptions options_;
  std::shared_ptr<Process> process_;
  store::JournalFeed feed_;
  std::unique_ptr<VirtualStore> store_;
  std::unique_ptr<Parts> parts_;
  bool ready_ = false;
  bool fatal_ = false;
  bool replaced_ = false;
};

RunningOrchestrator::Parts::Parts(RunningOrchestrator& owner)
    : secrets(key, owner.env_.random),
      event_runs(owner.env_.random, service),
      bus(owner.env_.machine, event_runs, [this](Timestamp at) { bus_service.due(at); }),
      bus_alarm(*owner.process_),
      schedule_alarm(*owner.process_),
      bus_service(owner.process_->executor(), *owner.store_, owner.env_.machine, bus_alarm, bus,
                  [&owner](const Error&) { owner.env_.observer.count("bus troubles"); }),
      poller({.executor = owner.process_->executor(),
              .store = *owner.store_,
              .clock = owner.env_.machine,
              .client = web,
              .ports = owner.firing_ports(bus),
              .user_agent = "simulated",
              .on_trouble = [](const Error&) {}}),
      scheduler(owner.process_->executor(), *owner.store_, owner.env_.machine, owner.env_.random,
                schedule_alarm, owner.firing_ports(bus), poller,
                [&owner](const Error&) { owner.env_.observer.count("scheduler troubles"); }),
      service(owner.service_options(key, bus), owner.process_->executor(), *owner.store_,
              owner.env_.machine, owner.env_.random, no_secrets),
      hub(owner.hub_options(authenticator), owner.process_->loop(), service, owner.env_.machine,
          owner.env_.random),
      execution_ended(
          owner.env_.machine, owner.env_.random,
          [this](execution::QueuedExecution queued) { service.enqueued(std::move(queued)); }),
      follower(
          owner.process_->executor(), *owner.store_, owner.feed_, execution_ended,
          [&owner](const reactor::Trouble&) { owner.env_.observer.count("reactor troubles"); }),
      cursor_key(key.derive(vault::key_labels::kCursors)),
      cursors(as_bytes(cursor_key.reveal())),
      pages(key.derive(vault::key_labels::kPages)),
      log(owner.env_.machine, telemetry::Level::kError,
          [&owner](std::string_view line) { owner.env_.observer.trace(line); }),
      services{.store = *owner.store_,
               .clock = owner.env_.machine,
               .random = owner.env_.random,
               .executions = service,
               .bus = bus,
               .vault = secrets,
               .cursors = cursors,
               .pages = pages,
               .feed = owner.feed_,
               .metrics = metrics,
               .facts = {.version = "1",
                         .instance = InstanceId("inst_simulated"),
                         .node = NodeId("node_simulated"),
                         .started = owner.env_.machine.now()},
               .triggers_changed = [this] { scheduler.changed(); }},
      api(services, authenticator, log, {}, operations::all_operations()) {}

execution::ServiceOptions RunningOrchestrator::service_options(const vault::MasterKey& key,
                                                               bus::Bus& bus) const {
  execution::ServiceOptions options;
  options.events = &bus;
  options.dispatcher.tenant_limit = options_.tenant_limit;
  options.node = NodeId("node_simulated");
  options.origin = InstanceId("inst_simulated");
  options.session_key = key.derive(vault::key_labels::kSessions);
  options.max_queued = options_.max_queued;
  return options;
}

triggers::FiringPorts RunningOrchestrator::firing_ports(bus::Bus& bus) {
  const auto never = [](Transaction&, const TenantId&, const ExecutionId&, const std::string&,
                        Timestamp, store::AfterCommit&) -> Result<void> {
    return fail(ErrorCode::kInternal, "no schedule here cancels what came before");
  };
  return {.sink = bus, .origin = InstanceId("inst_simulated"), .cancel = never};
}

worker_gateway::HubOptions RunningOrchestrator::hub_options(
    const identity::Authenticator& authenticator) {
  worker_gateway::HubOptions options;
  options.verify =
      [&authenticator](std::string_view token) -> std::optional<worker_gateway::WorkerGrant> {
    if (authenticator.check_worker(token) == identity::WorkerCheck::kWrong) return std::nullopt;
    return worker_gateway::WorkerGrant{"worker-token", std::nullopt};
  };
  options.notice = [this](std::string_view event, std::string_view worker,
                          std::string_view detail) {
    env_.observer.trace(fmt::format("hub {} {} {}", event, worker, detail));
  };
  return options;
}

Result<void> RunningOrchestrator::open() {
  StoreWatch watch;
  watch.committed = [this] {
    const auto looked = store_->read_now([this](Transaction& tx) -> Result<void> {
      env_.observer.look(tx);
      return {};
    });
    // With the disk gone there is nothing to see.
    if (!looked && !fatal_) env_.observer.violate("look: " + looked.error().message);
  };
  watch.acknowledged = [this](store::JournalPosition at) { env_.observer.acknowledged(at); };
  watch.fatal = [this](const Error&) { fatal_ = true; };
  watch.late = [this](Transaction& tx, store::Operation& operation) {
    return env_.observer.try_late(tx, operation);
  };
  TRY(store_, VirtualStore::open(*process_, env_.random, env_.disk, std::move(watch)));
  store_->on_journal([this](store::JournalPosition position) { feed_.advance(position); });
  TRY_VOID(store_->write_now([now = env_.machine.wall()](Transaction& tx) -> Result<void> {
    TRY_VOID(store::migrate(tx, store::schema_migrations(), now));
    return vault::check_master_key(tx, master_key());
  }));
  TRY_VOID(store_->read_now([this](Transaction& tx) -> Result<void> {
    env_.observer.look_after_start(tx);
    return {};
  }));
  process_->run([this] {
    parts_ = std::make_unique<Parts>(*this);
    boost::asio::co_spawn(process_->loop(), start(*this),
                          [this](const std::exception_ptr& broken, Result<void> started) {
                            if (broken) return env_.observer.violate("the start threw");
                            // A disk that fails it or is full ends it, to be started again; nothing
                            // else may.
                            if (!started && started.error().code == ErrorCode::kStorageFull) {
                              env_.observer.count("starts refused by the disk");
                              fatal_ = true;
                            }
                            if (!started && !fatal_) {
                              env_.observer.violate("start: " + started.error().message);
                            }
                            ready_ = started.has_value();
                          });
  });
  return {};
}

Task<Result<void>> RunningOrchestrator::start(RunningOrchestrator& self) {
  CO_TRY_VOID(co_await self.parts_->service.start(self.parts_->hub));
  CO_TRY_VOID(co_await self.parts_->follower.open());
  CO_TRY_VOID(co_await self.parts_->scheduler.open());
  auto upgrade = [&hub = self.parts_->hub](const net::Request& request) {
    return hub.upgrade(request);
  };
  self.env_.network.listen(self.process_, upgrade);
  self.parts_->follower.run();
  self.parts_->bus_service.run();
  self.parts_->scheduler.run();
  co_return Result<void>{};
}

Task<void> RunningOrchestrator::stop_in_order(RunningOrchestrator& self) {
  self.feed_.close();
  co_await self.parts_->scheduler.stop();
  co_await self.parts_->poller.stop();
  co_await self.parts_->follower.stop();
  co_await self.parts_->bus_service.stop();
  co_await self.parts_->service.stop();
  self.parts_->hub.close_all("the orchestrator is stopping");
}

void RunningOrchestrator::stop(std::function<void()> done) {
  ready_ = false;
  process_->run([this, done = std::move(done)] {
    boost::asio::co_spawn(process_->loop(), stop_in_order(*this),
                          [done](const std::exception_ptr&) { done(); });
  });
}

void RunningOrchestrator::outlive(VirtualStore::Successor successor) {
  ready_ = false;
  replaced_ = true;
  store_->outlive(std::move(successor));
}

void RunningOrchestrator::kill() {
  ready_ = false;
  if (process_->ended()) return;
  process_->end();
  if (store_) store_->abandon();
  parts_.reset();
  store_.reset();
}

}  // namespace

Result<std::unique_ptr<Orchestrator>> Orchestrator::boot(Environment environment,
                                                         OrchestratorOptions options) {
  auto process = std::make_shared<Process>(environment.machine);
  auto made = std::make_unique<RunningOrchestrator>(environment, options, process);
  TRY_VOID(made->open());
  return made;
}

Disk::Image migrated_image() {
  Scheduler scheduler;
  SeededRandom random(1);
  Machine machine(scheduler, 0, seconds(100));
  Disk disk(random);
  disk.load({{"personas.db", {}}});
  const auto process = std::make_shared<Process>(machine);
  StoreWatch watch{
      .committed = [] {}, .acknowledged = [](auto) {}, .fatal = [](auto&) {}, .late = {}};
  auto store = VirtualStore::open(*process, random, disk, watch);
  if (!store) std::abort();
  const auto migrated = (*store)->write_now([&](Transaction& tx) -> Result<void> {
    TRY_VOID(store::migrate(tx, store::schema_migrations(), machine.wall()));
    return vault::check_master_key(tx, master_key());
  });
  if (!migrated) std::abort();
  (*store)->close();
  return disk.image();
}

}  // namespace personas::simulation
