#include "webhook_doors.hpp"

#include <algorithm>
#include <array>

#include "personas/base/bytes.hpp"
#include "personas/vault/webhook_secrets.hpp"

#include "reply.hpp"

namespace personas::operations {
namespace {

namespace bj = boost::json;

// Tenants that may have a persona of one id: clients bring their own ids, so there can be a few.
constexpr std::int64_t kMaxNamesakes = 3;

constexpr std::size_t kMaxLoggedHeaders = 64;
constexpr std::size_t kMaxLoggedValue = 1'024;
constexpr std::string_view kMask = "***";

bool has_key(const Call& call) {
  return call.caller == Caller::kKey;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// By what fields that carry secrets or proofs are called, ours and those of others.
bool is_secret_name(std::string_view name) {
  constexpr std::array<std::string_view, 8> kParts{"auth",     "cookie", "secret",    "token",
                                                   "password", "apikey", "signature", "api-key"};
  return std::ranges::any_of(kParts, [&](auto part) { return name.contains(part); });
}

}  // namespace

Result<std::vector<Door>> persona_doors(const Call& call, store::Transaction& tx) {
  const auto id = call.id<PersonaId>(0);
  std::vector<Door> doors;
  if (has_key(call)) {
    TRY_VOID(require_persona(call, tx, id));
    Door door{.tenant = call.tenant()};
    door.persona = id;
    door.source = id.str();
    door.lock = Door::Lock::kOpen;
    doors.push_back(std::move(door));
    return doors;
  }
  TRY(const auto tenants, store::tenants_with_webhook(tx, id, kMaxNamesakes));
  for (const auto& tenant : tenants) {
    TRY(auto secret, vault::persona_webhook_secret(tx, call.services.vault, tenant, id));
    if (!secret) continue;
    Door door{.tenant = tenant};
    door.persona = id;
    door.source = id.str();
    door.secrets.push_back(std::move(*secret));
    doors.push_back(std::move(door));
  }
  return doors;
}

Result<std::vector<Door>> source_doors(const Call& call, store::Transaction& tx) {
  std::vector<Door> doors;
  TRY(auto found, store::find_source_of_any_tenant(tx, call.id<WebhookSourceId>(0)));
  const bool own = has_key(call) && found && found->tenant == call.tenant();
  if (has_key(call) && !found) return not_found("webhook source", call.ids[0]);
  if (!found) return doors;
  const auto& source = found->source;
  TRY(auto secrets, vault::source_secrets(tx, call.services.vault, found->tenant, source.id.str()));
  Door door{.tenant = found->tenant};
  door.preset = source.preset;
  door.persona = source.persona_id;
  door.source = source.name;
  door.secrets = std::move(secrets);
  door.lock = own || source.unsigned_ ? Door::Lock::kOpen : Door::Lock::kClosed;
  doors.push_back(std::move(door));
  return doors;
}

Result<std::vector<Door>> shared_doors(const Call& call, store::Transaction& tx,
                                       webhook_auth::Preset preset) {
  Door door{.tenant = has_key(call) ? call.tenant() : default_tenant()};
  door.preset = preset;
  door.lock = has_key(call) ? Door::Lock::kOpen : Door::Lock::kClosed;
  for (const auto& [of, secret] : call.services.webhook_secrets) {
    if (of == preset) door.secrets.push_back(secret.clone());
  }
  TRY(auto sources,
      store::list_webhook_sources(tx, door.tenant, {store::kMaxWebhookSources, std::nullopt}));
  std::ranges::reverse(sources);  // the newest ones, if there are too many
  for (const auto& source : sources) {
    if (source.preset != preset || source.persona_id || source.unsigned_) continue;
    TRY(auto secrets, vault::source_secrets(tx, call.services.vault, door.tenant, source.id.str()));
    for (auto& secret : secrets) {
      if (door.secrets.size() < webhook_auth::kMaxSecrets) {
        door.secrets.push_back(std::move(secret));
      }
    }
  }
  std::vector<Door> doors;
  doors.push_back(std::move(door));
  return doors;
}

codec::RawJson masked_headers(const net::Headers& headers, const std::vector<Secret>& secrets) {
  bj::array all;
  for (const auto& [name, value] : headers.all()) {
    if (all.size() == kMaxLoggedHeaders) break;
    const bool named = is_secret_name(lower(name));
    const bool held = std::ranges::any_of(secrets, [&value](const Secret& secret) {
      return !secret.empty() && value.contains(secret.reveal());
    });
    const auto shown = named || held
                           ? std::string(kMask)
                           : std::string(utf8_prefix(to_valid_utf8(value), kMaxLoggedValue));
    all.push_back(bj::object{{"name", to_valid_utf8(name)}, {"value", shown}});
  }
  return {codec::serialize(all)};
}

std::vector<net::Header> logged_headers(const codec::RawJson& logged) {
  std::vector<net::Header> headers;
  const auto json = codec::parse_json(logged.text);
  if (!json || !json->is_array()) return headers;
  for (const auto& entry : json->as_array()) {
    const auto* name = entry.is_object() ? entry.as_object().if_contains("name") : nullptr;
    const auto* value = entry.is_object() ? entry.as_object().if_contains("value") : nullptr;
    if (name == nullptr || value == nullptr || !name->is_string() || !value->is_string()) continue;
    headers.push_back({std::string(name->as_string()), std::string(value->as_string())});
  }
  return headers;
}

}  // namespace personas::operations
