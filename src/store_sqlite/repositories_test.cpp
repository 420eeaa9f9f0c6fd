// The repositories of the store on the real engine.
#include "personas/store/repositories.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/codec/rows.hpp"
#include "personas/store/schema.hpp"

#include "test_store.hpp"

namespace personas::store_sqlite {
namespace {

using store::Page;
using store::Transaction;
using testing::ElementsAre;
using testing::IsEmpty;

const TenantId kOther("ten_other");

class Repositories : public StoreTest {
 protected:
  Repositories() {
    auto opened = open_sqlite({.path = database()}, nullptr);
    EXPECT_TRUE(opened) << opened.error().describe();
    store_ = std::move(*opened);
    const auto migrated = migrate_now(*store_, store::schema_migrations());
    EXPECT_TRUE(migrated) << migrated.error().describe();
  }

  // Runs one repository function in a transaction of its own.
  template <class F, class... Arguments>
  auto write(F function, const Arguments&... arguments) {
    return store::write_now(*store_, [&](Transaction& tx) { return function(tx, arguments...); });
  }
  template <class F, class... Arguments>
  auto read(F function, const Arguments&... arguments) {
    return store::read_now(*store_, [&](Transaction& tx) { return function(tx, arguments...); });
  }
};

Persona persona(const std::string& id, const std::string& name) {
  Persona made;
  made.id = PersonaId(id);
  made.name = name;
  made.created_at = {1'000'001};
  made.updated_at = {2'000'002};
  return made;
}

ToolDefinition tool(const std::string& id) {
  ToolDefinition made;
  made.id = ToolId(id);
  made.name = "name of " + id;
  return made;
}

template <class T>
std::vector<std::string> ids(const Result<std::vector<T>>& rows) {
  if (!rows) return {rows.error().describe()};
  std::vector<std::string> all;
  for (const auto& row : *rows) all.push_back(row.id.str());
  return all;
}

template <class T>
ErrorCode code_of(const Result<T>& result) {
  EXPECT_FALSE(result);
  return result ? ErrorCode::kInternal : result.error().code;
}

TEST_F(Repositories, KeepEveryFieldOfAPersona) {
  Persona full = persona("per_full", "It's \"full\"; DROP TABLE personas; -- ?");
  full.project_id = "project";
  full.description = "description";
  full.system_prompt = "prompt";
  full.structured_prompt = codec::JsonText{R"({"identity":"x"})"};
  full.icon = "icon";
  full.color = "#fff";
  full.enabled = false;
  full.max_concurrent = 7;
  full.timeout_ms = 1'234;
  full.idle_timeout_ms = 5'678;
  full.max_output_bytes = 9'999;
  full.backend = "demo";
  full.model = "model";
  full.max_budget_usd = 1.25;
  full.max_turns = 12;
  full.retry = RetryPolicy{.max_attempts = 5, .multiplier = 1.5};
  full.on_quota = OnQuota::kFallback;
  full.requires_ = Requirements{.capabilities = {"gpu"}, .labels = {{"zone", "b"}}};
  full.network_policy = codec::RawJson{R"({"allow":[]})"};
  full.permission_policy = codec::RawJson{R"({"tools":["Read"]})"};
  full.design_context = codec::JsonText{"{}"};
  full.group_id = "group";
  full.input_schema = codec::RawJson{R"({"type":"object"})"};
  full.webhook_secret = "hook-secret";
  const Persona plain = persona("per_plain", "plain");
  for (const auto& one : {full, plain}) {
    ASSERT_TRUE(write(store::insert_persona, default_tenant(), one));
    const auto found = read(store::find_persona, default_tenant(), one.id);
    ASSERT_TRUE(found && *found) << one.name;
    EXPECT_EQ(codec::to_cells(**found), codec::to_cells(one));
    EXPECT_EQ((**found).retry, one.retry);
    EXPECT_EQ((**found).requires_, one.requires_);
  }
  const auto named = read(store::find_persona_by_name, default_tenant(), full.name);
  ASSERT_TRUE(named && *named);
  EXPECT_EQ((**named).id, full.id);
}

TEST_F(Repositories, UpdateOnlyWhatIsThere) {
  auto one = persona("per_1", "before");
  EXPECT_EQ(code_of(write(store::update_persona, default_tenant(), one)), ErrorCode::kNotFound);
  ASSERT_TRUE(write(store::insert_persona, default_tenant(), one));
  ASSERT_TRUE(write(store::insert_persona, default_tenant(), persona("per_2", "bystander")));
  one.name = "after";
  one.retry = RetryPolicy{};
  ASSERT_TRUE(write(store::update_persona, default_tenant(), one));
  EXPECT_EQ((**read(store::find_persona, default_tenant(), one.id)).name, "after");
  EXPECT_EQ((**read(store::find_persona, default_tenant(), PersonaId("per_2"))).name, "bystander");
  EXPECT_EQ(code_of(write(store::update_tool, default_tenant(), tool("tool_1"))),
            ErrorCode::kNotFound);
}

TEST_F(Repositories, GiveANameToOnePersonaOfATenant) {
  ASSERT_TRUE(write(store::insert_persona, default_tenant(), persona("per_1", "same")));
  EXPECT_EQ(code_of(write(store::insert_persona, default_tenant(), persona("per_2", "same"))),
            ErrorCode::kConflict);
  EXPECT_TRUE(write(store::insert_persona, kOther, persona("per_2", "same")));
}

TEST_F(Repositories, ShowNothingOfATenantToAnother) {
  const auto one = persona("per_1", "one");
  ASSERT_TRUE(write(store::insert_persona, default_tenant(), one));
  ASSERT_TRUE(write(store::insert_tool, default_tenant(), tool("tool_1")));
  ASSERT_TRUE(write(store::link_tool, default_tenant(), one.id, ToolId("tool_1"), Timestamp{1}));
  EXPECT_FALSE(read(store::find_persona, kOther, one.id)->has_value());
  EXPECT_FALSE(read(store::find_persona_by_name, kOther, "one")->has_value());
  EXPECT_FALSE(read(store::find_tool, kOther, ToolId("tool_1"))->has_value());
  EXPECT_THAT(ids(read(store::list_personas, kOther, Page{})), IsEmpty());
  EXPECT_THAT(ids(read(store::tools_of, kOther, one.id)), IsEmpty());
  EXPECT_EQ(code_of(write(store::update_persona, kOther, one)), ErrorCode::kNotFound);
  EXPECT_FALSE(*write(store::delete_persona, kOther, one.id));
  EXPECT_FALSE(*write(store::unlink_tool, kOther, one.id, ToolId("tool_1")));
  EXPECT_FALSE(*write(store::delete_tool, kOther, ToolId("tool_1")));
  EXPECT_THAT(ids(read(store::tools_of, default_tenant(), one.id)), ElementsAre("tool_1"));
}

TEST_F(Repositories, ListPageByPage) {
  for (const auto* id : {"c", "a", "e", "b", "d"}) {
    ASSERT_TRUE(write(store::insert_persona, default_tenant(), persona(id, id)));
  }
  const auto page = [&](std::optional<std::string> after) {
    return ids(read(store::list_personas, default_tenant(), Page{.limit = 2, .after = after}));
  };
  EXPECT_THAT(page({}), ElementsAre("a", "b"));
  EXPECT_THAT(page("b"), ElementsAre("c", "d"));
  EXPECT_THAT(page("d"), ElementsAre("e"));
  EXPECT_THAT(page("e"), IsEmpty());
}

TEST_F(Repositories, LinkAToolOnceAndForgetTheLinkWithEitherEnd) {
  const PersonaId one("per_1");
  const PersonaId two("per_2");
  for (const auto& id : {one, two}) {
    ASSERT_TRUE(write(store::insert_persona, default_tenant(), persona(id.str(), id.str())));
  }
  for (const auto* id : {"tool_1", "tool_2"}) {
    ASSERT_TRUE(write(store::insert_tool, default_tenant(), tool(id)));
    for (const auto& owner : {one, two, one}) {
      ASSERT_TRUE(write(store::link_tool, default_tenant(), owner, ToolId(id), Timestamp{1}));
    }
  }
  EXPECT_THAT(ids(read(store::tools_of, default_tenant(), one)), ElementsAre("tool_1", "tool_2"));
  EXPECT_TRUE(*write(store::unlink_tool, default_tenant(), two, ToolId("tool_1")));
  EXPECT_FALSE(*write(store::unlink_tool, default_tenant(), two, ToolId("tool_1")));
  EXPECT_TRUE(*write(store::delete_tool, default_tenant(), ToolId("tool_2")));
  EXPECT_THAT(ids(read(store::tools_of, default_tenant(), two)), IsEmpty());
  EXPECT_TRUE(*write(store::delete_persona, default_tenant(), one));
  ASSERT_TRUE(write(store::insert_persona, default_tenant(), persona("per_1", "again")));
  EXPECT_THAT(ids(read(store::tools_of, default_tenant(), one)), IsEmpty());
}

// ---- signals ----

Event event(const std::string& id) {
  Event made;
  made.id = EventId(id);
  made.event_type = "type";
  made.origin = InstanceId("inst_1");
  return made;
}
Message message(const std::string& id) {
  Message made;
  made.id = MessageId(id);
  made.content = "content";
  return made;
}
Memory memory(const std::string& id) {
  Memory made;
  made.id = MemoryId(id);
  made.persona_id = PersonaId("per_1");
  made.tags = {"a", "b"};
  return made;
}
Review review(const std::string& id) {
  Review made;
  made.id = ReviewId(id);
  made.execution_id = ExecutionId("exe_1");
  made.context_data = codec::RawJson{R"({"n":1})"};
  made.suggested_actions = {"approve"};
  return made;
}

template <class Insert, class Make>
void expect_effects_once(store::Store& store, Insert insert, Make make) {
  const auto put = [&](const TenantId& tenant, const char* id, std::string_view key) {
    return store::write_now(store,
                            [&](Transaction& tx) { return insert(tx, tenant, make(id), key); });
  };
  EXPECT_TRUE(put(default_tenant(), "a", "exe_1/1/7/0").value());
  EXPECT_FALSE(put(default_tenant(), "b", "exe_1/1/7/0").value()) << "a replay has a new id";
  EXPECT_FALSE(put(default_tenant(), "a", "exe_1/1/7/0").value()) << "or the same one";
  EXPECT_TRUE(put(default_tenant(), "c", "exe_1/1/7/1").value());
  EXPECT_TRUE(put(kOther, "a", "exe_1/1/7/0").value()) << "keys are of a tenant";
  EXPECT_TRUE(put(default_tenant(), "d", {}).value());
  EXPECT_TRUE(put(default_tenant(), "e", {}).value()) << "rows without an effect never collide";
  EXPECT_EQ(code_of(put(default_tenant(), "e", {})), ErrorCode::kConflict)
      << "an id that is taken is not a replay";
  EXPECT_EQ(code_of(put(default_tenant(), "e", "exe_1/1/7/2")), ErrorCode::kConflict);
}

TEST_F(Repositories, ApplyAnEffectOnce) {
  const auto insert_event = [](Transaction& tx, const TenantId& tenant, const Event& row,
                               std::string_view key) {
    return store::insert_event(tx, tenant, row, {.effect_key = std::string(key)});
  };
  expect_effects_once(*store_, insert_event, event);
  expect_effects_once(*store_, store::insert_message, message);
  expect_effects_once(*store_, store::insert_memory, memory);
  expect_effects_once(*store_, store::insert_review, review);
}

TEST_F(Repositories, ListEventsNewestFirstByTypeAndStatus) {
  for (const auto* id : {"evt_1", "evt_2", "evt_3", "evt_4"}) {
    auto one = event(id);
    if (id == std::string_view("evt_2")) one.event_type = "odd";
    if (id == std::string_view("evt_3")) one.status = EventStatus::kDead;
    ASSERT_TRUE(write(store::insert_event, default_tenant(), one, store::EventKeys{}));
  }
  const auto list = [&](const store::EventFilter& filter) {
    return ids(read(store::list_events, default_tenant(), filter));
  };
  store::EventFilter filter;
  EXPECT_THAT(list(filter), ElementsAre("evt_4", "evt_3", "evt_2", "evt_1"));
  filter.page = {.limit = 2, .after = "evt_4"};
  EXPECT_THAT(list(filter), ElementsAre("evt_3", "evt_2"));
  filter = {};
  filter.event_type = "odd";
  EXPECT_THAT(list(filter), ElementsAre("evt_2"));
  filter.status = EventStatus::kDead;
  EXPECT_THAT(list(filter), IsEmpty());
  filter.event_type = {};
  EXPECT_THAT(list(filter), ElementsAre("evt_3"));
}

TEST_F(Repositories, ListMessagesByPersonaAndExecution) {
  for (const auto* id : {"msg_1", "msg_2", "msg_3"}) {
    auto one = message(id);
    if (id != std::string_view("msg_3")) one.persona_id = PersonaId("per_1");
    if (id == std::string_view("msg_1")) one.execution_id = ExecutionId("exe_1");
    ASSERT_TRUE(write(store::insert_message, default_tenant(), one, std::string_view()));
  }
  const auto list = [&](const store::MessageFilter& filter) {
    return ids(read(store::list_messages, default_tenant(), filter));
  };
  store::MessageFilter filter;
  EXPECT_THAT(list(filter), ElementsAre("msg_3", "msg_2", "msg_1"));
  filter.persona_id = PersonaId("per_1");
  EXPECT_THAT(list(filter), ElementsAre("msg_2", "msg_1"));
  filter.page.after = "msg_2";
  EXPECT_THAT(list(filter), ElementsAre("msg_1"));
  filter = {};
  filter.execution_id = ExecutionId("exe_1");
  EXPECT_THAT(list(filter), ElementsAre("msg_1"));
}

TEST_F(Repositories, ForgetAMemoryOnce) {
  ASSERT_TRUE(write(store::insert_memory, default_tenant(), memory("mem_1"), std::string_view()));
  const auto kept = read(store::list_memories, default_tenant(), PersonaId("per_1"), Page{});
  ASSERT_THAT(ids(kept), ElementsAre("mem_1"));
  EXPECT_EQ(codec::to_cells(kept->front()), codec::to_cells(memory("mem_1")));
  EXPECT_FALSE(*write(store::delete_memory, kOther, MemoryId("mem_1")));
  EXPECT_TRUE(*write(store::delete_memory, default_tenant(), MemoryId("mem_1")));
  EXPECT_FALSE(*write(store::delete_memory, default_tenant(), MemoryId("mem_1")));
}

TEST_F(Repositories, TheFirstAnswerToAReviewWins) {
  for (const auto* id : {"rev_1", "rev_2"}) {
    ASSERT_TRUE(write(store::insert_review, default_tenant(), review(id), std::string_view()));
  }
  const auto answer = [&](const TenantId& tenant, ReviewStatus status, const char* text) {
    return write(store::answer_review, tenant, ReviewId("rev_1"), status, std::string_view(text),
                 Timestamp{9});
  };
  EXPECT_FALSE(*answer(kOther, ReviewStatus::kRejected, "not yours"));
  EXPECT_TRUE(*answer(default_tenant(), ReviewStatus::kApproved, "go"));
  EXPECT_FALSE(*answer(default_tenant(), ReviewStatus::kRejected, "stop"));
  const auto answered = read(store::find_review, default_tenant(), ReviewId("rev_1"));
  ASSERT_TRUE(answered && *answered);
  EXPECT_EQ((**answered).status, ReviewStatus::kApproved);
  EXPECT_EQ((**answered).response_message, "go");
  EXPECT_EQ((**answered).responded_at, Timestamp{9});
  EXPECT_EQ((**answered).context_data, review("").context_data);
  EXPECT_THAT(ids(read(store::list_pending_reviews, default_tenant(), Page{})),
              ElementsAre("rev_2"));
  EXPECT_THAT(ids(read(store::list_reviews, default_tenant(), ExecutionId("exe_1"))),
              ElementsAre("rev_1", "rev_2"));
}

}  // namespace
}  // namespace personas::store_sqlite
