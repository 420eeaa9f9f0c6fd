#include "personas/identity/authenticator.hpp"

#include "personas/base/bytes.hpp"

namespace personas::identity {
namespace {

// Comparing hashes takes the same time wherever they differ, and whatever the keys' lengths.
crypto::Digest hash_of(std::string_view key) {
  return crypto::sha256(as_bytes(key));
}

Result<void> require_key(const Secret& key, std::string_view variable) {
  if (key.empty()) {
    return fail(ErrorCode::kMisconfigured, std::string(variable) + " must not be empty");
  }
  if (key.size() > kMaxKeyLength) {
    return fail(ErrorCode::kMisconfigured,
                std::string(variable) + " must have at most 512 characters");
  }
  return {};
}

}  // namespace

Result<Authenticator> Authenticator::make(const Secret& team_api_key, const Secret& worker_token) {
  TRY_VOID(require_key(team_api_key, "TEAM_API_KEY"));
  TRY_VOID(require_key(worker_token, "WORKER_TOKEN"));
  if (team_api_key.equals(worker_token.reveal())) {
    return fail(ErrorCode::kMisconfigured,
                "TEAM_API_KEY and WORKER_TOKEN must differ: a worker must not be able to act as "
                "the owner");
  }
  Authenticator made;
  made.add_key(team_api_key, {.tenant = default_tenant(),
                              .role = Role::kOwner,
                              .scopes = Scopes::all(),
                              .key_name = "team"});
  made.worker_hash_ = hash_of(worker_token.reveal());
  return made;
}

void Authenticator::add_key(const Secret& key, Principal principal) {
  keys_.push_back({hash_of(key.reveal()), std::move(principal)});
}

Result<Principal> Authenticator::authenticate(std::string_view bearer) const {
  if (!bearer.empty() && bearer.size() <= kMaxKeyLength) {
    const auto hash = hash_of(bearer);
    for (const auto& entry : keys_) {
      if (crypto::constant_time_equal(entry.hash, hash)) return entry.principal;
    }
  }
  return fail(ErrorCode::kUnauthorized,
              "Send a valid key as 'Authorization: Bearer <TEAM_API_KEY>'");
}

WorkerCheck Authenticator::check_worker(std::string_view token) const {
  const bool right = !token.empty() && token.size() <= kMaxKeyLength &&
                     crypto::constant_time_equal(worker_hash_, hash_of(token));
  return right ? WorkerCheck::kRight : WorkerCheck::kWrong;
}

}  // namespace personas::identity
