// Described structs ↔ SQL cells.
#include "personas/codec/rows.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "personas/base/time.hpp"
#include "personas/codec/json.hpp"

namespace personas::codec {
namespace {

// What we stored ourselves is read back without the limits of requests.
constexpr ParseLimits kStoredLimits{.max_bytes = std::size_t{256} * 1024 * 1024, .max_depth = 256};
constexpr ReadOptions kStoredReading{.unknown = UnknownFields::kIgnore,
                                     .completeness = ReadOptions::Completeness::kPartial,
                                     .read_only = ReadOptions::ReadOnly::kAccept,
                                     .rules = ReadOptions::Rules::kTrust};
constexpr WriteOptions kStoredWriting{.absent = WriteOptions::Absent::kOmit,
                                      .write_only = WriteOptions::WriteOnly::kInclude};

template <class T>
const T& get(const void* value) {
  return *static_cast<const T*>(value);
}

Cell to_cell(const TypeInfo& type, const void* value) {
  switch (type.kind) {
    case Kind::kBool:
      return std::int64_t{get<bool>(value) ? 1 : 0};
    case Kind::kInt32:
      return std::int64_t{get<std::int32_t>(value)};
    case Kind::kInt64:
      return get<std::int64_t>(value);
    case Kind::kTimestamp:
      return get<Timestamp>(value).micros;
    case Kind::kDouble:
      return get<double>(value);
    case Kind::kString:
      return get<std::string>(value);
    case Kind::kId:
      return type.id_text(value);
    case Kind::kRawJson:
      return get<RawJson>(value).text;
    case Kind::kJsonText:
      return get<JsonText>(value).text;
    case Kind::kEnum: {
      const int index = type.enum_index(value);
      if (index < 0) return std::monostate{};
      return std::string(type.enumerators[static_cast<std::size_t>(index)]);
    }
    case Kind::kStruct:
    case Kind::kList:
    case Kind::kMap: {
      std::string text;
      write_json(type, value, kStoredWriting, text);
      return text;
    }
    case Kind::kOptional: {
      struct Context {
        const TypeInfo& element;
        Cell cell;
      } context{type.container->element(), std::monostate{}};
      type.container->each(value, &context,
                           [](void* erased, std::string_view, const void* element) {
                             auto& [element_type, cell] = *static_cast<Context*>(erased);
                             cell = to_cell(element_type, element);
                           });
      return std::move(context.cell);
    }
  }
  return std::monostate{};
}

// Returns what is wrong with the cell, empty if nothing.
std::string read_cell(const TypeInfo& type, const RowReader& row, int column, void* out) {
  if (row.is_null(column)) {
    if (type.kind != Kind::kOptional) return "is null";
    type.container->clear(out);
    return {};
  }
  switch (type.kind) {
    case Kind::kBool:
      *static_cast<bool*>(out) = row.integer(column) != 0;
      return {};
    case Kind::kInt64:
      *static_cast<std::int64_t*>(out) = row.integer(column);
      return {};
    case Kind::kTimestamp:
      static_cast<Timestamp*>(out)->micros = row.integer(column);
      return {};
    case Kind::kDouble:
      *static_cast<double*>(out) = row.real(column);
      return {};
    case Kind::kString:
      *static_cast<std::string*>(out) = row.text(column);
      return {};
    case Kind::kRawJson:
      static_cast<RawJson*>(out)->text = row.text(column);
      return {};
    case Kind::kJsonText:
      static_cast<JsonText*>(out)->text = row.text(column);
      return {};
    case Kind::kId:
      type.set_id_text(out, std::string(row.text(column)));
      return {};
    case Kind::kInt32: {
      const std::int64_t number = row.integer(column);
      if (!std::in_range<std::int32_t>(number)) return "does not fit into 32 bits";
      *static_cast<std::int32_t*>(out) = static_cast<std::int32_t>(number);
      return {};
    }
    case Kind::kEnum: {
      const auto found = std::ranges::find(type.enumerators, row.text(column));
      if (found == type.enumerators.end()) return fmt::format("is not a known {}", type.name);
      type.set_enum_index(out, static_cast<int>(found - type.enumerators.begin()));
      return {};
    }
    case Kind::kStruct:
    case Kind::kList:
    case Kind::kMap: {
      const auto read = parse_into(row.text(column), type, out, kStoredReading, kStoredLimits);
      return read ? std::string() : "does not hold the expected JSON: " + read.error().message;
    }
    case Kind::kOptional:
      return read_cell(type.container->element(), row, column, type.container->add(out, {}));
  }
  return {};
}

}  // namespace

std::string column_name(std::string_view field_name) {
  std::string name;
  name.reserve(field_name.size() + 4);
  for (const char c : field_name) {
    if (c >= 'A' && c <= 'Z') {
      name += '_';
      name += static_cast<char>(c - 'A' + 'a');
    } else {
      name += c;
    }
  }
  return name;
}

std::string column_list(const TypeInfo& type, std::string_view prefix) {
  std::string list;
  for (const auto& field : type.fields) {
    if (!list.empty()) list += ", ";
    list += prefix;
    list += column_name(field.rules.name);
  }
  return list;
}

std::vector<Cell> to_cells(const TypeInfo& type, const void* value) {
  std::vector<Cell> cells;
  cells.reserve(type.fields.size());
  for (const auto& field : type.fields) {
    // The accessor serves reading and writing; here nothing is written through it.
    cells.push_back(to_cell(field.type(), field.get(const_cast<void*>(value))));
  }
  return cells;
}

Result<void> read_row(const TypeInfo& type, const RowReader& row, int first_column, void* out) {
  int column = first_column;
  for (const auto& field : type.fields) {
    const std::string problem = read_cell(field.type(), row, column++, field.get(out));
    if (!problem.empty()) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("a stored {} is damaged: column {} {}", type.name,
                              column_name(field.rules.name), problem));
    }
  }
  return {};
}

}  // namespace personas::codec
