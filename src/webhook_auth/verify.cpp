#include "personas/webhook_auth/verify.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "personas/webhook_auth/standard.hpp"

#include "schemes.hpp"

namespace personas::webhook_auth {
namespace {

struct Scheme {
  Preset preset;
  Attempt (*verify)(Secrets, const Incoming&);
};

constexpr std::array kSchemes{
    Scheme{Preset::kGeneric, &verify_generic}, Scheme{Preset::kStandard, &verify_standard},
    Scheme{Preset::kGithub, &verify_github},   Scheme{Preset::kGitlab, &verify_gitlab},
    Scheme{Preset::kSlack, &verify_slack},     Scheme{Preset::kStripe, &verify_stripe},
    Scheme{Preset::kLinear, &verify_linear}};
static_assert(std::ranges::all_of(kSchemes, [](const Scheme& scheme) {
  return &scheme == &kSchemes[static_cast<std::size_t>(scheme.preset)];
}));

constexpr std::array kReasons{
    std::pair{Refusal::kNoSecret, "no secret is configured for this sender"},
    std::pair{Refusal::kNoProof, "the headers that would prove the sender are missing"},
    std::pair{Refusal::kHeaderRepeated, "a header that must stand once is repeated"},
    std::pair{Refusal::kHeaderMalformed, "an id, a time or a signature is malformed"},
    std::pair{Refusal::kTooMany, "there are too many headers or signatures"},
    std::pair{Refusal::kTooOld, "it was signed too long ago"},
    std::pair{Refusal::kTooNew, "it was signed in the future"},
    std::pair{Refusal::kMismatch, "the signature or the secret is not the right one"},
    std::pair{Refusal::kNoDeliveryId, "the id of the delivery is missing"},
    std::pair{Refusal::kBodyMalformed, "the body is not what this sender sends"}};
static_assert(std::ranges::all_of(kReasons, [](const auto& row) {
  return &row == &kReasons[static_cast<std::size_t>(row.first)];
}));

bool same_name(std::string_view left, std::string_view right) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::ranges::equal(left, right, {}, lower, lower);
}

}  // namespace

std::string_view reason_of(Refusal refusal) {
  return kReasons[static_cast<std::size_t>(refusal)].second;
}

std::expected<std::string_view, Refusal> only(const Incoming& incoming, std::string_view name) {
  std::optional<std::string_view> found;
  for (const auto& field : incoming.headers) {
    if (!same_name(field.name, name)) continue;
    if (found) return std::unexpected(Refusal::kHeaderRepeated);
    found = field.value;
  }
  if (!found || found->empty()) return std::unexpected(Refusal::kNoProof);
  if (found->size() > kMaxHeaderBytes) return std::unexpected(Refusal::kTooMany);
  return *found;
}

bool has(const Incoming& incoming, std::string_view name) {
  return std::ranges::any_of(
      incoming.headers, [name](const HeaderField& field) { return same_name(field.name, name); });
}

std::expected<std::string_view, Refusal> optional_id(const Incoming& incoming,
                                                     std::string_view name) {
  const auto id = only(incoming, name);
  if (!id && id.error() == Refusal::kNoProof) return std::string_view();
  if (!id) return id;
  if (id->size() > kMaxIdBytes || !is_visible_ascii(*id)) {
    return std::unexpected(Refusal::kHeaderMalformed);
  }
  return id;
}

std::optional<Timestamp> parse_seconds(std::string_view text) {
  constexpr std::size_t kMaxDigits = 11;  // the year 5138
  if (text.empty() || text.size() > kMaxDigits) return {};
  std::int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return {};
    value = value * 10 + (c - '0');
  }
  return Timestamp{value * 1'000'000};
}

std::optional<Refusal> outside(Timestamp sent, Timestamp now, Duration tolerance) {
  // Whole seconds are compared with whole seconds, so that both ends of the window are as long.
  const auto second = [](Timestamp t) { return std::chrono::floor<seconds>(Duration(t.micros)); };
  if (second(now) - second(sent) > tolerance) return Refusal::kTooOld;
  if (second(sent) - second(now) > tolerance) return Refusal::kTooNew;
  return {};
}

bool is_visible_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::optional<crypto::Digest> parse_digest(std::string_view text) {
  crypto::Digest digest{};
  const auto is_lower = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (text.size() != 2 * digest.size() || !std::ranges::all_of(text, is_lower)) return {};
  const auto bytes = from_hex(text);
  if (!bytes) return {};
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

bool same_secret(const Secret& ours, std::string_view theirs) {
  return crypto::constant_time_equal(crypto::sha256(as_bytes(ours.reveal())),
                                     crypto::sha256(as_bytes(theirs)));
}

std::expected<Proof, Refusal> authenticate(Preset preset, std::span<const Secret> secrets,
                                           const Incoming& incoming) {
  if (incoming.headers.size() > kMaxHeaders || secrets.size() > kMaxSecrets) {
    return std::unexpected(Refusal::kTooMany);
  }
  // An empty secret is one that everybody knows.
  std::vector<Secret> known;
  for (const auto& secret : secrets) {
    if (!secret.empty()) known.push_back(secret.clone());
  }
  if (known.empty()) return std::unexpected(Refusal::kNoSecret);
  return kSchemes[static_cast<std::size_t>(preset)].verify(known, incoming);
}

Result<void> check_secret(Preset preset, std::string_view secret) {
  const auto refuse = [](std::string message) {
    return fail(ErrorCode::kInvalidRequest, std::move(message));
  };
  if (secret.empty()) return refuse("A webhook needs a secret that is not empty");
  if (secret.size() > kMaxSecretBytes) return refuse("A secret has at most 512 bytes");
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  if (std::ranges::any_of(secret, is_control) || secret.starts_with(' ') || secret.ends_with(' ')) {
    return refuse("A secret has no control characters, and no space at its ends");
  }
  const bool shared = is_standard_secret(secret);
  if (preset == Preset::kStandard && !shared && !is_standard_public_key(secret)) {
    return refuse(
        "A secret of Standard Webhooks is whsec_ followed by the base64 of 24 to 64 bytes, or "
        "whpk_ followed by that of a public key");
  }
  if (preset != Preset::kStandard && secret.starts_with("whpk_")) {
    return refuse("A public key (whpk_) proves nothing here; take a whsec_ secret");
  }
  const bool decoded = preset == Preset::kGeneric || preset == Preset::kGitlab;
  if (decoded && secret.starts_with("whsec_") && !shared) {
    return refuse("What begins with whsec_ goes on with the base64 of 24 to 64 bytes");
  }
  return {};
}

}  // namespace personas::webhook_auth
