#include "personas/wire/frames.hpp"

#include <string>

#include <gtest/gtest.h>

namespace personas::wire {
namespace {

template <class T>
T worker_frame(std::string_view text) {
  auto frame = parse_worker_frame(text);
  EXPECT_TRUE(frame) << frame.error().describe();
  EXPECT_TRUE(frame && std::holds_alternative<T>(*frame)) << text;
  return frame && std::holds_alternative<T>(*frame) ? std::get<T>(*frame) : T{};
}

bool refused(std::string_view text) {
  return !parse_worker_frame(text).has_value();
}

TEST(Frames, AHelloOfTheFirstWorkersHasNoVersion) {
  const auto hello =
      worker_frame<Hello>(R"({"type":"hello","workerId":"w1","capabilities":["claude"]})");
  EXPECT_EQ(hello.worker_id, "w1");
  EXPECT_EQ(hello.capabilities, std::vector<std::string>{"claude"});
  EXPECT_FALSE(hello.version);
}

TEST(Frames, EveryFrameOfAWorkerReadsBackAsItWasWritten) {
  Hello hello;
  hello.worker_id = "w";
  hello.version = "1";
  hello.labels = {{"zone", "a"}};
  hello.signed_frames = true;
  ActiveExecutions active{{"e1"}, std::vector<ActiveRun>{{"e1", 2, 7, RunState::kFinished}}};
  Stdout out;
  out.execution_id = "e1";
  out.chunk = "a\n\"b\"\x01ü";
  out.attempt = 1;
  out.seq = 3;
  out.timestamp = codec::RawJson{"12"};
  AgentEvent event{"e1", std::nullopt, "user_message", codec::RawJson{R"({"content":"x"})"}, 1, 4};
  Complete complete;
  complete.execution_id = "e1";
  complete.status = "failed";
  complete.exit_code = -1;
  complete.total_cost_usd = 0.25;
  complete.error_message = "no";
  complete.models = codec::RawJson{R"([{"model":"m"}])"};
  complete.turns = 3;
  complete.model = "m";
  complete.quota_resets_at = Timestamp{1'700'000'000'000'000};
  AgentTurn turn{"e1", codec::RawJson{R"({"turn":1})"}, 1, 5};
  SessionBytes session{"e1", ".claude/projects/p/s.jsonl", 64, "YWJj", "s", 1, 6};
  for (const WorkerFrame& frame :
       {WorkerFrame(hello), WorkerFrame(active), WorkerFrame(Ready{1, 2}), WorkerFrame(out),
        WorkerFrame(event), WorkerFrame(turn), WorkerFrame(session), WorkerFrame(complete),
        WorkerFrame(Busy{"e1", "full", 1}),
        WorkerFrame(Heartbeat{codec::RawJson{"5"}, std::nullopt})}) {
    const std::string text = to_text(frame);
    const auto again = parse_worker_frame(text);
    ASSERT_TRUE(again) << text << again.error().describe();
    EXPECT_EQ(again->index(), frame.index());
    EXPECT_EQ(to_text(*again), text);
  }
}

TEST(Frames, EveryFrameOfTheOrchestratorReadsBackAsItWasWritten) {
  Ack ack;
  ack.worker_id = "w";
  ack.token = "s";
  ack.resume_from = std::vector<ResumePoint>{{"e1", 1, 0}};
  ack.features = {"turns", "session"};
  Assign assign;
  assign.execution_id = "e1";
  assign.prompt = "do";
  assign.env = {{"A", "1"}};
  assign.config.timeout_ms = 1000;
  assign.attempt = 1;
  assign.session_parts = 2;
  for (const OrchestratorFrame& frame :
       {OrchestratorFrame(ack), OrchestratorFrame(assign),
        OrchestratorFrame(SessionPart{"e1", 2, ".claude/projects/p/s.jsonl", 0, "YWJj"}),
        OrchestratorFrame(Received{"e1", 1, 4, true}), OrchestratorFrame(Cancel{"e1", 1, "stop"}),
        OrchestratorFrame(ReviewResponse{"e1", "r1", "approved", "fine", 1}),
        OrchestratorFrame(Shutdown{"update", 1000})}) {
    const std::string text = to_text(frame);
    const auto again = parse_orchestrator_frame(text);
    ASSERT_TRUE(again) << text << again.error().describe();
    EXPECT_EQ(again->index(), frame.index());
    EXPECT_EQ(to_text(*again), text);
  }
}

TEST(Frames, TheWireFormIsFixed) {
  EXPECT_EQ(to_text(WorkerFrame(Ready{})), R"({"type":"ready"})");
  EXPECT_EQ(to_text(WorkerFrame(ActiveExecutions{{}, std::vector<ActiveRun>{}})),
            R"({"type":"active_executions","executionIds":[],"runs":[]})");
  EXPECT_EQ(to_text(OrchestratorFrame(Received{"e1", 1, 4, true})),
            R"({"type":"received","executionId":"e1","attempt":1,"seq":4,"final":true})");
  EXPECT_EQ(to_text(OrchestratorFrame(Cancel{"e1", std::nullopt, std::nullopt})),
            R"({"type":"cancel","executionId":"e1"})");
}

TEST(Frames, ATimestampIsANumberOrAText) {
  EXPECT_EQ(
      worker_frame<Heartbeat>(R"({"type":"heartbeat","timestamp":1700000000123})").timestamp->text,
      "1700000000123");
  EXPECT_EQ(worker_frame<Heartbeat>(R"({"type":"heartbeat","timestamp":"2026-01-01T00:00:00Z"})")
                .timestamp->text,
            R"("2026-01-01T00:00:00Z")");
}

TEST(Frames, UnknownTypesAndFieldsAreNoError) {
  EXPECT_EQ(worker_frame<Unknown>(R"({"type":"telepathy","x":1})").type, "telepathy");
  worker_frame<Ready>(R"({"type":"ready","mood":{"deep":[1,2]}})");
}

TEST(Frames, MalformedFramesAreRefused) {
  for (const auto* text :
       {"",
        "nonsense",
        "[]",
        "null",
        "42",
        "\"hello\"",
        "{}",
        R"({"type":1})",
        R"({"type":"ready"} trailing)",
        R"({"type":"ready","type":"hello"})",
        R"({"type":"hello"})",
        R"({"type":"hello","workerId":7})",
        R"({"type":"hello","workerId":""})",
        R"({"type":"stdout","executionId":"e"})",
        R"({"type":"stdout","executionId":"e","chunk":7})",
        R"({"type":"stdout","executionId":"e","chunk":"x","seq":0})",
        R"({"type":"stdout","executionId":"e","chunk":"x","seq":-1})",
        R"({"type":"stdout","executionId":"e","chunk":"x","seq":1.5})",
        R"({"type":"stdout","executionId":"e","chunk":"x","attempt":9007199254740992})",
        R"({"type":"stdout","executionId":"","chunk":"x"})",
        R"({"type":"complete","executionId":"e"})",
        R"({"type":"turn","executionId":"e","attempt":1,"seq":1})",
        R"({"type":"session","executionId":"e","path":"","offset":0,"data":""})",
        R"({"type":"session","executionId":"e","path":"p","offset":-1,"data":""})",
        R"({"type":"session","executionId":"e","path":"p","offset":0,"data":7})",
        R"({"type":"active_executions","executionIds":[],"runs":[{"executionId":"e"}]})",
        R"({"type":"active_executions","runs":[)"
        R"({"executionId":"e","attempt":1,"lastSeq":0,"state":"odd"}]})"}) {
    EXPECT_TRUE(refused(text)) << text;
  }
}

TEST(Frames, HostileSizesAreRefused) {
  EXPECT_TRUE(refused(std::string(100'000, '[')));
  EXPECT_TRUE(refused(R"({"type":"event","executionId":"e","payload":)" +
                      std::string(kMaxFrameDepth + 1, '[') + std::string(kMaxFrameDepth + 1, ']') +
                      "}"));
  EXPECT_TRUE(refused(R"({"type":"stdout","executionId":"e","chunk":")" +
                      std::string(kMaxFrameBytes, 'x') + "\"}"));
  std::string runs;
  for (std::size_t i = 0; i <= kMaxRunsPerWorker; ++i) {
    runs += R"({"executionId":"e","attempt":1,"lastSeq":0,"state":"running"},)";
  }
  runs.pop_back();
  EXPECT_TRUE(refused(R"({"type":"active_executions","runs":[)" + runs + "]}"));
  EXPECT_TRUE(refused("{\"type\":\"stdout\",\"executionId\":\"e\",\"chunk\":\"\xff\"}"));
}

}  // namespace
}  // namespace personas::wire
