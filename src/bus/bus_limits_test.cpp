// What bounds runs and chains: concurrency keys, and the rate of a chain.
#include <gmock/gmock.h>

#include "chain_rate.hpp"
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
  // A run that this event started, as the execution service would have it.
  ExecutionId run_of(const std::optional<EventId>& event) {
    static const store::Sql kRun(
        "INSERT INTO executions (tenant_id, id, persona_id, status, priority, queued_at, "
        "not_before, attempt, last_seq, cancel_requested, output_bytes, prompt, source, "
        "credential_ids, event_id, created_at) VALUES (?, ?, 'per_1', 'completed', 0, 0, 0, 1, 0, "
        "0, 0, '', 'event', '[]', ?, 0)");
    ExecutionId id(fmt::format("exe_made_{}", ++made_));
    write([&](store::Transaction& tx) -> Result<bool> {
      const std::array cells{codec::Cell(tenant.str()), codec::Cell(id.str()),
                             event ? codec::Cell(event->str()) : codec::Cell()};
      TRY_VOID(tx.execute_cells(kRun, cells));
      return true;
    });
    return id;
  }
  store::Published emit(const ExecutionId& run) {
    return publish(store::NewEvent{.event = event("step"), .caused_by = run});
  }
  void limit_chains(std::int64_t rate) {
    bus_ = std::make_unique<Bus>(clock, runs, [](Timestamp) {}, BusOptions{.chain_rate = rate});
  }
  std::int64_t buckets() {
    static const store::Sql kCount("SELECT COUNT(*) FROM chain_rates");
    return write([&](store::Transaction& tx) -> Result<std::int64_t> {
      std::int64_t count = 0;
      TRY_VOID(tx.query(kCount, {}, [&](const store::Row& row) -> Result<bool> {
        count = row.integer(0);
        return false;
      }));
      return count;
    });
  }
  int made_ = 0;
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

// ---- the rate of chains ------------------------------------------------------------------------

TEST_F(BusLimits, AChainThatMultipliesIsCutAndSaysWhatItBeganWith) {
  limit_chains(10);
  subscribe(subscription("sub_1", "per_1", "step"));
  const auto root = publish(event("begin"));
  // It is broad and not deep: each run emits two.
  std::vector<EventId> level{root.id};
  int delivered = 0;
  store::Published last;
  for (int depth = 0; depth < 4; ++depth) {
    std::vector<EventId> next;
    for (const auto& one : level) {
      const auto run = run_of(one);
      for (int i = 0; i < 2; ++i) {
        last = emit(run);
        if (last.status != EventStatus::kDelivered) continue;
        ++delivered;
        next.push_back(last.id);
      }
    }
    level = std::move(next);
  }
  EXPECT_EQ(delivered, 10);
  EXPECT_EQ(get(last.id).status, EventStatus::kDead);
  EXPECT_THAT(get(last.id).error_message.value_or(""),
              AllOf(HasSubstr("too fast"), HasSubstr(root.id.str()), HasSubstr("chain-rate")));
  EXPECT_EQ(retry(last.id).status, EventStatus::kDelivered) << "by hand it goes on";
}

TEST_F(BusLimits, OtherChainsAndBeginningsAreNotCutWithIt) {
  limit_chains(2);
  subscribe(subscription("sub_1", "per_1", "step"));
  const auto flood = run_of(publish(event("begin")).id);
  for (int i = 0; i < 5; ++i) emit(flood);
  EXPECT_EQ(emit(run_of(publish(event("begin")).id)).status, EventStatus::kDelivered);
  const auto alone = run_of({});  // of nobody's event: it is the beginning
  EXPECT_EQ(emit(alone).status, EventStatus::kDelivered);
  EXPECT_EQ(emit(alone).status, EventStatus::kDelivered);
  EXPECT_EQ(emit(alone).status, EventStatus::kDead);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(publish(event("step")).status, EventStatus::kDelivered) << "no chain at all";
  }
}

TEST_F(BusLimits, AChainHasItsRateBackWithTimeAndOverARestart) {
  limit_chains(2);
  subscribe(subscription("sub_1", "per_1", "step"));
  const auto run = run_of({});
  emit(run);
  emit(run);
  open();
  limit_chains(2);
  EXPECT_EQ(emit(run).status, EventStatus::kDead);
  clock.advance(seconds(30));
  EXPECT_EQ(emit(run).status, EventStatus::kDelivered);
  EXPECT_EQ(emit(run).status, EventStatus::kDead);
  clock.advance(-hours(24));
  EXPECT_EQ(emit(run).status, EventStatus::kDelivered) << "a clock set back cuts nobody for a day";
}

TEST_F(BusLimits, AChainWithoutALimitIsNotCounted) {
  limit_chains(0);
  const auto run = run_of({});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(emit(run).status, EventStatus::kSkipped);
  EXPECT_EQ(buckets(), 0);
}

TEST_F(BusLimits, BucketsThatAreFullAreForgotten) {
  limit_chains(60);
  for (int i = 0; i < 100; ++i) {
    emit(run_of({}));
    clock.advance(seconds(2));
  }
  EXPECT_LE(buckets(), 2);
}

TEST(ChainRate, ABucketHoldsAMinutesWorthAndFillsEvenly) {
  const Timestamp now{1'000'000'000};
  Timestamp full = now;
  int taken = 0;
  while (const auto next = take_from(full, now, 600)) {
    full = *next;
    ++taken;
  }
  EXPECT_EQ(taken, 600);
  EXPECT_TRUE(take_from(full, now + milliseconds(100), 600));
  EXPECT_FALSE(take_from(full, now + milliseconds(99), 600));
}

}  // namespace
}  // namespace personas::bus
