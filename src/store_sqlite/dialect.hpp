// Neutral table definitions → SQLite's.
#pragma once

#include <string>
#include <string_view>

namespace personas::store_sqlite {

// In CREATE TABLE and ALTER TABLE, the words int64, float64 and bytes become SQLite's types where a
// column's type stands. A created table is STRICT, and WITHOUT ROWID unless its primary key is one
// integer column: such a table is keyed by the rowid itself, which appends fastest.
std::string to_sqlite(std::string_view statement);

}  // namespace personas::store_sqlite
