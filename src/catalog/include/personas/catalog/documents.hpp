// Personas, tools and groups as documents: what `apply`, `import` and `export` read and write.
//
// A document has a `kind` (Persona when it is absent, Tool, Group) and the fields of the API. A
// Persona names other things instead of giving their ids: `tools` and `group`; `connectors` says
// which types of credentials its tools need, for the reader; `tests` are its scenarios, which are
// read elsewhere (evaluation/documents.hpp). No document holds an id or a secret
// when it is exported. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "personas/base/error.hpp"
#include "personas/catalog/types.hpp"
#include "personas/model/persona.hpp"

namespace personas::catalog {

// Of one request: a whole team, and a bound on its transaction.
inline constexpr std::size_t kMaxDocuments = 500;
inline constexpr std::size_t kMaxToolsOfPersona = 100;

enum class DocumentKind : std::uint8_t { kPersona, kTool, kGroup };
std::string_view name_of(DocumentKind kind);  // "Persona"

struct Document {
  DocumentKind kind = DocumentKind::kPersona;
  std::string id;  // empty: found by name
  std::string name;
  boost::json::object fields;                          // of the API, without the ones below
  std::optional<std::vector<std::string>> tools = {};  // names
  std::optional<std::string> group = {};               // its name
  std::optional<boost::json::array> tests = {};        // as they stand there
};

// Checks everything that can be checked without the server; the paths of wrong fields are pointers
// into the document.
Result<Document> read_document(const boost::json::value& document);

// A thing as its document shows it, with every field; what two of them differ in is what an import
// changes.
boost::json::object view_of(const Persona& persona, const std::vector<std::string>& tools,
                            const std::optional<std::string>& group);
boost::json::object view_of(const ToolDefinition& tool);
boost::json::object view_of(const Group& group);

struct Export {
  Persona persona;
  std::vector<ToolDefinition> tools;
  std::optional<Group> group;
  boost::json::array tests = {};  // scenarios as documents
};
// The documents of a persona with everything it needs. Equal input gives equal bytes; a field that
// has its default is left out.
std::string export_yaml(const Export& what);

}  // namespace personas::catalog
