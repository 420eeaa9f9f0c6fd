// A scheduler with its poller over a real store.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "personas/triggers/scheduler.hpp"

#include "test_parts.hpp"
#include "test_store.hpp"

namespace personas::triggers {

using store::Transaction;
using testing::SizeIs;

class SchedulerTest : public StoreTest {
 protected:
  SchedulerTest() { make(); }
  ~SchedulerTest() override {
    if (poller_) run(stopped());
  }

  FiringPorts ports() {
    return {.sink = sink_,
            .origin = InstanceId("inst_1"),
            .cancel = [this](Transaction&, const TenantId&, const ExecutionId& id,
                             const std::string&, Timestamp, AfterCommit& after) -> Result<void> {
              after.push_back([this, id] { cancelled_.push_back(id.str()); });
              return {};
            },
            .start_command = [this](Transaction& tx, const TenantId& tenant,
                                    const CommandLook& look, AfterCommit& after) -> Result<void> {
              if (refuses_) return fail(ErrorCode::kUnavailable, "the queue is full");
              TRY_VOID(insert_run(tx, tenant, look.id.str(), "queued", {}));
              after.push_back([this, id = look.id] { commands_.push_back(id); });
              return {};
            }};
  }
  // As a new process would.
  void make() {
    const auto on_trouble = [this](const Error& error) { troubles_.push_back(error.message); };
    poller_ = std::make_unique<Poller>(Poller::Parts{.executor = context_.get_executor(),
                                                     .store = *store_,
                                                     .clock = clock_,
                                                     .client = web_,
                                                     .ports = ports(),
                                                     .user_agent = "test",
                                                     .on_trouble = on_trouble});
    scheduler_ = std::make_unique<Scheduler>(context_.get_executor(), *store_, clock_, random_,
                                             alarm_, ports(), *poller_, on_trouble);
  }
  // What is under way is lost, as with a process that is killed.
  void restart() {
    run(stopped());
    scheduler_.reset();
    poller_.reset();
    open();
    make();
    EXPECT_TRUE(run(scheduler_->open()));
  }
  Task<bool> stopped() {
    co_await poller_->stop();
    co_return true;
  }

  std::string insert(std::string config, TriggerType type = TriggerType::kSchedule) {
    const std::string id = fmt::format("trg_{}", ++made_);
    Trigger trigger{.id = TriggerId(id), .persona_id = PersonaId("per_1"), .trigger_type = type};
    trigger.config.text = std::move(config);
    trigger.created_at = trigger.updated_at = clock_.wall();
    const auto plan = plan_of(trigger);
    EXPECT_TRUE(plan) << plan.error().describe();
    plan_next(trigger, *plan, clock_.wall());
    write([&](Transaction& tx) { return insert_trigger(tx, default_tenant(), trigger); });
    return id;
  }

  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    boost::asio::co_spawn(context_, std::move(task),
                          [&](const std::exception_ptr& thrown, T value) {
                            EXPECT_EQ(thrown, nullptr);
                            result = std::move(value);
                          });
    context_.restart();
    while (!result) context_.run_one();
    return std::move(*result);
  }
  // Until so many looks, and no more, are under way, all of them with the web.
  void looks_under_way(std::size_t count) {
    context_.restart();
    while (poller_->room() != kMaxLooks - count || web_.waiting != count) context_.run_one();
  }
  // Steps, and lets looks end, until nothing is due.
  std::optional<Timestamp> settle_looks() {
    for (int i = 0; i < 1000; ++i) {
      const auto next = settle();
      if (poller_->room() == kMaxLooks) return next;
      looks_under_way(0);
    }
    ADD_FAILURE() << "there is always something to look at";
    return {};
  }
  // Steps until nothing is due; returns when something is next.
  std::optional<Timestamp> settle() {
    for (int i = 0; i < 1000; ++i) {
      const auto next = run(scheduler_->step());
      EXPECT_TRUE(next) << next.error().describe();
      if (!next) return {};
      if (!*next || **next > clock_.wall()) return *next;
    }
    ADD_FAILURE() << "there is always something due";
    return {};
  }
  std::int64_t events(std::string_view type = "trigger_fired") {
    static const store::Sql kCount("SELECT COUNT(*) FROM events WHERE event_type = ?");
    std::int64_t count = 0;
    read([&](Transaction& tx) {
      return tx.query(kCount, {type}, [&](const store::Row& row) -> Result<bool> {
        count = row.integer(0);
        return false;
      });
    });
    return count;
  }
  // What the bus and the workers would have made of the last firing.
  void let_run(const std::string& trigger, std::string_view status) {
    const auto fired = firings(trigger);
    ASSERT_FALSE(fired.empty());
    run_of(*fired.front().event_id, status);
  }
  void run_of(const EventId& event, std::string_view status) {
    write([&](Transaction& tx) {
      return insert_run(tx, default_tenant(), "exe_of_" + event.str(), status, event);
    });
  }
  static Result<void> insert_run(Transaction& tx, const TenantId& tenant, const std::string& id,
                                 std::string_view status, const std::optional<EventId>& event) {
    static const store::Sql kInsert(
        "INSERT INTO executions (tenant_id, id, persona_id, status, priority, queued_at, "
        "not_before, attempt, last_seq, cancel_requested, output_bytes, prompt, source, "
        "credential_ids, event_id, created_at) VALUES (?, ?, 'per_1', ?, 0, 0, 0, 0, 0, 0, 0, '', "
        "'event', '[]', ?, 0) ON CONFLICT (tenant_id, id) DO UPDATE SET status = "
        "excluded.status");
    const std::array cells{codec::Cell(tenant.str()), codec::Cell(id),
                           codec::Cell(std::string(status)),
                           event ? codec::Cell(event->str()) : codec::Cell()};
    TRY_VOID(tx.execute_cells(kInsert, cells));
    return {};
  }
  static std::vector<std::string> statuses(const std::vector<TriggerFiring>& all) {
    std::vector<std::string> names;
    for (const auto& one : all) names.emplace_back(codec::name_of(one.status));
    return names;
  }

  boost::asio::io_context context_;
  ManualClock clock_;
  SeededRandom random_{5};
  Sink sink_;
  ManualAlarm alarm_;
  Web web_{context_.get_executor()};
  std::vector<ExecutionId> commands_;  // that were started
  bool refuses_ = false;
  std::vector<std::string> cancelled_;
  std::vector<std::string> troubles_;
  std::unique_ptr<Poller> poller_;
  std::unique_ptr<Scheduler> scheduler_;
  int made_ = 0;
};

}  // namespace personas::triggers
