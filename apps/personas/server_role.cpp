// `up` and `serve`: the orchestrator's process, with or without a local worker.
#include <atomic>
#include <csignal>
#include <optional>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "personas/os/data_lock.hpp"
#include "personas/os/files.hpp"
#include "personas/os/process.hpp"
#include "personas/settings/table.hpp"
#include "personas/settings/webhook_secrets.hpp"
#include "personas/telemetry/log.hpp"

#include "child_worker.hpp"
#include "keys.hpp"
#include "orchestrator.hpp"
#include "programs.hpp"
#include "roles.hpp"
#include "terminal.hpp"

namespace personas::app {
namespace {

using settings::Role;

// A second Ctrl-C, or a stop that hangs this long after its grace, ends the process as it stands:
// everything acknowledged is on disk anyway.
constexpr Duration kHardStop = seconds(10);

// After the disk has failed: for the answers to the requests that were in flight. Nothing is waited
// for beyond it, because nothing can be completed any more.
constexpr Duration kLastAnswers = milliseconds(500);

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

class ServerRole {
 public:
  ServerRole(World& world, settings::Settings settings, Role role)
      : world_(world),
        settings_(std::move(settings)),
        role_(role),
        log_(world.clock, log_level(settings_), stderr_sink()),
        terminal_(world),
        signals_(core_, SIGINT, SIGTERM) {}

  int run() {
    if (const auto ready = prepare(); !ready) return report(ready.error());
    boost::asio::co_spawn(core_, serve(), [this](std::exception_ptr failure) {
      if (failure) exit_code_ = info(ErrorCode::kInternal).exit_code;
      signals_.cancel();
    });
    core_.run();
    // The store goes before the loops that its completions are posted to.
    worker_.reset();
    orchestrator_.reset();
    return exit_code_;
  }

 private:
  Result<void> prepare() {
    os::raise_descriptor_limit();
    TRY_VOID(os::make_private_directory(settings_.data_dir));
    if (folder_of(settings_.db_path) != settings_.data_dir) {
      TRY_VOID(os::make_private_directory(folder_of(settings_.db_path)));
    }
    TRY(lock_, os::DataLock::acquire(settings_.data_dir));
    TRY_VOID(obtain_keys(role_, settings_, world_.random));
    log_.set_redactor(redactor());
    TRY(orchestrator_,
        Orchestrator::open(core_, {.settings = settings_,
                                   .clock = world_.clock,
                                   .random = world_.random,
                                   .log = log_,
                                   .on_fatal = [this](const Error& error) { fatal(error); },
                                   .on_damage = [this](const Error& error) { damage(error); }}));
    return {};
  }

  std::shared_ptr<const Redactor> redactor() const {
    std::vector<NamedSecret> secrets;
    secrets.push_back({"MASTER_KEY", settings_.master_key.clone()});
    secrets.push_back({"TEAM_API_KEY", settings_.team_api_key.clone()});
    secrets.push_back({"WORKER_TOKEN", settings_.worker_token.clone()});
    secrets.push_back({"CLAUDE_TOKEN", settings_.claude_token.clone()});
    secrets.push_back({"OPENAI_API_KEY", settings_.openai_api_key.clone()});
    secrets.push_back({"GEMINI_API_KEY", settings_.gemini_api_key.clone()});
    secrets.push_back({"PERSONAS_SMTP_PASSWORD", settings_.smtp_password.clone()});
    for (const auto& row : settings::kWebhookSecrets) {
      secrets.push_back({std::string(row.setting), (settings_.*row.member).clone()});
    }
    return std::make_shared<const Redactor>(std::move(secrets));
  }

  // From a thread of the store: what is on disk is no longer known. The store refuses everything
  // from now on, so nothing more is acknowledged; who waits is told so in the time that is left.
  void fatal(const Error& error) {
    log_.error("store.fatal",
               {{"error", error.message},
                {"to_do",
                 "the server stops; mend the disk or restore a backup, then start it "
                 "again: what was acknowledged before is on disk"}});
    const int code = info(error.code).exit_code;
    exit_code_ = code;
    boost::asio::post(core_, [this, code] {
      last_answers_.expires_after(kLastAnswers);
      last_answers_.async_wait([this, code](const boost::system::error_code&) {
        if (worker_) worker_->kill();  // its supervisors end what the agents left
        ::_exit(code);
      });
    });
  }

  void damage(const Error& error) { log_.error("store.damage", {{"error", error.message}}); }

  Task<void> serve() {
    if (auto started = co_await orchestrator_->start(); !started) {
      exit_code_ = report(started.error());
      co_return;
    }
    if (role_ == Role::kUp) {
      if (auto added = co_await orchestrator_->add_demo_persona(); !added) {
        log_.warn("demo_persona.failed", {{"error", added.error().message}});
      }
      start_worker();
    }
    announce();
    co_await wait_for_signal();
    const Duration grace = settings_.drain_timeout;
    log_.info("stopping", {{"grace_ms", to_millis(grace)}});
    stop_hard_on_second_signal();
    if (role_ == Role::kUp && terminal_.attached() == cli::Attached::kTerminal) {
      terminal_.out(fmt::format(
          "\nStopping. Running agents have {} seconds to finish; what does not is run again at the "
          "next start.\nCtrl-C again stops at once.\n",
          to_millis(grace) / 1'000));
    }
    if (worker_) co_await worker_->stop(grace);
    co_await orchestrator_->stop(grace);
    hard_stop_.cancel();
    signals_.cancel();
    log_.info("stopped");
  }

  Task<void> wait_for_signal() { co_await signals_.async_wait(boost::asio::use_awaitable); }

  void stop_hard_on_second_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (error) return;
      if (worker_) worker_->kill();  // its supervisors end what the agents left
      ::_exit(130);
    });
    hard_stop_.expires_after(settings_.drain_timeout * 2 + kHardStop);
    hard_stop_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      log_.error("stop.timed_out");
      ::_exit(1);
    });
  }

  void start_worker() {
    if (settings_.worker_slots == 0) return;
    const auto self = os::self_executable();
    if (!self) {
      log_.error("worker.not_started", {{"error", self.error().message}});
      return;
    }
    worker_ = std::make_unique<ChildWorker>(
        core_, std::vector<std::string>{*self, "worker"}, worker_environment(),
        [this](std::string_view what) { log_.warn("worker.process", {{"detail", what}}); });
    if (const auto started = worker_->start(); !started) {
      log_.error("worker.not_started", {{"error", started.error().message}});
    }
  }

  // The child's settings are ours, its secrets are its own: the token to connect with, no more.
  std::map<std::string, std::string> worker_environment() const {
    auto environment = world_.environment;
    for (const auto& setting : settings::kSettings) {
      if (setting.is_secret()) environment.erase(std::string(setting.variable));
    }
    environment["WORKER_TOKEN"] = std::string(settings_.worker_token.reveal());
    environment["WORKER_ID"] = settings_.worker_id.empty() ? "local" : settings_.worker_id;
    const bool tls = !settings_.tls_cert.empty();
    environment["ORCHESTRATOR_URL"] =
        fmt::format("{}://127.0.0.1:{}", tls ? "wss" : "ws", orchestrator_->ws_port());
    if (tls) environment["PERSONAS_CA_FILE"] = settings_.tls_cert;
    environment["PERSONAS_DATA_DIR"] = settings_.data_dir + "/worker";
    environment["PERSONAS_WORKER_SLOTS"] = std::to_string(settings_.worker_slots);
    environment["PERSONAS_SANDBOX"] = std::string(codec::name_of(settings_.sandbox));
    environment["PERSONAS_LOG_LEVEL"] = "warn";
    add_program_settings(settings_, environment);
    environment["PERSONAS_EXIT_WITH_PARENT"] = std::to_string(::getpid());
    return environment;
  }

  void announce() {
    const bool tls = !settings_.tls_cert.empty();
    const std::string url = fmt::format("{}://{}:{}", tls ? "https" : "http", settings_.bind,
                                        orchestrator_->http_port());
    const std::string workers =
        fmt::format("{}://{}:{}", tls ? "wss" : "ws", settings_.bind, orchestrator_->ws_port());
    if (role_ == Role::kServe) {
      log_.info("ready", {{"url", url}, {"workers", workers}});
      return;
    }
    const bool default_port = orchestrator_->http_port() == 3001;
    const std::string key_file = settings_.data_dir + "/team.key";
    // The key itself is for the person at the terminal, not for whatever collects our output.
    const bool person = terminal_.attached() == cli::Attached::kTerminal;
    terminal_.out(fmt::format(
        "\nPersonas is up.\n\n"
        "  API      {}\n"
        "  Workers  {}  (one is running here)\n"
        "  Key      {}\n\n"
        "Try it, in another terminal (no account needed):\n\n"
        "  {} run demo \"Say hello\" --follow{}\n\n"
        "Stop with Ctrl-C; the next start goes on where this one ended.\n\n",
        url, workers, person ? std::string(settings_.team_api_key.reveal()) : "in " + key_file,
        program_name(), default_port ? "" : fmt::format(" --url {}", url)));
  }

  // As the user can type it: the path that was built, from where they are.
  std::string program_name() const {
    const auto self = os::self_executable();
    if (!self) return "personas";
    const auto found = world_.environment.find("PWD");
    if (found != world_.environment.end() && self->starts_with(found->second + "/")) {
      return self->substr(found->second.size() + 1);
    }
    return *self;
  }

  World& world_;
  settings::Settings settings_;
  const Role role_;
  telemetry::Logger log_;
  StandardTerminal terminal_;
  std::optional<os::DataLock> lock_;
  boost::asio::io_context core_{1};
  boost::asio::signal_set signals_;
  boost::asio::steady_timer hard_stop_{core_};
  boost::asio::steady_timer last_answers_{core_};
  std::unique_ptr<Orchestrator> orchestrator_;
  std::unique_ptr<ChildWorker> worker_;
  std::atomic<int> exit_code_ = 0;
};

}  // namespace

int run_up(World& world, settings::Settings settings) {
  return ServerRole(world, std::move(settings), Role::kUp).run();
}

int run_serve(World& world, settings::Settings settings) {
  return ServerRole(world, std::move(settings), Role::kServe).run();
}

}  // namespace personas::app
