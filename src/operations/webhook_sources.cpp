// Sources of webhooks: an address of its own for one sender, with its secret.
#include <fmt/format.h>

#include "personas/operations/requests_described.hpp"
#include "personas/vault/webhook_secrets.hpp"
#include "personas/webhook_auth/standard.hpp"

#include "reply.hpp"
#include "subjects.hpp"
#include "webhook_requests.hpp"

namespace personas::operations {
namespace {

using identity::Scope;
using store::WebhookSource;
using webhook_auth::Preset;

WebhookSourceView view_of(const WebhookSource& source) {
  WebhookSourceView view;
  view.id = source.id;
  view.name = source.name;
  view.preset = source.preset;
  view.persona_id = source.persona_id;
  view.unsigned_ = source.unsigned_;
  view.path = "/api/hooks/" + source.id.str();
  view.created_at = source.created_at;
  return view;
}

std::unexpected<Error> wrong(std::string_view field, std::string why) {
  return fail(ErrorCode::kInvalidRequest, why, {{std::string(field), why}});
}

Result<void> check(Preset preset, std::string_view secret, std::string_view field) {
  const auto checked = webhook_auth::check_secret(preset, secret);
  if (!checked) return wrong(field, checked.error().message);
  return {};
}

// The secrets of a new source, the one in use first. `made` is what the server chose itself.
Result<std::vector<std::string>> secrets_of(const Call& call, std::optional<std::string>& made) {
  const auto& body = call.body<WebhookSourceBody>();
  std::vector<std::string> secrets;
  if (body.unsigned_) {
    if (body.secret || body.previous_secret) {
      return wrong("/unsigned",
                   "A source that takes what is unsigned has no secret; leave out one "
                   "of both");
    }
    return secrets;
  }
  if (body.secret) {
    TRY_VOID(check(body.preset, *body.secret, "/secret"));
    secrets.push_back(*body.secret);
  } else {
    // The others show their own secret, or want one in a form of theirs.
    const bool chosen_here = body.preset == Preset::kGeneric || body.preset == Preset::kStandard ||
                             body.preset == Preset::kGithub;
    if (!chosen_here) {
      return wrong("/secret", fmt::format("Give the secret that {} shows for this webhook; "
                                          "'unsigned': true takes anything from anybody",
                                          codec::name_of(body.preset)));
    }
    made = std::string(webhook_auth::make_secret(call.services.random).reveal());
    secrets.push_back(*made);
  }
  if (body.previous_secret) {
    TRY_VOID(check(body.preset, *body.previous_secret, "/previousSecret"));
    secrets.push_back(*body.previous_secret);
  }
  return secrets;
}

Result<void> require_room(const Call& call, store::Transaction& tx, std::string_view name) {
  TRY(const auto all,
      store::list_webhook_sources(tx, call.tenant(), {store::kMaxWebhookSources, std::nullopt}));
  if (std::ssize(all) >= store::kMaxWebhookSources) {
    return fail(ErrorCode::kUnprocessable,
                fmt::format("There are {} webhook sources already; delete some first", all.size()));
  }
  for (const auto& other : all) {
    if (other.name != name) continue;
    return fail(ErrorCode::kConflict,
                fmt::format("The name '{}' is that of webhook source {}", name, other.id.str()),
                {{"/name", "is the name of another webhook source"}});
  }
  return {};
}

Result<Reply> create_webhook_source(Call& call, store::Transaction& tx) {
  const auto& body = call.body<WebhookSourceBody>();
  std::optional<std::string> made;
  TRY(const auto secrets, secrets_of(call, made));
  TRY_VOID(check_persona(call, tx, body.persona_id, "/personaId"));
  TRY_VOID(require_room(call, tx, body.name));
  WebhookSource source;
  source.id = WebhookSourceId::make(call.now, call.services.random);
  source.name = body.name;
  source.preset = body.preset;
  source.persona_id = body.persona_id;
  source.unsigned_ = body.unsigned_;
  source.created_at = call.now;
  TRY_VOID(store::insert_webhook_source(tx, call.tenant(), source));
  TRY_VOID(vault::put_source_secrets(tx, call.services.vault, call.tenant(), source.id.str(),
                                     secrets, call.now));
  auto view = view_of(source);
  view.secret = made;
  Reply reply = json_reply(201, view);
  if (made) reply.secret = Reply::Secret::kYes;
  return reply;
}

Result<Reply> list_sources(Call& call, store::Transaction& tx) {
  const auto& query = call.query<PageQuery>();
  TRY(const auto page, page_of(call, query.limit, query.cursor));
  TRY(const auto sources, store::list_webhook_sources(tx, call.tenant(), page));
  std::vector<WebhookSourceView> views;
  for (const auto& source : sources) views.push_back(view_of(source));
  return page_reply(call, std::move(views), query.limit);
}

Result<Reply> delete_source(Call& call, store::Transaction& tx) {
  const auto id = call.id<WebhookSourceId>(0);
  TRY(const bool deleted, store::delete_webhook_source(tx, call.tenant(), id));
  if (!deleted) return not_found("webhook source", id.str());
  TRY_VOID(vault::forget_source_secrets(tx, call.services.vault, call.tenant(), id.str()));
  return empty_reply();
}

}  // namespace

void add_webhook_sources(Table& table) {
  table.push_back(
      {.id = "createWebhookSource",
       .method = "POST",
       .path = "/api/webhook-sources",
       .summary = "Set up an address for webhooks of one sender",
       .tag = "Webhooks",
       .scope = Scope::kWrite,
       .body = input<WebhookSourceBody>(),
       .example = R"({"name": "website", "preset": "github"})",
       .output = one<WebhookSourceView>(),
       .status = 201,
       .errors = {ErrorCode::kNotFound, ErrorCode::kConflict, ErrorCode::kUnprocessable},
       .handler = Write{&create_webhook_source}});
  table.push_back({.id = "listWebhookSources",
                   .method = "GET",
                   .path = "/api/webhook-sources",
                   .summary = "List the sources of webhooks",
                   .tag = "Webhooks",
                   .query = input<PageQuery>(),
                   .output = page<WebhookSourceView>(),
                   .handler = &list_sources});
  table.push_back({.id = "deleteWebhookSource",
                   .method = "DELETE",
                   .path = "/api/webhook-sources/{id}",
                   .summary = "Close the address of a source",
                   .tag = "Webhooks",
                   .scope = Scope::kWrite,
                   .output = {},
                   .status = 204,
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&delete_source}});
}

}  // namespace personas::operations
