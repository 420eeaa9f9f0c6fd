// `worker`: runs agents for an orchestrator it dials.
#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <sys/prctl.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/base/id.hpp"
#include "personas/net_beast/client.hpp"
#include "personas/os/files.hpp"
#include "personas/os/process.hpp"
#include "personas/sandbox_linux/sandbox_linux.hpp"
#include "personas/settings/table.hpp"
#include "personas/telemetry/log.hpp"
#include "personas/worker_agent/session_values.hpp"
#include "personas/worker_agent/worker.hpp"

#include "programs.hpp"
#include "roles.hpp"

namespace personas::app {
namespace {

constexpr Duration kHardStop = seconds(10);

// A worker takes as many as the setting lets one ask for.
static_assert(std::ranges::any_of(settings::kSettings, [](const settings::Setting& setting) {
  return setting.name == "worker-slots" && setting.max == std::int64_t{worker_agent::kMaxSlots};
}));

// The local worker of `up` must not outlive it, however it ends.
void exit_with_parent(const World& world) {
  const auto found = world.environment.find("PERSONAS_EXIT_WITH_PARENT");
  if (found == world.environment.end()) return;
  // At once, not politely: nobody is left to report to, and each supervisor ends its own tree.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  int expected = 0;
  const auto& text = found->second;
  std::from_chars(text.data(), text.data() + text.size(), expected);
  if (::getppid() != expected) ::_exit(0);  // it died before we asked to be told
}

std::string random_text(Random& random) {
  std::array<std::uint8_t, 12> bytes{};
  random.fill(bytes);
  return to_base64url(bytes);
}

std::string default_worker_id() {
  std::array<char, 64> name{};
  ::gethostname(name.data(), name.size() - 1);
  const std::string host = name.data();
  return is_valid_id(host) ? host : "worker";
}

class WorkerRole {
 public:
  WorkerRole(World& world, settings::Settings settings)
      : world_(world),
        settings_(std::move(settings)),
        log_(world.clock, log_level(settings_), stderr_sink()),
        signals_(loop_, SIGINT, SIGTERM) {}

  int run() {
    if (const auto ready = prepare(); !ready) return report(ready.error());
    boost::asio::co_spawn(loop_, work(), [this](std::exception_ptr failure) {
      if (failure) exit_code_ = info(ErrorCode::kInternal).exit_code;
      signals_.cancel();
      hard_stop_.cancel();
    });
    loop_.run();
    worker_.reset();
    sandbox_.reset();
    return exit_code_;
  }

 private:
  Result<void> prepare() {
    TRY_VOID(check_url());
    TRY_VOID(os::make_private_directory(settings_.data_dir));
    std::vector<NamedSecret> secrets;
    secrets.push_back({"WORKER_TOKEN", settings_.worker_token.clone()});
    log_.set_redactor(std::make_shared<const Redactor>(std::move(secrets)));
    TRY(const auto self, os::self_executable());
    // Before the sandbox takes over this process's children.
    find_agents(self);
    TRY_VOID(make_sandbox(self));
    net::ClientOptions options;
    options.ca_file = settings_.ca_file;
    client_ = net_beast::make_client(loop_, options);
    worker_ = std::make_unique<worker_agent::Worker>(loop_.get_executor(), *client_, *sandbox_,
                                                     world_.clock, world_.random, worker_options());
    return {};
  }

  // The worker token and every run's secrets travel over this connection.
  Result<void> check_url() const {
    if (settings_.worker_token.empty()) {
      return fail(
          ErrorCode::kMisconfigured,
          "WORKER_TOKEN is not set; it is in worker.token of the orchestrator's data folder");
    }
    TRY(const auto url, net::parse_url(settings_.orchestrator_url));
    const bool local = url.host == "127.0.0.1" || url.host == "localhost" || url.host == "::1";
    if (url.scheme == "wss" || (url.scheme == "ws" && local) ||
        (url.scheme == "ws" && settings_.allow_plaintext == settings::Switch::kOn)) {
      return {};
    }
    return fail(ErrorCode::kMisconfigured,
                "ORCHESTRATOR_URL must be wss://… (or ws:// on this machine, or with "
                "--allow-plaintext on behind a proxy that does TLS)");
  }

  Result<void> make_sandbox(const std::string& self) {
    sandbox_linux::SandboxOptions options;
    options.work_root = settings_.data_dir + "/runs";
    options.self_executable = self;
    options.when_unavailable = settings_.sandbox == settings::SandboxMode::kNamespaces
                                   ? sandbox_linux::WhenUnavailable::kRefuse
                                   : sandbox_linux::WhenUnavailable::kFallBack;
    const auto path = world_.environment.find("PATH");
    if (path != world_.environment.end()) options.path = path->second;
    const auto probe = sandbox_linux::probe_isolation(options);
    const bool namespaces = probe.strongest == sandbox::Isolation::kNamespaces;
    if (settings_.sandbox == settings::SandboxMode::kNamespaces && !namespaces) {
      return fail(ErrorCode::kMisconfigured, "This machine offers no sandbox: " + probe.detail +
                                                 "; install bubblewrap, or choose --sandbox none");
    }
    isolation_ = settings_.sandbox != settings::SandboxMode::kNone && namespaces
                     ? sandbox::Isolation::kNamespaces
                     : sandbox::Isolation::kNone;
    if (isolation_ == sandbox::Isolation::kNone) {
      log_.warn("sandbox.none", {{"detail", settings_.sandbox == settings::SandboxMode::kNone
                                                ? "asked for by --sandbox none"
                                                : std::string_view(probe.detail)}});
    }
    TRY(sandbox_, sandbox_linux::make_sandbox(loop_.get_executor(), options, world_.clock));
    return {};
  }

  void find_agents(const std::string& self) {
    programs_ = find_programs(settings_, world_.environment, self);
    for (const auto& found : programs_.found) {
      if (!found.path.empty() && !found.problem.empty()) {
        log_.warn("agent.unusable", {{"backend", found.name}, {"detail", found.problem}});
      }
    }
  }

  worker_agent::WorkerRuntimeOptions worker_options() {
    worker_agent::WorkerRuntimeOptions options;
    options.session.worker_id =
        settings_.worker_id.empty() ? default_worker_id() : settings_.worker_id;
    options.session.instance_id = random_text(world_.random);
    options.session.version = PERSONAS_VERSION;
    options.session.token = settings_.worker_token.clone();
    options.session.capabilities = settings_.worker_capabilities;
    options.session.labels = settings_.worker_labels;
    options.session.slots = static_cast<std::size_t>(settings_.worker_slots);
    options.session.sandbox = isolation_ == sandbox::Isolation::kNamespaces ? "namespaces" : "none";
    options.url = settings_.orchestrator_url;
    options.session.agent_versions = programs_.versions;
    options.backends = programs_.backends;
    options.run.programs = programs_.agents;
    options.run.policy.isolation = isolation_;
    options.run.policy.readable_paths = programs_.readable_paths;
    options.run.environment = programs_.environment;
    options.notice = [this](std::string_view event, std::string_view detail) {
      log_.info(event, {{"detail", detail}});
    };
    return options;
  }

  Task<void> work() {
    worker_->start();
    log_.info("worker.started", {{"orchestrator", settings_.orchestrator_url}});
    co_await signals_.async_wait(boost::asio::use_awaitable);
    const Duration grace = settings_.drain_timeout;
    log_.info("worker.stopping", {{"grace_ms", to_millis(grace)}});
    signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (!error) hard_stop();
    });
    hard_stop_.expires_after(grace + kHardStop);
    hard_stop_.async_wait([this](const boost::system::error_code& error) {
      if (!error) hard_stop();
    });
    co_await worker_->stop(grace);
  }

  // Our death closes the supervisors' channels, and each ends its tree at once.
  [[noreturn]] void hard_stop() {
    log_.warn("worker.stopped_hard");
    ::_exit(130);
  }

  World& world_;
  settings::Settings settings_;
  telemetry::Logger log_;
  boost::asio::io_context loop_{1};
  boost::asio::signal_set signals_;
  boost::asio::steady_timer hard_stop_{loop_};
  std::unique_ptr<net::Client> client_;
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::unique_ptr<worker_agent::Worker> worker_;
  sandbox::Isolation isolation_ = sandbox::Isolation::kNone;
  Programs programs_;
  int exit_code_ = 0;
};

}  // namespace

int run_worker(World& world, settings::Settings settings) {
  exit_with_parent(world);
  return WorkerRole(world, std::move(settings)).run();
}

}  // namespace personas::app
