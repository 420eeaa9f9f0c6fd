// The database schema as an ordered list of migrations. A landed migration never changes.
#pragma once

#include <span>
#include <string_view>

namespace personas::store {

struct Migration {
  int version;
  std::string_view name;
  std::string_view sql;  // statements end with ";\n"; neutral types int64, float64, text, bytes
};

std::span<const Migration> schema_migrations();

}  // namespace personas::store
