// Statements of described rows: the struct's columns, with the tenant in front.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "personas/base/id.hpp"
#include "personas/codec/rows.hpp"

namespace personas::store {

template <class T>
std::string select(std::string_view table) {
  return fmt::format("SELECT {} FROM {}", codec::columns<T>(), table);
}

template <class T>
std::string insert(std::string_view table) {
  return fmt::format("INSERT INTO {} (tenant_id, {}) VALUES (?, {})", table, codec::columns<T>(),
                     codec::placeholders<T>());
}
template <class T>
std::vector<codec::Cell> cells_of(const TenantId& tenant, const T& row) {
  auto cells = codec::to_cells(row);
  cells.insert(cells.begin(), codec::Cell(tenant.str()));
  return cells;
}

// All columns of the row with this id.
template <class T>
std::string update(std::string_view table) {
  return fmt::format("UPDATE {} SET ({}) = ({}) WHERE tenant_id = ? AND id = ?", table,
                     codec::columns<T>(), codec::placeholders<T>());
}
template <class T>
std::vector<codec::Cell> cells_and_key(const TenantId& tenant, const T& row) {
  auto cells = codec::to_cells(row);
  cells.emplace_back(tenant.str());
  cells.emplace_back(row.id.str());
  return cells;
}

// A row that an effect of an agent may cause: nothing happens if that effect is there already. The
// target is named, so that an id that is taken stays a conflict instead of a row lost in silence.
template <class T>
std::string insert_effect(std::string_view table) {
  return fmt::format(
      "INSERT INTO {} (tenant_id, effect_key, {}) VALUES (?, ?, {}) ON CONFLICT (tenant_id, "
      "effect_key) WHERE effect_key IS NOT NULL DO NOTHING",
      table, codec::columns<T>(), codec::placeholders<T>());
}
template <class T>
std::vector<codec::Cell> effect_cells(const TenantId& tenant, const T& row,
                                      std::string_view effect_key) {
  auto cells = codec::to_cells(row);
  const codec::Cell key = effect_key.empty() ? codec::Cell() : codec::Cell(std::string(effect_key));
  cells.insert(cells.begin(), {codec::Cell(tenant.str()), key});
  return cells;
}

}  // namespace personas::store
