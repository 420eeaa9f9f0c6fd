#include "personas/wire/signing.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"
#include "personas/crypto/hash.hpp"

namespace personas::wire {
namespace {

constexpr std::size_t kSignatureHex = 64;

constexpr std::string_view info_text(Direction direction) {
  return direction == Direction::kToOrchestrator ? "worker-to-orchestrator"
                                                 : "orchestrator-to-worker";
}

std::string signature_of(const Secret& key, std::int64_t seq, std::string_view payload) {
  const std::string message = fmt::format("{}.{}", seq, payload);
  return to_hex(crypto::hmac_sha256(as_bytes(key.reveal()), as_bytes(message)));
}

}  // namespace

Secret derive_frame_key(const Secret& worker_token, std::string_view nonce, Direction direction) {
  return crypto::hkdf_sha256(as_bytes(worker_token.reveal()), as_bytes(nonce),
                             info_text(direction));
}

Secret legacy_frame_key(const Secret& worker_token) {
  return worker_token.clone();
}

std::string sign_frame(const Secret& key, std::int64_t seq, std::string_view payload) {
  std::string out = fmt::format(R"({{"_signed":true,"seq":{},"sig":"{}","payload":)", seq,
                                signature_of(key, seq, payload));
  codec::append_json_string(payload, out);
  out += '}';
  return out;
}

bool looks_signed(std::string_view text) {
  // A cheap look first: nearly all frames of nearly all workers are not signed.
  if (text.find("\"_signed\"") == std::string_view::npos) return false;
  const auto json =
      codec::parse_json(text, {.max_bytes = kMaxEnvelopeBytes, .max_depth = kMaxFrameDepth});
  if (!json || !json->is_object()) return false;
  const auto* mark = json->get_object().if_contains("_signed");
  return mark != nullptr && mark->is_bool() && mark->get_bool();
}

Result<VerifiedFrame> verify_frame(const Secret& key, std::string_view text) {
  TRY(const auto json,
      codec::parse_json(text, {.max_bytes = kMaxEnvelopeBytes, .max_depth = kMaxFrameDepth}));
  const auto* object = json.if_object();
  const auto* mark = object == nullptr ? nullptr : object->if_contains("_signed");
  if (mark == nullptr || !mark->is_bool() || !mark->get_bool()) {
    return fail(ErrorCode::kUnauthorized, "frames of this connection must be signed");
  }
  const auto* seq = object->if_contains("seq");
  const auto* sig = object->if_contains("sig");
  const auto* payload = object->if_contains("payload");
  if (seq == nullptr || !seq->is_int64() || seq->get_int64() < 1 || sig == nullptr ||
      !sig->is_string() || payload == nullptr || !payload->is_string()) {
    return fail(ErrorCode::kInvalidRequest, "a signed frame has seq, sig and payload");
  }
  const std::string_view given = sig->get_string();
  const std::string_view body = payload->get_string();
  if (given.size() != kSignatureHex ||
      !crypto::constant_time_equal(as_bytes(signature_of(key, seq->get_int64(), body)),
                                   as_bytes(given))) {
    return fail(ErrorCode::kUnauthorized, "the signature of a frame is wrong");
  }
  return VerifiedFrame{seq->get_int64(), std::string(body)};
}

Result<std::string> FrameVerifier::verify(std::string_view text) {
  TRY(auto frame, verify_frame(key_, text));
  if (frame.seq <= last_seq_) {
    return fail(ErrorCode::kUnauthorized, "the seq of signed frames must rise");
  }
  last_seq_ = frame.seq;
  return std::move(frame.payload);
}

}  // namespace personas::wire
