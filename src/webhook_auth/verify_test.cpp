#include "personas/webhook_auth/verify.hpp"

#include <gmock/gmock.h>

#include "test_webhook.hpp"

namespace personas::webhook_auth {
namespace {

constexpr std::int64_t kSecond = 1614265330;

// --- GitHub ---------------------------------------------------------------------------------

constexpr std::string_view kGithubSecret = "It's a Secret to Everybody";
constexpr std::string_view kGithubDigest =
    "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

TestWebhook github() {
  TestWebhook made{{}, "Hello, World!", at_second(kSecond)};
  made.with("X-Hub-Signature-256", "sha256=" + std::string(kGithubDigest))
      .with("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958");
  return made;
}
std::string github_verdict(const TestWebhook& sent) {
  return verdict(Preset::kGithub, {std::string(kGithubSecret)}, sent);
}

TEST(GithubWebhook, MatchesTheVectorOfItsDocumentation) {
  EXPECT_EQ(github_verdict(github()), "ok 72d3162e-cc78-11e3-81ab-4c9367dc0958");
}

TEST(GithubWebhook, RefusesOtherFormsOfTheSignature) {
  std::string upper(kGithubDigest);
  for (auto& c : upper) c = static_cast<char>(std::toupper(c));
  for (const std::string& text :
       {"sha256=" + upper, std::string(kGithubDigest), "SHA256=" + std::string(kGithubDigest),
        "sha1=" + std::string(kGithubDigest), std::string("sha256="),
        "sha256=" + std::string(kGithubDigest) + "0", "sha256= " + std::string(kGithubDigest),
        std::string("sha256=zz")}) {
    EXPECT_EQ(github_verdict(github().set("X-Hub-Signature-256", text)),
              reason(Refusal::kHeaderMalformed))
        << text;
  }
  auto old = github().without("X-Hub-Signature-256");
  old.with("X-Hub-Signature", "sha1=" + std::string(40, 'a'));
  EXPECT_EQ(github_verdict(old), reason(Refusal::kNoProof));
}

TEST(GithubWebhook, NeedsTheIdThatTellsARepetition) {
  EXPECT_EQ(github_verdict(github().without("X-GitHub-Delivery")), reason(Refusal::kNoDeliveryId));
  EXPECT_EQ(github_verdict(github().set("X-GitHub-Delivery", "two words")),
            reason(Refusal::kHeaderMalformed));
}

TEST(GithubWebhook, RefusesAnotherBodyOrSecret) {
  EXPECT_EQ(github_verdict(github().saying("Hello, World?")), reason(Refusal::kMismatch));
  EXPECT_EQ(verdict(Preset::kGithub, {"other"}, github()), reason(Refusal::kMismatch));
  EXPECT_EQ(verdict(Preset::kGithub, {"other", std::string(kGithubSecret)}, github()).substr(0, 2),
            "ok");
}

// An empty key would make a signature that everybody can make.
TEST(AnyWebhook, ProvesNothingWithAnEmptySecret) {
  auto forged = github();
  forged.set("X-Hub-Signature-256", "sha256=" + hmac_hex("", forged.body));
  EXPECT_EQ(verdict(Preset::kGithub, {""}, forged), reason(Refusal::kNoSecret));
  EXPECT_EQ(verdict(Preset::kGithub, {}, forged), reason(Refusal::kNoSecret));
  TestWebhook empty{{}, "{}", at_second(kSecond)};
  empty.with("X-Webhook-Secret", "").with("X-Gitlab-Token", "");
  for (const auto preset : {Preset::kGeneric, Preset::kGitlab}) {
    EXPECT_EQ(verdict(preset, {""}, empty), reason(Refusal::kNoSecret));
    EXPECT_EQ(verdict(preset, {"s3cret"}, empty), reason(Refusal::kNoProof));
  }
}

TEST(AnyWebhook, RefusesMoreHeadersThanItLooksThrough) {
  auto many = github();
  while (many.headers.size() <= kMaxHeaders) many.with("x", "y");
  EXPECT_EQ(github_verdict(many), reason(Refusal::kTooMany));
}

// --- GitLab ---------------------------------------------------------------------------------

TestWebhook standard(std::string_view key, std::string body) {
  TestWebhook made{{}, std::move(body), at_second(kSecond)};
  const auto text = "msg_1." + std::to_string(kSecond) + "." + made.body;
  made.with("webhook-id", "msg_1")
      .with("webhook-timestamp", std::to_string(kSecond))
      .with("webhook-signature",
            "v1," + to_base64(crypto::hmac_sha256(as_bytes(key), as_bytes(text))));
  return made;
}

TEST(GitlabWebhook, TakesItsToken) {
  TestWebhook sent{{}, "{}", at_second(kSecond)};
  sent.with("X-Gitlab-Token", "s3cret");
  EXPECT_EQ(verdict(Preset::kGitlab, {"s3cret"}, sent), "ok ");
  EXPECT_EQ(verdict(Preset::kGitlab, {"S3cret"}, sent), reason(Refusal::kMismatch));
  EXPECT_EQ(verdict(Preset::kGitlab, {"s3cret+"}, sent), reason(Refusal::kMismatch));
  EXPECT_EQ(verdict(Preset::kGitlab, {"s3cret"}, sent.without("X-Gitlab-Token")),
            reason(Refusal::kNoProof));
  sent.with("x-gitlab-token", "s3cret");
  EXPECT_EQ(verdict(Preset::kGitlab, {"s3cret"}, sent), reason(Refusal::kHeaderRepeated));
}

TEST(GitlabWebhook, NeedsTheSignatureWhereASigningTokenIsConfigured) {
  const std::string key(32, 'k');
  const auto token = "whsec_" + to_base64(as_bytes(key));
  auto sent = standard(key, "{}");
  EXPECT_EQ(verdict(Preset::kGitlab, {token}, sent), "ok msg_1");
  sent.with("X-Gitlab-Token", "s3cret");
  EXPECT_EQ(verdict(Preset::kGitlab, {token, "s3cret"}, sent), "ok msg_1");
  EXPECT_EQ(verdict(Preset::kGitlab, {token, "s3cret"}, sent.without("webhook-signature")),
            reason(Refusal::kNoProof));
  EXPECT_EQ(verdict(Preset::kGitlab, {token, "s3cret"}, sent.saying("[]")),
            reason(Refusal::kMismatch));
}

// --- generic --------------------------------------------------------------------------------

TEST(GenericWebhook, TakesItsSecretOrASignatureMadeWithIt) {
  TestWebhook plain{{}, "{}", at_second(kSecond)};
  plain.with("x-webhook-secret", "s3cret");
  EXPECT_EQ(verdict(Preset::kGeneric, {"s3cret"}, plain), "ok ");
  EXPECT_EQ(verdict(Preset::kGeneric, {"s3cre"}, plain), reason(Refusal::kMismatch));
  EXPECT_EQ(verdict(Preset::kGeneric, {"s3cret"}, plain.without("x-webhook-secret")),
            reason(Refusal::kNoProof));
  EXPECT_EQ(verdict(Preset::kGeneric, {"s3cret"}, standard("s3cret", "{}")), "ok msg_1");
  const std::string key(32, 'k');
  EXPECT_EQ(verdict(Preset::kGeneric, {"whsec_" + to_base64(as_bytes(key))}, standard(key, "{}")),
            "ok msg_1");
  // A wrong signature is not made good by the right secret beside it.
  auto both = standard("other", "{}");
  both.with("X-Webhook-Secret", "s3cret");
  EXPECT_EQ(verdict(Preset::kGeneric, {"s3cret"}, both), reason(Refusal::kMismatch));
}

// --- Slack ----------------------------------------------------------------------------------

TestWebhook slack() {
  TestWebhook made{
      {},
      "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id="
      "G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-"
      "collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%"
      "2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."
      "803a0bc887a14d10d2c447fce8b6703c",
      at_second(1531420618)};
  made.with("X-Slack-Request-Timestamp", "1531420618")
      .with("X-Slack-Signature",
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503");
  return made;
}
std::string slack_verdict(const TestWebhook& sent) {
  return verdict(Preset::kSlack, {"8f742231b10e8888abcd99yyyzzz85a5"}, sent);
}

TEST(SlackWebhook, MatchesTheVectorOfItsDocumentation) {
  EXPECT_EQ(slack_verdict(slack()), "ok ");
  EXPECT_EQ(slack_verdict(slack().saying("x")), reason(Refusal::kMismatch));
}

TEST(SlackWebhook, KeepsItsWindow) {
  EXPECT_EQ(slack_verdict(slack().later(seconds(300))), "ok ");
  EXPECT_EQ(slack_verdict(slack().later(seconds(301))), reason(Refusal::kTooOld));
  EXPECT_EQ(slack_verdict(slack().later(-seconds(301))), reason(Refusal::kTooNew));
  EXPECT_EQ(slack_verdict(slack().set("X-Slack-Request-Timestamp", "1531420618.0")),
            reason(Refusal::kHeaderMalformed));
}

TEST(SlackWebhook, RefusesOtherVersionsAndForms) {
  const std::string digest = "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
  for (const std::string& text :
       {digest, "v1=" + digest, "v0=" + digest + "00", "v0=" + digest + ",", std::string("v0=")}) {
    EXPECT_EQ(slack_verdict(slack().set("X-Slack-Signature", text)),
              reason(Refusal::kHeaderMalformed))
        << text;
  }
  EXPECT_EQ(slack_verdict(slack().without("X-Slack-Request-Timestamp")), reason(Refusal::kNoProof));
  EXPECT_EQ(slack_verdict(slack().without("X-Slack-Signature")), reason(Refusal::kNoProof));
}

// --- Stripe ---------------------------------------------------------------------------------

constexpr std::string_view kStripeSecret = "whsec_test_secret";
constexpr std::string_view kStripeDigest =
    "e135cdbed3dda004bf8a2fb350f2541d299393c770e0b9e6e319dc595e9072aa";

TestWebhook stripe(const std::string& signature) {
  TestWebhook made{{}, R"({"id":"evt_1"})", at_second(kSecond)};
  made.with("Stripe-Signature", signature);
  return made;
}
std::string stripe_verdict(const std::string& signature) {
  return verdict(Preset::kStripe, {std::string(kStripeSecret)}, stripe(signature));
}
const std::string kStripeTime = "t=" + std::to_string(kSecond);
const std::string kStripeRight = "v1=" + std::string(kStripeDigest);

TEST(StripeWebhook, TakesAnyRightSignatureOfItsVersion) {
  EXPECT_EQ(stripe_verdict(kStripeTime + "," + kStripeRight), "ok ");
  EXPECT_EQ(stripe_verdict(kStripeTime + ",v1=" + std::string(64, '0') + "," + kStripeRight),
            "ok ");
  EXPECT_EQ(stripe_verdict(kStripeTime + ",v0=x," + kStripeRight + ",v9=y"), "ok ");
}

TEST(StripeWebhook, RefusesAWeakerVersionAlone) {
  EXPECT_EQ(stripe_verdict(kStripeTime + ",v0=" + std::string(kStripeDigest)),
            reason(Refusal::kHeaderMalformed));
}

TEST(StripeWebhook, RefusesMalformedHeaders) {
  for (const std::string& text :
       {kStripeRight, kStripeTime, std::string(","), std::string("t=,") + kStripeRight,
        kStripeTime + ".0," + kStripeRight, kStripeTime + ", " + kStripeRight}) {
    EXPECT_EQ(stripe_verdict(text), reason(Refusal::kHeaderMalformed)) << text;
  }
  EXPECT_EQ(stripe_verdict(kStripeTime + "," + kStripeTime + "," + kStripeRight),
            reason(Refusal::kHeaderRepeated));
  std::string many = kStripeTime;
  for (int i = 0; i < 15; ++i) many += ",v1=0";
  EXPECT_EQ(stripe_verdict(many + "," + kStripeRight), reason(Refusal::kTooMany));
}

TEST(StripeWebhook, KeepsItsWindow) {
  const auto sent = stripe(kStripeTime + "," + kStripeRight);
  const auto at = [&sent](Duration by) {
    return verdict(Preset::kStripe, {std::string(kStripeSecret)}, sent.later(by));
  };
  EXPECT_EQ(at(seconds(300)), "ok ");
  EXPECT_EQ(at(seconds(301)), reason(Refusal::kTooOld));
  EXPECT_EQ(at(-seconds(301)), reason(Refusal::kTooNew));
}

// The mistake of reading Stripe's secret as that of Standard Webhooks, and the other way round.
TEST(StripeWebhook, TakesTheTextOfItsSecretAsKeyAndNothingElse) {
  const std::string key(32, 'k');
  const auto secret = "whsec_" + to_base64(as_bytes(key));
  const std::string text = std::to_string(kSecond) + "." + R"({"id":"evt_1"})";
  const auto as_text_key = stripe(kStripeTime + ",v1=" + hmac_hex(secret, text));
  const auto decoded = stripe(kStripeTime + ",v1=" + hmac_hex(key, text));
  EXPECT_EQ(verdict(Preset::kStripe, {secret}, as_text_key), "ok ");
  EXPECT_EQ(verdict(Preset::kStripe, {secret}, decoded), reason(Refusal::kMismatch));
  EXPECT_EQ(verdict(Preset::kStandard, {secret}, standard(key, "{}")), "ok msg_1");
  EXPECT_EQ(verdict(Preset::kStandard, {secret}, standard(secret, "{}")),
            reason(Refusal::kMismatch));
}

// --- Linear ---------------------------------------------------------------------------------

TEST(LinearWebhook, SignsItsBodyAndNamesItsDelivery) {
  TestWebhook sent{{}, R"({"type":"Issue"})", at_second(kSecond)};
  sent.with("Linear-Signature", hmac_hex("lin_wh_key", sent.body)).with("Linear-Delivery", "d-1");
  const auto of = [](const TestWebhook& webhook) {
    return verdict(Preset::kLinear, {"lin_wh_key"}, webhook);
  };
  EXPECT_EQ(of(sent), "ok d-1");
  EXPECT_EQ(of(sent.saying("{}")), reason(Refusal::kMismatch));
  EXPECT_EQ(of(sent.without("Linear-Delivery")), reason(Refusal::kNoDeliveryId));
  EXPECT_EQ(of(sent.without("Linear-Signature")), reason(Refusal::kNoProof));
  EXPECT_EQ(of(sent.set("Linear-Signature", "sha256=00")), reason(Refusal::kHeaderMalformed));
}

// --- set-up ---------------------------------------------------------------------------------

TEST(WebhookSecret, IsRefusedWhereItCouldNotWork) {
  const std::string good = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  for (const auto preset : {Preset::kGeneric, Preset::kGithub, Preset::kGitlab, Preset::kSlack,
                            Preset::kStripe, Preset::kLinear}) {
    EXPECT_TRUE(check_secret(preset, "s3cret of somebody"));
    EXPECT_TRUE(check_secret(preset, good));
    for (const std::string& bad :
         {std::string(), std::string("a\nb"), std::string(" a"), std::string("a "),
          std::string(kMaxSecretBytes + 1, 'x'),
          std::string("whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=")}) {
      EXPECT_FALSE(check_secret(preset, bad)) << bad;
    }
  }
  EXPECT_TRUE(check_secret(Preset::kStandard, good));
  EXPECT_TRUE(check_secret(Preset::kStandard, "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="));
  for (const char* bad : {"s3cret", "whsec_", "whsec_AAAA", "whsec_!!", "whpk_AAAA", "whsk_AAAA"}) {
    EXPECT_FALSE(check_secret(Preset::kStandard, bad)) << bad;
  }
  EXPECT_FALSE(check_secret(Preset::kGitlab, "whsec_AAAA"));
  EXPECT_FALSE(check_secret(Preset::kGeneric, "whsec_AAAA"));
  EXPECT_TRUE(check_secret(Preset::kStripe, "whsec_AAAA"));
}

}  // namespace
}  // namespace personas::webhook_auth
