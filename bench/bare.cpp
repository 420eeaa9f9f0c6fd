// bare: what the machine itself takes for the parts that every figure is made of, without our
// code: a sync of the disk, a round trip on the loopback, reading the frames of a null execution
// as JSON, its rows in SQLite, a copy in memory. scripts/bench puts them beside the figures.
#include <array>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "personas/wire/frames.hpp"

#include "bare_sqlite.hpp"
#include "private_folder.hpp"
#include "trial.hpp"

namespace personas::bench {
namespace {

constexpr int kSyncs = 400;
constexpr int kRoundTrips = 4'000;
constexpr int kParses = 20'000;
constexpr std::size_t kCopyBytes = std::size_t{64} << 20;
constexpr int kCopies = 10;

// ---- the loopback -------------------------------------------------------------------------------

bool send_all(int socket, std::array<char, 64>& message) {
  return ::send(socket, message.data(), message.size(), MSG_NOSIGNAL) == std::ssize(message);
}
bool receive_all(int socket, std::array<char, 64>& message) {
  return ::recv(socket, message.data(), message.size(), MSG_WAITALL) == std::ssize(message);
}

// A thread answers; both ends block, so the kernel alone is measured.
Result<std::vector<double>> round_trips_us() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  const bool listens = ::bind(listener, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                       ::listen(listener, 1) == 0 &&
                       ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  const int near = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected =
      listens && ::connect(near, reinterpret_cast<const sockaddr*>(&address), size) == 0;
  std::vector<double> times;
  if (connected) {
    const int far = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    const int on = 1;
    for (const int one : {near, far}) {
      ::setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    std::thread echo([far] {
      std::array<char, 64> message{};
      while (receive_all(far, message) && send_all(far, message)) {
      }
    });
    std::array<char, 64> message{};
    for (int i = 0; i < kRoundTrips; ++i) {
      const SteadyTime start = SteadyClock::now();
      if (!send_all(near, message) || !receive_all(near, message)) break;
      times.push_back(ms_between(start, SteadyClock::now()) * 1000);
    }
    ::shutdown(near, SHUT_RDWR);
    echo.join();
    ::close(far);
  }
  ::close(near);
  ::close(listener);
  if (std::ssize(times) == kRoundTrips) return times;
  return fail(ErrorCode::kUnavailable, "The loopback does not answer.");
}

// ---- JSON and memory ----------------------------------------------------------------------------

// What crosses the wire for one null execution, as it looks there.
std::vector<std::string> frames_of_null_execution() {
  const std::string id = "exec_01hzzzzzzzzzzzzzzzzzzzzzzz";
  wire::Assign assign;
  assign.execution_id = id;
  assign.prompt = "x";
  assign.attempt = 1;
  assign.lease_ms = 30'000;
  assign.config.timeout_ms = 600'000;
  wire::Stdout text;
  text.execution_id = id;
  text.chunk = "x\n";
  text.attempt = 1;
  text.seq = 1;
  wire::Complete complete;
  complete.execution_id = id;
  complete.status = "completed";
  complete.attempt = 1;
  complete.seq = 2;
  complete.exit_code = 0;
  const wire::Received received{.execution_id = id, .attempt = 1, .seq = 2, .final_ = true};
  return {R"({"prompt":"x"})", wire::to_text(wire::OrchestratorFrame(assign)),
          wire::to_text(wire::WorkerFrame(text)), wire::to_text(wire::WorkerFrame(complete)),
          wire::to_text(wire::OrchestratorFrame(received))};
}

double json_us() {
  const auto frames = frames_of_null_execution();
  std::array<unsigned char, 16 * 1024> room{};
  std::size_t members = 0;
  const SteadyTime start = SteadyClock::now();
  for (int i = 0; i < kParses; ++i) {
    boost::json::monotonic_resource memory(room.data(), room.size());
    for (const auto& frame : frames) {
      members += boost::json::parse(frame, &memory).as_object().size();
    }
  }
  const double took = ms_between(start, SteadyClock::now()) * 1000;
  return members > 0 ? took / kParses : 0;
}

double copies_gb_s() {
  std::vector<char> from(kCopyBytes, 'x');
  std::vector<char> to(kCopyBytes, 'y');
  std::size_t seen = 0;
  const SteadyTime start = SteadyClock::now();
  for (int i = 0; i < kCopies; ++i) {
    from[static_cast<std::size_t>(i)] = static_cast<char>(i);
    std::memcpy(to.data(), from.data(), kCopyBytes);
    seen += static_cast<std::size_t>(to[static_cast<std::size_t>(i)]);  // the copy is needed
  }
  const double took = ms_between(start, SteadyClock::now()) / 1000;
  return seen > 0 ? static_cast<double>(kCopyBytes) * kCopies / 1e9 / took : 0;
}

}  // namespace

Measured measure_bare(const Options& options) {
  const PrivateFolder folder(options.data_root);
  TRY(auto disk, disk_sync_ms(folder.path(), kSyncs));
  TRY(auto trips, round_trips_us());
  TRY(const auto rows, sqlite_rows_of_null_executions(folder.path()));
  const std::string sync = "fdatasync after a 4 KiB append, ";
  return std::vector<Measurement>{
      {.figure = sync + "p10", .unit = "ms", .value = percentile(disk, 0.1)},
      {.figure = sync + "p50", .unit = "ms", .value = percentile(disk, 0.5)},
      {.figure = sync + "p99", .unit = "ms", .value = percentile(disk, 0.99)},
      {.figure = "loopback TCP round trip, p50", .unit = "µs", .value = percentile(trips, 0.5)},
      {.figure = "Boost.JSON reads the frames of a null execution",
       .unit = "µs",
       .value = json_us()},
      {.figure = "SQLite alone: rows of a null execution, 64 in a commit",
       .unit = "µs",
       .value = rows.execution_us},
      {.figure = "SQLite alone: rows of an event, 64 in a commit",
       .unit = "µs",
       .value = rows.event_us},
      {.figure = "SQLite alone: one journal record, 64 in a commit",
       .unit = "µs",
       .value = rows.record_us},
      {.figure = "memcpy", .unit = "GB/s", .value = copies_gb_s(), .better = Better::kHigher}};
}

}  // namespace personas::bench
