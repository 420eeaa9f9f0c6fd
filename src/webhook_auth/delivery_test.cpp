#include "personas/webhook_auth/delivery.hpp"

#include <gmock/gmock.h>

#include "test_webhook.hpp"

namespace personas::webhook_auth {
namespace {

constexpr std::int64_t kSecond = 1614265330;

TestWebhook of(std::string body) {
  return {{}, std::move(body), at_second(kSecond)};
}

std::string shown(const std::expected<Delivery, Refusal>& read) {
  if (!read) return reason(read.error());
  return read->event_type + " of '" + read->source + "' as '" + read->delivery_id + "'";
}

TEST(Delivery, NamesTheEventOfEachSender) {
  EXPECT_EQ(shown(read(Preset::kGithub, of(R"({"repository":{"full_name":"org/app"}})")
                                            .with("X-GitHub-Event", "pull_request")
                                            .with("X-GitHub-Delivery", "d-1"))),
            "github_pull_request of 'org/app' as 'd-1'");
  EXPECT_EQ(shown(read(Preset::kGitlab,
                       of(R"({"object_kind":"push","project":{"path_with_namespace":"org/app"}})")
                           .with("X-Gitlab-Event-UUID", "u-1"))),
            "gitlab_push of 'org/app' as 'u-1'");
  EXPECT_EQ(shown(read(Preset::kSlack, of(R"({"type":"event_callback","team_id":"T1","event_id":
                       "Ev1","event":{"type":"app_mention"}})"))),
            "slack_app_mention of 'T1' as 'Ev1'");
  EXPECT_EQ(shown(read(Preset::kStripe, of(R"({"id":"evt_1","type":"invoice.paid"})"))),
            "stripe_invoice.paid of '' as 'evt_1'");
  EXPECT_EQ(shown(read(Preset::kLinear, of(R"({"type":"Issue","webhookTimestamp":1614265330123,
                       "data":{"team":{"key":"ENG"}}})")
                                            .with("Linear-Delivery", "d-2"))),
            "linear_Issue of 'ENG' as 'd-2'");
  EXPECT_EQ(shown(read(Preset::kStandard, of(R"({"type":"contact.created"})"),
                       {"msg_1", at_second(kSecond)})),
            "standard_contact.created of '' as 'msg_1'");
  EXPECT_EQ(shown(read(Preset::kGeneric, of("[1]"))), "webhook_received of '' as ''");
  EXPECT_EQ(shown(read(Preset::kGeneric, of(""))), "webhook_received of '' as ''");
}

TEST(Delivery, PrefersTheIdThatWasProven) {
  auto sent = of(R"({"object_kind":"push"})");
  sent.with("Idempotency-Key", "key-1").with("X-Gitlab-Event-UUID", "u-1");
  EXPECT_EQ(shown(read(Preset::kGitlab, sent)), "gitlab_push of '' as 'key-1'");
  EXPECT_EQ(shown(read(Preset::kGitlab, sent, {"msg_1", {}})), "gitlab_push of '' as 'msg_1'");
  EXPECT_EQ(shown(read(Preset::kStripe, of(R"({"id":"evt 1","type":"a"})"))),
            reason(Refusal::kBodyMalformed));
}

TEST(Delivery, ReadsForms) {
  auto command = of("command=%2Fdeploy&text=to+prod%21&team_id=T1&trigger_id=1.2");
  command.with("Content-Type", "application/x-www-form-urlencoded");
  const auto read_command = read(Preset::kSlack, command);
  EXPECT_EQ(shown(read_command), "slack_slash_command of 'T1' as '1.2'");
  EXPECT_EQ(read_command->payload,
            R"({"command":"/deploy","text":"to prod!","team_id":"T1","trigger_id":"1.2"})");
  auto wrapped =
      of("payload=%7B%22type%22%3A%22block_actions%22%2C%22team%22%3A%7B%22id%22%3A%22"
         "T2%22%7D%7D");
  wrapped.with("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  EXPECT_EQ(shown(read(Preset::kSlack, wrapped)), "slack_block_actions of 'T2' as ''");
  for (const char* bad : {"", "payload=%7B", "novalue"}) {
    EXPECT_EQ(shown(read(Preset::kSlack, wrapped.saying(bad))), reason(Refusal::kBodyMalformed));
  }
}

TEST(Delivery, KeepsLinearsWindow) {
  const auto at = [](std::string_view millis, Duration by) {
    auto sent = of(R"({"type":"Issue","webhookTimestamp":)" + std::string(millis) + "}");
    return shown(read(Preset::kLinear, sent.later(by)));
  };
  EXPECT_EQ(at("1614265330000", seconds(60)), "linear_Issue of '' as ''");
  EXPECT_EQ(at("1614265330000", seconds(61)), reason(Refusal::kTooOld));
  EXPECT_EQ(at("1614265330000", -seconds(61)), reason(Refusal::kTooNew));
  for (const char* bad : {"-1", "1.5", "null", "\"1614265330000\"", "9223372036854775807"}) {
    EXPECT_EQ(at(bad, seconds(0)), reason(Refusal::kBodyMalformed)) << bad;
  }
}

TEST(Delivery, GivesSlackItsChallengeBack) {
  const auto asked = read(Preset::kSlack, of(R"({"type":"url_verification","challenge":"3eZb"})"));
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->challenge, "3eZb");
  EXPECT_EQ(shown(read(Preset::kSlack, of(R"({"type":"url_verification"})"))),
            reason(Refusal::kBodyMalformed));
  // Only Slack is answered so.
  EXPECT_FALSE(
      read(Preset::kStripe, of(R"({"type":"url_verification","challenge":"x"})"))->challenge);
}

TEST(Delivery, RefusesWhatIsNotOfTheSender) {
  for (const char* body : {"", "{", "null", "[]", "{}", R"({"object_kind":""})",
                           R"({"object_kind":7})", R"({"object_kind":"two words"})", "\xff",
                           R"({"object_kind":"push","object_kind":"tag"})"}) {
    EXPECT_EQ(shown(read(Preset::kGitlab, of(body))), reason(Refusal::kBodyMalformed)) << body;
  }
  const auto long_type = R"({"object_kind":")" + std::string(200, 'x') + R"("})";
  EXPECT_EQ(shown(read(Preset::kGitlab, of(long_type))), reason(Refusal::kBodyMalformed));
  EXPECT_EQ(shown(read(Preset::kGithub, of("{}"))), reason(Refusal::kBodyMalformed));
}

}  // namespace
}  // namespace personas::webhook_auth
