#include "test_world.hpp"

namespace personas::cli {
namespace {

const std::string kImport = "POST /api/import";

std::string answer(std::string_view things, std::string_view more = "") {
  return fmt::format(R"({{"dryRun":false,"things":[{}],"connectors":[{}]}})", things, more);
}
std::string thing(std::string_view kind, std::string_view name, std::string_view id,
                  std::string_view result, std::string_view changes = "") {
  return fmt::format(R"({{"kind":"{}","name":"{}","id":"{}","result":"{}","changes":[{}]}})", kind,
                     name, id, result, changes);
}

TEST(Apply, SendsAllDocumentsAsTheyAreAndSaysWhatBecameOfThem) {
  World world;
  world.files["p.yaml"] =
      "name: Triage\nsystemPrompt: Sort the mail.\nmaxConcurrent: 2\ntools: [mail]\n"
      "structuredPrompt:\n  identity: You sort.\n"
      "---\nkind: Tool\nname: mail\ndescription: Reads mail\n---\nkind: Group\nname: Ops\n";
  world.server.answer(kImport, answer(thing("Persona", "Triage", "per_9", "created") + "," +
                                      thing("Tool", "mail", "tool_9", "updated") + "," +
                                      thing("Group", "Ops", "grp_9", "unchanged")));
  EXPECT_EQ(world.run({"apply", "-f", "p.yaml"}), 0) << world.terminal.errors;
  EXPECT_EQ(world.terminal.output,
            "created persona Triage (per_9)\nupdated tool mail (tool_9)\n"
            "unchanged group Ops (grp_9)\n");
  EXPECT_EQ(world.server.body_of(kImport),
            R"({"documents":[{"name":"Triage","systemPrompt":"Sort the mail.","maxConcurrent":2,)"
            R"("tools":["mail"],"structuredPrompt":{"identity":"You sort."}},)"
            R"({"kind":"Tool","name":"mail","description":"Reads mail"},)"
            R"({"kind":"Group","name":"Ops"}]})");
  EXPECT_EQ(world.server.requests.front().headers.get("Authorization"), "Bearer the-team-key");
}

TEST(Apply, PrintsJsonLinesForPrograms) {
  World world;
  world.files["-"] = "name: Reviewer\n";
  world.server.answer(kImport, answer(thing("Persona", "Reviewer", "per_2", "unchanged")));
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

TEST(Apply, SaysWhatTheServerRefused) {
  World world;
  world.files["p.yaml"] = "name: Triage\n";
  world.server.answer(kImport,
                      {.status = 422,
                       .body = R"({"title":"T","detail":"the name is taken","error":"e",)"
                               R"("errors":[{"path":"/documents/0/name","message":"taken"}]})"});
  EXPECT_EQ(world.run({"apply", "-f", "p.yaml"}), 65);
  EXPECT_EQ(world.terminal.errors, "error: the name is taken\n  /documents/0/name: taken\n");
}

TEST(Apply, AMissingFileIsAnError) {
  World world;
  EXPECT_EQ(world.run({"apply", "-f", "none.yaml"}), 74);
  EXPECT_EQ(world.terminal.errors, "error: There is no file none.yaml\n");
}

TEST(Import, ShowsTheDifferenceAndAsks) {
  World world;
  world.files["p.yaml"] = "name: Triage\nmodel: haiku\n";
  world.server.answer(
      kImport, answer(thing("Persona", "Triage", "per_9", "updated",
                            R"({"field":"model","before":"sonnet","after":"haiku","lines":null},)"
                            R"({"field":"systemPrompt","before":"a\nb","after":"a\nc","lines":[)"
                            R"({"op":"same","text":"a"},{"op":"removed","text":"b"},)"
                            R"({"op":"added","text":"c"}]})")));
  EXPECT_EQ(world.run({"import", "p.yaml"}), 0) << world.terminal.errors;
  EXPECT_EQ(world.terminal.output,
            "updated persona Triage (per_9)\n  model\n    - sonnet\n    + haiku\n"
            "  systemPrompt\n      a\n    - b\n    + c\n");
  EXPECT_NE(world.terminal.errors.find("--yes"), std::string::npos);
  EXPECT_EQ(world.server.body_of(kImport),
            R"({"documents":[{"name":"Triage","model":"haiku"}],"mode":"replace","dryRun":true})");
}

TEST(Import, WithYesMakesItSoAndNamesTheCredentialsItNeeds) {
  World world;
  world.files["p.yaml"] = "name: Triage\n";
  world.server.answer(kImport,
                      answer(thing("Persona", "Triage", "per_9", "created"), R"("gmail")"));
  EXPECT_EQ(world.run({"import", "p.yaml", "--yes"}), 0) << world.terminal.errors;
  EXPECT_NE(world.terminal.errors.find("personas connector show gmail"), std::string::npos);
  EXPECT_EQ(world.server.body_of(kImport),
            R"({"documents":[{"name":"Triage"}],"mode":"replace","note":"imported from p.yaml"})");
}

TEST(Export, WritesWhatTheServerGives) {
  World world;
  world.server.answer("GET /api/personas?limit=500", std::string(kDemoPersonas));
  world.server.answer("GET /api/personas/per_2/export", "kind: Persona\nname: Reviewer\n");
  EXPECT_EQ(world.run({"export", "Reviewer"}), 0);
  EXPECT_EQ(world.terminal.output, "kind: Persona\nname: Reviewer\n");
  EXPECT_EQ(world.run({"export", "Reviewer", "-o", "r.yaml"}), 0);
  EXPECT_EQ(world.files["r.yaml"], "kind: Persona\nname: Reviewer\n");
}

}  // namespace
}  // namespace personas::cli
