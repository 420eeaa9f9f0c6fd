// The machine a report was made on, and what its disk does by itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/codec/described.hpp"

namespace personas::bench {

struct Machine {
  std::int64_t cores = 0;
  std::string cpu;
  std::int64_t memory_mb = 0;
  std::string kernel;
  std::string filesystem;  // of data_root
  std::string data_root;
  double load_average = 0;  // of the last minute; a busy machine measures itself
};

Machine describe_machine(const std::string& data_root);

// Milliseconds of each append of 4 KiB with its fdatasync(2), to a new file in `folder`.
Result<std::vector<double>> disk_sync_ms(const std::string& folder, int count);

}  // namespace personas::bench

namespace personas::codec {

template <>
struct Described<bench::Machine> {
  static constexpr std::string_view name = "Machine";
  static constexpr auto fields = std::tuple{field("cores", &bench::Machine::cores),
                                            field("cpu", &bench::Machine::cpu),
                                            field("memoryMb", &bench::Machine::memory_mb),
                                            field("kernel", &bench::Machine::kernel),
                                            field("filesystem", &bench::Machine::filesystem),
                                            field("dataRoot", &bench::Machine::data_root),
                                            field("loadAverage", &bench::Machine::load_average)};
};

}  // namespace personas::codec
