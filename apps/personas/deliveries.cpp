#include "deliveries.hpp"

#include <utility>

#include "personas/net_beast/guarded_client.hpp"

#include "guarded.hpp"

namespace personas::app {
namespace {

net::GuardOptions delivery_options(const settings::Settings& settings) {
  auto options = guard_options(settings);
  options.body = net::GuardOptions::Body::kIgnored;
  return options;
}

delivery::DeliveryService::Parts service_parts(const Deliveries::Parts& parts,
                                               delivery::Carrier& carrier) {
  const auto secrets_of = [&vault = parts.vault](store::Transaction& tx, const TenantId& tenant,
                                                 const delivery::Endpoint& endpoint,
                                                 Timestamp now) {
    return operations::endpoint_secrets(tx, vault, tenant, endpoint, now);
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
          .events = parts.events,
          .origin = parts.instance,
          .on_trouble = on_trouble};
}

}  // namespace

Deliveries::Deliveries(Parts parts)
    : targets_(private_targets(parts.settings)),
      client_(net_beast::make_guarded_client(parts.core, delivery_options(parts.settings))),
      carrier_(delivery::make_http_carrier(*client_, "personas/" PERSONAS_VERSION)),
      service_(service_parts(parts, *carrier_)),
      handler_(parts.clock, parts.random, service_),
      reactor_(parts.core.get_executor(), parts.store, parts.feed, handler_,
               std::move(parts.on_trouble)) {
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
  co_return Result<void>();
}

Task<void> Deliveries::stop() {
  co_await reactor_.stop();
  co_await service_.stop();
}

}  // namespace personas::app
