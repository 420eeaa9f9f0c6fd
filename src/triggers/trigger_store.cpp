#include "personas/triggers/trigger_store.hpp"

#include <string>

#include <fmt/format.h>

#include "personas/store/row_sql.hpp"

namespace personas::triggers {

using store::Row;
using store::Sql;
using store::Transaction;

namespace {

constexpr const char* kAfterAllIds = "\x7f";  // sorts after every id

Result<std::int64_t> count_of(Transaction& tx, const TenantId& tenant, const PersonaId& persona) {
  static const Sql kCount("SELECT COUNT(*) FROM triggers WHERE tenant_id = ? AND persona_id = ?");
  std::int64_t count = 0;
  TRY_VOID(tx.query(kCount, {tenant, persona}, [&](const Row& row) -> Result<bool> {
    count = row.integer(0);
    return false;
  }));
  return count;
}

}  // namespace

// ---- triggers ----------------------------------------------------------------------------------

Result<void> insert_trigger(Transaction& tx, const TenantId& tenant, const Trigger& trigger) {
  static const Sql kInsert(store::insert<Trigger>("triggers"));
  TRY(const auto present, count_of(tx, tenant, trigger.persona_id));
  if (present >= kMaxTriggers) {
    return fail(ErrorCode::kUnprocessable,
                fmt::format("A persona has at most {} triggers; delete one", kMaxTriggers));
  }
  TRY_VOID(tx.execute_cells(kInsert, store::cells_of(tenant, trigger)));
  return {};
}

Result<void> update_trigger(Transaction& tx, const TenantId& tenant, const Trigger& trigger) {
  static const Sql kUpdate(store::update<Trigger>("triggers"));
  TRY_VOID(tx.execute_cells(kUpdate, store::cells_and_key(tenant, trigger)));
  return {};
}

Result<std::optional<Trigger>> find_trigger(Transaction& tx, const TenantId& tenant,
                                            const TriggerId& id) {
  static const Sql kFind(store::select<Trigger>("triggers") + " WHERE tenant_id = ? AND id = ?");
  return tx.find<Trigger>(kFind, {tenant, id});
}

Result<bool> delete_trigger(Transaction& tx, const TenantId& tenant, const TriggerId& id) {
  static const Sql kDelete("DELETE FROM triggers WHERE tenant_id = ? AND id = ?");
  static const Sql kFirings("DELETE FROM trigger_firings WHERE tenant_id = ? AND trigger_id = ?");
  static const Sql kPoll("DELETE FROM trigger_polls WHERE tenant_id = ? AND id = ?");
  TRY(const auto deleted, tx.execute(kDelete, {tenant, id}));
  TRY_VOID(tx.execute(kFirings, {tenant, id}));
  TRY_VOID(tx.execute(kPoll, {tenant, id}));
  return deleted > 0;
}

Result<void> delete_triggers_of(Transaction& tx, const TenantId& tenant, const PersonaId& persona) {
  static const Sql kFirings(
      "DELETE FROM trigger_firings WHERE tenant_id = ? AND trigger_id IN (SELECT id FROM triggers "
      "WHERE tenant_id = ? AND persona_id = ?)");
  static const Sql kPolls(
      "DELETE FROM trigger_polls WHERE tenant_id = ? AND id IN (SELECT id FROM triggers WHERE "
      "tenant_id = ? AND persona_id = ?)");
  static const Sql kDelete("DELETE FROM triggers WHERE tenant_id = ? AND persona_id = ?");
  TRY_VOID(tx.execute(kFirings, {tenant, tenant, persona}));
  TRY_VOID(tx.execute(kPolls, {tenant, tenant, persona}));
  TRY_VOID(tx.execute(kDelete, {tenant, persona}));
  return {};
}

Result<std::vector<Trigger>> list_triggers(Transaction& tx, const TenantId& tenant,
                                           const TriggerFilter& filter) {
  static const Sql kAll(store::select<Trigger>("triggers") +
                        " WHERE tenant_id = ? AND id < ? AND (? = '' OR trigger_type = ?) ORDER BY "
                        "id DESC LIMIT ?");
  static const Sql kOfPersona(
      store::select<Trigger>("triggers") +
      " WHERE tenant_id = ? AND persona_id = ? AND id < ? AND (? = '' OR trigger_type = ?) ORDER "
      "BY id DESC LIMIT ?");
  const std::string type = filter.type ? std::string(codec::name_of(*filter.type)) : "";
  const std::string after = filter.page.after.value_or(kAfterAllIds);
  if (filter.persona_id) {
    return tx.list<Trigger>(kOfPersona,
                            {tenant, *filter.persona_id, after, type, type, filter.page.limit});
  }
  return tx.list<Trigger>(kAll, {tenant, after, type, type, filter.page.limit});
}

Result<std::vector<Trigger>> chain_triggers(Transaction& tx, const TenantId& tenant) {
  static const Sql kChains(store::select<Trigger>("triggers") +
                           " WHERE tenant_id = ? AND trigger_type = 'chain' AND enabled = 1 ORDER "
                           "BY id LIMIT ?");
  return tx.list<Trigger>(kChains, {tenant, kMaxChains});
}

Result<std::vector<Trigger>> webhook_triggers(Transaction& tx, const TenantId& tenant,
                                              const PersonaId& persona) {
  static const Sql kWebhooks(store::select<Trigger>("triggers") +
                             " WHERE tenant_id = ? AND persona_id = ? AND trigger_type = 'webhook' "
                             "AND enabled = 1 ORDER BY id");
  return tx.list<Trigger>(kWebhooks, {tenant, persona});
}

namespace {

// Each kind as the condition of its index says it.
constexpr std::string_view kOfSlots = "trigger_type <> 'polling'";
constexpr std::string_view kOfPolls = "trigger_type = 'polling'";

std::string due_statement(std::string_view kind) {
  return fmt::format(
      "SELECT tenant_id, {} FROM triggers WHERE next_trigger_at IS NOT NULL AND {} AND "
      "next_trigger_at <= ? AND enabled = 1 ORDER BY next_trigger_at LIMIT ?",
      codec::columns<Trigger>(), kind);
}

std::string next_statement(std::string_view kind) {
  return fmt::format(
      "SELECT next_trigger_at FROM triggers WHERE next_trigger_at IS NOT NULL AND {} AND enabled = "
      "1 ORDER BY next_trigger_at LIMIT 1",
      kind);
}

}  // namespace

Result<std::vector<DueTrigger>> due_triggers(Transaction& tx, Due which, Timestamp now,
                                             std::size_t limit) {
  static const Sql kSlots(due_statement(kOfSlots));
  static const Sql kPolls(due_statement(kOfPolls));
  std::vector<DueTrigger> due;
  TRY_VOID(tx.query(which == Due::kSlots ? kSlots : kPolls, {now, static_cast<std::int64_t>(limit)},
                    [&](const Row& row) -> Result<bool> {
                      TRY(auto trigger, codec::from_row<Trigger>(row, 1));
                      due.push_back({TenantId(std::string(row.text(0))), std::move(trigger)});
                      return true;
                    }));
  return due;
}

Result<std::optional<Timestamp>> next_due(Transaction& tx, Due which) {
  static const Sql kSlots(next_statement(kOfSlots));
  static const Sql kPolls(next_statement(kOfPolls));
  std::optional<Timestamp> next;
  TRY_VOID(
      tx.query(which == Due::kSlots ? kSlots : kPolls, {}, [&](const Row& row) -> Result<bool> {
        next = Timestamp{row.integer(0)};
        return false;
      }));
  return next;
}

// ---- what polling triggers have seen -----------------------------------------------------------

Result<std::optional<PollState>> find_poll(Transaction& tx, const TenantId& tenant,
                                           const TriggerId& id) {
  static const Sql kFind(store::select<PollState>("trigger_polls") +
                         " WHERE tenant_id = ? AND id = ?");
  return tx.find<PollState>(kFind, {tenant, id});
}

Result<void> put_poll(Transaction& tx, const TenantId& tenant, const PollState& state) {
  static const Sql kUpdate(store::update<PollState>("trigger_polls"));
  static const Sql kInsert(store::insert<PollState>("trigger_polls"));
  TRY(const auto known, tx.execute_cells(kUpdate, store::cells_and_key(tenant, state)));
  if (known == 0) TRY_VOID(tx.execute_cells(kInsert, store::cells_of(tenant, state)));
  return {};
}

// ---- firings -----------------------------------------------------------------------------------

Result<bool> insert_firing(Transaction& tx, const TenantId& tenant, const TriggerFiring& firing) {
  static const Sql kInsert(store::insert<TriggerFiring>("trigger_firings") +
                           " ON CONFLICT (tenant_id, trigger_id, slot) DO NOTHING");
  TRY(const auto inserted, tx.execute_cells(kInsert, store::cells_of(tenant, firing)));
  return inserted > 0;
}

Result<void> update_firing(Transaction& tx, const TenantId& tenant, const TriggerFiring& firing) {
  static const Sql kUpdate(store::update<TriggerFiring>("trigger_firings"));
  TRY_VOID(tx.execute_cells(kUpdate, store::cells_and_key(tenant, firing)));
  return {};
}

Result<void> forget_firings(Transaction& tx, const TenantId& tenant, const TriggerId& trigger,
                            Timestamp before) {
  static const Sql kForget(
      "DELETE FROM trigger_firings WHERE tenant_id = ? AND trigger_id = ? AND slot < ?");
  TRY_VOID(tx.execute(kForget, {tenant, trigger, before}));
  return {};
}

Result<std::vector<TriggerFiring>> list_firings(Transaction& tx, const TenantId& tenant,
                                                const TriggerId& trigger, const store::Page& page) {
  // By id, not by slot: a page goes on at an id, and a slot may be filled in later.
  static const Sql kList(
      store::select<TriggerFiring>("trigger_firings") +
      " WHERE tenant_id = ? AND trigger_id = ? AND id < ? ORDER BY id DESC LIMIT ?");
  return tx.list<TriggerFiring>(kList,
                                {tenant, trigger, page.after.value_or(kAfterAllIds), page.limit});
}

Result<std::vector<TriggerFiring>> open_firings(Transaction& tx, const TenantId& tenant,
                                                const TriggerId& trigger, std::size_t limit) {
  static const Sql kList(store::select<TriggerFiring>("trigger_firings") +
                         " WHERE tenant_id = ? AND trigger_id = ? AND status = 'published' ORDER "
                         "BY slot LIMIT ?");
  return tx.list<TriggerFiring>(kList, {tenant, trigger, static_cast<std::int64_t>(limit)});
}

}  // namespace personas::triggers
