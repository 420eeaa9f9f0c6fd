// The server under test: its folder, keys, ports and process. Whatever happens, the destructor ends
// the process by its pid and removes the folder; if this program dies, the kernel ends the server.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/base/time.hpp"

#include "options.hpp"

namespace personas::bench {

class ServerProcess {
 public:
  static Result<std::unique_ptr<ServerProcess>> make(const Options& options);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Starts it over the same data as before and waits until /health answers 200. Returns the time
  // from before the fork until then.
  Result<Duration> start();
  // SIGTERM, and SIGKILL when it takes longer than `grace`.
  void stop(Duration grace);
  void kill();

  bool running();
  static void pause(Duration duration);
  double cpu_seconds() const;
  double rss_mb() const;
  // The end of what it wrote, to explain a failure.
  std::string log_tail() const;

  std::uint16_t http_port() const { return http_port_; }
  std::uint16_t ws_port() const { return ws_port_; }
  const std::string& api_key() const { return api_key_; }
  const std::string& worker_token() const { return worker_token_; }
  const std::string& folder() const { return folder_; }
  pid_t pid() const { return pid_; }

 private:
  explicit ServerProcess(const Options& options);
  std::vector<std::string> environment() const;
  [[noreturn]] void become_server(char* const* argv, char* const* env, int log) const;
  bool health_answers() const;

  const Options& options_;
  std::string folder_;
  std::string api_key_;
  std::string worker_token_;
  std::string master_key_;
  std::uint16_t http_port_ = 0;
  std::uint16_t ws_port_ = 0;
  pid_t pid_ = -1;
};

// Runs a program to its end, at most `limit`; its exit code.
Result<int> run_program(const std::vector<std::string>& command, Duration limit);

}  // namespace personas::bench
