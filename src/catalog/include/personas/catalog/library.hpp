// What comes with the program: templates of personas, guides of tools, types of credentials. YAML
// files, read once by the same code as files of users.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/catalog/types.hpp"

namespace personas::catalog {

struct Library {
  std::vector<Template> templates;
  std::vector<LibraryTool> tools;
  std::vector<Connector> connectors;

  std::vector<std::string> tool_names() const;
  std::vector<std::string> connector_types() const;
  // Null if there is none of this name.
  const Template* find_template(std::string_view id) const;
  const LibraryTool* find_tool(std::string_view name) const;
  const Connector* find_connector(std::string_view type) const;
};

// Reads and checks the embedded files; an error is a mistake in one of them.
Result<Library> read_library();
// The same, read once.
const Library& library();

}  // namespace personas::catalog
