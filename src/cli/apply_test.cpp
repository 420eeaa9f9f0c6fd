#include "test_world.hpp"

namespace personas::cli {
namespace {

const std::string kFirstPage = "GET /api/personas?limit=500";

TEST(Apply, CreatesWhatIsNew) {
  World world;
  world.files["p.yaml"] =
      "name: Triage\nsystemPrompt: Sort the mail.\nmaxConcurrent: 2\n"
      "structuredPrompt:\n  identity: You sort.\n"
      "---\nkind: Tool\nname: mail\ndescription: Reads mail\n";
  world.server.answer(kFirstPage, "[]");
  world.server.answer("GET /api/tool-definitions?limit=500", "[]");
  world.server.answer("POST /api/personas", R"({"id":"per_9","name":"Triage"})");
  world.server.answer("POST /api/tool-definitions", R"({"id":"tool_9","name":"mail"})");
  EXPECT_EQ(world.run({"apply", "-f", "p.yaml"}), 0) << world.terminal.errors;
  EXPECT_EQ(world.terminal.output, "created persona Triage (per_9)\ncreated tool mail (tool_9)\n");
  EXPECT_EQ(world.server.body_of("POST /api/personas"),
            R"({"name":"Triage","systemPrompt":"Sort the mail.","maxConcurrent":2,)"
            R"("structuredPrompt":{"identity":"You sort."}})");
  EXPECT_EQ(world.server.requests.front().headers.get("Authorization"), "Bearer the-team-key");
}

TEST(Apply, UpdatesByNameWhatDiffersAndLeavesTheRest) {
  World world;
  world.files["p.yaml"] = "name: demo\nmaxConcurrent: 3\n---\nname: Reviewer\nenabled: true\n";
  world.server.answer(kFirstPage, std::string(kDemoPersonas));
  world.server.answer("PATCH /api/personas/per_1", R"({"id":"per_1","name":"demo"})");
  EXPECT_EQ(world.run({"apply", "-f", "p.yaml"}), 0) << world.terminal.errors;
  EXPECT_EQ(world.terminal.output,
            "updated persona demo (per_1)\nunchanged persona Reviewer (per_2)\n");
}

TEST(Apply, PrintsJsonLinesForPrograms) {
  World world;
  world.files["-"] = "name: Reviewer\n";
  world.server.answer(kFirstPage, std::string(kDemoPersonas));
  EXPECT_EQ(world.run({"apply", "-f", "-", "--json"}), 0);
  EXPECT_EQ(world.terminal.output,
            R"({"kind":"Persona","name":"Reviewer","id":"per_2","result":"unchanged"})"
            "\n");
}

TEST(Apply, ChecksEverythingBeforeAnythingIsSent) {
  World world;
  world.files["p.yaml"] =
      "name: Good\n---\nname: Bad\nmaxConcurent: 1\nretry:\n  maxAttempts: 99\n"
      "---\nkind: Persna\n---\njust text\n";
  EXPECT_EQ(world.run({"apply", "-f", "p.yaml"}), 64);
  EXPECT_TRUE(world.server.requests.empty());
  const auto& errors = world.terminal.errors;
  EXPECT_NE(errors.find("p.yaml:4: maxConcurent: unknown field"), std::string::npos) << errors;
  EXPECT_NE(errors.find("maxConcurrent"), std::string::npos) << errors;
  EXPECT_NE(errors.find("p.yaml:6: retry.maxAttempts: "), std::string::npos) << errors;
  EXPECT_NE(errors.find("p.yaml:8: kind: did you mean \"Persona\"?"), std::string::npos) << errors;
  EXPECT_NE(errors.find("p.yaml:10: expected the fields of a persona"), std::string::npos)
      << errors;
}

TEST(Apply, SaysWhichOneTheServerRefused) {
  World world;
  world.files["p.yaml"] = "name: Triage\n";
  world.server.answer(kFirstPage, "[]");
  world.server.answer("POST /api/personas",
                      {.status = 422,
                       .body = R"({"title":"T","detail":"the name is taken","error":"e",)"
                               R"("errors":[{"path":"/name","message":"taken"}]})"});
  EXPECT_EQ(world.run({"apply", "-f", "p.yaml"}), 65);
  EXPECT_EQ(world.terminal.errors, "error: Persona Triage: the name is taken\n  /name: taken\n");
}

TEST(Apply, AMissingFileIsAnError) {
  World world;
  EXPECT_EQ(world.run({"apply", "-f", "none.yaml"}), 74);
  EXPECT_EQ(world.terminal.errors, "error: There is no file none.yaml\n");
}

}  // namespace
}  // namespace personas::cli
