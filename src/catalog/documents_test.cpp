#include "personas/catalog/documents.hpp"

#include <gtest/gtest.h>

#include "personas/codec/json.hpp"
#include "personas/codec/yaml.hpp"

namespace personas::catalog {
namespace {

Result<Document> read(std::string_view json) {
  return read_document(*codec::parse_json(json));
}

std::string mistakes(std::string_view json) {
  const auto document = read(json);
  if (document) return "(none)";
  std::string out;
  for (const auto& field : document.error().fields) out += field.path + ": " + field.message + "\n";
  return out;
}

TEST(Documents, APersonaNamesItsToolsAndItsGroup) {
  const auto document =
      read(R"({"name":"a","tools":["mail","http"],"group":"Ops","connectors":["gmail"]})");
  ASSERT_TRUE(document) << document.error().describe();
  EXPECT_EQ(document->kind, DocumentKind::kPersona);
  EXPECT_EQ(*document->tools, (std::vector<std::string>{"mail", "http"}));
  EXPECT_EQ(document->group, "Ops");
  EXPECT_EQ(codec::serialize(document->fields), R"({"name":"a"})");
}

TEST(Documents, AllMistakesAreNamedAtOnce) {
  EXPECT_EQ(mistakes(R"({"kind":"Persna"})"), "/kind: did you mean \"Persona\"?\n");
  EXPECT_EQ(mistakes("[]"), ": expected the fields of a persona, such as \"name: Reviewer\"\n");
  const auto many = mistakes(R"({"tools":"mail","group":1,"maxTurns":0})");
  EXPECT_NE(many.find("/tools: expected a list"), std::string::npos) << many;
  EXPECT_NE(many.find("/group: expected the name"), std::string::npos) << many;
  EXPECT_NE(many.find("/maxTurns"), std::string::npos) << many;
  EXPECT_NE(many.find("/name"), std::string::npos) << many;
  EXPECT_NE(mistakes(R"({"kind":"Tool","name":"a","tools":[]})").find("/tools"), std::string::npos);
}

TEST(Documents, AnExportHasNoIdAndNoSecretAndReadsBack) {
  Export what;
  what.persona.id = PersonaId("per_1");
  what.persona.name = "Sorter: mail";
  what.persona.webhook_secret = "hush";
  what.persona.group_id = "grp_1";
  what.persona.structured_prompt = codec::JsonText{R"({"identity":"You\nsort."})"};
  what.persona.max_turns = 5;
  what.group.emplace();
  what.group->id = GroupId("grp_1");
  what.group->name = "Ops";
  what.tools.emplace_back();
  what.tools.back().id = ToolId("tool_1");
  what.tools.back().name = "mail";
  what.tools.back().requires_credential_type = "gmail";
  what.tools.back().input_schema = codec::JsonText{R"({"type":"object"})"};
  EXPECT_EQ(export_yaml(what),
            "kind: Group\nname: Ops\n---\nkind: Tool\nname: mail\ninputSchema:\n  type: object\n"
            "requiresCredentialType: gmail\n---\nkind: Persona\nname: \"Sorter: mail\"\n"
            "structuredPrompt:\n  identity: |-\n    You\n    sort.\nmaxTurns: 5\ngroup: Ops\n"
            "tools:\n  - mail\nconnectors:\n  - gmail\n");
  const auto documents = codec::parse_yaml(export_yaml(what), "f");
  ASSERT_TRUE(documents);
  for (const auto& document : *documents) EXPECT_TRUE(read_document(document.json));
}

}  // namespace
}  // namespace personas::catalog
