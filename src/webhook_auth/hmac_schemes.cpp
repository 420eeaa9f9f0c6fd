// The senders with a scheme of their own.
#include <algorithm>
#include <string>
#include <vector>

#include "personas/webhook_auth/standard.hpp"

#include "schemes.hpp"

namespace personas::webhook_auth {
namespace {

// The key is the text of the secret as it is shown, not what it may be an encoding of.
bool any_signs(Secrets secrets, std::string_view text, std::span<const crypto::Digest> given) {
  bool found = false;
  for (const auto& secret : secrets) {
    const auto right = crypto::hmac_sha256(as_bytes(secret.reveal()), as_bytes(text));
    for (const auto& digest : given) found |= crypto::constant_time_equal(right, digest);
  }
  return found;
}

std::expected<std::string, Refusal> required_id(const Incoming& incoming, std::string_view name) {
  const auto id = optional_id(incoming, name);
  if (!id) return std::unexpected(id.error());
  if (id->empty()) return std::unexpected(Refusal::kNoDeliveryId);
  return std::string(*id);
}

// The secret itself, in a field.
std::expected<void, Refusal> verify_field(Secrets secrets, const Incoming& incoming,
                                          std::string_view name) {
  const auto given = only(incoming, name);
  if (!given) return std::unexpected(given.error());
  bool found = false;
  for (const auto& secret : secrets) {
    // A public key is no secret.
    const bool shown = !is_standard_public_key(secret.reveal());
    found |= same_secret(secret, *given) && shown;
  }
  if (!found) return std::unexpected(Refusal::kMismatch);
  return {};
}

// The items of "t=…,v1=…,v1=…".
struct StripeFields {
  std::optional<std::string_view> timestamp;
  std::vector<crypto::Digest> v1;
};

std::expected<StripeFields, Refusal> parse_stripe(std::string_view text) {
  StripeFields fields;
  std::size_t count = 0;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    const auto item = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (++count > kMaxSignatures) return std::unexpected(Refusal::kTooMany);
    if (item.starts_with("t=")) {
      if (fields.timestamp) return std::unexpected(Refusal::kHeaderRepeated);
      fields.timestamp = item.substr(2);
    } else if (item.starts_with("v1=")) {
      if (const auto digest = parse_digest(item.substr(3))) fields.v1.push_back(*digest);
    }
  }
  if (!fields.timestamp || fields.v1.empty()) return std::unexpected(Refusal::kHeaderMalformed);
  return fields;
}

}  // namespace

Attempt verify_generic(Secrets secrets, const Incoming& incoming) {
  if (has(incoming, kSignatureHeader)) return verify_standard(secrets, incoming);
  const auto known = verify_field(secrets, incoming, kSecretHeader);
  if (!known) return std::unexpected(known.error());
  return Proof{};
}

// No time is signed, so nothing but the id of the delivery tells a repetition.
Attempt verify_github(Secrets secrets, const Incoming& incoming) {
  constexpr std::string_view kScheme = "sha256=";
  const auto given = only(incoming, "X-Hub-Signature-256");
  if (!given) return std::unexpected(given.error());
  if (!given->starts_with(kScheme)) return std::unexpected(Refusal::kHeaderMalformed);
  const auto digest = parse_digest(given->substr(kScheme.size()));
  if (!digest) return std::unexpected(Refusal::kHeaderMalformed);
  auto id = required_id(incoming, "X-GitHub-Delivery");
  if (!id) return std::unexpected(id.error());
  if (!any_signs(secrets, incoming.body, {&*digest, 1})) {
    return std::unexpected(Refusal::kMismatch);
  }
  return Proof{std::move(*id), {}};
}

// A token proves who sends, a signature also what. Where a signing token is configured the token
// alone is not enough: leaving the signature out would be the attack.
Attempt verify_gitlab(Secrets secrets, const Incoming& incoming) {
  const bool signing = std::ranges::any_of(
      secrets, [](const Secret& secret) { return is_standard_secret(secret.reveal()); });
  if (signing || !has(incoming, kGitlabTokenHeader)) return verify_standard(secrets, incoming);
  const auto known = verify_field(secrets, incoming, kGitlabTokenHeader);
  if (!known) return std::unexpected(known.error());
  return Proof{};
}

Attempt verify_slack(Secrets secrets, const Incoming& incoming) {
  const auto timestamp = only(incoming, "X-Slack-Request-Timestamp");
  if (!timestamp) return std::unexpected(timestamp.error());
  const auto given = only(incoming, "X-Slack-Signature");
  if (!given) return std::unexpected(given.error());
  const auto sent = parse_seconds(*timestamp);
  if (!sent || !given->starts_with("v0=")) return std::unexpected(Refusal::kHeaderMalformed);
  const auto digest = parse_digest(given->substr(3));
  if (!digest) return std::unexpected(Refusal::kHeaderMalformed);
  if (const auto refused = outside(*sent, incoming.now, kTolerance)) {
    return std::unexpected(*refused);
  }
  const auto text = std::string("v0:").append(*timestamp).append(":").append(incoming.body);
  if (!any_signs(secrets, text, {&*digest, 1})) return std::unexpected(Refusal::kMismatch);
  return Proof{{}, *sent};
}

// Versions other than v1 do not count: v0 is for tests, and weaker ones would be a way down.
Attempt verify_stripe(Secrets secrets, const Incoming& incoming) {
  const auto given = only(incoming, "Stripe-Signature");
  if (!given) return std::unexpected(given.error());
  const auto fields = parse_stripe(*given);
  if (!fields) return std::unexpected(fields.error());
  const auto sent = parse_seconds(*fields->timestamp);
  if (!sent) return std::unexpected(Refusal::kHeaderMalformed);
  if (const auto refused = outside(*sent, incoming.now, kTolerance)) {
    return std::unexpected(*refused);
  }
  const auto text = std::string(*fields->timestamp).append(".").append(incoming.body);
  if (!any_signs(secrets, text, fields->v1)) return std::unexpected(Refusal::kMismatch);
  return Proof{{}, *sent};
}

// Its time is in the body: read_delivery() looks at it, once the body is known to be Linear's.
Attempt verify_linear(Secrets secrets, const Incoming& incoming) {
  const auto given = only(incoming, "Linear-Signature");
  if (!given) return std::unexpected(given.error());
  const auto digest = parse_digest(*given);
  if (!digest) return std::unexpected(Refusal::kHeaderMalformed);
  auto id = required_id(incoming, "Linear-Delivery");
  if (!id) return std::unexpected(id.error());
  if (!any_signs(secrets, incoming.body, {&*digest, 1})) {
    return std::unexpected(Refusal::kMismatch);
  }
  return Proof{std::move(*id), {}};
}

}  // namespace personas::webhook_auth
