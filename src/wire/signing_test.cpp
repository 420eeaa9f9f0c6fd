#include "personas/wire/signing.hpp"

#include <string>

#include <gtest/gtest.h>

#include "personas/base/bytes.hpp"

namespace personas::wire {
namespace {

constexpr std::string_view kReady = R"({"type":"ready"})";

Secret token() {
  return Secret("wt_0123456789abcdef");
}

// Computed with another implementation (Python's hmac, HKDF after RFC 5869).
TEST(Signing, KeysAndSignaturesAreThoseOfOtherImplementations) {
  const auto up = derive_frame_key(token(), "nonce-1", Direction::kToOrchestrator);
  const auto down = derive_frame_key(token(), "nonce-1", Direction::kToWorker);
  EXPECT_EQ(to_hex(as_bytes(up.reveal())),
            "ad5267532fcf5692cc2e7570f1e738db89f150fa661cf2cc0ab1bbf969a52500");
  EXPECT_EQ(to_hex(as_bytes(down.reveal())),
            "d1e94e8b6e4486bb753f96e7ab201dc03201e3a69150c78b1ab6283e144d9262");
  EXPECT_EQ(sign_frame(up, 1, kReady),
            R"({"_signed":true,"seq":1,"sig":")"
            "ba736d316737b1496a3742b32f4614297580901882ee9ce50936581be55d3dd3"
            R"(","payload":"{\"type\":\"ready\"}"})");
  EXPECT_NE(sign_frame(legacy_frame_key(token()), 7, kReady)
                .find("a307c6c7bd9bab29646cae74f12bcff5ef517ac8bb455a96c843838bd9b09f76"),
            std::string::npos);
}

TEST(Signing, WhatWasSignedIsVerifiedToTheExactText) {
  const auto key = derive_frame_key(token(), "n", Direction::kToWorker);
  const std::string payload = "{\"type\" : \"stdout\",\t\"chunk\":\"\\u0000\xc3\xbc \\\"q\\\"\"}";
  const auto frame = verify_frame(key, sign_frame(key, 9, payload));
  ASSERT_TRUE(frame) << frame.error().describe();
  EXPECT_EQ(frame->seq, 9);
  EXPECT_EQ(frame->payload, payload);
}

TEST(Signing, AnyChangeIsRefused) {
  const auto key = derive_frame_key(token(), "n", Direction::kToWorker);
  const std::string text = sign_frame(key, 12, kReady);
  const auto changed = [&](std::string_view from, std::string_view to) {
    std::string copy = text;
    copy.replace(copy.find(from), from.size(), to);
    return verify_frame(key, copy).has_value();
  };
  EXPECT_FALSE(changed("\"seq\":12", "\"seq\":13"));
  EXPECT_FALSE(changed("ready", "hello"));
  EXPECT_FALSE(changed("\"sig\":\"", "\"sig\":\"0"));
  EXPECT_FALSE(changed("\"_signed\":true", "\"_signed\":false"));
  EXPECT_FALSE(changed("\"seq\":12", "\"seq\":\"12\""));
  EXPECT_FALSE(verify_frame(key, kReady));
  EXPECT_FALSE(verify_frame(key, R"({"_signed":true})"));
  EXPECT_FALSE(verify_frame(key, "garbage"));
  const auto other = derive_frame_key(token(), "n", Direction::kToOrchestrator);
  EXPECT_FALSE(verify_frame(other, text)) << "a frame reflected to its sender";
  const auto later = derive_frame_key(token(), "n2", Direction::kToWorker);
  EXPECT_FALSE(verify_frame(later, text)) << "a frame replayed on another connection";
}

TEST(Signing, TheSeqOfAConnectionMustRise) {
  const auto key = derive_frame_key(token(), "n", Direction::kToWorker);
  FrameVerifier verifier(key.clone());
  const auto third = sign_frame(key, 3, kReady);
  EXPECT_TRUE(verifier.verify(third));
  EXPECT_FALSE(verifier.verify(third)) << "a replay";
  EXPECT_FALSE(verifier.verify(sign_frame(key, 2, kReady)));
  EXPECT_TRUE(verifier.verify(sign_frame(key, 4, kReady)));
}

TEST(Signing, ASignerCountsItsFrames) {
  const auto key = derive_frame_key(token(), "n", Direction::kToWorker);
  FrameSigner signer(key.clone());
  FrameVerifier verifier(key.clone());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(verifier.verify(signer.sign(kReady)));
}

TEST(Signing, OnlyAnEnvelopeLooksSigned) {
  const auto key = derive_frame_key(token(), "n", Direction::kToWorker);
  EXPECT_TRUE(looks_signed(sign_frame(key, 1, kReady)));
  EXPECT_FALSE(looks_signed(kReady));
  EXPECT_FALSE(looks_signed(R"({"type":"stdout","chunk":"\"_signed\":true"})"));
  EXPECT_FALSE(looks_signed(R"({"type":"x","inner":{"_signed":true}})"));
}

}  // namespace
}  // namespace personas::wire
