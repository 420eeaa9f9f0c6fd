// Subscriptions: when such an event comes, run this persona.
#include "personas/bus/subscription_store.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/operations/requests_described.hpp"

#include "event_requests.hpp"
#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

using identity::Scope;
using store::Transaction;

Result<Subscription> require_subscription(const Call& call, Transaction& tx) {
  const auto id = call.id<SubscriptionId>(0);
  return require(bus::find_subscription(tx, call.tenant(), id), "subscription", id.str());
}

Result<void> record_subscription(const Call& call, Transaction& tx, std::string_view type,
                                 const Subscription& subscription) {
  return record_fact(
      call, tx, type,
      record::Named{subscription.id.str(), subscription.name.value_or(subscription.event_type)},
      {.persona = subscription.persona_id.str()});
}

Result<void> check(const Call& call, Transaction& tx, const Subscription& subscription) {
  TRY_VOID(check_persona(call, tx, subscription.persona_id, "/personaId"));
  return bus::check_subscription(subscription);
}

Result<Reply> save(Call& call, Transaction& tx, Subscription subscription,
                   const Subscription& existing) {
  subscription.id = existing.id;
  subscription.created_at = existing.created_at;
  subscription.updated_at = call.now;
  TRY_VOID(check(call, tx, subscription));
  TRY_VOID(bus::update_subscription(tx, call.tenant(), subscription, call.services.random));
  TRY_VOID(record_subscription(call, tx, record::kSubscriptionUpdated, subscription));
  return json_reply(200, subscription);
}

Result<Reply> create_subscription(Call& call, Transaction& tx) {
  Subscription subscription = call.body<Subscription>();
  if (subscription.id.empty()) {
    subscription.id = SubscriptionId::make(call.now, call.services.random);
  } else {
    TRY(const auto existing, bus::find_subscription(tx, call.tenant(), subscription.id));
    if (existing) return save(call, tx, std::move(subscription), *existing);
  }
  subscription.created_at = subscription.updated_at = call.now;
  TRY_VOID(check(call, tx, subscription));
  TRY_VOID(bus::insert_subscription(tx, call.tenant(), subscription, call.services.random));
  TRY_VOID(record_subscription(call, tx, record::kSubscriptionCreated, subscription));
  return json_reply(201, subscription);
}

Result<Reply> change_subscription(Call& call, Transaction& tx) {
  TRY(const auto existing, require_subscription(call, tx));
  Subscription changed = existing;
  TRY_VOID(merge_body(call, changed));
  TRY_VOID(same_id(changed.id, existing.id));
  return save(call, tx, std::move(changed), existing);
}

Result<Reply> get_subscription(Call& call, Transaction& tx) {
  TRY(const auto subscription, require_subscription(call, tx));
  return json_reply(200, subscription);
}

Result<Reply> delete_subscription(Call& call, Transaction& tx) {
  TRY(const auto subscription, require_subscription(call, tx));
  TRY_VOID(bus::delete_subscription(tx, call.tenant(), subscription.id, call.services.random));
  TRY_VOID(record_subscription(call, tx, record::kSubscriptionDeleted, subscription));
  return empty_reply();
}

Result<Reply> list_subscriptions(Call& call, Transaction& tx) {
  const auto& query = call.query<SubscriptionsQuery>();
  TRY(const auto page, page_of(call, query.limit, query.cursor));
  TRY(auto rows,
      bus::list_subscriptions(
          tx, call.tenant(),
          {.persona_id = query.persona_id, .event_type = query.event_type, .page = page}));
  return page_reply(call, std::move(rows), query.limit);
}

Result<Reply> list_of_persona(Call& call, Transaction& tx) {
  TRY(const auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  const auto& query = call.query<PageQuery>();
  TRY(const auto page, page_of(call, query.limit, query.cursor));
  TRY(auto rows,
      bus::list_subscriptions(tx, call.tenant(), {.persona_id = persona.id, .page = page}));
  return page_reply(call, std::move(rows), query.limit);
}

void add_changes(Table& table) {
  table.push_back(
      {.id = "createSubscription",
       .method = "POST",
       .path = "/api/subscriptions",
       .summary = "Create a subscription, or replace the one with the given id",
       .tag = "Subscriptions",
       .scope = Scope::kWrite,
       .body = input<Subscription>(),
       .example = R"({"personaId": "per_1", "eventType": "gitlab_push", "sourceFilter": "org/*"})",
       .output = one<Subscription>(),
       .status = 201,
       .errors = {ErrorCode::kNotFound},
       .other_successes = {{200, one<Subscription>()}},
       .handler = Write{&create_subscription}});
  table.push_back({.id = "replaceSubscription",
                   .method = "PUT",
                   .path = "/api/subscriptions/{id}",
                   .summary = "Change a subscription; what is absent stays",
                   .tag = "Subscriptions",
                   .scope = Scope::kWrite,
                   .body = input<Subscription>(InputType::Form::kPartial),
                   .output = one<Subscription>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&change_subscription}});
  table.push_back({.id = "changeSubscription",
                   .method = "PATCH",
                   .path = "/api/subscriptions/{id}",
                   .summary = "Change a subscription; what is absent stays",
                   .tag = "Subscriptions",
                   .scope = Scope::kWrite,
                   .body = input<Subscription>(InputType::Form::kPartial),
                   .output = one<Subscription>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&change_subscription}});
  table.push_back({.id = "deleteSubscription",
                   .method = "DELETE",
                   .path = "/api/subscriptions/{id}",
                   .summary = "Delete a subscription; what it has started goes on",
                   .tag = "Subscriptions",
                   .scope = Scope::kWrite,
                   .status = 204,
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&delete_subscription}});
}

}  // namespace

void add_subscriptions(Table& table) {
  add_changes(table);
  table.push_back({.id = "listSubscriptions",
                   .method = "GET",
                   .path = "/api/subscriptions",
                   .summary = "List subscriptions",
                   .tag = "Subscriptions",
                   .query = input<SubscriptionsQuery>(),
                   .output = page<Subscription>(),
                   .handler = &list_subscriptions});
  table.push_back({.id = "getSubscription",
                   .method = "GET",
                   .path = "/api/subscriptions/{id}",
                   .summary = "Get a subscription",
                   .tag = "Subscriptions",
                   .output = one<Subscription>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_subscription});
  table.push_back({.id = "listSubscriptionsOfPersona",
                   .method = "GET",
                   .path = "/api/personas/{id}/subscriptions",
                   .summary = "List the subscriptions that run a persona",
                   .tag = "Subscriptions",
                   .query = input<PageQuery>(),
                   .output = page<Subscription>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &list_of_persona});
}

}  // namespace personas::operations
