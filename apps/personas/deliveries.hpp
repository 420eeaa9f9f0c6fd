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
#include "personas/execution/service.hpp"
#include "personas/net/guarded_client.hpp"
#include "personas/operations/webhook_services.hpp"
#include "personas/reactions/expiry_notices.hpp"
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
    const vault::MasterKey& key;
    telemetry::Logger& log;
    InstanceId instance;
    store::EventSink& events;
    execution::Executions& executions;
    std::function<void(const reactor::Trouble&)> on_trouble;
  };
  explicit Deliveries(Parts parts);

  // Before requests are taken.
  Task<Result<void>> open();
  void run() {
    reactor_.run();
    expiries_->run();
  }
  // After the feed is closed; what is under way is cut and sent again by the next start.
  Task<void> stop();

  operations::Webhooks webhooks() {
    return {.outbox = &service_,
            .targets = targets_,
            .mail = mail_,
            .review_links = &review_links_,
            .expiries_changed = [this] { expiries_->changed(); }};
  }
  // What the command of a sink has come to, in the transaction of the reaction to its end.
  Result<void> command_ended(store::Transaction& tx, const TenantId& tenant,
                             const delivery::DeliveryService::CommandEnd& end,
                             store::AfterCommit& after) {
    return service_.command_ended(tx, tenant, end, after);
  }

 private:
  net::PrivateTargets targets_;
  vault::ReviewLinks review_links_;
  operations::Mail mail_;
  std::unique_ptr<net::GuardedClient> client_;
  std::unique_ptr<net::MailClient> mail_client_;
  std::unique_ptr<delivery::Carrier> http_carrier_;
  std::unique_ptr<delivery::Carrier> mail_carrier_;
  std::unique_ptr<delivery::Carrier> carrier_;
  delivery::DeliveryService service_;
  reactions::TellEndpoints handler_;
  reactor::JournalReactor reactor_;
  boost::asio::io_context& core_;
  store::Store& store_;
  Clock& clock_;
  telemetry::Logger& log_;
  std::unique_ptr<Alarm> alarm_;
  std::unique_ptr<reactions::ExpiryNotices> expiries_;
};

}  // namespace personas::app
