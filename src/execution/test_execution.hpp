// One execution that is claimed, and the batches of its live attempt. Private to the tests.
#pragma once

#include <utility>
#include <vector>

#include "test_store.hpp"

namespace personas::execution {

class ClaimedExecutionTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    id = submit();
    claim_attempt(1);
  }

  ClaimedRun claim_attempt(std::int64_t attempt) {
    auto run = take(id, attempt);
    EXPECT_TRUE(run) << "the claim is lost";
    attempt_ = attempt;
    seq_ = 0;
    return run.value_or(ClaimedRun{});
  }
  AppendRequest next(std::vector<FrameEntry> frames) {
    auto request = batch(id, seq_, {});
    request.attempt = attempt_;
    request.backend = "claude";
    for (auto& frame : frames) frame.seq = ++seq_;
    request.frames = std::move(frames);
    return request;
  }
  AppendOutcome finish_attempt(AttemptEnd how) { return end(id, seq_, std::move(how), attempt_); }

  ExecutionId id;

 private:
  std::int64_t attempt_ = 0;
  std::int64_t seq_ = 0;
};

}  // namespace personas::execution
