#include "personas/triggers/trigger_store.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "test_store.hpp"

namespace personas::triggers {
namespace {

using store::Transaction;
using testing::ElementsAre;
using testing::SizeIs;

class TriggerStore : public StoreTest {
 protected:
  void insert(const std::string& id, std::string_view persona = "per_1",
              std::optional<Timestamp> due = {}) {
    Trigger trigger{.id = TriggerId(id), .persona_id = PersonaId(std::string(persona))};
    trigger.config.text = R"({"cron":"@daily"})";
    trigger.next_trigger_at = trigger.next_slot = due;
    write([&](Transaction& tx) { return insert_trigger(tx, default_tenant(), trigger); });
  }
  static TriggerFiring firing(std::string id, Timestamp slot) {
    return {.id = FiringId(std::move(id)),
            .trigger_id = TriggerId("trg_1"),
            .slot = slot,
            .event_id = EventId("evt_1"),
            .error = {},
            .created_at = slot};
  }
  static std::vector<std::string> ids(const auto& rows) {
    std::vector<std::string> all;
    for (const auto& row : rows) all.push_back(row.id.str());
    return all;
  }
};

TEST_F(TriggerStore, ATriggerComesBackAsItWas) {
  insert("trg_1", "per_1", Timestamp{5});
  auto one = trigger("trg_1");
  EXPECT_EQ(one.config.text, R"({"cron":"@daily"})");
  EXPECT_EQ(one.next_slot, Timestamp{5});
  one.enabled = false;
  one.paused_reason = "by hand";
  write([&](Transaction& tx) { return update_trigger(tx, default_tenant(), one); });
  EXPECT_EQ(trigger("trg_1").paused_reason, "by hand");
  EXPECT_FALSE(trigger("trg_1").enabled);
}

TEST_F(TriggerStore, ListsOfAPersonaAndOfAllNewestFirst) {
  insert("trg_1", "per_1");
  insert("trg_2", "per_2");
  insert("trg_3", "per_1");
  const auto list = [&](const TriggerFilter& filter) {
    return ids(read([&](Transaction& tx) { return list_triggers(tx, default_tenant(), filter); }));
  };
  EXPECT_THAT(list({}), ElementsAre("trg_3", "trg_2", "trg_1"));
  EXPECT_THAT(list({.persona_id = PersonaId("per_1")}), ElementsAre("trg_3", "trg_1"));
  EXPECT_THAT(list({.page = {.limit = 5, .after = "trg_3"}}), ElementsAre("trg_2", "trg_1"));
  EXPECT_THAT(list({.type = TriggerType::kManual}), SizeIs(0));
  write(
      [](Transaction& tx) { return delete_triggers_of(tx, default_tenant(), PersonaId("per_1")); });
  EXPECT_THAT(list({}), ElementsAre("trg_2"));
}

TEST_F(TriggerStore, WhatIsDueComesInOrderOfItsTime) {
  insert("trg_1", "per_1", Timestamp{30});
  insert("trg_2", "per_1", Timestamp{10});
  insert("trg_3", "per_1", Timestamp{20});
  insert("trg_4", "per_1");
  const auto due = [&](Timestamp now, std::size_t limit) {
    std::vector<std::string> all;
    for (const auto& one :
         read([&](Transaction& tx) { return due_triggers(tx, Due::kSlots, now, limit); })) {
      all.push_back(one.trigger.id.str());
    }
    return all;
  };
  EXPECT_THAT(due({9}, 9), SizeIs(0));
  EXPECT_THAT(due({20}, 9), ElementsAre("trg_2", "trg_3"));
  EXPECT_THAT(due({99}, 2), ElementsAre("trg_2", "trg_3"));
  EXPECT_EQ(read([](Transaction& tx) { return next_due(tx, Due::kSlots); }), Timestamp{10});
}

TEST_F(TriggerStore, ASlotFiresOnce) {
  insert("trg_1");
  const auto fire = [&](const TriggerFiring& one) {
    return *write([&](Transaction& tx) { return insert_firing(tx, default_tenant(), one); });
  };
  EXPECT_TRUE(fire(firing("fir_1", {10})));
  EXPECT_FALSE(fire(firing("fir_2", {10})));
  EXPECT_TRUE(fire(firing("fir_3", {20})));
  EXPECT_THAT(ids(firings("trg_1")), ElementsAre("fir_3", "fir_1"));
  auto one = firing("fir_1", {10});
  one.status = FiringStatus::kCompleted;
  write([&](Transaction& tx) { return update_firing(tx, default_tenant(), one); });
  const auto open = read(
      [](Transaction& tx) { return open_firings(tx, default_tenant(), TriggerId("trg_1"), 9); });
  EXPECT_THAT(ids(open), ElementsAre("fir_3"));
  write([](Transaction& tx) {
    return forget_firings(tx, default_tenant(), TriggerId("trg_1"), {20});
  });
  EXPECT_THAT(ids(firings("trg_1")), ElementsAre("fir_3"));
  EXPECT_TRUE(*write(
      [](Transaction& tx) { return delete_trigger(tx, default_tenant(), TriggerId("trg_1")); }));
  EXPECT_THAT(firings("trg_1"), SizeIs(0));
}

TEST_F(TriggerStore, APersonaHasABoundedNumber) {
  write([](Transaction& tx) -> Result<void> {
    for (int i = 0; i < kMaxTriggers; ++i) {
      Trigger trigger{.id = TriggerId(fmt::format("trg_{}", i)), .persona_id = PersonaId("per_1")};
      TRY_VOID(insert_trigger(tx, default_tenant(), trigger));
    }
    return {};
  });
  const auto more = store::write_now(*store_, [](Transaction& tx) {
    return insert_trigger(tx, default_tenant(),
                          {.id = TriggerId("trg_x"), .persona_id = PersonaId("per_1")});
  });
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::kUnprocessable);
}

TEST_F(TriggerStore, AnOlderDatabaseIsMigrated) {
  const auto folder = folder_ / "older";
  std::filesystem::create_directory(folder);
  auto older = *store_sqlite::open_sqlite({.path = folder / "test.db"}, [](const Error&) {});
  const auto all = store::schema_migrations();
  const auto migrate_to = [&](std::size_t version) {
    return store::write_now(*older, [&](Transaction& tx) {
      return store::migrate(tx, all.first(version), Timestamp{1});
    });
  };
  ASSERT_TRUE(migrate_to(3));
  const auto done = migrate_to(5);
  ASSERT_TRUE(done) << done.error().describe();
  EXPECT_EQ(*done, 2);
}

TEST_F(TriggerStore, PollingTriggersOfAnOlderDatabaseAreDue) {
  const auto folder = folder_ / "older";
  std::filesystem::create_directory(folder);
  auto older = *store_sqlite::open_sqlite({.path = folder / "test.db"}, [](const Error&) {});
  const auto all = store::schema_migrations();
  const auto done = store::write_now(*older, [&](Transaction& tx) -> Result<std::size_t> {
    TRY_VOID(store::migrate(tx, all.first(7), Timestamp{1}));
    for (const std::string_view id : {"trg_1", "trg_2"}) {
      Trigger trigger{.id = TriggerId(std::string(id)),
                      .persona_id = PersonaId("per_1"),
                      .trigger_type = TriggerType::kPolling};
      trigger.enabled = id == "trg_1";
      trigger.created_at = Timestamp{5};
      TRY_VOID(insert_trigger(tx, default_tenant(), trigger));
    }
    TRY_VOID(store::migrate(tx, all.first(8), Timestamp{9}));
    TRY(const auto due, due_triggers(tx, Due::kPolls, Timestamp{9}, 10));
    return due.size();
  });
  ASSERT_TRUE(done) << done.error().describe();
  EXPECT_EQ(*done, 1u);
}

}  // namespace
}  // namespace personas::triggers
