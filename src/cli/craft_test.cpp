#include "test_world.hpp"

namespace personas::cli {
namespace {

const std::string kPersonas = "GET /api/personas?limit=500";

TEST(New, ListsTheTemplates) {
  World world;
  world.server.answer("GET /api/templates",
                      R"([{"id":"mail-triage","title":"Mail","description":"Sorts the inbox.",
                           "connectors":["gmail"],"persona":{}}])");
  EXPECT_EQ(world.run({"new", "--list"}), 0) << world.terminal.errors;
  EXPECT_NE(world.terminal.output.find("mail-triage"), std::string::npos);
  EXPECT_NE(world.terminal.output.find("gmail"), std::string::npos);
}

TEST(New, MakesAPersonaAndSaysWhatComesNext) {
  World world;
  world.server.answer("GET /api/templates",
                      R"([{"id":"mail-triage","title":"Mail","description":"Sorts the inbox.",
                           "connectors":["gmail"],"persona":{},
                           "trigger":{"type":"schedule","when":"at 7:00"}}])");
  world.server.answer("POST /api/personas/from-template", R"({"id":"per_9","name":"Post"})");
  EXPECT_EQ(world.run({"new", "--template", "mail-triage", "--name", "Post"}), 0)
      << world.terminal.errors;
  EXPECT_EQ(world.terminal.output, "created persona Post (per_9)\n");
  EXPECT_NE(world.terminal.errors.find("personas connector show gmail"), std::string::npos);
  EXPECT_NE(world.terminal.errors.find("at 7:00"), std::string::npos);
  EXPECT_EQ(world.server.body_of("POST /api/personas/from-template"),
            R"({"template":"mail-triage","name":"Post"})");
  EXPECT_NE(world.run({"new", "--template", "mail-triag"}), 0);
  EXPECT_NE(world.terminal.errors.find("did you mean \"mail-triage\"?"), std::string::npos);
}

TEST(Versions, AreListedComparedAndRestored) {
  World world;
  world.server.answer(kPersonas, R"([{"id":"per_1","name":"demo","version":3,)"
                                 R"("createdAt":"2026-11-21T00:00:00Z"}])");
  world.server.answer("GET /api/personas/per_1/versions?limit=500",
                      R"([{"personaId":"per_1","version":3,"at":"2027-01-15T08:00:00Z",
                           "note":"cheaper","changed":["model"],"snapshot":null}])");
  world.server.answer("GET /api/personas/per_1/versions/2/diff/3",
                      R"({"personaId":"per_1","from":2,"to":3,"changes":[
                          {"field":"model","before":null,"after":"haiku","lines":null}]})");
  world.server.answer("POST /api/personas/per_1/versions/1/restore",
                      R"({"id":"per_1","name":"demo","version":4})");
  EXPECT_EQ(world.run({"persona", "versions", "demo"}), 0) << world.terminal.errors;
  EXPECT_NE(world.terminal.output.find("cheaper"), std::string::npos);
  world.terminal.output.clear();
  world.terminal.shown_colours = Colours::kOn;
  EXPECT_EQ(world.run({"persona", "diff", "demo"}), 0) << world.terminal.errors;
  EXPECT_NE(world.terminal.output.find("\x1b[32m    + haiku"), std::string::npos)
      << world.terminal.output;
  world.terminal.output.clear();
  EXPECT_EQ(world.run({"persona", "restore", "demo", "1"}), 0) << world.terminal.errors;
  EXPECT_EQ(world.terminal.output, "demo is what it was in version 1; this is version 4\n");
}

TEST(Prompt, IsShownOnStandardOutputAlone) {
  World world;
  world.files["in.json"] = R"({"day":1})";
  world.server.answer(kPersonas, std::string(kDemoPersonas));
  world.server.answer("POST /api/personas/per_1/prompt",
                      R"({"prompt":"# Persona: demo\n","bytes":16,"estimatedTokens":4})");
  EXPECT_EQ(world.run({"prompt", "demo", "Do it.", "--input", "@in.json"}), 0)
      << world.terminal.errors;
  EXPECT_EQ(world.terminal.output, "# Persona: demo\n");
  EXPECT_EQ(world.terminal.errors, "16 bytes, about 4 tokens; nothing was run\n");
  EXPECT_EQ(world.server.body_of("POST /api/personas/per_1/prompt"),
            R"({"prompt":"Do it.","inputData":{"day":1}})");
}

TEST(Library, ToolsAreInstalledAndConnectorsExplained) {
  World world;
  world.server.answer("POST /api/tool-library/gitlab/install?force=true",
                      R"({"id":"tool_1","name":"gitlab"})");
  world.server.answer("GET /api/connectors/gitlab",
                      R"({"type":"gitlab","title":"GitLab","fields":[{"name":"token",
                          "label":"Access token","secret":true,"where":"Under Preferences."}]})");
  EXPECT_EQ(world.run({"tool", "install", "gitlab", "--force"}), 0) << world.terminal.errors;
  EXPECT_EQ(world.terminal.output, "tool gitlab is installed (tool_1)\n");
  EXPECT_EQ(world.run({"connector", "show", "gitlab"}), 0) << world.terminal.errors;
  EXPECT_NE(world.terminal.output.find("token  Access token, secret\n    Under Preferences."),
            std::string::npos)
      << world.terminal.output;
  EXPECT_EQ(world.run({"tool"}), kExitUsage);
}

TEST(Library, ACredentialIsTriedAndTheOutcomeIsTheAnswer) {
  World world;
  world.server.answer("GET /api/credentials?limit=500",
                      R"([{"id":"cred_1","name":"work","serviceType":"gitlab"}])");
  world.server.answer("POST /api/credentials/cred_1/check",
                      R"({"executionId":"exe_1","status":"queued"})");
  world.server.answer("GET /api/executions/exe_1", execution_json("queued"));
  world.server.answer("GET /api/executions/exe_1",
                      execution_json("completed", R"(,"outcome":{"accomplished":false,)"
                                                  R"("summary":"GitLab refuses it: 401"})"));
  EXPECT_EQ(world.run({"connector", "check", "work"}), 65);
  EXPECT_EQ(world.terminal.errors, "error: GitLab refuses it: 401\n");
  EXPECT_EQ(world.pauses, 1);
  EXPECT_NE(world.run({"connector", "check", "none"}), 0);
}

TEST(Groups, FilterPersonasByTheirName) {
  World world;
  world.server.answer("GET /api/groups", R"([{"id":"grp_1","name":"Ops"}])");
  world.server.answer("GET /api/personas?limit=50&groupId=grp_1", std::string(kDemoPersonas));
  EXPECT_EQ(world.run({"ls", "personas", "--group", "Ops"}), 0) << world.terminal.errors;
  EXPECT_NE(world.terminal.output.find("Reviewer"), std::string::npos);
  EXPECT_NE(world.run({"ls", "tools", "--group", "Ops"}), 0);
}

}  // namespace
}  // namespace personas::cli
