// Rows of events, messages, memories and reviews.
#include <algorithm>
#include <iterator>

#include "personas/store/metering.hpp"
#include "personas/store/repositories.hpp"

#include "repository_rows.hpp"

namespace personas::store {
namespace {

// Lists are read newest first; ids sort by time, and this sorts after every id.
constexpr const char* kAfterAllIds = "\x7f";
// Memories that are ranked for one prompt: bounds the time a claim takes.
constexpr std::int64_t kOwnCandidates = 200;
constexpr std::int64_t kSharedCandidates = 100;

template <class T>
std::string text_or_empty(const std::optional<T>& id) {
  return id ? id->str() : std::string();
}

// The pattern of LIKE for a text that holds `text`, compared in lower case.
std::string containing(std::string_view text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return pattern + "%";
}

codec::Cell text_or_null(const std::string& text) {
  return text.empty() ? codec::Cell() : codec::Cell(text);
}

template <class T>
Result<bool> insert_once(Transaction& tx, const Sql& sql, const TenantId& tenant, const T& row,
                         std::string_view effect_key) {
  TRY(const auto inserted, tx.execute_cells(sql, effect_cells(tenant, row, effect_key)));
  return inserted > 0;
}

}  // namespace

Result<bool> insert_event(Transaction& tx, const TenantId& tenant, const Event& event,
                          const EventKeys& keys) {
  static const Sql kInsert(
      fmt::format("INSERT INTO events (tenant_id, effect_key, dedupe_key, depth, chain_root, {}) "
                  "VALUES (?, ?, ?, ?, ?, {}) ON CONFLICT (tenant_id, effect_key) WHERE effect_key "
                  "IS NOT NULL DO "
                  "NOTHING",
                  codec::columns<Event>(), codec::placeholders<Event>()));
  auto cells = codec::to_cells(event);
  cells.insert(cells.begin(), {codec::Cell(tenant.str()), text_or_null(keys.effect_key),
                               text_or_null(keys.dedupe_key), codec::Cell(keys.depth),
                               text_or_null(keys.chain_root)});
  TRY(const auto inserted, tx.execute_cells(kInsert, cells));
  if (inserted == 0) return false;
  Metered metered{.at = event.created_at, .counters = {.events = 1}};
  if (event.source_type == "persona") metered.persona_id = event.source_id.value_or("");
  TRY_VOID(meter(tx, tenant, metered));
  return true;
}

Result<std::optional<Event>> find_event(Transaction& tx, const TenantId& tenant,
                                        const EventId& id) {
  static const Sql kFind(select<Event>("events") + " WHERE tenant_id = ? AND id = ?");
  return tx.find<Event>(kFind, {tenant, id});
}

Result<std::vector<Event>> list_events(Transaction& tx, const TenantId& tenant,
                                       const EventFilter& filter) {
  const auto statement = [](std::string_view more) {
    return fmt::format(
        "{} WHERE tenant_id = ? AND id < ? AND (? = '' OR event_type = ?) AND event_type >= ? AND "
        "event_type < ? AND (? = '' OR source_id = ?) AND (? = '' OR status = ?) AND created_at >= "
        "? AND created_at < ? {} ORDER BY id DESC LIMIT ?",
        select<Event>("events"), more);
  };
  static const Sql kAny(statement(""));
  static const Sql kDead(statement("AND status = 'dead'"));  // as the index of the dead says it
  std::string type = filter.event_type.value_or("");
  std::string from;
  std::string to = "\xf4\x8f\xbf\xbf";  // the last code point
  if (type.ends_with('*')) {
    from = type.substr(0, type.size() - 1);
    to = from + to;
    type.clear();
  }
  const std::string source = filter.source_id.value_or("");
  const std::string status = filter.status ? std::string(codec::name_of(*filter.status)) : "";
  const Sql& sql = filter.status == EventStatus::kDead ? kDead : kAny;
  return tx.list<Event>(
      sql, {tenant, filter.page.after.value_or(kAfterAllIds), type, type, from, to, source, source,
            status, status, filter.since ? filter.since->micros : std::int64_t{0},
            filter.until ? filter.until->micros : INT64_MAX, filter.page.limit});
}

Result<bool> insert_message(Transaction& tx, const TenantId& tenant, const Message& message,
                            std::string_view effect_key) {
  static const Sql kInsert(insert_effect<Message>("messages"));
  return insert_once(tx, kInsert, tenant, message, effect_key);
}

Result<std::vector<Message>> list_messages(Transaction& tx, const TenantId& tenant,
                                           const MessageFilter& filter) {
  static const Sql kList(select<Message>("messages") +
                         " WHERE tenant_id = ? AND id < ? AND (? = '' OR persona_id = ?) AND (? = "
                         "'' OR execution_id = ?) AND (? = '' OR NOT read) ORDER BY id DESC "
                         "LIMIT ?");
  const std::string persona = text_or_empty(filter.persona_id);
  const std::string execution = text_or_empty(filter.execution_id);
  const std::string unread = filter.reading == MessageFilter::Reading::kUnread ? "unread" : "";
  return tx.list<Message>(kList, {tenant, filter.page.after.value_or(kAfterAllIds), persona,
                                  persona, execution, execution, unread, filter.page.limit});
}

Result<std::optional<Message>> find_message(Transaction& tx, const TenantId& tenant,
                                            const MessageId& id) {
  static const Sql kFind(select<Message>("messages") + " WHERE tenant_id = ? AND id = ?");
  return tx.find<Message>(kFind, {tenant, id});
}

Result<void> update_message(Transaction& tx, const TenantId& tenant, const Message& message) {
  static const Sql kUpdate(update<Message>("messages"));
  TRY_VOID(tx.execute_cells(kUpdate, cells_and_key(tenant, message)));
  return {};
}

Result<bool> insert_memory(Transaction& tx, const TenantId& tenant, const Memory& memory,
                           std::string_view effect_key) {
  static const Sql kInsert(insert_effect<Memory>("memories"));
  return insert_once(tx, kInsert, tenant, memory, effect_key);
}

Result<std::optional<Memory>> find_memory(Transaction& tx, const TenantId& tenant,
                                          const MemoryId& id) {
  static const Sql kFind(select<Memory>("memories") + " WHERE tenant_id = ? AND id = ?");
  return tx.find<Memory>(kFind, {tenant, id});
}

Result<void> update_memory(Transaction& tx, const TenantId& tenant, const Memory& memory) {
  static const Sql kUpdate(update<Memory>("memories"));
  TRY_VOID(tx.execute_cells(kUpdate, cells_and_key(tenant, memory)));
  return {};
}

Result<std::vector<Memory>> search_memories(Transaction& tx, const TenantId& tenant,
                                            const MemoryFilter& filter) {
  using Shared = MemoryFilter::Shared;
  static const Sql kSearch(
      select<Memory>("memories") +
      " WHERE tenant_id = ? AND id < ? AND ((persona_id IS NULL AND ? = 'yes') OR (persona_id IS "
      "NOT NULL AND ? = 'yes' AND (? = '' OR persona_id = ?))) AND (? = '' OR lower(title) LIKE ? "
      "ESCAPE '\\' OR lower(content) LIKE ? ESCAPE '\\') ORDER BY id DESC LIMIT ?");
  const std::string persona = text_or_empty(filter.persona_id);
  const std::string_view shared = filter.shared == Shared::kNot ? "no" : "yes";
  const std::string_view owned = filter.shared == Shared::kOnly ? "no" : "yes";
  const std::string pattern = containing(filter.text);
  return tx.list<Memory>(
      kSearch, {tenant, filter.page.after.value_or(kAfterAllIds), shared, owned, persona, persona,
                filter.text, pattern, pattern, filter.page.limit});
}

Result<bool> delete_memory(Transaction& tx, const TenantId& tenant, const MemoryId& id) {
  static const Sql kDelete("DELETE FROM memories WHERE tenant_id = ? AND id = ?");
  TRY(const auto deleted, tx.execute(kDelete, {tenant, id}));
  return deleted > 0;
}

Result<std::vector<Memory>> list_memories(Transaction& tx, const TenantId& tenant,
                                          const PersonaId& persona, const Page& page) {
  static const Sql kList(
      select<Memory>("memories") +
      " WHERE tenant_id = ? AND persona_id = ? AND id < ? ORDER BY id DESC LIMIT ?");
  return tx.list<Memory>(kList, {tenant, persona, page.after.value_or(kAfterAllIds), page.limit});
}

Result<std::vector<Memory>> memory_candidates(Transaction& tx, const TenantId& tenant,
                                              const PersonaId& persona) {
  static const Sql kOwn(select<Memory>("memories") +
                        " WHERE tenant_id = ? AND persona_id = ? ORDER BY importance DESC, id DESC "
                        "LIMIT ?");
  static const Sql kShared(select<Memory>("memories") +
                           " WHERE tenant_id = ? AND persona_id IS NULL ORDER BY importance DESC, "
                           "id DESC LIMIT ?");
  TRY(auto memories, tx.list<Memory>(kOwn, {tenant, persona, kOwnCandidates}));
  TRY(auto shared, tx.list<Memory>(kShared, {tenant, kSharedCandidates}));
  std::move(shared.begin(), shared.end(), std::back_inserter(memories));
  return memories;
}

Result<bool> insert_review(Transaction& tx, const TenantId& tenant, const Review& review,
                           std::string_view effect_key) {
  static const Sql kInsert(insert_effect<Review>("reviews"));
  return insert_once(tx, kInsert, tenant, review, effect_key);
}

Result<std::optional<Review>> find_review(Transaction& tx, const TenantId& tenant,
                                          const ReviewId& id) {
  static const Sql kFind(select<Review>("reviews") + " WHERE tenant_id = ? AND id = ?");
  return tx.find<Review>(kFind, {tenant, id});
}

Result<bool> answer_review(Transaction& tx, const TenantId& tenant, const ReviewId& id,
                           ReviewStatus status, std::string_view message, Timestamp now) {
  static const Sql kAnswer(
      "UPDATE reviews SET status = ?, response_message = ?, responded_at = ? WHERE tenant_id = ? "
      "AND id = ? AND status = 'pending'");
  TRY(const auto changed, tx.execute(kAnswer, {codec::name_of(status), message, now, tenant, id}));
  return changed > 0;
}

Result<std::vector<Review>> list_reviews(Transaction& tx, const TenantId& tenant,
                                         const ExecutionId& execution) {
  static const Sql kList(select<Review>("reviews") +
                         " WHERE tenant_id = ? AND execution_id = ? ORDER BY id");
  return tx.list<Review>(kList, {tenant, execution});
}

Result<std::vector<Review>> list_pending_reviews(Transaction& tx, const TenantId& tenant,
                                                 const Page& page) {
  static const Sql kList(
      select<Review>("reviews") +
      " WHERE tenant_id = ? AND status = 'pending' AND id < ? ORDER BY id DESC LIMIT ?");
  return tx.list<Review>(kList, {tenant, page.after.value_or(kAfterAllIds), page.limit});
}

}  // namespace personas::store
