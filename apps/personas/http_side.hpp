// The HTTP API of one process: its threads, one server each on the shared port, and what the
// operations need.
#pragma once

#include <functional>
#include <memory>

#include "personas/async/task.hpp"
#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/bus/bus.hpp"
#include "personas/execution/service.hpp"
#include "personas/identity/authenticator.hpp"
#include "personas/net/server.hpp"
#include "personas/operations/webhook_services.hpp"
#include "personas/settings/settings.hpp"
#include "personas/store/event_sink.hpp"
#include "personas/store/journal_feed.hpp"
#include "personas/store/store.hpp"
#include "personas/telemetry/log.hpp"
#include "personas/vault/master_key.hpp"
#include "personas/vault/vault.hpp"
#include "personas/worker_gateway/hub.hpp"

namespace personas::app {

// Address, TLS and limits of both ports; the port itself is the caller's to set.
net::ServerOptions server_options(const settings::Settings& settings);

// What the workers' port answers to anything that is no worker.
Task<net::Response> only_workers(net::Request request);
net::Response plain_error(const Error& error);

class HttpSide {
 public:
  struct Parts {
    const settings::Settings& settings;
    store::Store& store;
    Clock& clock;
    Random& random;
    telemetry::Logger& log;
    execution::Executions& executions;
    bus::Bus& bus;
    store::JournalFeed& feed;
    const vault::Vault& vault;
    const vault::MasterKey& key;
    const identity::Authenticator& authenticator;
    worker_gateway::Hub& hub;
    operations::Webhooks webhooks;
    InstanceId instance;
    NodeId node;
    std::function<void()> triggers_changed;
  };

  static Result<std::unique_ptr<HttpSide>> start(Parts parts);
  virtual ~HttpSide() = default;
  virtual std::uint16_t port() const = 0;
  virtual Task<void> drain(Duration deadline) = 0;
};

}  // namespace personas::app
