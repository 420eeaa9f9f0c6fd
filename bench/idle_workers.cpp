// idle-workers: what connected workers that have nothing to do cost the server.
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sys/resource.h>

#include <fmt/format.h>

#include "trial.hpp"

namespace personas::bench {
namespace {

constexpr double kMustMb = 250;
constexpr rlim_t kOtherFiles = 200;
constexpr std::int64_t kOtherPorts = 500;

// Both ends need a descriptor per worker; the server inherits ours.
Result<void> allow_files(std::int64_t workers) {
  const rlim_t wanted = static_cast<rlim_t>(workers) + kOtherFiles;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= wanted) return {};
  limit.rlim_cur = wanted;
  limit.rlim_max = std::max(limit.rlim_max, wanted);
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return {};
  return fail(ErrorCode::kMisconfigured,
              fmt::format("{} open files are needed: {}. Raise them with: ulimit -Hn {}", wanted,
                          std::strerror(errno), wanted));
}

Result<void> check_ports(std::int64_t workers) {
  std::ifstream in("/proc/sys/net/ipv4/ip_local_port_range");
  std::int64_t low = 0;
  std::int64_t high = 0;
  if (!(in >> low >> high) || high - low >= workers + kOtherPorts) return {};
  return fail(ErrorCode::kMisconfigured,
              fmt::format("net.ipv4.ip_local_port_range has {} ports, too few for {} workers.",
                          high - low, workers));
}

}  // namespace

Measured measure_idle_workers(const Options& options) {
  TRY_VOID(allow_files(options.idle_workers));
  TRY_VOID(check_ports(options.idle_workers));
  TRY(const auto trial, Trial::make(options));
  TRY_VOID(trial->server().start());
  const double rss_alone = trial->server().rss_mb();
  trial->run_for(seconds(options.pause_seconds));

  const SteadyTime started = SteadyClock::now();
  TRY_VOID(trial->connect_workers(options.idle_workers, 1));
  const double connected_ms = ms_between(started, SteadyClock::now());
  const double cpu_before = trial->server().cpu_seconds();
  trial->run_until([&] { return !trial->workers().trouble().empty(); },
                   seconds(options.measured_seconds));
  if (!trial->workers().trouble().empty()) return trial->failed("an idle worker was lost");
  const double cpu = trial->server().cpu_seconds() - cpu_before;
  const double rss = trial->server().rss_mb();
  const auto count = static_cast<double>(options.idle_workers);
  const std::string with = fmt::format("{} idle workers, ", options.idle_workers);
  return std::vector<Measurement>{
      {.figure = with + "the server's memory", .unit = "MB", .value = rss, .must = kMustMb},
      {.figure = with + "memory for each", .unit = "KB", .value = (rss - rss_alone) * 1024 / count},
      {.figure = with + "all connected in", .unit = "s", .value = connected_ms / 1000},
      {.figure = with + "the server's processor time, of one core",
       .unit = "%",
       .value = 100 * cpu / static_cast<double>(options.measured_seconds)}};
}

}  // namespace personas::bench
