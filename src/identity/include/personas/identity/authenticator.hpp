// Bearer keys and the workers' token. Immutable after it was made; any thread.
#pragma once

#include <string_view>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/base/secret.hpp"
#include "personas/crypto/hash.hpp"
#include "personas/identity/principal.hpp"

namespace personas::identity {

// Longer keys are refused unread, so that hashing costs a bounded time.
inline constexpr std::size_t kMaxKeyLength = 512;

enum class WorkerCheck : std::uint8_t { kWrong, kRight };

class Authenticator {
 public:
  // Any text may be a key (deployments bring their own), but not an empty one: kMisconfigured.
  static Result<Authenticator> make(const Secret& team_api_key, const Secret& worker_token);

  // A further key, for another tenant or with fewer rights. Before the first request only.
  void add_key(const Secret& key, Principal principal);

  // kUnauthorized, always with the same words.
  Result<Principal> authenticate(std::string_view bearer) const;
  WorkerCheck check_worker(std::string_view token) const;

 private:
  struct Entry {
    crypto::Digest hash;
    Principal principal;
  };

  Authenticator() = default;

  std::vector<Entry> keys_;
  crypto::Digest worker_hash_{};
};

}  // namespace personas::identity
