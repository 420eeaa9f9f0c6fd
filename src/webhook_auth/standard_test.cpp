#include "personas/webhook_auth/standard.hpp"

#include <gmock/gmock.h>

#include "test_webhook.hpp"

namespace personas::webhook_auth {
namespace {

// The vectors of the specification's libraries.
constexpr std::string_view kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr std::string_view kPublicKey = "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";
constexpr std::string_view kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr std::string_view kBody = R"({"test": 2432232314})";
constexpr std::string_view kV1 = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
constexpr std::string_view kV1a =
    "v1a,yoUrgEkc12aGqm0n4Sydmdz55xJfTz4AsAgieHFjmkR7LJtqVCZOQYzvvHjI5kAey+r4iaBGxTFRrl2iBQxtDQ==";
constexpr std::int64_t kSecond = 1614265330;

std::string signing_key() {
  Bytes seed(32);
  for (std::size_t i = 0; i < seed.size(); ++i) seed[i] = static_cast<std::uint8_t>(i);
  return "whsk_" + to_base64(seed);
}

TestWebhook webhook(std::string_view signature = kV1) {
  TestWebhook made{{}, std::string(kBody), at_second(kSecond)};
  made.with("Webhook-Id", std::string(kId))
      .with("webhook-timestamp", std::to_string(kSecond))
      .with("WEBHOOK-SIGNATURE", std::string(signature));
  return made;
}

std::string verdict_of(const TestWebhook& sent) {
  return verdict(Preset::kStandard, {std::string(kSecret)}, sent);
}

const std::string kAccepted = "ok " + std::string(kId);

TEST(StandardWebhooks, SignsAsTheSpecificationDoes) {
  std::vector<Secret> both;
  both.emplace_back(std::string(kSecret));
  both.emplace_back(signing_key());
  const auto made = sign(both, kId, at_second(kSecond) + milliseconds(999), kBody);
  ASSERT_TRUE(made) << made.error().describe();
  EXPECT_EQ(made->id, kId);
  EXPECT_EQ(made->timestamp, std::to_string(kSecond));
  EXPECT_EQ(made->signature, std::string(kV1) + " " + std::string(kV1a));
  EXPECT_EQ(*public_key_of(both[1]), kPublicKey);
}

TEST(StandardWebhooks, VerifiesTheVectorsOfTheSpecification) {
  EXPECT_EQ(verdict_of(webhook()), kAccepted);
  EXPECT_EQ(verdict(Preset::kStandard, {std::string(kPublicKey)}, webhook(kV1a)), kAccepted);
}

TEST(StandardWebhooks, AcceptsOneRightSignatureAmongOthers) {
  const std::string filler = "v1,AAAA v9,AAAA nocomma v1, ,x v1a,AAAA ";
  EXPECT_EQ(verdict_of(webhook(filler + std::string(kV1))), kAccepted);
  EXPECT_EQ(verdict_of(webhook(std::string(kV1a) + " " + std::string(kV1))), kAccepted);
}

TEST(StandardWebhooks, AcceptsBothSecretsDuringARotation) {
  const std::string other = "whsec_" + to_base64(Bytes(32, 7));
  EXPECT_EQ(verdict(Preset::kStandard, {other, std::string(kSecret)}, webhook()), kAccepted);
  EXPECT_EQ(verdict(Preset::kStandard, {std::string(kSecret), other}, webhook()), kAccepted);
  EXPECT_EQ(verdict(Preset::kStandard, {other}, webhook()), reason(Refusal::kMismatch));
  EXPECT_EQ(verdict(Preset::kStandard, {other, other, other, std::string(kSecret)}, webhook()),
            reason(Refusal::kTooMany));
}

TEST(StandardWebhooks, KeepsItsWindowToTheSecondOnBothSides) {
  EXPECT_EQ(verdict_of(webhook().later(seconds(300))), kAccepted);
  EXPECT_EQ(verdict_of(webhook().later(milliseconds(300'999))), kAccepted);
  EXPECT_EQ(verdict_of(webhook().later(-seconds(300))), kAccepted);
  EXPECT_EQ(verdict_of(webhook().later(seconds(301))), reason(Refusal::kTooOld));
  EXPECT_EQ(verdict_of(webhook().later(-seconds(301))), reason(Refusal::kTooNew));
}

TEST(StandardWebhooks, RefusesATimeThatIsNoWholeNumberOfSeconds) {
  for (const char* time :
       {"1614265330.0", "1614265330.5", "1.614265330e9", "+1614265330", "-1", " 1614265330",
        "1614265330 ", "0x60375f32", "161426533000", "1614265330\n", "NaN"}) {
    EXPECT_EQ(verdict_of(webhook().set("webhook-timestamp", time)),
              reason(Refusal::kHeaderMalformed))
        << time;
  }
}

TEST(StandardWebhooks, RefusesAnIdThatCouldBorrowFromTheTime) {
  for (const char* id : {"msg.1", "msg 1", "msg\x01", "msg\xc3\xa9", ""}) {
    EXPECT_NE(verdict_of(webhook().set("Webhook-Id", id)).substr(0, 2), "ok") << id;
  }
  EXPECT_EQ(verdict_of(webhook().set("Webhook-Id", std::string(257, 'i'))),
            reason(Refusal::kHeaderMalformed));
}

TEST(StandardWebhooks, RefusesMoreSignaturesThanARotationNeeds) {
  std::string many;
  for (int i = 0; i < 15; ++i) many += "v1,AAAA ";
  EXPECT_EQ(verdict_of(webhook(many + std::string(kV1))), kAccepted);
  EXPECT_EQ(verdict_of(webhook("v1,AAAA " + many + std::string(kV1))), reason(Refusal::kTooMany));
  std::string thousand = std::string(kV1);
  for (int i = 0; i < 999; ++i) thousand += " v1,A";
  EXPECT_EQ(verdict_of(webhook(thousand)), reason(Refusal::kTooMany));
  EXPECT_EQ(verdict_of(webhook(std::string(kMaxHeaderBytes + 1, 'v'))), reason(Refusal::kTooMany));
}

TEST(StandardWebhooks, RefusesMalformedSignatures) {
  for (const char* text :
       {"g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v1", "v1,", ",", " ", "v1,not base64!",
        "v1,AAAA", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOL",
        "V1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}) {
    EXPECT_EQ(verdict_of(webhook(text)), reason(Refusal::kHeaderMalformed)) << text;
  }
}

TEST(StandardWebhooks, RefusesMissingAndRepeatedHeaders) {
  for (const char* name : {"Webhook-Id", "webhook-timestamp", "WEBHOOK-SIGNATURE"}) {
    EXPECT_EQ(verdict_of(webhook().without(name)), reason(Refusal::kNoProof)) << name;
    auto twice = webhook();
    for (const auto& [given, value] : webhook().headers) {
      if (given == name) twice.with(given, value);
    }
    EXPECT_EQ(verdict_of(twice), reason(Refusal::kHeaderRepeated)) << name;
  }
}

TEST(StandardWebhooks, RefusesWhateverWasNotSigned) {
  EXPECT_EQ(verdict_of(webhook().set("Webhook-Id", "msg_other")), reason(Refusal::kMismatch));
  EXPECT_EQ(verdict_of(webhook().set("webhook-timestamp", std::to_string(kSecond + 1))),
            reason(Refusal::kMismatch));
  // The same JSON, written in another way.
  EXPECT_EQ(verdict_of(webhook().saying(R"({"test":2432232314})")), reason(Refusal::kMismatch));
  EXPECT_EQ(verdict_of(webhook().saying("")), reason(Refusal::kMismatch));
}

TEST(StandardWebhooks, NeverTakesAPublicKeyForASharedOne) {
  // Whoever knows the public key must not be able to sign with it as if it were a shared secret.
  const std::string text =
      std::string(kId) + "." + std::to_string(kSecond) + "." + std::string(kBody);
  for (const auto& key : {*from_base64(kPublicKey.substr(5)),
                          Bytes(as_bytes(kPublicKey).begin(), as_bytes(kPublicKey).end())}) {
    const auto forged = "v1," + to_base64(crypto::hmac_sha256(key, as_bytes(text)));
    EXPECT_EQ(verdict(Preset::kStandard, {std::string(kPublicKey)}, webhook(forged)),
              reason(Refusal::kMismatch));
  }
  EXPECT_EQ(verdict(Preset::kStandard, {std::string(kSecret)}, webhook(kV1a)),
            reason(Refusal::kMismatch));
}

TEST(StandardWebhooks, SignsWithSecretsItHasMadeAndRefusesOthers) {
  SeededRandom random(3);
  std::vector<Secret> secrets;
  secrets.push_back(make_secret(random));
  secrets.push_back(make_signing_key(random));
  const auto now = at_second(kSecond);
  const auto made = sign(secrets, "msg_1", now, "{}");
  ASSERT_TRUE(made);
  TestWebhook sent{{}, "{}", now};
  sent.with("webhook-id", made->id)
      .with("webhook-timestamp", made->timestamp)
      .with("webhook-signature", made->signature);
  EXPECT_EQ(verdict(Preset::kStandard, {std::string(secrets[0].reveal())}, sent), "ok msg_1");
  EXPECT_EQ(verdict(Preset::kStandard, {*public_key_of(secrets[1])}, sent), "ok msg_1");

  EXPECT_FALSE(sign({}, "msg_1", now, "{}"));
  for (const auto* bad : {"", "plain", "whsec_", "whsec_AAAA", "whsk_AAAA", "whpk_AAAA"}) {
    const Secret secret{std::string(bad)};
    EXPECT_FALSE(sign({&secret, 1}, "msg_1", now, "{}")) << bad;
    EXPECT_FALSE(public_key_of(secret)) << bad;
  }
  for (const char* id : {"", "a.b", "a b", "a\n"}) {
    EXPECT_FALSE(sign(secrets, id, now, "{}")) << id;
  }
}

}  // namespace
}  // namespace personas::webhook_auth
