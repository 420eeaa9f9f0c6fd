// The files that people write: YAML documents of personas, tools and groups, scenarios, settings,
// .env files, key files. None breaks the reader; an error says at which line or field; what is
// taken is written and read back as the same thing.
//
// The first line of an input says what the rest is: document, settings, env, key.
#include <algorithm>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/catalog/documents.hpp"
#include "personas/codec/json.hpp"
#include "personas/codec/yaml.hpp"
#include "personas/evaluation/documents.hpp"
#include "personas/model/persona_described.hpp"
#include "personas/settings/key_files.hpp"
#include "personas/settings/load.hpp"

#include "file.hpp"
#include "support.hpp"

namespace personas::fuzz {
namespace {

namespace bj = boost::json;

constexpr std::string_view kFile = "f.yaml";

// "f.yaml:12" stands in the message or in the path of a field.
void check_place(const Error& error) {
  check_error(error);
  const std::string all = error.describe();
  const std::size_t at = all.find(fmt::format("{}:", kFile));
  PERSONAS_FUZZ_CHECK(at != std::string::npos, "an error says where:", all);
}

void check_scenarios(const bj::array& tests) {
  const auto scenarios = evaluation::read_tests(tests);
  if (!scenarios) {
    check_error(scenarios.error());
    for (const auto& field : scenarios.error().fields) {
      PERSONAS_FUZZ_CHECK(field.path.starts_with("/tests"), "in the list", field.path);
    }
    return;
  }
  bj::array written;
  for (const auto& scenario : *scenarios) written.push_back(evaluation::document_of(scenario));
  const auto again = evaluation::read_tests(written);
  PERSONAS_FUZZ_CHECK(again.has_value(), "scenarios that were read are read again",
                      codec::serialize(written), again ? "" : again.error().describe());
  for (std::size_t i = 0; i < again->size(); ++i) {
    PERSONAS_FUZZ_CHECK(codec::to_json((*again)[i]) == codec::to_json((*scenarios)[i]),
                        "as the same", codec::serialize(written));
  }
}

// A persona as it would be made of the document, exported and read again.
void check_export(const catalog::Document& document) {
  auto persona = codec::from_json<Persona>(document.fields);
  PERSONAS_FUZZ_CHECK(persona.has_value(), "a document that was read makes a persona");
  catalog::Export whole{.persona = *persona, .tools = {}, .group = std::nullopt};
  if (document.tests && evaluation::read_tests(*document.tests)) whole.tests = *document.tests;
  const std::string text = catalog::export_yaml(whole);
  const auto parsed = codec::parse_yaml(text, "export");
  PERSONAS_FUZZ_CHECK(parsed && parsed->size() == 1, "an export is YAML", text,
                      parsed ? "" : parsed.error().describe());
  const auto again = catalog::read_document(parsed->front().json);
  PERSONAS_FUZZ_CHECK(again.has_value(), "an export is imported", text,
                      again ? "" : again.error().describe());
  const auto back = codec::from_json<Persona>(again->fields);
  PERSONAS_FUZZ_CHECK(back.has_value(), "and makes a persona", text);
  const auto view = [](const Persona& shown) { return catalog::view_of(shown, {}, {}); };
  auto expected = view(*persona);
  auto got = view(*back);
  for (const auto name : {"structuredPrompt", "designContext"}) {  // JSON in a text: as JSON
    for (auto* side : {&expected, &got}) {
      auto* value = side->if_contains(name);
      if (value == nullptr || !value->is_string()) continue;
      if (auto json = codec::parse_json(std::string_view(value->get_string()))) *value = *json;
    }
  }
  PERSONAS_FUZZ_CHECK(same_json(expected, got), "the same persona:", text,
                      codec::serialize(expected), codec::serialize(got));
}

void check_documents(std::string_view text) {
  const auto documents = codec::parse_yaml(text, std::string(kFile));
  if (!documents) return check_place(documents.error());
  for (const auto& document : *documents) {
    const int line = document.line_of("/name");
    PERSONAS_FUZZ_CHECK(line >= 1, "a line", std::to_string(line));
    const std::string written = codec::write_yaml(document.json);
    if (written.size() > codec::kMaxYamlBytes) continue;  // aliases written out may be too long
    const auto again = codec::parse_yaml(written, "written");
    PERSONAS_FUZZ_CHECK(again && again->size() == 1, "what is written is read", written,
                        again ? "" : again.error().describe());
    PERSONAS_FUZZ_CHECK(same_json(again->front().json, document.json), "as the same value", written,
                        codec::serialize(document.json), codec::serialize(again->front().json));
    const auto read = catalog::read_document(document.json);
    if (!read) {
      check_error(read.error());
      PERSONAS_FUZZ_CHECK(!read.error().fields.empty(), "the error names a field");
      continue;
    }
    PERSONAS_FUZZ_CHECK(!read->name.empty(), "a document has a name");
    if (read->tests) check_scenarios(*read->tests);
    if (read->kind == catalog::DocumentKind::kPersona) check_export(*read);
  }
}

void check_settings(std::string_view text) {
  const auto entries = settings::parse_file(text, std::string(kFile));
  if (!entries) check_place(entries.error());
  using settings::Role;
  for (const auto role : {Role::kUp, Role::kServe, Role::kWorker, Role::kClient}) {
    settings::Inputs inputs;
    inputs.flags["config"] = std::string(kFile);
    inputs.read_file = [&](const std::string& path) -> Result<std::optional<std::string>> {
      if (path == kFile) return std::string(text);
      return std::nullopt;
    };
    const auto loaded = settings::load(role, inputs);
    if (loaded) {
      PERSONAS_FUZZ_CHECK(entries.has_value(), "settings out of a file that is wrong");
      continue;
    }
    check_error(loaded.error());
    PERSONAS_FUZZ_CHECK(!loaded.error().fields.empty(), "an error names its source");
  }
}

void check_dot_env(std::string_view text) {
  const auto entries = settings::parse_dot_env(text);
  if (!entries) return check_error(entries.error());
  const auto lines = static_cast<int>(std::ranges::count(text, '\n')) + 1;
  std::string written;
  for (const auto& entry : *entries) {
    PERSONAS_FUZZ_CHECK(!entry.name.empty() && entry.line >= 1 && entry.line <= lines, "a line");
    if (entry.value.find_first_of("'\n\r") != std::string::npos) return;
    written += entry.name + "='" + entry.value + "'\n";
  }
  const auto again = settings::parse_dot_env(written);
  PERSONAS_FUZZ_CHECK(again && again->size() == entries->size(), "what is written is read",
                      written);
  for (std::size_t i = 0; i < again->size(); ++i) {
    PERSONAS_FUZZ_CHECK(
        (*again)[i].name == (*entries)[i].name && (*again)[i].value == (*entries)[i].value,
        "as the same", written);
  }
}

void check_key(std::string_view text) {
  for (const auto& file : settings::kKeyFiles) {
    const auto key = settings::parse_key(file, text);
    if (!key) {
      check_error(key.error());
      const bool told = text.size() >= 12 && key.error().describe().contains(text);
      PERSONAS_FUZZ_CHECK(!told, "an error does not hold the key");
      continue;
    }
    PERSONAS_FUZZ_CHECK(!key->empty() && text.contains(key->reveal()), "a key of the file");
    PERSONAS_FUZZ_CHECK(settings::parse_key(file, key->reveal()), "a key is a key");
  }
}

}  // namespace
}  // namespace personas::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace personas::fuzz;
  std::string_view rest = text_of(data, size);
  const auto kind = take_line(rest);
  if (kind == "settings") {
    check_settings(rest);
  } else if (kind == "env") {
    check_dot_env(rest);
  } else if (kind == "key") {
    check_key(rest);
  } else {
    check_documents(rest);
  }
  return 0;
}
