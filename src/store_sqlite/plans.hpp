// Tells SQLite once and for all how selective its indexes are.
//
// Without statistics SQLite takes the first column of a key for selective. Ours is the tenant's,
// of which many installations have one: so it would read all of a tenant by the primary key rather
// than the few rows an index leads to (100,000 subscriptions were read for each new type of event).
// Gathered statistics would make plans depend on what a table held when they were gathered. So the
// table of statistics is written by rule instead, as
// https://www.sqlite.org/queryplanner-ng.html ("manual control of query plans") describes: plans
// are the same on every machine and at every size.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/error.hpp"

#include "connection.hpp"

namespace personas::store_sqlite {

enum class Key : std::uint8_t { kUnique, kRepeated };
enum class Covers : std::uint8_t { kAllRows, kSomeRows };  // a partial index

// The `stat` of an index over these columns: rows, then how many have the same first columns.
std::string statistics_of(const std::vector<std::string>& columns, Key key, Covers covers);

// Writes what the rule says of every index, if it is not there; within the transaction that is
// open, or its own. Statements of this connection are planned anew; others see it when they next
// read the schema.
Result<void> fix_plans(Connection& connection);

}  // namespace personas::store_sqlite
