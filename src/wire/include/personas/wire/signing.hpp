// Signed frames: {"_signed":true,"seq":n,"sig":"hex","payload":"exact JSON text"}.
//
//   sig = hex(HMAC-SHA256(k, decimal(seq) + "." + payload))
//   k   = HKDF-SHA256(ikm = worker token, salt = nonce of the ack, info = direction), 32 bytes
//
// The info texts are "worker-to-orchestrator" and "orchestrator-to-worker". hello and ack are
// never signed: the nonce travels in the ack. In legacy mode k is the bare token, both ways.
// A FrameSigner/FrameVerifier lives as long as one connection; not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "personas/base/error.hpp"
#include "personas/base/secret.hpp"
#include "personas/wire/frames.hpp"

namespace personas::wire {

// The payload is a JSON string inside the envelope, so its quotes and backslashes are doubled.
inline constexpr std::size_t kMaxEnvelopeBytes = 2 * kMaxFrameBytes;

enum class Direction : std::uint8_t { kToOrchestrator, kToWorker };

Secret derive_frame_key(const Secret& worker_token, std::string_view nonce, Direction direction);
// For workers that sign with the bare token and cannot be changed.
Secret legacy_frame_key(const Secret& worker_token);

std::string sign_frame(const Secret& key, std::int64_t seq, std::string_view payload);

// The frame is an envelope if it is an object with `_signed: true`.
bool looks_signed(std::string_view text);

struct VerifiedFrame {
  std::int64_t seq = 0;
  std::string payload;
};
// kUnauthorized if the signature is wrong, kInvalidRequest or kMalformedJson if the envelope is.
Result<VerifiedFrame> verify_frame(const Secret& key, std::string_view text);

class FrameSigner {
 public:
  explicit FrameSigner(Secret key) : key_(std::move(key)) {}
  std::string sign(std::string_view payload) { return sign_frame(key_, ++seq_, payload); }

 private:
  Secret key_;
  std::int64_t seq_ = 0;
};

class FrameVerifier {
 public:
  explicit FrameVerifier(Secret key) : key_(std::move(key)) {}
  // The payload; refuses a frame whose seq does not rise.
  Result<std::string> verify(std::string_view text);

 private:
  Secret key_;
  std::int64_t last_seq_ = 0;
};

}  // namespace personas::wire
