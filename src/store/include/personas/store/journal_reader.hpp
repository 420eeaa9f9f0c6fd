// Reading the journal from a position on: what live streams, bridges and audit are made of.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/store/journal.hpp"

namespace personas::store {

class Transaction;

inline constexpr std::size_t kMaxJournalPage = 1'000;  // records: 64 MB at the very worst
// Rows looked at for one page, so that a filter that matches little cannot hold a snapshot long.
inline constexpr std::size_t kMaxJournalScan = 10'000;

struct JournalQuery {
  JournalPosition after;
  std::optional<TenantId> tenant = {};       // none: every tenant, for bridges and audit
  std::string_view execution_id = {};        // empty: any
  std::string_view persona_id = {};          // empty: any
  std::vector<std::string_view> types = {};  // empty: any
  std::size_t limit = kMaxJournalPage;
};

struct JournalPage {
  std::vector<JournalRecord> records;
  JournalPosition next;  // ask on after this one; everything up to it was looked at
  enum class More : std::uint8_t { kNo, kMaybe } more = More::kNo;
};

Result<JournalPage> read_journal(Transaction& tx, const JournalQuery& query);

// Of the last record, or zero.
Result<JournalPosition> last_journal_position(Transaction& tx);

}  // namespace personas::store
