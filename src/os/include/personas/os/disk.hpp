// What a folder's disk has room for and how fast it keeps a promise. For diagnosis; blocking.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "personas/base/clock.hpp"
#include "personas/base/time.hpp"

namespace personas::os {

struct DiskFacts {
  std::int64_t free_bytes = 0;   // for us
  std::int64_t total_bytes = 0;  // 0: unknown
  std::string file_system;       // "ext4", "tmpfs"; empty: another one
};
DiskFacts look_at_disk(const std::string& folder);

// The middle one of some fsyncs of a small file that is removed again; nothing if it cannot be
// written.
std::optional<Duration> time_of_sync(const std::string& folder, const Clock& clock);

}  // namespace personas::os
