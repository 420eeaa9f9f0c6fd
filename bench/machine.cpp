#include "machine.hpp"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <sys/utsname.h>
#include <unistd.h>

namespace personas::bench {
namespace {

std::string cpu_model() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("model name")) continue;
    const auto colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown processor";
}

std::int64_t memory_mb() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? std::int64_t{pages} * page / (1024 * 1024) : 0;
}

// The type of the mount with the longest path above `folder`.
std::string filesystem_of(const std::string& folder) {
  std::error_code error;
  const std::string path = std::filesystem::canonical(folder, error).string() + "/";
  std::ifstream in("/proc/self/mounts");
  std::string best_type = "unknown filesystem";
  std::size_t best = 0;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string device;
    std::string mount;
    std::string type;
    words >> device >> mount >> type;
    const std::string prefix = mount.ends_with('/') ? mount : mount + "/";
    if (path.starts_with(prefix) && prefix.size() >= best) {
      best = prefix.size();
      best_type = type;
    }
  }
  return best_type;
}

}  // namespace

Machine describe_machine(const std::string& data_root) {
  Machine machine;
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) machine.cores = CPU_COUNT(&allowed);
  machine.cpu = cpu_model();
  machine.memory_mb = memory_mb();
  utsname name{};
  if (uname(&name) == 0) machine.kernel = name.release;
  machine.data_root = data_root;
  machine.filesystem = filesystem_of(data_root);
  double averages[1] = {0};
  if (getloadavg(averages, 1) == 1) machine.load_average = averages[0];
  return machine;
}

Result<std::vector<double>> disk_sync_ms(const std::string& folder, int count) {
  const std::string path = folder + "/disk-probe";
  const int file = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return fail(ErrorCode::kIo, "Cannot write to " + folder + ": " + strerror(errno));
  const std::string block(4096, 'x');
  std::vector<double> times;
  bool good = true;
  for (int i = 0; i < count && good; ++i) {
    const auto start = std::chrono::steady_clock::now();
    good = ::write(file, block.data(), block.size()) == std::ssize(block) && ::fdatasync(file) == 0;
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    times.push_back(took.count());
  }
  ::close(file);
  ::unlink(path.c_str());
  if (!good) return fail(ErrorCode::kIo, "The disk refused a write in " + folder + ".");
  return times;
}

}  // namespace personas::bench
