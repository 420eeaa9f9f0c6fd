#include "personas/store/journal_reader.hpp"

#include <algorithm>

#include "personas/store/store.hpp"

namespace personas::store {

namespace {

#define JOURNAL_COLUMNS "position, tenant_id, at, type, execution_id, persona_id, record"

JournalRecord record_of(const Row& row) {
  const auto optional_text = [&](int column) {
    return row.is_null(column) ? std::string() : std::string(row.text(column));
  };
  return {.position = {row.integer(0)},
          .tenant = TenantId(std::string(row.text(1))),
          .at = {row.integer(2)},
          .type = std::string(row.text(3)),
          .execution_id = optional_text(4),
          .persona_id = optional_text(5),
          .bytes = std::string(as_text(row.bytes(6)))};
}

// What no index answers: decided per row.
bool matches(const JournalQuery& query, const Row& row) {
  if (query.tenant && row.text(1) != query.tenant->str()) return false;
  if (!query.persona_id.empty() && (row.is_null(5) || row.text(5) != query.persona_id)) {
    return false;
  }
  return query.types.empty() || std::ranges::find(query.types, row.text(3)) != query.types.end();
}

}  // namespace

Result<JournalPage> read_journal(Transaction& tx, const JournalQuery& query) {
  static const Sql kAll{"SELECT " JOURNAL_COLUMNS
                        " FROM journal WHERE position > ? ORDER BY position LIMIT ?"};
  static const Sql kOfExecution{"SELECT " JOURNAL_COLUMNS
                                " FROM journal WHERE execution_id = ? AND position > ?"
                                " ORDER BY position LIMIT ?"};

  const auto limit = std::min(query.limit, kMaxJournalPage);
  JournalPage page{.records = {}, .next = query.after};
  const RowVisitor visit = [&](const Row& row) -> Result<bool> {
    if (page.records.size() == limit) return false;
    page.next = {row.integer(0)};
    if (matches(query, row)) page.records.push_back(record_of(row));
    return true;
  };
  // One row more than fits, to know whether there are more.
  const bool filtered = query.tenant || !query.persona_id.empty() || !query.types.empty();
  const auto scan = static_cast<std::int64_t>(filtered ? kMaxJournalScan : limit + 1);
  std::int64_t visited = 0;
  if (!query.execution_id.empty()) {
    TRY(visited, tx.query(kOfExecution, {query.execution_id, query.after.value, scan}, visit));
  } else {
    TRY(visited, tx.query(kAll, {query.after.value, scan}, visit));
  }
  const bool stopped = page.records.size() == limit || visited == scan;
  page.more = stopped ? JournalPage::More::kMaybe : JournalPage::More::kNo;
  return page;
}

Result<JournalPosition> last_journal_position(Transaction& tx) {
  static const Sql kLast{"SELECT position FROM journal ORDER BY position DESC LIMIT 1"};
  JournalPosition last;
  TRY_VOID(tx.query(kLast, {}, [&](const Row& row) -> Result<bool> {
    last = {row.integer(0)};
    return false;
  }));
  return last;
}

}  // namespace personas::store
