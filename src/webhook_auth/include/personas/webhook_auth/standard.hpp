// Standard Webhooks 1.0.0: who sends, and that nobody changed it, in three headers.
//
//   webhook-id:        the same over all attempts of one delivery
//   webhook-timestamp: whole seconds since 1970, of this attempt
//   webhook-signature: one or more of "v1,<base64>" and "v1a,<base64>", separated by spaces
//
// Signed is `id "." timestamp "." body`. v1 is HMAC-SHA256 with the bytes that `whsec_<base64>`
// stands for; v1a is Ed25519 with the seed of `whsk_<base64>`, verified with `whpk_<base64>`.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/base/secret.hpp"
#include "personas/base/time.hpp"

namespace personas::webhook_auth {

inline constexpr std::string_view kIdHeader = "webhook-id";
inline constexpr std::string_view kTimestampHeader = "webhook-timestamp";
inline constexpr std::string_view kSignatureHeader = "webhook-signature";

// Key bytes of v1, as the specification has them.
inline constexpr std::size_t kMinKeyBytes = 24;
inline constexpr std::size_t kMaxKeyBytes = 64;
inline constexpr std::size_t kMaxIdBytes = 256;

// A new secret of v1 (whsec_…, 32 random bytes), and of v1a (whsk_…).
Secret make_secret(Random& random);
Secret make_signing_key(Random& random);
// What a receiver needs to verify v1a: whpk_…. `signing_key` is whsk_….
Result<std::string> public_key_of(const Secret& signing_key);

struct SignedHeaders {
  std::string id;
  std::string timestamp;
  std::string signature;
};

// With every secret of `secrets` (whsec_ and whsk_, both during a rotation), in their order.
// kInvalidRequest if there is none, if one is neither, or if the id is empty, too long or has a
// character that is not visible ASCII, or a dot.
Result<SignedHeaders> sign(std::span<const Secret> secrets, std::string_view id, Timestamp now,
                           std::string_view body);

}  // namespace personas::webhook_auth
