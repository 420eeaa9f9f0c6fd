// A bus over a real store in a folder of its own, with runs that are written down.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/bus/bus.hpp"
#include "personas/store/blocking.hpp"
#include "personas/store/journal_reader.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store_sqlite/open.hpp"

namespace personas::bus {

// Takes every run but those of refused personas; what it took is told after the commit alone.
class RecordedRuns final : public Runs {
 public:
  Result<ExecutionId> start(store::Transaction&, const TenantId&, const RunWanted& run,
                            store::AfterCommit& after) override {
    if (const auto it = refused.find(run.persona.str()); it != refused.end()) {
      return fail(it->second, "persona '" + run.persona.str() + "' does not run");
    }
    ExecutionId id(fmt::format("exe_{}", ++asked));
    after.push_back([this, run, id] {
      started.push_back(run.persona.str());
      inputs.push_back(run.input ? run.input->text : "");
      runs.push_back(run);
    });
    return id;
  }

  std::map<std::string, ErrorCode> refused;
  std::vector<std::string> started;
  std::vector<std::string> inputs;
  std::vector<RunWanted> runs;
  int asked = 0;
};

class BusTest : public testing::Test {
 protected:
  template <class F>
  auto write(F f) {
    auto result = store::write_now(*store_, std::move(f));
    if (!result) throw std::runtime_error(result.error().describe());
    return std::move(*result);
  }
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "personas-bus-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    open();
    write([](store::Transaction& tx) {
      return store::migrate(tx, store::schema_migrations(), Timestamp{1});
    });
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void open() {
    store_.reset();
    auto opened = store_sqlite::open_sqlite({.path = folder_ + "/test.db"}, [](const Error& error) {
      ADD_FAILURE() << error.describe();
    });
    ASSERT_TRUE(opened) << opened.error().describe();
    store_ = std::move(*opened);
  }
  // As a process that starts again: nothing is remembered.
  void restart() {
    open();
    bus_ = make_bus();
  }

  // A write with the bus; what follows the commit is done.
  template <class F>
  auto act(F f) {
    store::AfterCommit after;
    auto result = write([&](store::Transaction& tx) {
      after.clear();
      return f(tx, after);
    });
    for (const auto& action : after) action();
    return result;
  }

  static Subscription subscription(std::string_view id, std::string_view persona,
                                   std::string_view type) {
    Subscription made;
    made.id = SubscriptionId(std::string(id));
    made.persona_id = PersonaId(std::string(persona));
    made.event_type = type;
    return made;
  }
  void subscribe(const Subscription& made) {
    write([&](store::Transaction& tx) -> Result<bool> {
      TRY_VOID(insert_subscription(tx, tenant, made, random));
      return true;
    });
  }
  Event event(std::string_view type, std::string_view payload = "{}") {
    clock.advance(milliseconds(1));
    Event made;
    made.id = EventId::make(clock.wall(), random);
    made.event_type = type;
    made.source_type = "manual";
    made.payload = codec::JsonText{std::string(payload)};
    made.created_at = clock.wall();
    return made;
  }
  store::Published publish(store::NewEvent wanted) {
    return act([&](store::Transaction& tx, store::AfterCommit& after) {
      return bus_->publish(tx, tenant, wanted, after);
    });
  }
  store::Published publish(Event made) {
    return publish(store::NewEvent{.event = std::move(made)});
  }
  Event retry(const EventId& id, Bus::Asked asked = Bus::Asked::kByHand) {
    return act([&](store::Transaction& tx, store::AfterCommit& after) {
      return bus_->retry(tx, tenant, id, asked, after);
    });
  }
  Event get(const EventId& id) {
    return *write([&](store::Transaction& tx) { return store::find_event(tx, tenant, id); });
  }
  std::vector<EventMatch> matches(const EventId& id) {
    return write([&](store::Transaction& tx) { return matches_of(tx, tenant, id); });
  }
  std::unique_ptr<Bus> make_bus() {
    return std::make_unique<Bus>(clock, runs, [this](Timestamp at) { due.push_back(at); });
  }

  const TenantId tenant = default_tenant();
  ManualClock clock;
  SeededRandom random{5};
  RecordedRuns runs;
  std::vector<Timestamp> due;
  std::string folder_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Bus> bus_ = make_bus();
};

}  // namespace personas::bus
