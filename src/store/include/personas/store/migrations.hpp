// Forward-only migrations, each applied once and recorded with the checksum of its text.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/base/time.hpp"
#include "personas/store/schema.hpp"

namespace personas::store {

class Transaction;

// Brings the database to the last of `migrations`; returns how many were applied. Refuses
// (kMisconfigured) a database that a newer program wrote, or whose history differs from ours.
Result<int> migrate(Transaction& tx, std::span<const Migration> migrations, Timestamp now);

// Statements end with ';' at the end of a line. Lines that begin with "--" are comments.
std::vector<std::string> split_statements(std::string_view script);

}  // namespace personas::store
