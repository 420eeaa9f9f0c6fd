#include "personas/delivery/notice.hpp"

#include <gtest/gtest.h>

namespace personas::delivery {
namespace {

constexpr Timestamp kAt{1'800'000'000'123'000};
const DeliveryId kId("whm_1");

Notice review() {
  return {.topic = Topic::kReviews,
          .title = "Bot asks: \"<b>\"",
          .text = "It & that",
          .execution_id = ExecutionId("exe_1"),
          .review_id = ReviewId("rev_1"),
          .review_url = "https://p.example/r/rev_1.x"};
}
std::string body(Kind kind) {
  return notification_body(kind, review(), "review.requested", kAt, kId);
}

TEST(Notice, ReadsByKind) {
  const std::string data =
      R"({"topic":"reviews","title":"Bot asks: \"<b>\"","text":"It & that","executionId":"exe_1",)"
      R"("reviewId":"rev_1","reviewUrl":"https://p.example/r/rev_1.x"})";
  EXPECT_EQ(
      body(Kind::kWebhook),
      R"({"type":"review.requested","timestamp":"2027-01-15T08:00:00.123Z","data":)" + data + "}");
  EXPECT_EQ(body(Kind::kCommand),
            R"({"id":"whm_1","type":"review.requested","timestamp":"2027-01-15T08:00:00.123Z",)"
            R"("data":)" +
                data + "}");
  EXPECT_EQ(body(Kind::kEmail),
            R"({"subject":"Bot asks: \"<b>\"","text":"It & that\n\nAnswer here, once, without )"
            R"(signing in:\nhttps://p.example/r/rev_1.x\n\nExecution: exe_1\n"})");
  EXPECT_NE(body(Kind::kSlack).find(R"(It &amp; that\n<https://p.example/r/rev_1.x|Answer>)"),
            std::string::npos)
      << body(Kind::kSlack);
}

TEST(Notice, IsToldToWhoChoseItsTopicAndPersona) {
  Notice notice = review();
  notice.persona_id = PersonaId("per_1");
  Endpoint sink;
  sink.notify = {Topic::kFailures};
  EXPECT_FALSE(is_told(sink, notice));
  sink.notify.push_back(Topic::kReviews);
  EXPECT_TRUE(is_told(sink, notice));
  sink.persona_id = PersonaId("per_2");
  EXPECT_FALSE(is_told(sink, notice));
}

}  // namespace
}  // namespace personas::delivery
