#include "orchestrator.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "personas/agents/backends.hpp"
#include "personas/bus/bus.hpp"
#include "personas/bus/bus_service.hpp"
#include "personas/execution/execution_service.hpp"
#include "personas/execution/execution_store.hpp"
#include "personas/identity/authenticator.hpp"
#include "personas/net_beast/guarded_client.hpp"
#include "personas/net_beast/server.hpp"
#include "personas/os/wall_alarm.hpp"
#include "personas/reactions/chain_triggers.hpp"
#include "personas/reactions/command_looks.hpp"
#include "personas/reactions/event_runs.hpp"
#include "personas/reactions/execution_ended.hpp"
#include "personas/reactor/journal_reactor.hpp"
#include "personas/store/blocking.hpp"
#include "personas/store/event_sink.hpp"
#include "personas/store/journal_feed.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store/repositories.hpp"
#include "personas/store_sqlite/open.hpp"
#include "personas/triggers/poller.hpp"
#include "personas/triggers/scheduler.hpp"
#include "personas/vault/master_key.hpp"
#include "personas/vault/provider_tokens.hpp"
#include "personas/vault/run_secrets.hpp"
#include "personas/vault/vault.hpp"
#include "personas/vault/webhook_secrets.hpp"
#include "personas/worker_gateway/hub.hpp"

#include "deliveries.hpp"
#include "guarded.hpp"
#include "http_side.hpp"
#include "programs.hpp"

namespace personas::app {
namespace {

using store::Transaction;

// What an installation knows about itself, made on its first start.
struct Installation {
  InstanceId instance;
  NodeId node;
  bool fresh = false;
};

Result<std::optional<std::string>> read_meta(Transaction& tx, std::string_view key) {
  static const store::Sql kRead("SELECT value FROM meta WHERE key = ?");
  std::optional<std::string> value;
  TRY_VOID(tx.query(kRead, {key}, [&](const store::Row& row) -> Result<bool> {
    value = std::string(as_text(row.bytes(0)));
    return false;
  }));
  return value;
}

Result<void> write_meta(Transaction& tx, std::string_view key, std::string_view value) {
  static const store::Sql kWrite("INSERT INTO meta (key, value) VALUES (?, ?)");
  TRY_VOID(tx.execute(kWrite, {key, as_bytes(value)}));
  return {};
}

Result<Installation> prepare(store::Store& store, const vault::MasterKey& key, Clock& clock,
                             Random& random) {
  const Timestamp now = clock.wall();
  const Installation fresh{InstanceId::make(now, random), NodeId::make(now, random), true};
  return store::write_now(store, [&](Transaction& tx) -> Result<Installation> {
    TRY_VOID(store::migrate(tx, store::schema_migrations(), now));
    TRY_VOID(vault::check_master_key(tx, key));
    TRY_VOID(vault::move_webhook_secrets(tx, vault::Vault(key, random), now));
    TRY(const auto instance, read_meta(tx, "instance_id"));
    TRY(const auto node, read_meta(tx, "node_id"));
    if (instance && node) return Installation{InstanceId(*instance), NodeId(*node), false};
    TRY_VOID(write_meta(tx, "instance_id", fresh.instance.str()));
    TRY_VOID(write_meta(tx, "node_id", fresh.node.str()));
    return fresh;
  });
}

using execution::SecretsRequest;

// The token an agent CLI authenticates with: the one handed in over the API, else that of the
// settings.
Result<std::vector<NamedSecret>> provider_secrets(Transaction& tx, const vault::Vault& vault,
                                                  const SecretsRequest& request,
                                                  const Secret& configured) {
  std::vector<NamedSecret> secrets;
  TRY(auto token, vault::provider_token(tx, vault, request.tenant, request.backend));
  if (token && request.purpose == SecretsRequest::Purpose::kAttempt) {
    TRY(const auto expiry, vault::provider_token_expiry(tx, request.tenant, request.backend));
    TRY_VOID(vault::require_unexpired(request.backend, expiry.value_or(vault::TokenExpiry{}),
                                      request.now));
  }
  if (!token) token = configured.clone();
  if (!token || token->empty()) return secrets;
  const auto variable = agents::token_variable(request.backend, token->reveal());
  if (!variable.empty()) secrets.push_back({std::string(variable), std::move(*token)});
  return secrets;
}

Result<std::vector<NamedSecret>> all_secrets(Transaction& tx, const vault::Vault& vault,
                                             const SecretsRequest& request,
                                             const Secret& configured) {
  using Purpose = vault::RunSecretsRequest::Purpose;
  TRY(auto secrets, provider_secrets(tx, vault, request, configured));
  const bool runs = request.purpose == SecretsRequest::Purpose::kAttempt;
  TRY(auto connectors,
      vault::connector_secrets(tx, vault,
                               {.tenant = request.tenant,
                                .persona = request.persona,
                                .backend = request.backend,
                                .credential_ids = request.credential_ids,
                                .now = request.now,
                                .purpose = runs ? Purpose::kRun : Purpose::kMask}));
  std::ranges::move(connectors, std::back_inserter(secrets));
  return secrets;
}

worker_gateway::SessionOptions session_options(const settings::Settings& settings) {
  worker_gateway::SessionOptions options;
  options.timing.lease = settings.lease;
  options.timing.heartbeat = settings.ping_interval;
  options.timing.ping = settings.ping_interval;
  options.timing.dead_after = settings.dead_after;
  if (settings.require_signed_frames == settings::Switch::kOn) {
    options.signing = worker_gateway::Signing::kRequired;
  }
  if (settings.accept_legacy_signatures == settings::Switch::kOn) {
    options.legacy_signatures = worker_gateway::LegacySignatures::kAccept;
  }
  return options;
}

net::GuardOptions poll_options(const settings::Settings& settings) {
  auto options = guard_options(settings);
  options.deadline = triggers::kLookDeadline;
  options.max_response_bytes = triggers::kMaxPolledBytes;
  return options;
}

// One for each who sleeps until a moment of the wall clock.
struct Alarms {
  std::unique_ptr<Alarm> bus;
  std::unique_ptr<Alarm> schedules;
};

Result<Alarms> open_alarms(const boost::asio::any_io_executor& executor) {
  Alarms alarms;
  TRY(alarms.bus, os::open_wall_alarm(executor));
  TRY(alarms.schedules, os::open_wall_alarm(executor));
  return alarms;
}

class RunningOrchestrator final : public Orchestrator {
 public:
  RunningOrchestrator(boost::asio::io_context& core, Environment environment,
                      std::unique_ptr<store::Store> store, vault::MasterKey key,
                      identity::Authenticator authenticator, Installation installation,
                      Alarms alarms)
      : core_(core),
        env_(std::move(environment)),
        store_(std::move(store)),
        key_(std::move(key)),
        authenticator_(std::move(authenticator)),
        installation_(std::move(installation)),
        alarms_(std::move(alarms)),
        vault_(key_, env_.random),
        event_runs_(env_.random, service_),
        bus_(env_.clock, event_runs_, [this](Timestamp at) { bus_service_.due(at); },
             {.chain_rate = env_.settings.chain_rate}),
        bus_service_(core.get_executor(), *store_, env_.clock, *alarms_.bus, bus_,
                     [this](const Error& error) {
                       env_.log.warn("bus.failed", {{"error", error.message}});
                     }),
        service_(service_options(), core.get_executor(), *store_, env_.clock, env_.random,
                 [this](Transaction& tx, const execution::SecretsRequest& request) {
                   return secrets_of(tx, request);
                 }),
        hub_(hub_options(), core, service_, env_.clock, env_.random),
        execution_ended_(
            env_.clock, env_.random,
            [this](execution::QueuedExecution queued) { service_.enqueued(std::move(queued)); },
            {.firing = firing_ports(),
             .command_ended =
                 [this](Transaction& tx, const TenantId& tenant,
                        const delivery::DeliveryService::CommandEnd& end,
                        store::AfterCommit& after) {
                   return deliveries_.command_ended(tx, tenant, end, after);
                 }}),
        reactor_(core.get_executor(), *store_, feed_, execution_ended_,
                 [this](const reactor::Trouble& trouble) { report_trouble(trouble); }),
        chain_triggers_(env_.clock, env_.random, bus_, installation_.instance),
        chains_(core.get_executor(), *store_, feed_, chain_triggers_,
                [this](const reactor::Trouble& trouble) { report_trouble(trouble); }),
        poll_client_(net_beast::make_guarded_client(core, poll_options(env_.settings))),
        poller_({.executor = core.get_executor(),
                 .store = *store_,
                 .clock = env_.clock,
                 .client = *poll_client_,
                 .ports = firing_ports(),
                 .user_agent = "personas/" PERSONAS_VERSION,
                 .on_trouble = [this](const Error& error) { report_scheduler(error); }}),
        scheduler_(core.get_executor(), *store_, env_.clock, env_.random, *alarms_.schedules,
                   firing_ports(), poller_,
                   [this](const Error& error) { report_scheduler(error); }),
        deliveries_(
            {.core = core,
             .settings = env_.settings,
             .store = *store_,
             .feed = feed_,
             .clock = env_.clock,
             .random = env_.random,
             .vault = vault_,
             .key = key_,
             .log = env_.log,
             .instance = installation_.instance,
             .events = bus_,
             .executions = service_,
             .on_trouble = [this](const reactor::Trouble& trouble) { report_trouble(trouble); }}) {
    store_->on_journal([this](store::JournalPosition position) { feed_.advance(position); });
  }

  Task<Result<void>> start() override {
    CO_TRY_VOID(co_await service_.start(hub_));
    CO_TRY_VOID(co_await reactor_.open());
    CO_TRY_VOID(co_await chains_.open());
    CO_TRY_VOID(co_await scheduler_.open());
    CO_TRY_VOID(co_await deliveries_.open());
    net::ServerOptions options = server_options(env_.settings);
    options.port = static_cast<std::uint16_t>(env_.settings.ws_port);
    options.limits.max_frame_bytes = wire::kMaxFrameBytes;
    auto upgrade = [this](const net::Request& request) { return hub_.upgrade(request); };
    CO_TRY(workers_port_,
           net_beast::start_server(core_, env_.clock, options, only_workers, upgrade, plain_error));
    HttpSide::Parts parts{.settings = env_.settings,
                          .store = *store_,
                          .clock = env_.clock,
                          .random = env_.random,
                          .log = env_.log,
                          .executions = service_,
                          .bus = bus_,
                          .feed = feed_,
                          .vault = vault_,
                          .key = key_,
                          .authenticator = authenticator_,
                          .hub = hub_,
                          .webhooks = deliveries_.webhooks(),
                          .instance = installation_.instance,
                          .node = installation_.node,
                          .triggers_changed = [this] { scheduler_.changed(); }};
    CO_TRY(http_, HttpSide::start(std::move(parts)));
    reactor_.run();
    chains_.run();
    bus_service_.run();
    scheduler_.run();
    deliveries_.run();
    co_return Result<void>{};
  }

  Task<void> stop(Duration grace) override {
    feed_.close();
    if (http_) co_await http_->drain(grace);
    co_await scheduler_.stop();
    co_await poller_.stop();
    co_await reactor_.stop();
    co_await chains_.stop();
    co_await bus_service_.stop();
    co_await deliveries_.stop();
    co_await service_.stop();
    hub_.close_all("the orchestrator is stopping");
    if (workers_port_) co_await workers_port_->drain(seconds(1));
    http_.reset();
    workers_port_.reset();
  }

  std::uint16_t http_port() const override { return http_->port(); }
  std::uint16_t ws_port() const override { return workers_port_->port(); }

  Task<Result<void>> add_demo_persona() override {
    const Timestamp now = env_.clock.wall();
    Persona demo;
    demo.id = PersonaId::make(now, env_.random);
    demo.name = "demo";
    demo.description = "Shows the whole path without any account: a scripted agent, not a model.";
    demo.system_prompt = "You are the demo agent.";
    demo.backend = "demo";
    demo.max_concurrent = 10;
    demo.timeout_ms = 60'000;
    demo.created_at = demo.updated_at = now;
    co_return co_await store_->write([demo](Transaction& tx) -> Result<void> {
      TRY(const auto seeded, read_meta(tx, "demo_persona"));
      if (seeded) return {};  // it may have been deleted on purpose
      TRY_VOID(write_meta(tx, "demo_persona", demo.id.str()));
      TRY(const auto taken, store::find_persona_by_name(tx, default_tenant(), demo.name));
      if (taken) return {};
      return store::insert_persona(tx, default_tenant(), demo);
    });
  }

 private:
  void report_trouble(const reactor::Trouble& trouble) {
    const bool again = trouble.then == reactor::Trouble::Then::kTriedAgain;
    env_.log.warn(again ? "reaction.failed" : "reaction.set_aside",
                  {{"handler", trouble.handler},
                   {"position", trouble.position.value},
                   {"error", trouble.error.message}});
  }

  void report_scheduler(const Error& error) {
    env_.log.warn("scheduler.failed", {{"error", error.message}});
  }

  triggers::FiringPorts firing_ports() {
    const auto cancel = [this](Transaction& tx, const TenantId& tenant, const ExecutionId& id,
                               const std::string& reason, Timestamp now,
                               store::AfterCommit& after) -> Result<void> {
      TRY(const auto cancelled, execution::request_cancel(tx, tenant, id, reason, now));
      using Was = execution::CancelResult::Was;
      if (cancelled.was == Was::kQueued || cancelled.was == Was::kRunning) {
        after.push_back([this, tenant, id] { service_.cancel_requested(tenant, id); });
      }
      return {};
    };
    const auto start_command = [this](Transaction& tx, const TenantId& tenant,
                                      const triggers::CommandLook& look,
                                      store::AfterCommit& after) {
      return reactions::start_command(tx, service_, tenant, look, after);
    };
    return {.sink = bus_,
            .origin = installation_.instance,
            .cancel = cancel,
            .start_command = start_command};
  }

  execution::ServiceOptions service_options() {
    execution::ServiceOptions options;
    options.dispatcher.lease = env_.settings.lease;
    options.dispatcher.tenant_limit = env_.settings.tenant_max_concurrent;
    options.node = installation_.node;
    options.origin = installation_.instance;
    options.session_key = key_.derive(vault::key_labels::kSessions);
    options.events = &bus_;
    options.max_queued = env_.settings.tenant_max_queued;
    return options;
  }

  worker_gateway::HubOptions hub_options() {
    worker_gateway::HubOptions options;
    options.session = session_options(env_.settings);
    options.verify = [this](std::string_view token) -> std::optional<worker_gateway::WorkerGrant> {
      if (authenticator_.check_worker(token) == identity::WorkerCheck::kWrong) return std::nullopt;
      return worker_gateway::WorkerGrant{"worker-token", std::nullopt};
    };
    options.notice = [this](std::string_view event, std::string_view worker,
                            std::string_view detail) {
      env_.log.info(event, {{"worker", worker}, {"detail", detail}});
    };
    return options;
  }

  Result<std::vector<NamedSecret>> secrets_of(Transaction& tx,
                                              const execution::SecretsRequest& request) const {
    return all_secrets(tx, vault_, request, app::provider_token(env_.settings, request.backend));
  }

  boost::asio::io_context& core_;
  Environment env_;
  store::JournalFeed feed_;  // before the store, which tells it of its last commits
  std::unique_ptr<store::Store> store_;
  vault::MasterKey key_;
  identity::Authenticator authenticator_;
  Installation installation_;
  Alarms alarms_;
  vault::Vault vault_;
  reactions::EventRuns event_runs_;  // starts runs when there are requests, long after it is made
  bus::Bus bus_;
  bus::BusService bus_service_;
  execution::ExecutionService service_;
  worker_gateway::Hub hub_;
  reactions::ExecutionEnded execution_ended_;
  reactor::JournalReactor reactor_;
  reactions::ChainTriggers chain_triggers_;
  reactor::JournalReactor chains_;
  std::unique_ptr<net::GuardedClient> poll_client_;
  triggers::Poller poller_;
  triggers::Scheduler scheduler_;
  Deliveries deliveries_;
  std::unique_ptr<net::Server> workers_port_;
  std::unique_ptr<HttpSide> http_;
};

}  // namespace

Result<std::unique_ptr<Orchestrator>> Orchestrator::open(boost::asio::io_context& core,
                                                         Environment environment) {
  const auto& settings = environment.settings;
  TRY(auto key, vault::MasterKey::parse(settings.master_key.reveal()));
  TRY(auto authenticator,
      identity::Authenticator::make(settings.team_api_key, settings.worker_token));
  TRY(auto store,
      store_sqlite::open_sqlite({.path = settings.db_path, .on_damage = environment.on_damage},
                                environment.on_fatal));
  TRY(auto installation, prepare(*store, key, environment.clock, environment.random));
  TRY(auto alarms, open_alarms(core.get_executor()));
  return std::make_unique<RunningOrchestrator>(core, std::move(environment), std::move(store),
                                               std::move(key), std::move(authenticator),
                                               std::move(installation), std::move(alarms));
}

}  // namespace personas::app
