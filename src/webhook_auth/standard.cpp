#include "personas/webhook_auth/standard.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "personas/crypto/signature.hpp"

#include "schemes.hpp"

namespace personas::webhook_auth {
namespace {

constexpr std::string_view kShared = "whsec_";
constexpr std::string_view kSigning = "whsk_";
constexpr std::string_view kPublic = "whpk_";

// The bytes that <prefix><base64> stands for, if there are between `least` and `most`. Standard
// base64 only, as the specification writes it.
std::optional<Secret> key_bytes(std::string_view text, std::string_view prefix, std::size_t least,
                                std::size_t most) {
  if (!text.starts_with(prefix) || text.find_first_of("-_", prefix.size()) != text.npos) return {};
  auto bytes = from_base64(text.substr(prefix.size()));
  if (!bytes) return {};
  Secret key{std::string(as_text(*bytes))};
  std::ranges::fill(*bytes, std::uint8_t{0});
  if (key.size() < least || key.size() > most) return {};
  return key;
}

std::optional<Secret> shared_key(std::string_view text) {
  return key_bytes(text, kShared, kMinKeyBytes, kMaxKeyBytes);
}
// Some tools write seed and public key behind each other, as libsodium keeps them.
std::optional<Secret> signing_seed(std::string_view text) {
  auto key = key_bytes(text, kSigning, crypto::kSigningSeedBytes, 2 * crypto::kSigningSeedBytes);
  if (!key || key->size() % crypto::kSigningSeedBytes != 0) return {};
  return Secret(std::string(key->reveal().substr(0, crypto::kSigningSeedBytes)));
}
std::optional<Secret> public_key(std::string_view text) {
  return key_bytes(text, kPublic, crypto::kVerifyingKeyBytes, crypto::kVerifyingKeyBytes);
}

std::string signed_text(std::string_view id, std::string_view timestamp, std::string_view body) {
  std::string text;
  text.reserve(id.size() + timestamp.size() + body.size() + 2);
  text.append(id).append(1, '.').append(timestamp).append(1, '.').append(body);
  return text;
}

// An id with a dot could move bytes between id and timestamp under one signature.
bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxIdBytes && is_visible_ascii(id) && !id.contains('.');
}

// The entries of a signature header that are of a known version and form.
struct Entries {
  std::vector<Bytes> v1;
  std::vector<Bytes> v1a;
};

std::expected<Entries, Refusal> parse_entries(std::string_view text) {
  Entries entries;
  std::size_t count = 0;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const auto entry = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (entry.empty()) continue;
    if (++count > kMaxSignatures) return std::unexpected(Refusal::kTooMany);
    const auto comma = entry.find(',');
    if (comma == entry.npos) continue;
    auto bytes = from_base64(entry.substr(comma + 1));
    if (!bytes) continue;
    const auto version = entry.substr(0, comma);
    if (version == "v1" && bytes->size() == sizeof(crypto::Digest)) {
      entries.v1.push_back(std::move(*bytes));
    } else if (version == "v1a" && bytes->size() == crypto::kSignatureBytes) {
      entries.v1a.push_back(std::move(*bytes));
    }
  }
  if (entries.v1.empty() && entries.v1a.empty()) return std::unexpected(Refusal::kHeaderMalformed);
  return entries;
}

bool matches(const Secret& secret, const Entries& entries, std::string_view text) {
  bool found = false;
  if (secret.reveal().starts_with(kPublic)) {
    const auto open_key = public_key(secret.reveal());
    for (const auto& signature : entries.v1a) {
      found |= open_key &&
               crypto::verify_ed25519(as_bytes(open_key->reveal()), as_bytes(text), signature);
    }
    return found;
  }
  // What somebody has chosen for a generic endpoint needs no encoding.
  const bool encoded = secret.reveal().starts_with(kShared);
  const auto decoded = shared_key(secret.reveal());
  if (encoded && !decoded) return false;
  const auto right =
      crypto::hmac_sha256(as_bytes(encoded ? decoded->reveal() : secret.reveal()), as_bytes(text));
  for (const auto& signature : entries.v1) found |= crypto::constant_time_equal(right, signature);
  return found;
}

std::string random_key(std::string_view prefix, Random& random) {
  std::array<std::uint8_t, crypto::kSigningSeedBytes> bytes{};
  random.fill(bytes);
  auto text = std::string(prefix) + to_base64(bytes);
  bytes.fill(0);
  return text;
}

}  // namespace

bool is_standard_secret(std::string_view secret) {
  return shared_key(secret).has_value();
}
bool is_standard_public_key(std::string_view secret) {
  return public_key(secret).has_value();
}

Secret make_secret(Random& random) {
  return Secret(random_key(kShared, random));
}
Secret make_signing_key(Random& random) {
  return Secret(random_key(kSigning, random));
}

Result<std::string> public_key_of(const Secret& signing_key) {
  const auto seed = signing_seed(signing_key.reveal());
  if (!seed) {
    return fail(ErrorCode::kInvalidRequest,
                "A signing key is whsk_ followed by the base64 of 32 bytes");
  }
  return std::string(kPublic) + to_base64(crypto::verifying_key(*seed));
}

Result<SignedHeaders> sign(std::span<const Secret> secrets, std::string_view id, Timestamp now,
                           std::string_view body) {
  if (!is_id(id)) {
    return fail(ErrorCode::kInvalidRequest,
                "The id of a webhook is 1 to 256 visible characters of ASCII without a dot");
  }
  if (secrets.empty()) {
    return fail(ErrorCode::kInvalidRequest, "A webhook without a secret cannot be signed");
  }
  const auto at = std::chrono::floor<seconds>(Duration(now.micros)).count();
  SignedHeaders headers{std::string(id), std::to_string(at), {}};
  const auto text = signed_text(headers.id, headers.timestamp, body);
  for (const auto& secret : secrets) {
    if (!headers.signature.empty()) headers.signature += ' ';
    if (const auto key = shared_key(secret.reveal())) {
      headers.signature +=
          "v1," + to_base64(crypto::hmac_sha256(as_bytes(key->reveal()), as_bytes(text)));
    } else if (const auto seed = signing_seed(secret.reveal())) {
      headers.signature += "v1a," + to_base64(crypto::sign_ed25519(*seed, as_bytes(text)));
    } else {
      return fail(ErrorCode::kInvalidRequest,
                  "A secret to sign with is whsec_ followed by the base64 of 24 to 64 bytes, or "
                  "whsk_ followed by that of 32 bytes");
    }
  }
  return headers;
}

Attempt verify_standard(Secrets secrets, const Incoming& incoming) {
  const auto id = only(incoming, kIdHeader);
  const auto timestamp = only(incoming, kTimestampHeader);
  const auto signature = only(incoming, kSignatureHeader);
  for (const auto* field : {&id, &timestamp, &signature}) {
    if (!*field) return std::unexpected(field->error());
  }
  const auto sent = parse_seconds(*timestamp);
  if (!is_id(*id) || !sent) return std::unexpected(Refusal::kHeaderMalformed);
  if (const auto refused = outside(*sent, incoming.now, kTolerance)) {
    return std::unexpected(*refused);
  }
  const auto entries = parse_entries(*signature);
  if (!entries) return std::unexpected(entries.error());
  const auto text = signed_text(*id, *timestamp, incoming.body);
  bool found = false;
  for (const auto& secret : secrets) found |= matches(secret, *entries, text);
  if (!found) return std::unexpected(Refusal::kMismatch);
  return Proof{std::string(*id), *sent};
}

}  // namespace personas::webhook_auth
