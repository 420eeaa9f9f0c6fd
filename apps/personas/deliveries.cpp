#include "deliveries.hpp"

#include <utility>

#include "personas/codec/json.hpp"
#include "personas/execution/execution_store.hpp"
#include "personas/net_beast/guarded_client.hpp"
#include "personas/net_beast/mail_client.hpp"
#include "personas/os/wall_alarm.hpp"
#include "personas/reactor/watches.hpp"

#include "guarded.hpp"

namespace personas::app {
namespace {

net::GuardOptions delivery_options(const settings::Settings& settings) {
  auto options = guard_options(settings);
  options.body = net::GuardOptions::Body::kIgnored;
  return options;
}

delivery::MailDefaults mail_defaults(const settings::Settings& settings) {
  return {.server = settings.smtp_url,
          .user = settings.smtp_user,
          .password = settings.smtp_password.clone(),
          .from = settings.smtp_from};
}

// An execution of no persona: the command is the sink's own, and its prompt, which the command gets
// on standard input, the notification. Its end is waited for by the delivery.
Result<ExecutionId> start_command(execution::Executions& executions, Random& random,
                                  store::Transaction& tx, const TenantId& tenant,
                                  const delivery::Endpoint& endpoint, const delivery::Delivery& row,
                                  Timestamp now, store::AfterCommit& after) {
  TRY_VOID(executions.admit(tenant));
  const delivery::CommandRoute route = endpoint.command.value_or(delivery::CommandRoute{});
  execution::ExecuteRequest request;
  request.prompt = row.payload.text;
  request.timeout_ms = route.timeout_ms;
  ExecutionConfig config;
  config.backend = "command";
  config.permission_policy = codec::RawJson{R"({"command":)" + codec::to_json(route.argv) + "}"};
  request.config = std::move(config);
  const auto id = ExecutionId::make(now, random);
  TRY(auto enqueued,
      execution::enqueue(tx, tenant, id, request, execution::Source::kNotification, now));
  TRY_VOID(reactor::watch(tx, tenant, {id, reactor::Purpose::kNotification, row.id.str()}));
  after.push_back(
      [&executions, queued = std::move(enqueued.queued)] { executions.enqueued(queued); });
  return id;
}

delivery::DeliveryService::Parts service_parts(const Deliveries::Parts& parts,
                                               delivery::Carrier& carrier) {
  const auto secrets_of = [&vault = parts.vault](store::Transaction& tx, const TenantId& tenant,
                                                 const delivery::Endpoint& endpoint,
                                                 Timestamp now) {
    return operations::endpoint_secrets(tx, vault, tenant, endpoint, now);
  };
  const auto start = [&executions = parts.executions, &random = parts.random](
                         store::Transaction& tx, const TenantId& tenant,
                         const delivery::Endpoint& endpoint, const delivery::Delivery& row,
                         Timestamp now, store::AfterCommit& after) {
    return start_command(executions, random, tx, tenant, endpoint, row, now, after);
  };
  const auto on_trouble = [&log = parts.log](const Error& error) {
    log.warn("delivery.failed", {{"error", error.message}});
  };
  return {.executor = parts.core.get_executor(),
          .store = parts.store,
          .clock = parts.clock,
          .random = parts.random,
          .carrier = carrier,
          .secrets_of = secrets_of,
          .start_command = start,
          .events = parts.events,
          .origin = parts.instance,
          .on_trouble = on_trouble};
}

}  // namespace

Deliveries::Deliveries(Parts parts)
    : targets_(private_targets(parts.settings)),
      review_links_(parts.key, parts.settings.public_url),
      mail_{.server = parts.settings.smtp_url, .from = parts.settings.smtp_from},
      client_(net_beast::make_guarded_client(parts.core, delivery_options(parts.settings))),
      mail_client_(net_beast::make_mail_client(parts.core, {.ca_file = parts.settings.ca_file})),
      http_carrier_(delivery::make_http_carrier(*client_, "personas/" PERSONAS_VERSION)),
      mail_carrier_(
          delivery::make_mail_carrier(*mail_client_, mail_defaults(parts.settings), targets_)),
      carrier_(delivery::make_carrier_by_kind(*http_carrier_, *mail_carrier_)),
      service_(service_parts(parts, *carrier_)),
      handler_(parts.clock, parts.random, service_, review_links_),
      reactor_(parts.core.get_executor(), parts.store, parts.feed, handler_,
               std::move(parts.on_trouble)),
      core_(parts.core),
      store_(parts.store),
      clock_(parts.clock),
      log_(parts.log) {
  if (targets_ == net::PrivateTargets::kAllowed) {
    parts.log.warn(
        "targets.private_allowed",
        {{"setting", "allow-private-targets"},
         {"meaning", "webhooks and polled URLs may lead to this machine and to private networks"}});
  }
}

Task<Result<void>> Deliveries::open() {
  CO_TRY_VOID(co_await reactor_.open());
  CO_TRY_VOID(co_await service_.start());
  CO_TRY(alarm_, os::open_wall_alarm(core_.get_executor()));
  expiries_ = std::make_unique<reactions::ExpiryNotices>(
      core_.get_executor(), store_, clock_, *alarm_,
      [this](const Error& error) { log_.warn("expiries.failed", {{"error", error.message}}); });
  co_return Result<void>();
}

Task<void> Deliveries::stop() {
  if (expiries_) co_await expiries_->stop();
  co_await reactor_.stop();
  co_await service_.stop();
}

}  // namespace personas::app
