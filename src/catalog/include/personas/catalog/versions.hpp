// Versions of personas: what an agent was, how it changed, and the way back.
//
// A change of what the agent is (prompts, tools, model, limits, policies) makes a row in
// persona_versions in the transaction of the change, and persona.version rises. What only concerns
// people (enabled, icon, colour, group, notes of the design) does not. Snapshots hold no secret.
//
// Around a change:  TRY(auto before, state_of(tx, tenant, persona));
//                   … change the persona's row and its tools …
//                   TRY_VOID(note_change(tx, tenant, before, persona, "why", now));
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "personas/catalog/types.hpp"
#include "personas/model/persona.hpp"
#include "personas/store/store.hpp"

namespace personas::catalog {

// Of a note; a longer one is refused where it is given.
inline constexpr std::size_t kMaxNote = 500;

// The fields that make the agent, and its tools by name.
boost::json::object snapshot_of(const Persona& persona, const std::vector<ToolDefinition>& tools);

Result<boost::json::object> state_of(store::Transaction& tx, const TenantId& tenant,
                                     const Persona& persona);

// The first version of a new persona; its tools are linked already.
Result<void> note_creation(store::Transaction& tx, const TenantId& tenant, const Persona& persona,
                           std::string_view note, Timestamp now);
// Raises persona.version, in the row too, if its state is not `before` any more.
Result<void> note_change(store::Transaction& tx, const TenantId& tenant,
                         const boost::json::object& before, Persona& persona, std::string_view note,
                         Timestamp now);
// With the persona itself.
Result<void> forget_versions(store::Transaction& tx, const TenantId& tenant, const PersonaId& id);

// Newest first, without snapshots, those below `before`; the present one is always among them.
Result<std::vector<PersonaVersion>> list_versions(store::Transaction& tx, const TenantId& tenant,
                                                  const Persona& persona, std::int64_t before,
                                                  std::int64_t limit);
// kNotFound says which there are.
Result<PersonaVersion> require_version(store::Transaction& tx, const TenantId& tenant,
                                       const Persona& persona, std::int64_t version);
Result<PersonaDiff> diff_versions(store::Transaction& tx, const TenantId& tenant,
                                  const Persona& persona, std::int64_t from, std::int64_t to);

// Makes persona and its links what they were: the caller stores the persona and notes the change.
// kUnprocessable names the tools that are gone.
Result<void> restore_version(store::Transaction& tx, const TenantId& tenant, Persona& persona,
                             std::int64_t version, Timestamp now);

// Links exactly these tools.
Result<void> link_exactly(store::Transaction& tx, const TenantId& tenant, const PersonaId& persona,
                          const std::vector<ToolId>& tools, Timestamp now);

Result<std::optional<ToolDefinition>> find_tool_by_name(store::Transaction& tx,
                                                        const TenantId& tenant,
                                                        std::string_view name);

}  // namespace personas::catalog
