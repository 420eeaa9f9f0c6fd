// Everything a database answers, as text: the checker of all tests here.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/store/store.hpp"

namespace personas::lying_disk {

// The first column of all rows of a statement.
using Ask = std::function<Result<std::vector<std::string>>(const std::string& sql)>;

// Every row of every table, and SQLite's own check of the file with all indexes.
Result<std::string> dump(const Ask& ask);

// Through our store, as the program reads.
Result<std::string> dump_of(store::Store& store);
// By SQLite alone, without our checks: what would be served if there were none.
Result<std::string> dump_unchecked(const std::filesystem::path& database);

}  // namespace personas::lying_disk
