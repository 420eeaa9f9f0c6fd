#include "dump.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <sqlite3.h>  // lint-allow(sqlite-header): reads without our checks, to compare

#include "personas/store/blocking.hpp"

namespace personas::lying_disk {

Result<std::string> dump(const Ask& ask) {
  TRY(const auto tables, ask("SELECT m.name || '|' || (SELECT group_concat('quote(' || c.name || "
                             "')', '||'',''||') FROM pragma_table_info(m.name) c) FROM "
                             "sqlite_schema m WHERE m.type = 'table' ORDER BY m.name"));
  std::string out;
  for (const auto& table : tables) {
    const auto bar = table.find('|');
    TRY(auto rows,
        ask(fmt::format("SELECT {} FROM {}", table.substr(bar + 1), table.substr(0, bar))));
    std::ranges::sort(rows);
    out += table.substr(0, bar) + "\n";
    for (const auto& row : rows) out += row + "\n";
  }
  TRY(const auto checked, ask("PRAGMA integrity_check"));
  for (const auto& line : checked) out += line + "\n";
  return out;
}

Result<std::string> dump_of(store::Store& store) {
  return store::read_now(store, [](store::Transaction& tx) {
    return dump([&tx](const std::string& text) -> Result<std::vector<std::string>> {
      const store::Sql sql(text);
      std::vector<std::string> rows;
      TRY_VOID(tx.query(sql, {}, [&](const store::Row& row) -> Result<bool> {
        rows.emplace_back(row.text(0));
        return true;
      }));
      return rows;
    });
  });
}

Result<std::string> dump_unchecked(const std::filesystem::path& database) {
  sqlite3* db = nullptr;
  int code = sqlite3_open_v2(database.c_str(), &db, SQLITE_OPEN_READWRITE, "unix");
  auto out = dump([&](const std::string& text) -> Result<std::vector<std::string>> {
    std::vector<std::string> rows;
    sqlite3_stmt* statement = nullptr;
    code = sqlite3_prepare_v2(db, text.c_str(), -1, &statement, nullptr);
    while (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
      const auto* value = sqlite3_column_text(statement, 0);
      rows.emplace_back(value != nullptr ? reinterpret_cast<const char*>(value) : "");
      code = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    if (code != SQLITE_DONE) return fail(ErrorCode::kCorrupt, sqlite3_errmsg(db));
    return rows;
  });
  sqlite3_close(db);
  return out;
}

}  // namespace personas::lying_disk
