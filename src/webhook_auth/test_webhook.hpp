// Webhooks as tests write them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personas/base/bytes.hpp"
#include "personas/crypto/hash.hpp"
#include "personas/webhook_auth/delivery.hpp"
#include "personas/webhook_auth/verify.hpp"

namespace personas::webhook_auth {

constexpr Timestamp at_second(std::int64_t second) {
  return {second * 1'000'000};
}

struct TestWebhook {
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  Timestamp now;

  TestWebhook& with(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  // Another value for a field that is there.
  TestWebhook& set(std::string_view name, std::string value) {
    for (auto& header : headers) {
      if (header.first == name) header.second = value;
    }
    return *this;
  }
  TestWebhook without(std::string_view name) const {
    TestWebhook copy = *this;
    std::erase_if(copy.headers, [name](const auto& header) { return header.first == name; });
    return copy;
  }
  TestWebhook later(Duration by) const {
    TestWebhook copy = *this;
    copy.now = now + by;
    return copy;
  }
  TestWebhook saying(std::string text) const {
    TestWebhook copy = *this;
    copy.body = std::move(text);
    return copy;
  }
};

// What came of it: "ok <id>", or the reason.
inline std::string verdict(Preset preset, const std::vector<std::string>& secrets,
                           const TestWebhook& webhook) {
  std::vector<HeaderField> fields;
  for (const auto& [name, value] : webhook.headers) fields.push_back({name, value});
  std::vector<Secret> known;
  for (const auto& secret : secrets) known.emplace_back(secret);
  const auto proof = authenticate(preset, known, {fields, webhook.body, webhook.now});
  return proof ? "ok " + proof->delivery_id : std::string(reason_of(proof.error()));
}

inline std::expected<Delivery, Refusal> read(Preset preset, const TestWebhook& webhook,
                                             const Proof& proof = {}) {
  std::vector<HeaderField> fields;
  for (const auto& [name, value] : webhook.headers) fields.push_back({name, value});
  return read_delivery(preset, proof, {fields, webhook.body, webhook.now});
}

inline std::string reason(Refusal refusal) {
  return std::string(reason_of(refusal));
}

inline std::string hmac_hex(std::string_view key, std::string_view text) {
  return to_hex(crypto::hmac_sha256(as_bytes(key), as_bytes(text)));
}

}  // namespace personas::webhook_auth
