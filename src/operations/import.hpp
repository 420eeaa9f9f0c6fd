// Making documents so: what `apply`, `import` and templates share. All or nothing, in one
// transaction; a dry run says the same without writing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "personas/catalog/documents.hpp"
#include "personas/catalog/tool_installs.hpp"
#include "personas/operations/catalog_requests.hpp"
#include "personas/operations/operation.hpp"

namespace personas::operations {

// kInvalidRequest names wrong fields as /documents/2/maxTurns.
Result<ImportReply> import_documents(Call& call, store::Transaction& tx, const ImportBody& body);

// A persona of this template, which must have a free name. What the template suggests beyond the
// persona (the trigger) is kept in its designContext; its scenarios become tests.
Result<Persona> make_from_template(Call& call, store::Transaction& tx,
                                   const catalog::Template& from,
                                   const std::optional<std::string>& name);

// With its record in the journal.
Result<catalog::Installed> install_library_tool(Call& call, store::Transaction& tx,
                                                const catalog::LibraryTool& tool,
                                                catalog::Overwrite overwrite);

}  // namespace personas::operations
