// Webhooks out of one process: the reader of the journal that makes deliveries, and the service
// that sends them. Both run on the core loop.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "personas/async/task.hpp"
#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/delivery/service.hpp"
#include "personas/net/guarded_client.hpp"
#include "personas/operations/webhook_services.hpp"
#include "personas/reactions/tell_endpoints.hpp"
#include "personas/reactor/journal_reactor.hpp"
#include "personas/settings/settings.hpp"
#include "personas/store/event_sink.hpp"
#include "personas/store/journal_feed.hpp"
#include "personas/telemetry/log.hpp"
#include "personas/vault/vault.hpp"

namespace personas::app {

class Deliveries {
 public:
  struct Parts {
    boost::asio::io_context& core;
    const settings::Settings& settings;
    store::Store& store;
    store::JournalFeed& feed;
    Clock& clock;
    Random& random;
    const vault::Vault& vault;
    telemetry::Logger& log;
    InstanceId instance;
    store::EventSink& events;
    std::function<void(const reactor::Trouble&)> on_trouble;
  };
  explicit Deliveries(Parts parts);

  // Before requests are taken.
  Task<Result<void>> open();
  void run() { reactor_.run(); }
  // After the feed is closed; what is under way is cut and sent again by the next start.
  Task<void> stop();

  operations::Webhooks webhooks() { return {.outbox = &service_, .targets = targets_}; }

 private:
  net::PrivateTargets targets_;
  std::unique_ptr<net::GuardedClient> client_;
  std::unique_ptr<delivery::Carrier> carrier_;
  delivery::DeliveryService service_;
  reactions::TellEndpoints handler_;
  reactor::JournalReactor reactor_;
};

}  // namespace personas::app
