// Tools of the library in a tenant. What was installed is remembered by a digest, so that a new
// version never overwrites what somebody has changed. Functions over a Transaction.
#pragma once

#include <vector>

#include "personas/base/clock.hpp"
#include "personas/catalog/library.hpp"
#include "personas/model/persona.hpp"
#include "personas/store/store.hpp"

namespace personas::catalog {

Result<LibraryEntry> library_entry(store::Transaction& tx, const TenantId& tenant,
                                   const LibraryTool& tool);

enum class Overwrite : std::uint8_t { kNever, kAlways };
struct Installed {
  ToolDefinition tool;
  enum class What : std::uint8_t { kCreated, kUpdated, kUnchanged } what = What::kUnchanged;
};
// kConflict if a tool of this name is there that somebody else wrote or changed.
Result<Installed> install_tool(store::Transaction& tx, const TenantId& tenant,
                               const LibraryTool& tool, Overwrite overwrite, Timestamp now,
                               Random& random);

}  // namespace personas::catalog
