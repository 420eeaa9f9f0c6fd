#include "personas/reactions/execution_ended.hpp"

#include <filesystem>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/codec/json.hpp"
#include "personas/design/draft_store.hpp"
#include "personas/evaluation/test_store.hpp"
#include "personas/execution/attempt_store.hpp"
#include "personas/execution/claim.hpp"
#include "personas/store/blocking.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store/repositories.hpp"
#include "personas/store_sqlite/open.hpp"

namespace personas::reactions {
namespace {

using design::DraftStatus;
using evaluation::Verdict;
using store::Transaction;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view kGoodDraft =
    R"({"persona_draft": {"persona": {"name": "Watcher"}, "feasibility": {"score": 90}}})";
constexpr std::string_view kRules = R"([{"outputContains": "done"}])";
constexpr std::string_view kJudged = R"([{"outputContains": "done"},
    {"judge": {"criteria": "It is good", "minScore": 50, "backend": "command"}}])";

class ExecutionEndedTest : public testing::Test {
 protected:
  template <class F>
  auto write(F operation) {
    auto done = store::write_now(*store_, std::move(operation));
    EXPECT_TRUE(done) << done.error().describe();
    return done;
  }

  ExecutionEndedTest() {
    std::string pattern = testing::TempDir() + "personas-reactions-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    store_ = *store_sqlite::open_sqlite({.path = folder_ / "test.db"}, [](const Error& error) {
      ADD_FAILURE() << error.describe();
    });
    write([&](Transaction& tx) -> Result<void> {
      TRY_VOID(store::migrate(tx, store::schema_migrations(), {1}));
      Persona persona;
      persona.id = persona_;
      persona.name = "Tested";
      persona.backend = "command";
      return store::insert_persona(tx, tenant_, persona);
    });
    reactor_ = make_reactor();
  }
  ~ExecutionEndedTest() override {
    reactor_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::unique_ptr<reactor::JournalReactor> make_reactor() {
    auto made = std::make_unique<reactor::JournalReactor>(
        context_.get_executor(), *store_, feed_, handler_,
        [](const reactor::Trouble& trouble) { ADD_FAILURE() << trouble.error.describe(); });
    EXPECT_TRUE(finish(made->open()));
    return made;
  }
  template <class T>
  T finish(Task<T> task) {
    std::optional<T> result;
    boost::asio::co_spawn(context_, std::move(task),
                          [&result](const std::exception_ptr& failure, T value) {
                            EXPECT_EQ(failure, nullptr);
                            result = std::move(value);
                          });
    context_.restart();
    const auto guard = boost::asio::make_work_guard(context_);
    while (!result) context_.run_one();
    return std::move(*result);
  }
  void react() {
    for (;;) {
      const auto progress = finish(reactor_->step());
      ASSERT_TRUE(progress) << progress.error().describe();
      if (*progress == reactor::JournalReactor::Progress::kIdle) return;
    }
  }

  // An execution with somebody waiting for it.
  ExecutionId enqueue(reactor::Purpose purpose, const std::string& subject,
                      execution::Source source) {
    const auto id = ExecutionId::make(clock_.wall(), random_);
    write([&](Transaction& tx) -> Result<void> {
      execution::ExecuteRequest request;
      request.prompt = "Do it";
      request.config.emplace();
      request.config->backend = "command";
      if (purpose == reactor::Purpose::kTest) request.persona_id = persona_;
      TRY_VOID(execution::enqueue(tx, tenant_, id, request, source, clock_.wall()));
      return reactor::watch(tx, tenant_, {id, purpose, subject});
    });
    return id;
  }
  // Runs it to its end: what the agent wrote, and how it ended.
  void run(const ExecutionId& id, std::string_view words, std::optional<FailureReason> failure = {},
           std::vector<Effect> effects = {}) {
    clock_.advance(seconds(1));
    write([&](Transaction& tx) -> Result<void> {
      TRY_VOID(execution::claim(tx, {.tenant = tenant_,
                                     .id = id,
                                     .attempt = 1,
                                     .worker = WorkerId("w"),
                                     .worker_instance = "i",
                                     .node = NodeId("n"),
                                     .now = clock_.wall()}));
      execution::AppendRequest request;
      request.events = &recorded_events_;
      request.tenant = tenant_;
      request.id = id;
      request.persona = persona_;
      request.attempt = 1;
      request.backend = "command";
      request.origin = InstanceId("inst_1");
      request.now = clock_.wall();
      execution::FrameEntry frame;
      frame.seq = 1;
      frame.text = execution::FrameEntry::Text{"stdout", std::string(words)};
      frame.effects = std::move(effects);
      request.frames.push_back(std::move(frame));
      request.end.emplace();
      request.end->status = failure ? ExecutionStatus::kFailed : ExecutionStatus::kCompleted;
      request.end->reason = failure;
      request.end->cost_usd = 0.5;
      request.end_seq = 2;
      TRY(const auto ended, execution::append(tx, request));
      EXPECT_TRUE(ended.accepted);
      return {};
    });
  }

  ExecutionId start_draft(std::optional<PersonaId> persona = {}) {
    const auto id = enqueue(reactor::Purpose::kDraft, "draft_1", execution::Source::kDesign);
    write([&](Transaction& tx) -> Result<void> {
      design::PersonaDraft draft;
      draft.id = DraftId("draft_1");
      draft.execution_id = id;
      draft.persona_id = std::move(persona);
      draft.description = "Watch it";
      return design::insert_draft(tx, tenant_, draft);
    });
    return id;
  }
  design::PersonaDraft draft() {
    auto found =
        write([&](Transaction& tx) { return design::find_draft(tx, tenant_, DraftId("draft_1")); });
    return found && *found ? **found : design::PersonaDraft{};
  }

  ExecutionId start_test(std::string_view rules) {
    const auto id = enqueue(reactor::Purpose::kTest, "tres_1", execution::Source::kTest);
    write([&](Transaction& tx) -> Result<void> {
      evaluation::TestRun run;
      run.id = TestRunId("test_1");
      run.persona_id = persona_;
      run.total = 1;
      TRY_VOID(evaluation::insert_run(tx, tenant_, run));
      evaluation::TestResult result;
      result.id = TestResultId("tres_1");
      result.run_id = run.id;
      result.scenario_id = ScenarioId("scn_1");
      result.scenario_name = "works";
      result.execution_id = id;
      result.scenario = codec::RawJson{
          fmt::format(R"({{"name":"works","prompt":"Do it","expectations":{}}})", rules)};
      return evaluation::insert_result(tx, tenant_, result);
    });
    return id;
  }
  evaluation::TestResult result() {
    auto found = write([&](Transaction& tx) {
      return evaluation::find_result(tx, tenant_, TestResultId("tres_1"));
    });
    return **found;
  }
  evaluation::TestRun test_run() {
    auto found = write(
        [&](Transaction& tx) { return evaluation::find_run(tx, tenant_, TestRunId("test_1")); });
    return **found;
  }
  std::int64_t watches() {
    static const store::Sql kCount("SELECT COUNT(*) FROM execution_watches");
    std::int64_t count = -1;
    write([&](Transaction& tx) {
      return tx.query(kCount, {}, [&](const store::Row& row) -> Result<bool> {
        count = row.integer(0);
        return true;
      });
    });
    return count;
  }

  const TenantId tenant_ = default_tenant();
  const PersonaId persona_{"per_1"};
  boost::asio::io_context context_;
  std::filesystem::path folder_;
  ManualClock clock_;
  SeededRandom random_{5};
  store::JournalFeed feed_;
  store::RecordedEvents recorded_events_;
  std::unique_ptr<store::Store> store_;
  std::vector<execution::QueuedExecution> told_;
  ExecutionEnded handler_{clock_, random_, [this](execution::QueuedExecution queued) {
                            told_.push_back(std::move(queued));
                          }};
  std::unique_ptr<reactor::JournalReactor> reactor_;
};

TEST_F(ExecutionEndedTest, ADraftIsReadWhenItsExecutionHasEnded) {
  const auto id = start_draft();
  react();
  EXPECT_EQ(draft().status, DraftStatus::kRunning);
  run(id, fmt::format("Here it is:\n{}\n", kGoodDraft));
  react();
  const auto ready = draft();
  EXPECT_EQ(ready.status, DraftStatus::kReady);
  EXPECT_THAT(ready.draft->text, HasSubstr("Watcher"));
  EXPECT_THAT(ready.problems, IsEmpty());
  EXPECT_EQ(watches(), 0);
}

TEST_F(ExecutionEndedTest, AWrongDraftIsKeptWithItsProblems) {
  run(start_draft(), R"({"persona_draft": {"persona": {"nam": "W"}, "feasibility": {}}})");
  react();
  EXPECT_EQ(draft().status, DraftStatus::kInvalid);
  EXPECT_TRUE(draft().draft);
  EXPECT_THAT(draft().problems, SizeIs(testing::Ge(3)));
}

TEST_F(ExecutionEndedTest, AFailedExecutionSaysWhyThereIsNoDraft) {
  run(start_draft(), "", FailureReason::kAgentNotAuthenticated);
  react();
  EXPECT_EQ(draft().status, DraftStatus::kFailed);
  ASSERT_THAT(draft().problems, SizeIs(1));
  EXPECT_THAT(draft().problems[0].message, HasSubstr("agent_not_authenticated"));
}

TEST_F(ExecutionEndedTest, ADraftThatWasDeletedMeanwhileLeavesNothingBehind) {
  const auto id = start_draft();
  write([&](Transaction& tx) { return design::delete_draft(tx, tenant_, DraftId("draft_1")); });
  run(id, kGoodDraft);
  react();
  EXPECT_EQ(watches(), 0);
  EXPECT_TRUE(draft().id.empty());
}

TEST_F(ExecutionEndedTest, AReactorThatComesLaterFindsWhatEndedBefore) {
  const auto id = start_draft();
  reactor_.reset();  // the process dies
  run(id, kGoodDraft);
  reactor_ = make_reactor();
  react();
  EXPECT_EQ(draft().status, DraftStatus::kReady);
}

TEST_F(ExecutionEndedTest, ATestPassesOrFailsByItsRules) {
  run(start_test(kRules), "I am done.\n");
  react();
  EXPECT_EQ(result().verdict, Verdict::kPassed);
  EXPECT_EQ(result().cost_usd, 0.5);
  EXPECT_EQ(test_run().status, evaluation::RunStatus::kPassed);
  EXPECT_TRUE(test_run().completed_at);
}

TEST_F(ExecutionEndedTest, ATestThatFailsShowsWhatWasSeen) {
  run(start_test(kJudged), "I gave up.\n");
  react();
  const auto failed = result();
  EXPECT_EQ(failed.verdict, Verdict::kFailed);
  ASSERT_THAT(failed.checks, SizeIs(1)) << "no judge is asked about what failed by a rule";
  EXPECT_THAT(failed.checks[0].seen, HasSubstr("I gave up."));
  EXPECT_EQ(test_run().status, evaluation::RunStatus::kFailed);
}

TEST_F(ExecutionEndedTest, ATestWhoseExecutionFailsIsAnErrorWithItsCure) {
  run(start_test(kRules), "", FailureReason::kTimeout);
  react();
  EXPECT_EQ(result().verdict, Verdict::kError);
  EXPECT_THAT(*result().message, HasSubstr("(timeout)"));
  EXPECT_EQ(test_run().status, evaluation::RunStatus::kError);
}

TEST_F(ExecutionEndedTest, AJudgeIsAskedOnceAndItsVerdictCounts) {
  run(start_test(kJudged), "done\n");
  react();
  const auto judging = result();
  EXPECT_EQ(judging.verdict, Verdict::kJudging);
  ASSERT_TRUE(judging.judge_execution_id);
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].id, *judging.judge_execution_id);
  EXPECT_EQ(test_run().status, evaluation::RunStatus::kRunning);

  run(*judging.judge_execution_id,
      R"({"test_verdict": {"pass": true, "score": 80, "reason": "It is good"}})");
  react();
  EXPECT_EQ(result().verdict, Verdict::kPassed);
  EXPECT_THAT(result().checks, SizeIs(2));
  EXPECT_EQ(result().cost_usd, 1.0) << "the judge's cost is among it";
  EXPECT_EQ(test_run().status, evaluation::RunStatus::kPassed);
  EXPECT_EQ(watches(), 0);
}

TEST_F(ExecutionEndedTest, AJudgeWithoutAVerdictIsAnErrorAndNotAFailure) {
  run(start_test(kJudged), "done\n");
  react();
  run(*result().judge_execution_id, "I would rather not say.");
  react();
  EXPECT_EQ(result().verdict, Verdict::kError);
  EXPECT_THAT(*result().message, HasSubstr("test_verdict"));
}

TEST_F(ExecutionEndedTest, WhatATestAsksForReachesNobody) {
  run(start_test(kRules), "done\n", {},
      {EmitEvent{.type = "report.ready", .data = {}},
       PersonaAction{.target = "Tested", .action = "run", .input = {}},
       AgentMemory{.title = "t", .content = "c", .tags = {}},
       ManualReview{.title = "Really?",
                    .description = {},
                    .severity = Severity::kCritical,
                    .context_data = {},
                    .suggested_actions = {}}});
  react();
  EXPECT_EQ(result().verdict, Verdict::kPassed) << "a question does not hold a test";
  write([&](Transaction& tx) -> Result<void> {
    TRY(const auto events, store::list_events(tx, tenant_, {}));
    EXPECT_THAT(events, SizeIs(2));
    for (const auto& event : events) {
      EXPECT_EQ(event.status, EventStatus::kSkipped);
      EXPECT_FALSE(event.target_persona_id);
    }
    TRY(const auto memories, store::list_memories(tx, tenant_, persona_, {}));
    EXPECT_THAT(memories, IsEmpty());
    TRY(const auto reviews, store::list_pending_reviews(tx, tenant_, {}));
    EXPECT_THAT(reviews, IsEmpty());
    return {};
  });
}

}  // namespace
}  // namespace personas::reactions
