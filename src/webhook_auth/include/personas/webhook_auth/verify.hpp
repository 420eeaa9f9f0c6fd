// Whether an incoming webhook is from who knows the secret: over the bytes as they came, before
// anything is parsed.
//
// One answer for all presets: a Proof, or a Refusal. Which Refusal it was is for the log of the
// tenant alone; whoever sent the request is told the same in all cases, or could ask his way in.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "personas/base/error.hpp"
#include "personas/base/secret.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"

namespace personas::webhook_auth {

enum class Preset : std::uint8_t {
  kGeneric,   // the secret in X-Webhook-Secret, or Standard Webhooks
  kStandard,  // Standard Webhooks 1.0.0
  kGithub,
  kGitlab,  // the secret in X-Gitlab-Token, or Standard Webhooks
  kSlack,
  kStripe,
  kLinear,
};

inline constexpr std::string_view kSecretHeader = "X-Webhook-Secret";
inline constexpr std::string_view kGitlabTokenHeader = "X-Gitlab-Token";

// Apart by more than this, and it is refused, whichever of both clocks is ahead.
inline constexpr Duration kTolerance = seconds(300);
// Linear's own advice; its time is in the body.
inline constexpr Duration kLinearTolerance = seconds(60);

// More than anybody sends during a rotation of keys; each costs a comparison, or a curve's work.
inline constexpr std::size_t kMaxSignatures = 16;
// Of one header that is looked at; the longest real one has a few hundred bytes.
inline constexpr std::size_t kMaxHeaderBytes = 8 * 1024;
// Fields that are looked through; the server has its own bound for what it reads.
inline constexpr std::size_t kMaxHeaders = 256;
// The old one and the new one, while they are changed, and one that somebody forgot.
inline constexpr std::size_t kMaxSecrets = 3;
inline constexpr std::size_t kMaxSecretBytes = 512;

struct HeaderField {
  std::string_view name;
  std::string_view value;
};

struct Incoming {
  std::span<const HeaderField> headers;
  std::string_view body;  // as received
  Timestamp now;
};

enum class Refusal : std::uint8_t {
  kNoSecret,
  kNoProof,          // none of the headers that would prove it
  kHeaderRepeated,   // which of both would count?
  kHeaderMalformed,  // an id, a time or a signature that is none
  kTooMany,          // headers or signatures
  kTooOld,
  kTooNew,
  kMismatch,       // right form, wrong value
  kNoDeliveryId,   // without it nothing tells a repetition
  kBodyMalformed,  // proven, but not what this sender sends
};
// For the delivery log.
std::string_view reason_of(Refusal refusal);

struct Proof {
  std::string delivery_id;           // the sender's name of it; empty if this one sends none
  std::optional<Timestamp> sent_at;  // where the proof covers it
};

// Tries all of `secrets`; empty ones prove nothing.
std::expected<Proof, Refusal> authenticate(Preset preset, std::span<const Secret> secrets,
                                           const Incoming& incoming);

// Whether a secret can be one of this preset: not empty, and of the form that its sender uses.
// kInvalidRequest with what to do.
Result<void> check_secret(Preset preset, std::string_view secret);

}  // namespace personas::webhook_auth

namespace personas::codec {

template <>
struct Described<webhook_auth::Preset> {
  using P = webhook_auth::Preset;
  static constexpr std::string_view name = "WebhookPreset";
  static constexpr std::array values{value("generic", P::kGeneric), value("standard", P::kStandard),
                                     value("github", P::kGithub),   value("gitlab", P::kGitlab),
                                     value("slack", P::kSlack),     value("stripe", P::kStripe),
                                     value("linear", P::kLinear)};
};

}  // namespace personas::codec
