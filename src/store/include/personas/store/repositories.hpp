// Rows of personas, tools and signals. Functions over a Transaction; the SQL is the shared subset.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/model/persona.hpp"
#include "personas/model/signals.hpp"
#include "personas/store/store.hpp"

namespace personas::store {

struct Page {
  std::int64_t limit = 50;
  std::optional<std::string> after;  // id of the last entry of the page before
};

// ---- personas (listed by id, oldest first) ----
Result<std::optional<Persona>> find_persona(Transaction& tx, const TenantId& tenant,
                                            const PersonaId& id);
Result<std::optional<Persona>> find_persona_by_name(Transaction& tx, const TenantId& tenant,
                                                    std::string_view name);
Result<void> insert_persona(Transaction& tx, const TenantId& tenant, const Persona& persona);
Result<void> update_persona(Transaction& tx, const TenantId& tenant, const Persona& persona);
Result<bool> delete_persona(Transaction& tx, const TenantId& tenant, const PersonaId& id);
Result<std::vector<Persona>> list_personas(Transaction& tx, const TenantId& tenant,
                                           const Page& page);

// ---- tools ----
Result<std::optional<ToolDefinition>> find_tool(Transaction& tx, const TenantId& tenant,
                                                const ToolId& id);
Result<void> insert_tool(Transaction& tx, const TenantId& tenant, const ToolDefinition& tool);
Result<void> update_tool(Transaction& tx, const TenantId& tenant, const ToolDefinition& tool);
Result<bool> delete_tool(Transaction& tx, const TenantId& tenant, const ToolId& id);
Result<std::vector<ToolDefinition>> list_tools(Transaction& tx, const TenantId& tenant,
                                               const Page& page);
Result<void> link_tool(Transaction& tx, const TenantId& tenant, const PersonaId& persona,
                       const ToolId& tool, Timestamp now);
Result<bool> unlink_tool(Transaction& tx, const TenantId& tenant, const PersonaId& persona,
                         const ToolId& tool);
Result<std::vector<ToolDefinition>> tools_of(Transaction& tx, const TenantId& tenant,
                                             const PersonaId& persona);

// ---- signals; `effect_key` empty for rows that do not come from an agent's frame. Inserting the
// same effect again is not an error and returns false. ----
// What an event's row holds beside what is shown of it.
struct EventKeys {
  std::string effect_key = {};
  std::string dedupe_key = {};  // empty: none; unique with the source type
  std::int64_t depth = 0;       // events and runs before it in its chain
  std::string chain_root = {};  // the event or run that its chain began with; empty: itself
};
Result<bool> insert_event(Transaction& tx, const TenantId& tenant, const Event& event,
                          const EventKeys& keys);
Result<std::optional<Event>> find_event(Transaction& tx, const TenantId& tenant, const EventId& id);
struct EventFilter {
  std::optional<std::string> event_type = {};  // exact, or with a final "*"
  std::optional<EventStatus> status = {};
  std::optional<std::string> source_id = {};
  std::optional<Timestamp> since = {};
  std::optional<Timestamp> until = {};
  Page page = {};  // newest first
};
Result<std::vector<Event>> list_events(Transaction& tx, const TenantId& tenant,
                                       const EventFilter& filter);

Result<bool> insert_message(Transaction& tx, const TenantId& tenant, const Message& message,
                            std::string_view effect_key);
struct MessageFilter {
  std::optional<PersonaId> persona_id;
  std::optional<ExecutionId> execution_id;
  Page page;  // newest first
  enum class Reading : std::uint8_t { kAny, kUnread } reading = Reading::kAny;
};
Result<std::optional<Message>> find_message(Transaction& tx, const TenantId& tenant,
                                            const MessageId& id);
Result<void> update_message(Transaction& tx, const TenantId& tenant, const Message& message);
Result<std::vector<Message>> list_messages(Transaction& tx, const TenantId& tenant,
                                           const MessageFilter& filter);

Result<bool> insert_memory(Transaction& tx, const TenantId& tenant, const Memory& memory,
                           std::string_view effect_key);
Result<std::optional<Memory>> find_memory(Transaction& tx, const TenantId& tenant,
                                          const MemoryId& id);
Result<void> update_memory(Transaction& tx, const TenantId& tenant, const Memory& memory);
struct MemoryFilter {
  // Whose: everybody's, those of one persona (of all, if none is named), those of the tenant.
  std::optional<PersonaId> persona_id;
  enum class Shared : std::uint8_t { kAsWell, kOnly, kNot } shared = Shared::kAsWell;
  std::string text;  // in title or content, in any case of ASCII letters; empty: any
  Page page;         // newest first
};
Result<std::vector<Memory>> search_memories(Transaction& tx, const TenantId& tenant,
                                            const MemoryFilter& filter);
Result<bool> delete_memory(Transaction& tx, const TenantId& tenant, const MemoryId& id);
// Newest first.
Result<std::vector<Memory>> list_memories(Transaction& tx, const TenantId& tenant,
                                          const PersonaId& persona, const Page& page);

// What may go into the prompt of a persona: its own memories and those of the whole tenant (of no
// persona), the most important first, a bounded number of each.
Result<std::vector<Memory>> memory_candidates(Transaction& tx, const TenantId& tenant,
                                              const PersonaId& persona);

Result<bool> insert_review(Transaction& tx, const TenantId& tenant, const Review& review,
                           std::string_view effect_key);
Result<std::optional<Review>> find_review(Transaction& tx, const TenantId& tenant,
                                          const ReviewId& id);
// Answers a pending review; false if it was not pending (any more): first committed wins.
Result<bool> answer_review(Transaction& tx, const TenantId& tenant, const ReviewId& id,
                           ReviewStatus status, std::string_view message, Timestamp now);
Result<std::vector<Review>> list_reviews(Transaction& tx, const TenantId& tenant,
                                         const ExecutionId& execution);
Result<std::vector<Review>> list_pending_reviews(Transaction& tx, const TenantId& tenant,
                                                 const Page& page);

}  // namespace personas::store
