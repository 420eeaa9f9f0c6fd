// What bounds runs: concurrency keys.
#include <gmock/gmock.h>

#include "compiled.hpp"
#include "test_bus.hpp"

namespace personas::bus {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class BusLimits : public BusTest {
 protected:
  Subscription keyed(std::string key) {
    auto made = subscription("sub_1", "per_1", "push");
    made.concurrency_key = std::move(key);
    return made;
  }
  std::vector<std::string> keys() const {
    std::vector<std::string> all;
    for (const auto& run : runs.runs) all.push_back(run.concurrency_key);
    return all;
  }
};

// ---- concurrency keys --------------------------------------------------------------------------

TEST_F(BusLimits, TheKeyOfARunComesFromItsEvent) {
  auto one = keyed("{{ repo.name }}/{{ branch | default: \"main\" }}");
  one.max_concurrent = 3;
  subscribe(one);
  publish(event("push", R"({"repo":{"name":"a"},"branch":"x"})"));
  publish(event("push", R"({"repo":{"name":"b"}})"));
  publish(event("push", R"({"repo":{"name":7}})"));
  EXPECT_THAT(keys(), ElementsAre("sub_1:a/x", "sub_1:b/main", "sub_1:7/main"));
  EXPECT_EQ(runs.runs[0].max_concurrent, 3);
}

TEST_F(BusLimits, AKeyAloneMeansOneAtATimeAndALimitAloneIsOfTheSubscription) {
  subscribe(keyed("{{ $.sourceType }}"));
  auto other = subscription("sub_2", "per_2", "push");
  other.max_concurrent = 2;
  subscribe(other);
  subscribe(subscription("sub_3", "per_3", "push"));
  publish(event("push"));
  EXPECT_THAT(keys(), ElementsAre("sub_1:manual", "sub_2:", ""));
  EXPECT_EQ(runs.runs[0].max_concurrent, 1);
  EXPECT_EQ(runs.runs[1].max_concurrent, 2);
}

TEST_F(BusLimits, AnEventWithoutWhatTheKeyNeedsIsRefusedAndSaysWhy) {
  subscribe(keyed("{{ repo }}"));
  const auto published = publish(event("push"));
  EXPECT_EQ(published.status, EventStatus::kFailed);
  EXPECT_THAT(get(published.id).error_message.value_or(""),
              AllOf(HasSubstr("concurrencyKey"), HasSubstr("has no repo")));
}

TEST_F(BusLimits, ALongKeyIsItsHash) {
  subscribe(keyed("{{ text }}"));
  publish(event("push", R"({"text":")" + std::string(kMaxKeyBytes + 1, 'x') + "\"}"));
  publish(event("push", R"({"text":")" + std::string(kMaxKeyBytes, 'x') + "\"}"));
  EXPECT_THAT(keys()[0], HasSubstr("sub_1:sha256:"));
  EXPECT_EQ(keys()[1], "sub_1:" + std::string(kMaxKeyBytes, 'x'));
}

TEST_F(BusLimits, AWindowHasALimitButNoKey) {
  auto one = keyed("{{ a }}");
  one.window = DeliveryWindow{.mode = WindowMode::kBatch, .ms = 100};
  const auto wrong = check_subscription(one);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().fields.at(0).path, "/concurrencyKey");
  one.concurrency_key.reset();
  one.max_concurrent = 1;
  EXPECT_TRUE(check_subscription(one));
  subscribe(one);
  publish(event("push"));
  clock.advance(seconds(1));
  act([&](store::Transaction& tx, store::AfterCommit& after) {
    return bus_->close_windows(tx, clock.wall(), after);
  });
  EXPECT_THAT(keys(), ElementsAre("sub_1:"));
}

TEST_F(BusLimits, AWrongKeyIsToldWhenItIsSaved) {
  for (const auto* key : {"{{ a", "{{ }}", "{{ a b }}"}) {
    const auto wrong = check_subscription(keyed(key));
    ASSERT_FALSE(wrong) << key;
    EXPECT_EQ(wrong.error().fields.at(0).path, "/concurrencyKey");
  }
}

}  // namespace
}  // namespace personas::bus
