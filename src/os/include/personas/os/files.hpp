// Files that belong to us alone. Blocking; for start-up and for small files.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "personas/base/error.hpp"

namespace personas::os {

// The whole file; kPayloadTooLarge past `max_bytes`, kNotFound if it is not there.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes);
// To its end, whatever it is: a file, a pipe, a socket.
Result<std::string> read_standard_input(std::size_t max_bytes);

// Replaces or makes `path` with mode 0600: after a crash it holds the old content or the new one,
// never a part. The folder must exist.
Result<void> write_private_file(const std::string& path, std::string_view content);

// Makes `path` (and missing parents) with mode 0700. Refuses, with kMisconfigured, one that exists
// but is owned by somebody else or open to group or world.
Result<void> make_private_directory(const std::string& path);

}  // namespace personas::os
