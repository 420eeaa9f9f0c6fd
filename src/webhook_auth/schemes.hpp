// The ways a sender proves itself, one function each, and what they share: looking up fields that
// decide something, times, digests.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "personas/base/bytes.hpp"
#include "personas/crypto/hash.hpp"
#include "personas/webhook_auth/verify.hpp"

namespace personas::webhook_auth {

using Attempt = std::expected<Proof, Refusal>;
using Secrets = std::span<const Secret>;

// The value of a field that stands there once. kNoProof if it is absent.
std::expected<std::string_view, Refusal> only(const Incoming& incoming, std::string_view name);
bool has(const Incoming& incoming, std::string_view name);
// The same, empty if it is absent: an id in visible ASCII of at most kMaxIdBytes.
std::expected<std::string_view, Refusal> optional_id(const Incoming& incoming,
                                                     std::string_view name);

// Whole seconds, 1 to 11 digits and nothing else: a fraction, a sign or a space is a refusal.
std::optional<Timestamp> parse_seconds(std::string_view text);
std::optional<Refusal> outside(Timestamp sent, Timestamp now, Duration tolerance);

bool is_visible_ascii(std::string_view text);
// 64 lower-case hexadecimal digits.
std::optional<crypto::Digest> parse_digest(std::string_view text);

// Equal, without telling by its time how long the right one is or where they differ.
bool same_secret(const Secret& ours, std::string_view theirs);

Attempt verify_standard(Secrets secrets, const Incoming& incoming);
Attempt verify_generic(Secrets secrets, const Incoming& incoming);
Attempt verify_github(Secrets secrets, const Incoming& incoming);
Attempt verify_gitlab(Secrets secrets, const Incoming& incoming);
Attempt verify_slack(Secrets secrets, const Incoming& incoming);
Attempt verify_stripe(Secrets secrets, const Incoming& incoming);
Attempt verify_linear(Secrets secrets, const Incoming& incoming);

// whsec_<base64> of a right length, or whpk_<base64>.
bool is_standard_secret(std::string_view secret);
bool is_standard_public_key(std::string_view secret);

}  // namespace personas::webhook_auth
