#include <filesystem>
#include <stdlib.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/codec/json.hpp"
#include "personas/design/draft_store.hpp"
#include "personas/store/blocking.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store_sqlite/open.hpp"

namespace personas::design {
namespace {

using store::Transaction;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class ApplyDraft : public testing::Test {
 protected:
  template <class F>
  auto write(F operation) {
    auto done = store::write_now(*store_, std::move(operation));
    EXPECT_TRUE(done) << done.error().describe();
    return done;
  }

  ApplyDraft() {
    std::string pattern = testing::TempDir() + "personas-drafts-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    store_ = *store_sqlite::open_sqlite({.path = folder_ / "test.db"}, [](const Error& error) {
      ADD_FAILURE() << error.describe();
    });
    write([](Transaction& tx) { return store::migrate(tx, store::schema_migrations(), {1}); });
    add_tool("github");
    add_tool("report");
  }
  ~ApplyDraft() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void add_tool(const std::string& name) {
    ToolDefinition tool;
    tool.id = ToolId("tool_" + name);
    tool.name = name;
    write([&](Transaction& tx) { return store::insert_tool(tx, tenant_, tool); });
  }
  void add_persona(const std::string& name, const std::vector<std::string>& tools) {
    Persona persona;
    persona.id = PersonaId("per_" + name);
    persona.name = name;
    persona.design_context = codec::JsonText{R"({"note":"kept"})"};
    write([&](Transaction& tx) -> Result<void> {
      TRY_VOID(store::insert_persona(tx, tenant_, persona));
      for (const auto& tool : tools) {
        TRY_VOID(store::link_tool(tx, tenant_, persona.id, ToolId("tool_" + tool), {1}));
      }
      return {};
    });
  }
  static PersonaDraft ready(std::string json) {
    PersonaDraft draft;
    draft.id = DraftId("draft_1");
    draft.execution_id = ExecutionId("exe_1");
    draft.description = "Watch it";
    draft.draft = codec::RawJson{std::move(json)};
    draft.status = DraftStatus::kReady;
    return draft;
  }
  Result<Plan> plan(const PersonaDraft& draft, const ApplyOptions& options = {}) {
    return store::read_now(
        *store_, [&](Transaction& tx) { return plan_apply(tx, tenant_, draft, options); });
  }

  const TenantId tenant_ = default_tenant();
  std::filesystem::path folder_;
  std::unique_ptr<store::Store> store_;
};

TEST_F(ApplyDraft, PlansANewPersonaWithOldAndNewTools) {
  const auto made = plan(ready(
      R"({"persona":{"name":"Watcher"},"tools":[{"library":"github"},{"name":"board",
          "implementationGuide":"Use curl."}],"connectors":[{"serviceType":"jira"}],
          "feasibility":{"score":90}})"));
  ASSERT_TRUE(made) << made.error().describe();
  EXPECT_TRUE(made->is_new);
  EXPECT_EQ(made->persona.name, "Watcher");
  EXPECT_THAT(made->links, ElementsAre(ToolId("tool_github")));
  ASSERT_THAT(made->new_tools, SizeIs(1));
  EXPECT_EQ(made->new_tools[0].name, "board");
  EXPECT_THAT(made->persona.design_context->text, HasSubstr(R"("serviceType":"jira")"));
}

TEST_F(ApplyDraft, AChangeKeepsWhatItDoesNotSetAndTakesAwayWhatItDoesNotList) {
  add_persona("Reviewer", {"github"});
  auto draft = ready(R"({"persona":{"maxTurns":9},"tools":[{"library":"report"}],
                         "feasibility":{"score":90}})");
  draft.persona_id = PersonaId("per_Reviewer");
  const auto made = plan(draft);
  ASSERT_TRUE(made) << made.error().describe();
  EXPECT_FALSE(made->is_new);
  EXPECT_EQ(made->persona.name, "Reviewer");
  EXPECT_EQ(made->persona.max_turns, 9);
  EXPECT_THAT(made->links, ElementsAre(ToolId("tool_report")));
  EXPECT_THAT(made->unlinks, ElementsAre(ToolId("tool_github")));
  EXPECT_THAT(made->persona.design_context->text, HasSubstr(R"("note":"kept")"));
}

TEST_F(ApplyDraft, TellsAllNamesThatAreTakenAndHowToGoOn) {
  add_persona("Watcher", {});
  const auto draft = ready(R"({"persona":{"name":"Watcher"},"tools":[{"name":"github",
      "implementationGuide":"Mine."},{"library":"gone"}],"feasibility":{"score":90}})");
  const auto refused = plan(draft);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  ASSERT_THAT(refused.error().fields, SizeIs(3));
  EXPECT_THAT(refused.error().message, HasSubstr("reuseTools"));
  EXPECT_EQ(refused.error().fields[0].path, "/persona/name");

  auto fixed = draft;
  fixed.draft = codec::RawJson{R"({"persona":{"name":"Watcher"},"tools":[{"name":"github",
      "implementationGuide":"Mine."}],"feasibility":{"score":90}})"};
  const auto made =
      plan(fixed, {.name = "Watcher 2", .taken_tools = ApplyOptions::TakenTools::kReuse});
  ASSERT_TRUE(made) << made.error().describe();
  EXPECT_EQ(made->persona.name, "Watcher 2");
  EXPECT_THAT(made->links, ElementsAre(ToolId("tool_github")));
}

TEST_F(ApplyDraft, OnlyAReadyDraftOnce) {
  auto draft = ready(R"({"persona":{"name":"W"},"feasibility":{"score":1}})");
  for (const auto status : {DraftStatus::kRunning, DraftStatus::kInvalid, DraftStatus::kFailed}) {
    draft.status = status;
    EXPECT_EQ(plan(draft).error().code, ErrorCode::kUnprocessable);
  }
  draft.status = DraftStatus::kApplied;
  EXPECT_EQ(plan(draft).error().code, ErrorCode::kConflict);
}

TEST_F(ApplyDraft, RowsComeBackAsTheyWereWithoutDraftsInLists) {
  auto draft = ready(R"({"persona":{"name":"W"}})");
  draft.problems = {{"/persona", "is odd"}};
  write([&](Transaction& tx) { return insert_draft(tx, tenant_, draft); });
  draft.status = DraftStatus::kInvalid;
  write([&](Transaction& tx) { return update_draft(tx, tenant_, draft); });
  const auto found = write([&](Transaction& tx) { return find_draft(tx, tenant_, draft.id); });
  ASSERT_TRUE(*found);
  EXPECT_EQ(codec::to_json(**found), codec::to_json(draft));
  const auto listed = write([&](Transaction& tx) { return list_drafts(tx, tenant_, {}); });
  ASSERT_THAT(*listed, SizeIs(1));
  EXPECT_FALSE((*listed)[0].draft);
  const auto foreign =
      write([&](Transaction& tx) { return find_draft(tx, TenantId("ten_other"), draft.id); });
  EXPECT_FALSE(*foreign);
}

}  // namespace
}  // namespace personas::design
