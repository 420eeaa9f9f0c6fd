#include "http_side.hpp"

#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "personas/agents/backends.hpp"
#include "personas/http_api/api.hpp"
#include "personas/net_beast/server.hpp"
#include "personas/operations/page_cursor.hpp"
#include "personas/operations/table.hpp"
#include "personas/settings/table.hpp"
#include "personas/settings/webhook_secrets.hpp"
#include "personas/store/journal.hpp"
#include "personas/telemetry/metrics.hpp"

#include "programs.hpp"

namespace personas::app {
namespace {

// One thread, its loop and its server; the kernel spreads connections over those that share a port.
struct HttpThread {
  boost::asio::io_context loop{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
      loop.get_executor()};
  std::unique_ptr<net::Server> server;
  std::thread thread;
};

operations::Facts facts_of(const HttpSide::Parts& parts) {
  operations::Facts facts;
  facts.version = PERSONAS_VERSION;
  facts.instance = parts.instance;
  facts.node = parts.node;
  facts.started = parts.clock.now();
  for (const auto& backend : agents::backends()) {
    if (provider_token(parts.settings, backend.name).empty()) continue;
    facts.tokens_in_settings.emplace_back(backend.name);
  }
  return facts;
}

operations::WebhookSecrets webhook_secrets(const settings::Settings& settings) {
  operations::WebhookSecrets secrets;
  for (const auto& row : settings::kWebhookSecrets) {
    const Secret& secret = settings.*row.member;
    if (!secret.empty()) secrets.emplace_back(row.preset, secret.clone());
  }
  return secrets;
}

http_api::Options api_options(const settings::Settings& settings) {
  http_api::Options options;
  options.cors_origins = settings.cors_origins;
  options.rate_limit = settings.rate_limit;
  options.max_body_bytes = static_cast<std::size_t>(settings.max_body_bytes);
  return options;
}

class RunningHttpSide final : public HttpSide {
 public:
  explicit RunningHttpSide(Parts parts)
      : parts_(std::move(parts)),
        cursor_key_(parts_.key.derive(vault::key_labels::kCursors)),
        cursors_(as_bytes(cursor_key_.reveal())),
        pages_(parts_.key.derive(vault::key_labels::kPages)),
        services_{.store = parts_.store,
                  .clock = parts_.clock,
                  .random = parts_.random,
                  .executions = parts_.executions,
                  .bus = parts_.bus,
                  .vault = parts_.vault,
                  .cursors = cursors_,
                  .pages = pages_,
                  .feed = parts_.feed,
                  .metrics = metrics_,
                  .facts = facts_of(parts_),
                  .triggers_changed = parts_.triggers_changed,
                  .webhook_secrets = webhook_secrets(parts_.settings),
                  .webhooks = parts_.webhooks},
        api_(services_, parts_.authenticator, parts_.log, api_options(parts_.settings),
             operations::all_operations()) {}
  ~RunningHttpSide() override { join(); }

  Result<void> listen() {
    net::ServerOptions options = server_options(parts_.settings);
    options.limits.max_body_bytes =
        http_api::largest_body(operations::all_operations(), options.limits.max_body_bytes);
    options.port = static_cast<std::uint16_t>(parts_.settings.http_port);
    options.port_use =
        parts_.settings.http_threads > 1 ? net::PortUse::kShared : net::PortUse::kExclusive;
    options.websocket_origins = parts_.settings.cors_origins;
    const auto upgrade = [this](const net::Request& request) -> Result<net::UpgradeDecision> {
      return request.path == "/workers" ? parts_.hub.upgrade(request) : api_.upgrade(request);
    };
    for (std::int64_t i = 0; i < parts_.settings.http_threads; ++i) {
      auto one = std::make_unique<HttpThread>();
      TRY(one->server, net_beast::start_server(one->loop, parts_.clock, options, api_.handler(),
                                               upgrade, api_.error_responder()));
      options.port = one->server->port();
      threads_.push_back(std::move(one));
    }
    for (auto& one : threads_) {
      one->thread = std::thread([loop = &one->loop] { loop->run(); });
    }
    return {};
  }

  std::uint16_t port() const override { return threads_.front()->server->port(); }

  Task<void> drain(Duration deadline) override {
    for (auto& one : threads_) {
      co_await boost::asio::co_spawn(one->loop, one->server->drain(deadline),
                                     boost::asio::use_awaitable);
    }
    join();
  }

 private:
  void join() {
    for (auto& one : threads_) {
      one->loop.stop();  // every connection is gone; only the server's own timers are left
      if (one->thread.joinable()) one->thread.join();
      one->server.reset();
    }
  }

  Parts parts_;
  Secret cursor_key_;
  store::CursorCodec cursors_;
  operations::PageCursors pages_;
  telemetry::Metrics metrics_;
  operations::Services services_;
  http_api::Api api_;
  std::vector<std::unique_ptr<HttpThread>> threads_;
};

}  // namespace

Result<std::unique_ptr<HttpSide>> HttpSide::start(Parts parts) {
  auto side = std::make_unique<RunningHttpSide>(std::move(parts));
  TRY_VOID(side->listen());
  return side;
}

net::ServerOptions server_options(const settings::Settings& settings) {
  net::ServerOptions options;
  options.address = settings.bind;
  if (!settings.tls_cert.empty()) options.tls = net::TlsFiles{settings.tls_cert, settings.tls_key};
  options.limits.max_body_bytes = static_cast<std::size_t>(settings.max_body_bytes);
  return options;
}

Task<net::Response> only_workers(net::Request) {
  net::Response response;
  response.status = 426;
  response.headers.set("Upgrade", "websocket");
  response.body = "This port is for workers.\n";
  co_return response;
}

net::Response plain_error(const Error& error) {
  net::Response response;
  response.status = info(error.code).http_status;
  response.body = error.message + "\n";
  return response;
}

}  // namespace personas::app
