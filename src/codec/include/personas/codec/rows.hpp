// Described structs ↔ SQL rows, from the same description as their JSON.
//
// Column names are the snake_case forms of the field names. Cells: bool, integers and Timestamp
// are int64; double is double; strings, ids, enums (by name), JsonText and RawJson are text; lists,
// maps and nested structs are JSON text (write_only fields included, times to the millisecond); an
// empty optional is null. Rules are not checked when reading: they may be stricter than on the day
// of writing. Column order is declaration
// order everywhere, so a SELECT of column_list() is read back by from_row().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "personas/base/bytes.hpp"
#include "personas/base/error.hpp"
#include "personas/codec/type_info.hpp"

namespace personas::codec {

// An owned SQL value.
using Cell = std::variant<std::monostate, std::int64_t, double, std::string, Bytes>;

// A row as some engine presents it. Values are valid until the row moves on.
class RowReader {
 public:
  virtual ~RowReader() = default;
  virtual bool is_null(int column) const = 0;
  virtual std::int64_t integer(int column) const = 0;
  virtual double real(int column) const = 0;
  virtual std::string_view text(int column) const = 0;
  virtual ByteView bytes(int column) const = 0;
};

std::string column_name(std::string_view field_name);  // "maxConcurrent" → "max_concurrent"

// "id, project_id, name", each with `prefix` in front (for joins: "p.").
std::string column_list(const TypeInfo& type, std::string_view prefix = {});
std::vector<Cell> to_cells(const TypeInfo& type, const void* value);
// Reads fields.size() columns starting at `first_column`. kCorrupt if a cell does not fit.
Result<void> read_row(const TypeInfo& type, const RowReader& row, int first_column, void* out);

template <class T>
std::string columns(std::string_view prefix = {}) {
  return column_list(type_info<T>(), prefix);
}
// "?, ?, ?": one parameter per column.
template <class T>
std::string placeholders() {
  std::string text = "?";
  for (std::size_t i = 1; i < type_info<T>().fields.size(); ++i) text += ", ?";
  return text;
}
template <class T>
std::vector<Cell> to_cells(const T& value) {
  return to_cells(type_info<T>(), &value);
}
template <class T>
Result<T> from_row(const RowReader& row, int first_column = 0) {
  T out{};
  TRY_VOID(read_row(type_info<T>(), row, first_column, &out));
  return out;
}

}  // namespace personas::codec
