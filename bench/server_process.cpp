#include "server_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <poll.h>
#include <sstream>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/os/random.hpp"

namespace personas::bench {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr Duration kReadyLimit = seconds(60);
constexpr int kProbeTimeoutMs = 1'000;
constexpr std::size_t kLogTailBytes = 1'500;

SteadyTime steady_now() {
  return std::chrono::steady_clock::now();
}

std::string random_hex() {
  os::SystemRandom random;
  std::array<std::uint8_t, 32> bytes{};
  random.fill(bytes);
  return to_hex(bytes);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// A port nobody has now. Taken from below the range the kernel gives to outgoing connections, so
// that it is still free when the server is started again.
Result<std::uint16_t> free_port() {
  os::SystemRandom random;
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::array<std::uint8_t, 2> bytes{};
    random.fill(bytes);
    const auto port = static_cast<std::uint16_t>(12'000 + (bytes[0] * 256 + bytes[1]) % 20'000);
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    const bool is_free =
        ::bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    ::close(probe);
    if (is_free) return port;
  }
  return fail(ErrorCode::kUnavailable, "No free port was found.");
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// Reaps `pid` within `limit`; its wait status.
std::optional<int> reap(pid_t pid, Duration limit) {
  const SteadyTime deadline = steady_now() + limit;
  for (;;) {
    int status = 0;
    const pid_t got = ::waitpid(pid, &status, WNOHANG);
    if (got == pid) return status;
    if (got < 0 && errno != EINTR) return 0;
    if (steady_now() >= deadline) return std::nullopt;
    ServerProcess::pause(milliseconds(1));
  }
}

void end_process(pid_t pid) {
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

}  // namespace

ServerProcess::ServerProcess(const Options& options)
    : options_(options),
      api_key_("dac_" + random_hex()),
      worker_token_(random_hex()),
      master_key_(random_hex()) {}

Result<std::unique_ptr<ServerProcess>> ServerProcess::make(const Options& options) {
  std::unique_ptr<ServerProcess> made(new ServerProcess(options));
  std::string folder = options.data_root + "/personas-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) {
    return fail(ErrorCode::kIo,
                "Cannot make a folder in " + options.data_root + ": " + std::strerror(errno) + ".");
  }
  made->folder_ = folder;
  TRY(made->http_port_, free_port());
  do {
    TRY(made->ws_port_, free_port());
  } while (made->ws_port_ == made->http_port_);
  return made;
}

ServerProcess::~ServerProcess() {
  kill();
  std::error_code error;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, error);
}

std::vector<std::string> ServerProcess::environment() const {
  std::vector<std::string> out{
      "PATH=/usr/bin:/bin",
      "LANG=C.UTF-8",
      "HOME=" + folder_,
      "MASTER_KEY=" + master_key_,
      "TEAM_API_KEY=" + api_key_,
      "WORKER_TOKEN=" + worker_token_,
      fmt::format("HTTP_PORT={}", http_port_),
      fmt::format("WS_PORT={}", ws_port_),
      "PERSONAS_LOG_LEVEL=warn",
      // One tenant makes all the load: its fair share must not be what is measured.
      "PERSONAS_RATE_LIMIT=0",
      "PERSONAS_TENANT_MAX_CONCURRENT=100000",
      "PERSONAS_TENANT_MAX_QUEUED=1000000",
  };
  out.insert(out.end(), options_.server_environment.begin(), options_.server_environment.end());
  return out;
}

void ServerProcess::become_server(char* const* argv, char* const* env, int log) const {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  if (::chdir(folder_.c_str()) == 0) ::execve(argv[0], argv, env);
  ::_exit(127);
}

Result<Duration> ServerProcess::start() {
  std::vector<std::string> arguments = options_.server_prefix;
  arguments.insert(arguments.end(), {options_.binary, "serve", "--data-dir", folder_ + "/data"});
  std::vector<std::string> variables = environment();
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> env = pointers(variables);
  const std::string log_path = folder_ + "/log";
  const int log = ::open(log_path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  if (log < 0) return fail(ErrorCode::kIo, "Cannot write the server's log in " + folder_ + ".");

  const SteadyTime started = steady_now();
  pid_ = ::fork();
  if (pid_ == 0) become_server(argv.data(), env.data(), log);
  ::close(log);
  if (pid_ < 0) return fail(ErrorCode::kUnavailable, "Cannot start a process.");
  while (!health_answers()) {
    if (!running()) {
      return fail(ErrorCode::kUnavailable, "The server ended at its start: " + log_tail());
    }
    if (steady_now() - started > kReadyLimit) {
      return fail(ErrorCode::kTimeout, "The server is not ready after 60 s: " + log_tail());
    }
    ServerProcess::pause(microseconds(500));
  }
  return std::chrono::duration_cast<Duration>(steady_now() - started);
}

bool ServerProcess::health_answers() const {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(http_port_);
  bool good = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  if (good) {
    const std::string_view request =
        "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    std::array<char, 64> answer{};
    pollfd ready{.fd = probe, .events = POLLIN, .revents = 0};
    good = ::send(probe, request.data(), request.size(), MSG_NOSIGNAL) == std::ssize(request) &&
           ::poll(&ready, 1, kProbeTimeoutMs) == 1 &&
           ::recv(probe, answer.data(), answer.size(), 0) > 12 &&
           std::string_view(answer.data(), answer.size()).substr(9, 3) == "200";
  }
  ::close(probe);
  return good;
}

void ServerProcess::stop(Duration grace) {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  if (reap(pid_, grace)) {
    pid_ = -1;
  } else {
    kill();
  }
}

void ServerProcess::pause(Duration duration) {
  const timespec time{duration.count() / 1'000'000, duration.count() % 1'000'000 * 1'000};
  ::nanosleep(&time, nullptr);
}

void ServerProcess::kill() {
  if (pid_ > 0) end_process(pid_);
  pid_ = -1;
}

bool ServerProcess::running() {
  if (pid_ <= 0) return false;
  if (reap(pid_, Duration::zero())) pid_ = -1;
  return pid_ > 0;
}

double ServerProcess::cpu_seconds() const {
  std::ifstream in(fmt::format("/proc/{}/stat", pid_));
  std::string text;
  std::getline(in, text);
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream words(text.substr(name_end + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) words >> skipped;  // state … cmajflt: fields 3 to 13
  double user = 0;
  double system = 0;
  words >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double ServerProcess::rss_mb() const {
  std::ifstream in(fmt::format("/proc/{}/status", pid_));
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("VmRSS:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  }
  return 0;
}

std::string ServerProcess::log_tail() const {
  std::ifstream in(folder_ + "/log");
  std::ostringstream text;
  text << in.rdbuf();
  const std::string all = text.str();
  return all.substr(all.size() - std::min(all.size(), kLogTailBytes));
}

Result<int> run_program(const std::vector<std::string>& command, Duration limit) {
  std::vector<std::string> arguments = command;
  const std::vector<char*> argv = pointers(arguments);
  const pid_t pid = ::fork();
  if (pid < 0) return fail(ErrorCode::kUnavailable, "Cannot start a process.");
  if (pid == 0) {
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  const auto status = reap(pid, limit);
  if (!status) {
    end_process(pid);
    return fail(ErrorCode::kTimeout, command.front() + " took too long.");
  }
  return WIFEXITED(*status) ? WEXITSTATUS(*status) : 128;
}

}  // namespace personas::bench
