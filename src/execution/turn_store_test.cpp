#include "personas/execution/turn_store.hpp"

#include "personas/store/journal_reader.hpp"

#include "test_execution.hpp"

namespace personas::execution {
namespace {

class TurnStoreTest : public ClaimedExecutionTest {
 protected:
  static FrameEntry frame(std::int64_t number, std::string text) {
    Turn turn;
    turn.attempt = 1;
    turn.turn = number;
    turn.text = std::move(text);
    FrameEntry entry;
    entry.turn = std::move(turn);
    return entry;
  }
  std::vector<std::string> texts(const TurnPage& page = {}) {
    const auto turns = write([&](Transaction& tx) { return list_turns(tx, tenant, id, page); });
    std::vector<std::string> found;
    for (const auto& turn : turns) found.push_back(turn.text);
    return found;
  }
  std::size_t records() {
    return write([&](Transaction& tx) -> Result<std::size_t> {
      store::JournalQuery query;
      query.tenant = tenant;
      query.types = {"execution.turn"};
      query.limit = 100;
      TRY(const auto page, store::read_journal(tx, query));
      return page.records.size();
    });
  }
};

TEST_F(TurnStoreTest, ATurnIsReplacedAsItGrows) {
  put(next({frame(1, "a"), frame(2, "b")}));
  put(next({frame(2, "b, more")}));
  EXPECT_EQ(texts(), (std::vector<std::string>{"a", "b, more"}));
  EXPECT_EQ(records(), 3U);
}

TEST_F(TurnStoreTest, WhatChangesTwiceInABatchIsToldOnce) {
  put(next({frame(1, "a"), frame(1, "ab"), frame(1, "abc")}));
  EXPECT_EQ(texts(), std::vector<std::string>{"abc"});
  EXPECT_EQ(records(), 1U);
}

TEST_F(TurnStoreTest, AttemptsFollowEachOtherInPages) {
  put(next({frame(1, "first"), frame(2, "lost")}));
  AttemptEnd lost;
  lost.reason = FailureReason::kWorkerLost;
  finish_attempt(lost);
  claim_attempt(2);
  put(next({frame(1, "again")}));
  EXPECT_EQ(texts(), (std::vector<std::string>{"first", "lost", "again"}));
  EXPECT_EQ(texts({.after_attempt = 1, .after_turn = 1, .limit = 1}),
            std::vector<std::string>{"lost"});
  EXPECT_EQ(texts({.after_attempt = 1, .after_turn = 2}), std::vector<std::string>{"again"});
  const auto one = write([&](Transaction& tx) { return load_turn(tx, tenant, id, 2, 1); });
  ASSERT_TRUE(one);
  EXPECT_NE(one->find("again"), std::string::npos);
}

}  // namespace
}  // namespace personas::execution
