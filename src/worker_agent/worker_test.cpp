// A real worker: real sockets, real sandbox, real programs; the orchestrator is scripted.
#include "personas/worker_agent/worker.hpp"

#include <filesystem>
#include <fstream>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"
#include "personas/net_beast/client.hpp"
#include "personas/net_beast/server.hpp"
#include "personas/os/clock.hpp"
#include "personas/sandbox_linux/sandbox_linux.hpp"

namespace personas::worker_agent {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr Duration kDeadline = seconds(20);

// What an orchestrator does, as far as a test needs it: accepts, confirms, remembers.
class Orchestrator : public net::WebSocketListener {
 public:
  void on_message(std::string_view text) override {
    auto frame = wire::parse_worker_frame(text);
    ASSERT_TRUE(frame) << frame.error().message;
    all_text += text;
    if (auto* hello = std::get_if<wire::Hello>(&*frame)) {
      ++hellos;
      capabilities = hello->capabilities;
      wire::Ack ack;
      ack.worker_id = hello->worker_id;
      ack.token = "session";
      ack.session_token = "session";
      ack.protocol_version = std::string(wire::kProtocolVersion);
      ack.heartbeat_ms = 1000;
      ack.lease_ms = 18'000;
      ack.features = features;
      ack.resume_from.emplace();
      if (last_seq > 0) ack.resume_from->push_back({"exe_1", 1, last_seq});
      socket->send(wire::to_text(wire::OrchestratorFrame(ack)));
    } else if (std::holds_alternative<wire::Ready>(*frame)) {
      ready = true;
    } else if (auto* chunk = std::get_if<wire::Stdout>(&*frame)) {
      note(chunk->seq);
      out += chunk->chunk;
    } else if (auto* error = std::get_if<wire::Stderr>(&*frame)) {
      note(error->seq);
      err += error->chunk;
    } else if (auto* event = std::get_if<wire::AgentEvent>(&*frame)) {
      note(event->seq);
      events += *event->event_type + " " + event->payload->text + "\n";
    } else if (auto* step = std::get_if<wire::Progress>(&*frame)) {
      note(step->seq);
      ++progress;
    } else if (auto* turn = std::get_if<wire::AgentTurn>(&*frame)) {
      note(turn->seq);
      turns += turn->turn.text + "\n";
    } else if (auto* piece = std::get_if<wire::SessionBytes>(&*frame)) {
      note(piece->seq);
      auto& file = session[piece->path];
      file.resize(static_cast<std::size_t>(piece->offset));
      file += as_text(*from_base64(piece->data));
      session_id = piece->session_id.value_or(session_id);
    } else if (auto* end = std::get_if<wire::Complete>(&*frame)) {
      note(end->seq);
      complete = *end;
      wire::Received received{end->execution_id, *end->attempt, *end->seq, true};
      socket->send(wire::to_text(wire::OrchestratorFrame(received)));
    }
  }
  void on_close(net::CloseCode, std::string_view) override {
    socket.reset();
    ready = false;
  }

  void note(std::optional<std::int64_t> seq) {
    EXPECT_EQ(seq, last_seq + 1) << "a frame is missing or comes twice";
    last_seq = seq.value_or(0);
  }

  std::shared_ptr<net::WebSocket> socket;
  std::vector<std::string> capabilities;
  std::string authorization;
  int hellos = 0;
  bool ready = false;
  std::int64_t last_seq = 0;
  std::string out, err, events, all_text;
  std::string turns, session_id;
  std::map<std::string, std::string> session;
  std::optional<std::vector<std::string>> features = {{"turns", "session"}};
  int progress = 0;
  std::optional<wire::Complete> complete;
};

Task<net::Response> nothing_here(net::Request) {
  net::Response response;
  response.status = 404;
  co_return response;
}

class WorkerTest : public testing::Test {
 protected:
  WorkerTest() {
    std::string name = (std::filesystem::temp_directory_path() / "personas-wrk-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
    server_ = net_beast::start_server(
                  io_, clock_, {}, nothing_here,
                  [this](const net::Request& request) -> Result<net::UpgradeDecision> {
                    orchestrator_->authorization = request.headers.get("Authorization");
                    return net::UpgradeDecision{orchestrator_, [this](auto socket) {
                                                  orchestrator_->socket = std::move(socket);
                                                }};
                  },
                  [](const Error&) { return net::Response{}; })
                  .value();
    client_ = net_beast::make_client(io_, {});
    sandbox_linux::SandboxOptions options;
    options.work_root = root_ + "/work";
    options.self_executable = PERSONAS_TEST_HELPER;
    options.when_unavailable = sandbox_linux::WhenUnavailable::kFallBack;
    sandbox_ = sandbox_linux::make_sandbox(io_.get_executor(), options, clock_).value();
  }
  ~WorkerTest() override {
    stop(Duration(0));
    worker_.reset();
    bool drained = false;
    boost::asio::co_spawn(io_, server_->drain(Duration(0)),
                          [&](std::exception_ptr) { drained = true; });
    EXPECT_TRUE(run_until([&] { return drained; }));
    client_.reset();
    sandbox_.reset();
    std::filesystem::remove_all(root_);
  }

  void start_worker() {
    WorkerRuntimeOptions options;
    options.session.worker_id = "wrk_test";
    options.session.instance_id = "inst_1";
    options.session.version = "1";
    options.session.token = Secret("the-worker-token");
    options.url = "ws://127.0.0.1:" + std::to_string(server_->port()) + "/workers";
    options.backends = {"claude", "command"};
    options.run = run_options_;
    options.notice = [this](std::string_view event, std::string_view detail) {
      log_ += std::string(event) + " " + std::string(detail) + "\n";
    };
    worker_ = std::make_unique<Worker>(io_.get_executor(), *client_, *sandbox_, clock_, random_,
                                       std::move(options));
    worker_->start();
    ASSERT_TRUE(run_until([&] { return orchestrator_->ready; })) << log_;
  }
  void stop(Duration grace) {
    if (!worker_ || stopped_) return;
    boost::asio::co_spawn(io_, worker_->stop(grace),
                          [this](std::exception_ptr) { stopped_ = true; });
    EXPECT_TRUE(run_until([&] { return stopped_; })) << log_;
  }
  bool run_until(const std::function<bool()>& done) {
    const Instant until = clock_.now() + kDeadline;
    while (!done()) {
      if (clock_.now() > until) return false;
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds(5));
    }
    return true;
  }

  wire::Assign assign(const std::string& script) const {
    wire::Assign frame;
    frame.execution_id = "exe_1";
    frame.attempt = 1;
    frame.lease_ms = 18'000;
    frame.config.backend = "command";
    frame.config.timeout_ms = 60'000;
    std::string command;
    codec::append_json_string(script, command);
    frame.permission_policy = codec::RawJson{R"({"command":["/bin/sh","-c",)" + command + "]}"};
    return frame;
  }
  // A CLI that does what the script does, instead of the real one.
  void stand_in_for_claude(const std::string& script) {
    const std::string program = root_ + "/claude";
    std::ofstream(program) << "#!/bin/sh\n" << script << "\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    run_options_.programs.claude = program;
  }
  wire::Assign claude() const {
    auto frame = assign("");
    frame.config.backend = "claude";
    frame.permission_policy.reset();
    return frame;
  }
  void send(const wire::OrchestratorFrame& frame) {
    orchestrator_->socket->send(wire::to_text(frame));
  }
  const wire::Complete& completion() {
    EXPECT_TRUE(run_until([&] { return orchestrator_->complete.has_value(); })) << log_;
    static const wire::Complete none;
    return orchestrator_->complete ? *orchestrator_->complete : none;
  }

  boost::asio::io_context io_;
  os::SystemClock clock_;
  SeededRandom random_{7};
  std::string root_;
  std::string log_;
  RunOptions run_options_;
  std::shared_ptr<Orchestrator> orchestrator_ = std::make_shared<Orchestrator>();
  std::unique_ptr<net::Server> server_;
  std::unique_ptr<net::Client> client_;
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::unique_ptr<Worker> worker_;
  bool stopped_ = false;
};

TEST_F(WorkerTest, PresentsItselfWithItsTokenAndWhatItCanRun) {
  start_worker();
  EXPECT_EQ(orchestrator_->authorization, "Bearer the-worker-token");
  EXPECT_THAT(orchestrator_->capabilities,
              testing::UnorderedElementsAre("protocols", "session", "claude", "command"));
}

TEST_F(WorkerTest, RunsAProgramAndReportsItsWordsEffectsAndEnd) {
  start_worker();
  auto frame = assign(R"(cat; echo; echo '{"user_message": {"content": "done"}}'; echo oops >&2)");
  frame.prompt = "the prompt";
  send(frame);
  const auto& end = completion();
  EXPECT_EQ(end.status, "completed") << end.error_message.value_or("");
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_FALSE(end.failure_reason);
  EXPECT_THAT(orchestrator_->out, HasSubstr("the prompt\n"));
  EXPECT_EQ(orchestrator_->err, "oops\n");
  EXPECT_THAT(orchestrator_->events, AllOf(HasSubstr("user_message "), HasSubstr("done")));
  EXPECT_EQ(worker_->live_runs(), 0U);
}

TEST_F(WorkerTest, NoSecretLeavesTheWorker) {
  start_worker();
  // Whole, cut between two writes, inside JSON of an effect, and with what JSON escapes.
  auto frame = assign(R"(echo "plain $KEY"; printf 'cut sk-alpha'; sleep 0.2; echo '-omega end'; )"
                      R"(echo "$KEY" >&2; printf '{"user_message":{"content":"%s"}}\n' "$KEY"; )"
                      R"(printf '{"user_message":{"content":"a\\"b\\\\cdefgh"}}\n'; )"
                      R"(echo "shown $SHOWN"; exit 3)");
  frame.env = {{"KEY", "sk-alpha-omega"}, {"ODD", "a\"b\\cdefgh"}, {"SHOWN", "visible"}};
  frame.secrets = {"KEY", "ODD"};
  send(frame);
  EXPECT_EQ(completion().failure_reason, "agent_exit");
  EXPECT_THAT(orchestrator_->all_text,
              AllOf(Not(HasSubstr("sk-alpha-omega")), Not(HasSubstr("cdefgh"))));
  EXPECT_THAT(orchestrator_->out,
              AllOf(HasSubstr("plain [redacted:KEY]\n"), HasSubstr("cut [redacted:KEY] end\n"),
                    HasSubstr("shown visible\n")));
  EXPECT_THAT(orchestrator_->events,
              AllOf(HasSubstr("[redacted:KEY]"), HasSubstr("[redacted:ODD]")));
  EXPECT_THAT(log_, Not(HasSubstr("sk-alpha")));
}

TEST_F(WorkerTest, UnderstandsTheStreamOfClaudeCode) {
  const std::string recordings = PERSONAS_AGENT_RECORDINGS;
  stand_in_for_claude("cat " + recordings + "/tool_use_with_fake_protocols.jsonl");
  run_options_.policy.readable_paths = {recordings};
  start_worker();
  send(claude());
  const auto& end = completion();
  EXPECT_EQ(end.status, "completed") << end.error_message.value_or("") << orchestrator_->err;
  EXPECT_TRUE(end.session_id);
  EXPECT_TRUE(end.total_cost_usd);
  EXPECT_TRUE(end.usage);
  EXPECT_GT(orchestrator_->progress, 0);
}

// Where the CLI keeps its conversation, written by the stand-in.
constexpr std::string_view kKeep =
    "D=$HOME/.claude/projects/$(pwd | sed 's/[^A-Za-z0-9]/-/g'); mkdir -p $D\n"
    R"(echo '{"type":"system","subtype":"init","session_id":"s1","model":"m","tools":[]}')"
    "\n";

TEST_F(WorkerTest, TakesTheSessionOffTheMachineAsItGrows) {
  stand_in_for_claude(std::string(kKeep) + "echo one >> $D/s1.jsonl; sleep 0.3; echo said; " +
                      "echo two >> $D/s1.jsonl");
  start_worker();
  send(claude());
  completion();
  ASSERT_EQ(orchestrator_->session.size(), 1U) << log_;
  EXPECT_THAT(orchestrator_->session.begin()->first, testing::EndsWith("-workspace/s1.jsonl"));
  EXPECT_EQ(orchestrator_->session.begin()->second, "one\ntwo\n");
  EXPECT_EQ(orchestrator_->session_id, "s1");
}

TEST_F(WorkerTest, AnOrchestratorThatDoesNotTakeFeaturesIsSentNone) {
  orchestrator_->features.reset();
  stand_in_for_claude(std::string(kKeep) + "echo one >> $D/s1.jsonl; echo said");
  start_worker();
  send(claude());
  completion();
  EXPECT_THAT(orchestrator_->all_text,
              AllOf(Not(HasSubstr(R"("type":"session")")), Not(HasSubstr(R"("type":"turn")"))));
}

TEST_F(WorkerTest, PutsASessionBackWhereTheProgramLooksForIt) {
  stand_in_for_claude(std::string(kKeep) + "cat $D/s1.jsonl >&2; echo three >> $D/s1.jsonl");
  start_worker();
  auto frame = claude();
  frame.resume_session_id = "s1";
  frame.session_parts = 2;
  send(wire::SessionPart{"exe_1", 1, "-of-another-worker/s1.jsonl", 0,
                         to_base64(as_bytes("one\n"))});
  send(wire::SessionPart{"exe_1", 1, "-of-another-worker/s1.jsonl", 4,
                         to_base64(as_bytes("two\n"))});
  send(frame);
  orchestrator_->session["-of-another-worker/s1.jsonl"] = "one\ntwo\n";
  completion();
  EXPECT_EQ(orchestrator_->err, "one\ntwo\n") << log_;
  EXPECT_EQ(orchestrator_->session["-of-another-worker/s1.jsonl"], "one\ntwo\nthree\n");
  EXPECT_EQ(orchestrator_->session.size(), 1U) << "it keeps the name it came with";
}

TEST_F(WorkerTest, ASessionWithForeignFilesOrGapsIsRefused) {
  start_worker();
  auto frame = claude();
  frame.resume_session_id = "s1";
  frame.session_parts = 1;
  for (const auto* path : {"../../.bashrc", "p/../../../x.jsonl", "/etc/x.jsonl", "notes.txt"}) {
    send(wire::SessionPart{"exe_1", *frame.attempt, path, 0, to_base64(as_bytes("x"))});
    send(frame);
    EXPECT_THAT(completion().failure_reason, testing::AnyOf("session_lost", "workspace_error"))
        << path;
    orchestrator_->complete.reset();
    orchestrator_->last_seq = 0;
    ++*frame.attempt;
  }
  send(wire::SessionPart{"exe_1", *frame.attempt, "p/s1.jsonl", 7, to_base64(as_bytes("x"))});
  send(frame);
  EXPECT_EQ(completion().failure_reason, "session_lost");
}

// A CLI that exits drops what a full pipe did not take. So its pipe is emptied even while nobody
// takes its frames, and it ends although we do not hear of it yet.
TEST_F(WorkerTest, AnAgentsPipeIsEmptiedThoughItsFramesWait) {
  const std::string done = root_ + "/done";
  run_options_.policy.isolation = sandbox::Isolation::kNone;
  stand_in_for_claude("head -c 12000000 /dev/zero | tr '\\0' x; echo; touch " + done);
  start_worker();
  send(claude());  // and nothing is confirmed
  ASSERT_TRUE(run_until([&] { return std::filesystem::exists(done); })) << log_;
  EXPECT_FALSE(orchestrator_->complete);
  EXPECT_LT(orchestrator_->out.size(), 6'000'000U) << "the frames are still bounded";
  std::int64_t confirmed = 0;
  ASSERT_TRUE(run_until([&] {
    if (orchestrator_->last_seq > confirmed) {
      confirmed = orchestrator_->last_seq;
      send(wire::Received{"exe_1", 1, confirmed, std::nullopt});
    }
    return orchestrator_->complete.has_value();
  }));
  EXPECT_EQ(orchestrator_->out.size(), 12'000'001U);
}

TEST_F(WorkerTest, WhatIsHeldBackIsBounded) {
  const std::string done = root_ + "/done";
  run_options_.policy.isolation = sandbox::Isolation::kNone;
  stand_in_for_claude("head -c 40000000 /dev/zero | tr '\\0' x; touch " + done);
  start_worker();
  send(claude());
  ASSERT_TRUE(run_until([&] { return orchestrator_->out.size() > 2'000'000; }));
  // Long enough to read the rest, if it were read.
  const Instant until = clock_.now() + milliseconds(1500);
  run_until([&] { return clock_.now() > until; });
  EXPECT_FALSE(std::filesystem::exists(done)) << "its pipe is full, and it waits";
  send(wire::Cancel{"exe_1", 1, "asked to"});
  EXPECT_EQ(completion().status, "cancelled") << "although nothing is confirmed";
}

TEST_F(WorkerTest, SaysWhyARunCannotBegin) {
  start_worker();
  auto frame = assign("true");
  frame.config.backend = "abacus";
  send(frame);
  EXPECT_EQ(completion().failure_reason, "backend_unknown");
  orchestrator_->complete.reset();
  orchestrator_->last_seq = 0;
  frame = assign("true");
  frame.execution_id = "exe_2";
  frame.permission_policy = codec::RawJson{R"({"command":["no-such-program"]})"};
  send(frame);
  EXPECT_EQ(completion().failure_reason, "agent_not_found");
}

TEST_F(WorkerTest, NamesTheLimitThatEndedARun) {
  start_worker();
  auto frame = assign("echo on; sleep 600");
  frame.config.timeout_ms = 300;
  send(frame);
  EXPECT_EQ(completion().failure_reason, "timeout");
}

TEST_F(WorkerTest, CancellingKillsTheRun) {
  start_worker();
  send(assign("echo on; sleep 600"));
  ASSERT_TRUE(run_until([&] { return orchestrator_->out == "on\n"; }));
  send(wire::Cancel{"exe_1", 1, "asked to"});
  EXPECT_EQ(completion().status, "cancelled");
}

TEST_F(WorkerTest, ABrokenConnectionDoesNotLoseARun) {
  start_worker();
  send(assign("echo one; sleep 0.5; echo two; sleep 0.7; echo three"));
  ASSERT_TRUE(run_until([&] { return orchestrator_->out == "one\n"; }));
  orchestrator_->socket->close(net::CloseCode::kGoingAway, "a test");
  ASSERT_TRUE(run_until([&] { return orchestrator_->hellos == 2; })) << log_;
  EXPECT_EQ(completion().status, "completed");
  EXPECT_EQ(orchestrator_->out, "one\ntwo\nthree\n");
}

TEST_F(WorkerTest, MuchOutputComesWholeThoughTheSpoolIsSmall) {
  start_worker();
  auto frame = assign("head -c 20000000 /dev/zero | tr '\\0' x");
  send(frame);
  // Confirms as it goes, as an orchestrator does.
  std::int64_t confirmed = 0;
  ASSERT_TRUE(run_until([&] {
    if (orchestrator_->last_seq > confirmed + 10) {
      confirmed = orchestrator_->last_seq;
      send(wire::Received{"exe_1", 1, confirmed, std::nullopt});
    }
    return orchestrator_->complete.has_value();
  }));
  EXPECT_EQ(orchestrator_->complete->status, "completed");
  EXPECT_EQ(orchestrator_->out.size(), 20'000'000U);
}

TEST_F(WorkerTest, StoppingEndsRunsAfterTheGraceAndTellsWhy) {
  start_worker();
  send(assign("echo on; sleep 600"));
  ASSERT_TRUE(run_until([&] { return orchestrator_->out == "on\n"; }));
  stop(milliseconds(200));
  ASSERT_TRUE(orchestrator_->complete);
  EXPECT_EQ(orchestrator_->complete->failure_reason, "worker_shutdown");
  EXPECT_EQ(worker_->live_runs(), 0U);
}

TEST_F(WorkerTest, StoppingWithoutAnOrchestratorDoesNotHang) {
  start_worker();
  bool drained = false;
  boost::asio::co_spawn(io_, server_->drain(Duration(0)),
                        [&](std::exception_ptr) { drained = true; });
  ASSERT_TRUE(
      run_until([&] { return drained && log_.find("connect_failed") != std::string::npos; }));
  stop(Duration(0));
}

}  // namespace
}  // namespace personas::worker_agent
