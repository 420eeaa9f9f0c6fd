#include "personas/execution/session_store.hpp"

#include "personas/base/bytes.hpp"
#include "personas/wire/protocol.hpp"

#include "assignment.hpp"
#include "test_execution.hpp"

namespace personas::execution {
namespace {

class SessionStoreTest : public ClaimedExecutionTest {
 protected:
  AppendOutcome piece(const std::string& path, std::int64_t offset, const std::string& data) {
    FrameEntry frame;
    frame.session = FrameEntry::SessionPart{.path = path,
                                            .offset = offset,
                                            .data = data,
                                            .session_id = "session-1",
                                            .size = 0,
                                            .nonce = {},
                                            .ciphertext = {}};
    auto request = next({std::move(frame)});
    seal_session(session_key, request, random);
    return put(request);
  }
  std::optional<std::vector<SessionFile>> load() {
    return write([&](Transaction& tx) { return load_session(tx, session_key, tenant, id); });
  }
  std::string content(const std::string& path) {
    const auto files = load();
    if (!files) return "none";
    for (const auto& file : *files) {
      if (file.path == path) return file.content;
    }
    return "absent";
  }
  bool has() {
    return write([&](Transaction& tx) { return has_session(tx, tenant, id); });
  }
  std::int64_t rows() {
    return write([&](Transaction& tx) -> Result<std::int64_t> {
      static const store::Sql kCount("SELECT COUNT(*) FROM session_parts");
      std::int64_t count = 0;
      TRY_VOID(tx.query(kCount, {}, [&](const store::Row& row) -> Result<bool> {
        count = row.integer(0);
        return false;
      }));
      return count;
    });
  }
};

TEST_F(SessionStoreTest, PiecesComeBackAsTheFilesTheyWere) {
  EXPECT_FALSE(has());
  EXPECT_TRUE(piece("p/a.jsonl", 0, "one\n").accepted);
  piece("p/a.jsonl", 4, "two\n");
  piece("p/b.jsonl", 0, "other\n");
  EXPECT_TRUE(has());
  EXPECT_EQ(content("p/a.jsonl"), "one\ntwo\n");
  EXPECT_EQ(content("p/b.jsonl"), "other\n");
}

TEST_F(SessionStoreTest, APieceReplacesWhatWasFromItsOffsetOn) {
  piece("p/a.jsonl", 0, "one\ntwo\n");
  piece("p/a.jsonl", 8, "three\n");
  piece("p/a.jsonl", 4, "2\n");
  EXPECT_EQ(content("p/a.jsonl"), "one\n2\n");
  piece("p/a.jsonl", 6, "3\n");
  EXPECT_EQ(content("p/a.jsonl"), "one\n2\n3\n");
  piece("p/a.jsonl", 0, "anew\n");
  EXPECT_EQ(content("p/a.jsonl"), "anew\n");
  EXPECT_EQ(rows(), 1);
}

TEST_F(SessionStoreTest, ALineThatIsCutIsLeftOut) {
  piece("p/a.jsonl", 0, "one\ntw");
  EXPECT_EQ(content("p/a.jsonl"), "one\n");
}

TEST_F(SessionStoreTest, NothingOfItIsReadableOnDisk) {
  piece("p/a.jsonl", 0, "the-plain-words\n");
  const auto stored = write([&](Transaction& tx) -> Result<std::string> {
    static const store::Sql kAll("SELECT ciphertext FROM session_parts");
    std::string bytes;
    TRY_VOID(tx.query(kAll, {}, [&](const store::Row& row) -> Result<bool> {
      bytes = std::string(as_text(row.bytes(0)));
      return false;
    }));
    return bytes;
  });
  EXPECT_GT(stored.size(), 16U);
  EXPECT_EQ(stored.find("plain"), std::string::npos);
}

TEST_F(SessionStoreTest, APieceThatWasMovedOrIsOfAnotherKeyIsNoSession) {
  piece("p/a.jsonl", 0, "one\n");
  const auto move = [&](const char* statement) {
    write([&](Transaction& tx) -> Result<bool> {
      const store::Sql sql(statement);
      TRY_VOID(tx.execute(sql, {}));
      return true;
    });
  };
  move("UPDATE session_parts SET path = 'p/b.jsonl'");
  EXPECT_FALSE(load());
  move("UPDATE session_parts SET path = 'p/a.jsonl'");
  EXPECT_TRUE(load());
  move("UPDATE session_parts SET start = 1");
  EXPECT_FALSE(load());
  move("UPDATE session_parts SET start = 0");
  session_key = Secret(std::string(32, 'x'));
  EXPECT_FALSE(load());
}

TEST_F(SessionStoreTest, ThePastLimitIsGivenUpForTheWholeExecution) {
  const std::string block(1024 * 1024, 'x');
  for (std::int64_t at = 0; at <= wire::kMaxSessionBytes; at += 1024 * 1024) {
    piece("p/a.jsonl", at, block);
  }
  EXPECT_FALSE(has());
  EXPECT_FALSE(load());
  piece("p/b.jsonl", 0, "later\n");
  EXPECT_FALSE(has());
  EXPECT_EQ(rows(), 1) << "only that it was given up";
}

TEST_F(SessionStoreTest, ManyFilesAndMissingBytesAreGivenUpToo) {
  piece("p/a.jsonl", 0, "one\n");
  piece("p/a.jsonl", 10, "two\n");
  EXPECT_FALSE(has());
  write([&](Transaction& tx) -> Result<bool> {
    TRY_VOID(drop_session(tx, tenant, id));
    return true;
  });
  for (std::size_t i = 0; i <= wire::kMaxSessionFiles; ++i) {
    piece("p/" + std::to_string(i) + ".jsonl", 0, "one\n");
  }
  EXPECT_FALSE(has());
}

TEST_F(SessionStoreTest, TheNextAttemptKnowsTheSessionByItsName) {
  piece("p/a.jsonl", 0, "one\n");
  AttemptEnd lost;
  lost.reason = FailureReason::kWorkerLost;
  ASSERT_EQ(finish_attempt(lost).status, ExecutionStatus::kQueued);
  EXPECT_TRUE(has());
  EXPECT_EQ(claim_attempt(2).session_id, "session-1");
  EXPECT_EQ(content("p/a.jsonl"), "one\n");
}

TEST_F(SessionStoreTest, ItGoesWithTheTransactionThatEndsTheExecution) {
  piece("p/a.jsonl", 0, "one\n");
  AttemptEnd done;
  done.status = ExecutionStatus::kCompleted;
  ASSERT_EQ(finish_attempt(done).status, ExecutionStatus::kCompleted);
  EXPECT_EQ(rows(), 0);
}

TEST_F(SessionStoreTest, ItGoesWhenAWaitingExecutionIsCancelled) {
  piece("p/a.jsonl", 0, "one\n");
  AttemptEnd lost;
  lost.reason = FailureReason::kWorkerLost;
  finish_attempt(lost);
  write([&](Transaction& tx) { return request_cancel(tx, tenant, id, "enough", Timestamp{4}); });
  EXPECT_EQ(rows(), 0);
}

TEST_F(SessionStoreTest, AStaleAttemptChangesNothing) {
  piece("p/a.jsonl", 0, "one\n");
  auto stale = next({});
  stale.attempt = 7;
  FrameEntry frame;
  frame.session = FrameEntry::SessionPart{.path = "p/a.jsonl",
                                          .offset = 0,
                                          .data = "forged\n",
                                          .session_id = {},
                                          .size = 0,
                                          .nonce = {},
                                          .ciphertext = {}};
  stale.frames.push_back(std::move(frame));
  seal_session(session_key, stale, random);
  EXPECT_FALSE(put(stale).accepted);
  EXPECT_EQ(content("p/a.jsonl"), "one\n");
}

TEST(SessionFrames, CarryTheFilesInPiecesInOrder) {
  const std::string large(wire::kMaxSessionPiece + 3, 'x');
  const auto frames = session_frames({ExecutionId("exe_1"), 2}, {{"a", "one"}, {"b", large}});
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[0].attempt, 2);
  EXPECT_EQ(frames[1].offset, 0);
  EXPECT_EQ(frames[2].path, "b");
  EXPECT_EQ(frames[2].offset, static_cast<std::int64_t>(wire::kMaxSessionPiece));
  EXPECT_EQ(as_text(*from_base64(frames[2].data)), "xxx");
}

}  // namespace
}  // namespace personas::execution
