// The tokens with which agents reach their model providers.
#include "tokens.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/operations/credential_requests.hpp"
#include "personas/vault/provider_tokens.hpp"

#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

using vault::TokenExpiry;

std::string_view name_of_provider(Provider provider) {
  return codec::name_of(provider);
}

TokenState state_of(std::string_view provider, const TokenExpiry& expiry, Timestamp now) {
  TokenState state{true, "api", expiry.at, expiry.known == TokenExpiry::Known::kAssumed, {}};
  auto warning = vault::expiry_warning(provider, expiry, now);
  if (!warning.empty()) state.warning = std::move(warning);
  return state;
}

Result<void> check_token(std::string_view token) {
  for (const char c : token) {
    if (c > ' ' && c <= '~') continue;
    return fail(ErrorCode::kInvalidRequest, "A token has no spaces and only ASCII characters",
                {{"/token", "has a space or a character outside ASCII"}});
  }
  return {};
}

Result<Reply> put_token(Call& call, store::Transaction& tx) {
  const auto& body = call.body<TokenBody>();
  const auto provider = name_of_provider(body.provider);
  TRY_VOID(check_token(body.token));
  TokenExpiry expiry = vault::assumed_expiry(provider, body.token, call.now);
  if (body.expires_at) expiry = {body.expires_at, TokenExpiry::Known::kSaid};
  if (body.expires_at && *body.expires_at <= call.now) {
    return fail(ErrorCode::kInvalidRequest, "This token has ended already; get a new one",
                {{"/expiresAt", "is in the past"}});
  }
  TRY_VOID(vault::put_provider_token(tx, call.services.vault, call.tenant(), provider,
                                     Secret(body.token), expiry, call.now));
  tell_expiries_changed(call);
  // Another token may be another account: what waited for the old one's limit goes on.
  call.after_commit.push_back(
      [&services = call.services, tenant = call.tenant(), backend = std::string(provider)] {
        services.executions.provider_changed(tenant, backend);
      });
  return json_reply(200, state_of(provider, expiry, call.now));
}

Result<Reply> delete_token(Call& call, store::Transaction& tx) {
  const auto provider = name_of_provider(call.query<TokenQuery>().provider);
  TRY(const bool removed,
      vault::remove_provider_token(tx, call.services.vault, call.tenant(), provider));
  if (!removed) {
    return fail(ErrorCode::kNotFound,
                fmt::format("No token of {} is stored; one from the settings is taken away there",
                            provider));
  }
  return empty_reply();
}

}  // namespace

Result<std::map<std::string, TokenState>> token_states(const Call& call, store::Transaction& tx) {
  const auto& in_settings = call.services.facts.tokens_in_settings;
  std::map<std::string, TokenState> states;
  for (const auto& entry : codec::Described<Provider>::values) {
    TRY(const auto expiry, vault::provider_token_expiry(tx, call.tenant(), entry.name));
    TokenState state;
    if (expiry) {
      state = state_of(entry.name, *expiry, call.now);
    } else if (std::ranges::find(in_settings, entry.name) != in_settings.end()) {
      state.configured = true;
      state.source = "settings";
    }
    states.emplace(entry.name, std::move(state));
  }
  return states;
}

void add_tokens(Table& table) {
  table.push_back({.id = "putClaudeToken",
                   .method = "POST",
                   .path = "/api/token",
                   .summary = "Hand in the token that agents use with their model provider",
                   .tag = "System",
                   .scope = identity::Scope::kAdmin,
                   .body = input<TokenBody>(),
                   .example = R"({"provider": "claude", "token": "sk-ant-oat01-0123456789abcdef"})",
                   .output = one<TokenState>(),
                   .handler = Write{&put_token}});
  table.push_back({.id = "deleteToken",
                   .method = "DELETE",
                   .path = "/api/token",
                   .summary = "Forget a token that was handed in",
                   .tag = "System",
                   .scope = identity::Scope::kAdmin,
                   .query = input<TokenQuery>(),
                   .status = 204,
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&delete_token}});
}

}  // namespace personas::operations
