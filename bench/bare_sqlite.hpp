// The rows that stay of a null execution and of an event, written by SQLite's own interface.
#pragma once

#include <string>

#include "personas/base/error.hpp"

namespace personas::bench {

// Microseconds for one, with its share of a durable commit of 64.
struct BareRows {
  double execution_us = 0;
  double event_us = 0;
  double record_us = 0;
};

// In a database with our schema in `folder`.
Result<BareRows> sqlite_rows_of_null_executions(const std::string& folder);

}  // namespace personas::bench
