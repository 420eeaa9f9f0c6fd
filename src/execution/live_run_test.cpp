#include "personas/execution/live_run.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "personas/base/bytes.hpp"

namespace personas::execution {
namespace {

LiveRun make_run(std::string backend = "command") {
  return LiveRun({.tenant = TenantId("t"),
                  .run = {ExecutionId("exe_1"), 1},
                  .persona = PersonaId("p"),
                  .worker = WorkerId("w"),
                  .backend = std::move(backend)},
                 0);
}

wire::WorkerFrame out(std::string text) {
  wire::Stdout frame;
  frame.execution_id = "exe_1";
  frame.chunk = std::move(text);
  return frame;
}

std::shared_ptr<const Redactor> secret(std::string value) {
  std::vector<NamedSecret> secrets;
  secrets.push_back({"TOKEN", Secret(std::move(value))});
  return std::make_shared<const Redactor>(secrets);
}

TEST(LiveRun, OneBatchIsInFlightAndTheRestIsGathered) {
  auto run = make_run();
  run.add(1, out("a"));
  const auto first = run.next_batch({});
  ASSERT_TRUE(first);
  run.add(2, out("b"));
  run.add(3, out("c"));
  EXPECT_FALSE(run.next_batch({}));
  run.batch_committed();
  EXPECT_EQ(run.committed_seq(), 1);
  const auto second = run.next_batch({});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->expected_seq, 1);
  ASSERT_EQ(second->frames.size(), 1u);  // joined
  EXPECT_EQ(second->frames[0].text->text, "bc");
  EXPECT_EQ(second->frames[0].seq, 3);
}

TEST(LiveRun, AFailedBatchComesAgainUnchanged) {
  auto run = make_run();
  run.add(1, out("a"));
  const auto first = run.next_batch({});
  run.add(2, out("b"));
  run.batch_failed();
  EXPECT_EQ(run.next_batch({}), first);
}

TEST(LiveRun, ASecretCutByAFrameIsMaskedAndTheTailWaits) {
  auto run = make_run();
  run.set_redactor(secret("sk-ant-12345"));
  run.add(1, out("key: sk-an"));
  EXPECT_FALSE(run.next_batch({}));  // could be the start of the value
  run.add(2, out("t-12345 done\n"));
  const auto batch = run.next_batch({});
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->frames[0].text->text, "key: [redacted:TOKEN] done\n");
  EXPECT_EQ(batch->frames[0].seq, 2);
}

TEST(LiveRun, ASecretThatCrossesABorderIsMaskedWhateverBeginsAfterIt) {
  auto run = make_run();
  run.set_redactor(secret("sk-ant-12345"));
  run.add(1, out("one\n"));
  run.add(2, out("key: sk-an"));
  run.add(3, out("t-12345 sk-"));
  const auto first = run.next_batch({});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->frames[0].text->text, "one\n");
  EXPECT_EQ(first->frames[0].seq, 1);
  run.batch_committed();
  EXPECT_FALSE(run.next_batch({}));
  run.add(4, out("ip\n"));
  const auto rest = run.next_batch({});
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->frames[0].text->text, "key: [redacted:TOKEN] sk-ip\n");
}

TEST(LiveRun, AtTheEndNothingIsHeldBack) {
  auto run = make_run();
  run.set_redactor(secret("sk-ant-12345"));
  run.add(1, out("sk-an"));
  EXPECT_FALSE(run.next_batch({}));
  AttemptEnd end;
  end.status = ExecutionStatus::kCompleted;
  run.add_end(2, end);
  const auto batch = run.next_batch({});
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->frames[0].text->text, "sk-an");
  ASSERT_TRUE(batch->end);
  EXPECT_EQ(batch->end_seq, 2);
}

TEST(LiveRun, TextOfWorkersThatDoNotParseIsParsedHereHoweverItIsCut) {
  const std::string text = "hello\n{\"user_message\": {\"content\": \"hi\"}}\n";
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    auto run = make_run();
    run.set_parsing(Parsing::kByGateway);
    run.add(1, out(text.substr(0, cut)));
    std::size_t effects = 0;
    const auto count = [&](const std::shared_ptr<AppendRequest>& batch) {
      if (!batch) return;
      for (const auto& frame : batch->frames) effects += frame.effects.size();
      run.batch_committed();
    };
    count(run.next_batch({}));
    run.add(2, out(text.substr(cut)));
    count(run.next_batch({}));
    run.add_end(3, {});
    count(run.next_batch({}));
    EXPECT_EQ(effects, 1u) << cut;
  }
}

TEST(LiveRun, AReplayedRunDoesNotRepeatItsEffects) {
  auto run = make_run();
  run.set_parsing(Parsing::kByGateway);
  run.must_replay();
  run.add(1, out("\"content\": \"hi\"}}\n"));
  EXPECT_FALSE(run.next_batch({}));
  run.replayed("{\"user_message\": {\"content\": \"before\"}}\n{\"user_message\": {", {});
  const auto batch = run.next_batch({});
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->frames[0].effects.size(), 1u);
  EXPECT_EQ(std::get<UserMessage>(batch->frames[0].effects[0]).content, "hi");
}

TEST(LiveRun, EventFramesBecomeEffects) {
  auto run = make_run();
  wire::AgentEvent event;
  event.execution_id = "exe_1";
  event.event_type = "agent_memory";
  event.payload = codec::RawJson{R"({"title":"t","content":"c"})"};
  run.add(1, event);
  wire::AgentEvent old;
  old.execution_id = "exe_1";
  old.event = codec::RawJson{R"({"type":"deploy","x":1})"};
  run.add(2, old);
  const auto batch = run.next_batch({});
  ASSERT_EQ(batch->frames.size(), 2u);
  EXPECT_EQ(std::get<AgentMemory>(batch->frames[0].effects[0]).title, "t");
  EXPECT_EQ(std::get<EmitEvent>(batch->frames[1].effects[0]).type, "deploy");
}

std::vector<Turn> turns_of(const AppendRequest& batch) {
  std::vector<Turn> turns;
  for (const auto& frame : batch.frames) {
    if (frame.turn) turns.push_back(*frame.turn);
  }
  return turns;
}

constexpr std::string_view kMessage =
    R"({"type":"assistant","message":{"id":"m1","model":"m","content":[{"type":"text",)"
    R"("text":"I look it up, hunter2"}],"usage":{}},"session_id":"s"})"
    "\n";

TEST(LiveRun, TurnsOfAWorkerThatDoesNotParseAreReadHere) {
  auto run = make_run("claude");
  run.set_parsing(Parsing::kByGateway);
  run.set_redactor(secret("hunter2"));
  run.add(1, out(std::string(kMessage)));
  const auto batch = run.next_batch(Timestamp{7'000});
  ASSERT_TRUE(batch);
  const auto turns = turns_of(*batch);
  ASSERT_EQ(turns.size(), 1U);
  EXPECT_EQ(turns[0].attempt, 1);
  EXPECT_EQ(turns[0].turn, 1);
  EXPECT_EQ(turns[0].text, "I look it up, [redacted:TOKEN]");
  EXPECT_EQ(turns[0].started_at, Timestamp{7'000});
  run.batch_committed();
  EXPECT_EQ(run.committed_seq(), 1) << "a turn takes no number of its own";
}

TEST(LiveRun, TurnsThatAWorkerSendsAreMaskedAndOfItsAttempt) {
  auto run = make_run("claude");
  run.set_parsing(Parsing::kByWorker);
  run.set_redactor(secret("hunter2"));
  run.add(1, out(std::string(kMessage)));
  wire::AgentTurn frame;
  frame.turn = codec::RawJson{R"({"attempt":9,"turn":1,"text":"hunter2","novelty":1})"};
  run.add(2, frame);
  frame.turn = codec::RawJson{R"({"turn":0})"};
  run.add(3, frame);
  const auto batch = run.next_batch({});
  ASSERT_TRUE(batch);
  const auto turns = turns_of(*batch);
  ASSERT_EQ(turns.size(), 1U) << "what is no turn is left out";
  EXPECT_EQ(turns[0].attempt, 1);
  EXPECT_EQ(turns[0].text, "[redacted:TOKEN]");
  EXPECT_EQ(batch->frames.back().seq, 3);
}

TEST(LiveRun, ASessionIsPassedOnAsItIs) {
  auto run = make_run("claude");
  run.set_redactor(secret("hunter2"));
  wire::SessionBytes frame;
  frame.path = "p/a.jsonl";
  frame.data = to_base64(as_bytes("hunter2\n"));
  frame.session_id = "s1";
  run.add(1, frame);
  frame.data = "???";
  run.add(2, frame);
  const auto batch = run.next_batch({});
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->frames.size(), 2U);
  ASSERT_TRUE(batch->frames[0].session);
  EXPECT_EQ(batch->frames[0].session->data, "hunter2\n") << "the agent has to read it again";
  EXPECT_EQ(batch->frames[0].session->session_id, "s1");
  EXPECT_FALSE(batch->frames[1].session);
}

TEST(LiveRun, WhatAnAgentSaysItUsedCannotLeaveTheTypeOfSums) {
  wire::Complete frame;
  frame.status = "completed";
  frame.usage = codec::RawJson{R"({"input_tokens":9223372036854775807,"output_tokens":-5})"};
  frame.models =
      codec::RawJson{R"([{"model":"m","costUsd":-1,)"
                     R"("usage":{"inputTokens":9223372036854775807,"outputTokens":7}}])"};
  frame.total_cost_usd = 1e308;
  frame.turns = -9'223'372'036'854'775'807;
  const auto end = to_end(frame);
  constexpr std::int64_t kRowsBefore = 9'000'000;  // that add up in one row of metering
  ASSERT_TRUE(end.usage);
  EXPECT_LT(end.usage->input_tokens, std::numeric_limits<std::int64_t>::max() / kRowsBefore);
  EXPECT_GT(end.usage->input_tokens, 0);
  EXPECT_EQ(end.usage->output_tokens, 0);
  ASSERT_EQ(end.models.size(), 1U);
  EXPECT_EQ(end.models[0].usage.input_tokens, end.usage->input_tokens);
  EXPECT_EQ(end.models[0].usage.output_tokens, 7);
  EXPECT_EQ(end.models[0].cost_usd, 0);
  EXPECT_EQ(end.cost_usd, 1e9);
  EXPECT_EQ(end.turns, 0);
}

}  // namespace
}  // namespace personas::execution
