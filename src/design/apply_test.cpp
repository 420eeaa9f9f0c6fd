#include <filesystem>
#include <stdlib.h>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/codec/json.hpp"
#include "personas/design/draft_store.hpp"
#include "personas/store/blocking.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store_sqlite/open.hpp"

namespace personas::design {
namespace {

namespace bj = boost::json;

using store::Transaction;
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
  void add_persona(const std::string& name) {
    Persona persona;
    persona.id = PersonaId("per_" + name);
    persona.name = name;
    persona.design_context = codec::JsonText{R"({"note":"kept"})"};
    write([&](Transaction& tx) { return store::insert_persona(tx, tenant_, persona); });
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
  // The documents of a draft, as JSON.
  Result<std::vector<bj::value>> documents(const PersonaDraft& draft,
                                           const ApplyOptions& options = {}) {
    auto texts =
        store::read_now(*store_, [&](Transaction& tx) -> Result<std::vector<codec::RawJson>> {
          TRY(auto vocabulary, vocabulary_of(tx, tenant_));
          vocabulary.library = {"slack"};
          return documents_of(tx, tenant_, draft, vocabulary, options);
        });
    if (!texts) return fail(texts.error());
    std::vector<bj::value> parsed;
    for (const auto& text : *texts) parsed.push_back(*codec::parse_json(text.text));
    return parsed;
  }

  const TenantId tenant_ = default_tenant();
  std::filesystem::path folder_;
  std::unique_ptr<store::Store> store_;
};

TEST_F(ApplyDraft, ANewPersonaIsADocumentAfterThoseOfItsNewTools) {
  const auto made = documents(ready(
      R"({"persona":{"name":"Watcher"},"tools":[{"library":"github"},{"library":"slack"},
          {"name":"board","implementationGuide":"Use curl."}],
          "connectors":[{"serviceType":"jira"}],"feasibility":{"score":90}})"));
  ASSERT_TRUE(made) << made.error().describe();
  ASSERT_THAT(*made, SizeIs(2));
  EXPECT_EQ((*made)[0].at("kind"), "Tool");
  EXPECT_EQ((*made)[0].at("name"), "board");
  EXPECT_EQ((*made)[1].at("name"), "Watcher");
  EXPECT_EQ((*made)[1].at("tools"), (bj::array{"github", "slack", "board"}));
  EXPECT_EQ((*made)[1].at("designContext").at("connectors").at(0).at("serviceType"), "jira");
  EXPECT_FALSE((*made)[1].as_object().contains("id"));
}

TEST_F(ApplyDraft, AChangeNamesItsPersonaAndKeepsWhatTheContextHeld) {
  add_persona("Reviewer");
  auto draft = ready(R"({"persona":{"maxTurns":9},"tools":[{"library":"report"}],
                         "feasibility":{"score":90}})");
  draft.persona_id = PersonaId("per_Reviewer");
  const auto made = documents(draft);
  ASSERT_TRUE(made) << made.error().describe();
  ASSERT_THAT(*made, SizeIs(1));
  EXPECT_EQ((*made)[0].at("id"), "per_Reviewer");
  EXPECT_EQ((*made)[0].at("name"), "Reviewer");
  EXPECT_EQ((*made)[0].at("maxTurns"), 9);
  EXPECT_EQ((*made)[0].at("tools"), (bj::array{"report"}));
  EXPECT_EQ((*made)[0].at("designContext").at("note"), "kept");
  EXPECT_EQ((*made)[0].at("designContext").at("description"), "Watch it");
}

TEST_F(ApplyDraft, TellsAllNamesThatAreTakenAndHowToGoOn) {
  add_persona("Watcher");
  const auto draft = ready(R"({"persona":{"name":"Watcher"},"tools":[{"name":"github",
      "implementationGuide":"Mine."},{"library":"gone"}],"feasibility":{"score":90}})");
  const auto refused = documents(draft);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  ASSERT_THAT(refused.error().fields, SizeIs(3));
  EXPECT_THAT(refused.error().message, HasSubstr("reuseTools"));
  EXPECT_EQ(refused.error().fields[0].path, "/persona/name");

  auto fixed = draft;
  fixed.draft = codec::RawJson{R"({"persona":{"name":"Watcher"},"tools":[{"name":"github",
      "implementationGuide":"Mine."}],"feasibility":{"score":90}})"};
  const auto made =
      documents(fixed, {.name = "Watcher 2", .taken_tools = ApplyOptions::TakenTools::kReuse});
  ASSERT_TRUE(made) << made.error().describe();
  ASSERT_THAT(*made, SizeIs(1)) << "the tool that is there stays as it is";
  EXPECT_EQ((*made)[0].at("name"), "Watcher 2");
  EXPECT_EQ((*made)[0].at("tools"), (bj::array{"github"}));
}

TEST_F(ApplyDraft, OnlyAReadyDraftOnce) {
  auto draft = ready(R"({"persona":{"name":"W"},"feasibility":{"score":1}})");
  for (const auto status : {DraftStatus::kRunning, DraftStatus::kInvalid, DraftStatus::kFailed}) {
    draft.status = status;
    EXPECT_EQ(documents(draft).error().code, ErrorCode::kUnprocessable);
  }
  draft.status = DraftStatus::kApplied;
  EXPECT_EQ(documents(draft).error().code, ErrorCode::kConflict);
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
