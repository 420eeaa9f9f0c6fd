#include "plans.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

#include <fmt/format.h>

#include "errors.hpp"

namespace personas::store_sqlite {
namespace {

constexpr double kRows = 1'000'000;
constexpr double kRowsOfPartial = 10'000;  // what is open, due, dead: the exception

struct Line {
  std::string table;
  std::string index;
  std::string stat;
  auto operator<=>(const Line&) const = default;
};

std::string text_at(sqlite3_stmt* statement, int column) {
  const auto* text = sqlite3_column_text(statement, column);
  return text == nullptr ? "" : reinterpret_cast<const char*>(text);
}

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    parts.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return parts;
}

template <class Take>
Result<void> each_row(Connection& connection, const char* sql, Take take) {
  sqlite3_stmt* handle = nullptr;
  int code = sqlite3_prepare_v2(connection.handle(), sql, -1, &handle, nullptr);
  Statement statement(handle, Statement::Kept::kTemporary);
  if (code == SQLITE_OK) {
    while ((code = statement.step()) == SQLITE_ROW) take(handle);
  }
  if (code == SQLITE_DONE) return {};
  return fail(error_of(connection.handle(), code, "read the plans of the database"));
}

Result<std::vector<Line>> wanted(Connection& connection) {
  std::vector<Line> lines;
  const auto take = [&](sqlite3_stmt* row) {
    std::string table = text_at(row, 0);
    const bool primary = text_at(row, 2) == "pk";  // of a table without row ids: named as the table
    const auto key = sqlite3_column_int(row, 3) != 0 ? Key::kUnique : Key::kRepeated;
    const auto covers = sqlite3_column_int(row, 4) != 0 ? Covers::kSomeRows : Covers::kAllRows;
    std::string index = primary ? table : text_at(row, 1);
    lines.push_back(
        {std::move(table), std::move(index), statistics_of(split(text_at(row, 5)), key, covers)});
  };
  TRY_VOID(each_row(connection,
                    "SELECT m.name, i.name, i.origin, i.\"unique\", i.partial, (SELECT "
                    "group_concat(c.name) FROM (SELECT name FROM pragma_index_info(i.name) ORDER "
                    "BY seqno) c) FROM sqlite_schema m JOIN pragma_index_list(m.name) i WHERE "
                    "m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
                    take));
  std::ranges::sort(lines);
  return lines;
}

Result<std::vector<Line>> present(Connection& connection) {
  std::vector<Line> lines;
  TRY(const auto tables,
      connection.pragma("SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'"));
  if (tables == "0") return lines;
  TRY_VOID(each_row(connection, "SELECT tbl, idx, stat FROM sqlite_stat1", [&](sqlite3_stmt* row) {
    lines.push_back({text_at(row, 0), text_at(row, 1), text_at(row, 2)});
  }));
  std::ranges::sort(lines);
  return lines;
}

// Names and numbers are those of our own schema: nothing in them needs an escape.
std::string writing(const std::vector<Line>& lines) {
  // Makes the table if there is none; of the system's own table nothing is gathered.
  std::string sql = "ANALYZE sqlite_schema; DELETE FROM sqlite_stat1;";
  for (const auto& [table, index, stat] : lines) {
    sql += fmt::format("INSERT INTO sqlite_stat1 VALUES ('{}','{}','{}');", table, index, stat);
  }
  return sql + "ANALYZE sqlite_schema;";  // reads it
}

}  // namespace

std::string statistics_of(const std::vector<std::string>& columns, Key key, Covers covers) {
  const double rows = covers == Covers::kAllRows ? kRows : kRowsOfPartial;
  double same = rows;
  std::string text = fmt::format("{:.0f}", rows);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const bool last = i + 1 == columns.size();
    if (key == Key::kUnique && last) {
      same = 1;
    } else if (columns[i] == "id") {
      same = 1;
    } else if (columns[i] != "tenant_id") {
      same = std::max(std::floor(std::sqrt(same)), key == Key::kUnique ? 2.0 : 1.0);
    }
    text += fmt::format(" {:.0f}", same);
  }
  return text;
}

Result<void> fix_plans(Connection& connection) {
  TRY(const auto rule, wanted(connection));
  if (rule.empty()) return {};
  TRY(const auto found, present(connection));
  if (rule == found) return {};
  const bool own = !connection.in_transaction();
  int code = own ? connection.run_once("BEGIN IMMEDIATE") : SQLITE_OK;
  if (code == SQLITE_OK) code = connection.run_once(writing(rule));
  if (code == SQLITE_OK && own) code = connection.run_once("COMMIT");
  if (code == SQLITE_OK) return {};
  auto error = error_of(connection.handle(), code, "write the plans of the database");
  if (own && connection.in_transaction()) connection.run_once("ROLLBACK");
  return fail(std::move(error));
}

}  // namespace personas::store_sqlite
