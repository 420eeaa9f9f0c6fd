// Triggers and their firings as rows. Functions over a Transaction, re-runnable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "personas/model/trigger.hpp"
#include "personas/store/repositories.hpp"
#include "personas/triggers/poll.hpp"

namespace personas::triggers {

// Of one persona: far above what a person keeps in view.
inline constexpr std::int64_t kMaxTriggers = 1000;
// Firings are forgotten after so long; a slot older than that is not filled in any more.
inline constexpr Duration kFiringsKept = hours(24 * 90);

// kUnprocessable past kMaxTriggers.
Result<void> insert_trigger(store::Transaction& tx, const TenantId& tenant, const Trigger& trigger);
Result<void> update_trigger(store::Transaction& tx, const TenantId& tenant, const Trigger& trigger);
Result<std::optional<Trigger>> find_trigger(store::Transaction& tx, const TenantId& tenant,
                                            const TriggerId& id);
Result<bool> delete_trigger(store::Transaction& tx, const TenantId& tenant, const TriggerId& id);
Result<void> delete_triggers_of(store::Transaction& tx, const TenantId& tenant,
                                const PersonaId& persona);

struct TriggerFilter {
  std::optional<PersonaId> persona_id = {};
  std::optional<TriggerType> type = {};
  store::Page page = {};  // newest first
};
Result<std::vector<Trigger>> list_triggers(store::Transaction& tx, const TenantId& tenant,
                                           const TriggerFilter& filter);

// The enabled ones of type chain, and of type webhook of one persona.
inline constexpr std::int64_t kMaxChains = 1'000;  // of a tenant; more are not looked at
Result<std::vector<Trigger>> chain_triggers(store::Transaction& tx, const TenantId& tenant);
Result<std::vector<Trigger>> webhook_triggers(store::Transaction& tx, const TenantId& tenant,
                                              const PersonaId& persona);

struct DueTrigger {
  TenantId tenant;
  Trigger trigger;
};
// Looks of polling triggers are bounded in number, so they do not stand in one row with the others.
enum class Due : std::uint8_t { kSlots, kPolls };
// Of all tenants, those due longest first.
Result<std::vector<DueTrigger>> due_triggers(store::Transaction& tx, Due which, Timestamp now,
                                             std::size_t limit);
// When the next trigger of all is due.
Result<std::optional<Timestamp>> next_due(store::Transaction& tx, Due which);

Result<std::optional<PollState>> find_poll(store::Transaction& tx, const TenantId& tenant,
                                           const TriggerId& id);
Result<void> put_poll(store::Transaction& tx, const TenantId& tenant, const PollState& state);

// False: the slot has fired before.
Result<bool> insert_firing(store::Transaction& tx, const TenantId& tenant,
                           const TriggerFiring& firing);
Result<void> update_firing(store::Transaction& tx, const TenantId& tenant,
                           const TriggerFiring& firing);
Result<void> forget_firings(store::Transaction& tx, const TenantId& tenant,
                            const TriggerId& trigger, Timestamp before);
// Newest first.
Result<std::vector<TriggerFiring>> list_firings(store::Transaction& tx, const TenantId& tenant,
                                                const TriggerId& trigger, const store::Page& page);
// Those whose outcome is not known yet, by slot.
Result<std::vector<TriggerFiring>> open_firings(store::Transaction& tx, const TenantId& tenant,
                                                const TriggerId& trigger, std::size_t limit);

}  // namespace personas::triggers
