// What `personas doctor` wants to know of the machine it runs on, behind a port: facts, no
// opinions. Values of secrets are never among them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/base/time.hpp"

namespace personas::cli {

struct FileFacts {
  enum class Kind : std::uint8_t { kAbsent, kFile, kFolder, kUnreadable } kind = Kind::kAbsent;
  enum class Owner : std::uint8_t { kUs, kSomebodyElse } owner = Owner::kUs;
  std::string path;
  unsigned mode = 0;  // permission bits
};

struct PortFacts {
  std::string purpose;  // "HTTP API"
  std::int64_t port = 0;
  enum class State : std::uint8_t { kFree, kTaken } state = State::kFree;
  std::string holder;  // "nginx (pid 812)"; empty: not to be seen by us
};

struct ProgramFacts {
  std::string name;     // claude
  std::string path;     // empty: not found
  std::string version;  // as it says itself
  std::string problem;  // why it does not run, or is not there, and what to do
};

struct MachineFacts {
  std::vector<FieldError> settings_problems;  // of `personas up`, as it would be started here

  FileFacts data_folder;
  FileFacts database;
  std::vector<FileFacts> key_files;  // absent ones too
  std::string server_pid;            // of who holds the data folder; empty: nobody
  std::optional<Error> master_key;   // what is wrong with it for this database
  enum class KeyCheck : std::uint8_t {
    kDone,
    kNothingToCheck,
    kInUse
  } key_check = KeyCheck::kNothingToCheck;

  std::int64_t disk_free_bytes = 0;  // for us, where the data is
  std::int64_t disk_total_bytes = 0;
  std::string file_system;        // "ext4"; empty: unknown
  std::optional<Duration> fsync;  // the middle one of some; nothing: it could not be tried

  std::optional<std::string> clock_problem;
  std::vector<PortFacts> ports;
  std::vector<ProgramFacts> programs;

  std::string bubblewrap;  // its path; empty: not found
  enum class Namespaces : std::uint8_t { kWork, kRefused } namespaces = Namespaces::kRefused;
  std::string sandbox_detail;        // the sandbox's own word
  bool apparmor_restricts = false;   // unprivileged user namespaces (Ubuntu 23.10 and later)
  bool user_namespaces_off = false;  // by sysctl

  std::int64_t max_open_files = 0;       // 0: no limit
  std::int64_t max_address_space = 0;    // bytes; 0: no limit
  std::int64_t cgroup_memory_bytes = 0;  // 0: no limit
  std::int64_t memory_bytes = 0;         // of the machine

  std::optional<Timestamp> certificate_expires;  // of tls-cert
  std::string certificate_problem;               // it cannot be read
  std::string terminal_type;                     // TERM
  std::string locale;
};

class Machine {
 public:
  virtual ~Machine() = default;
  // Blocking, some seconds at most.
  virtual MachineFacts examine() = 0;
  virtual Result<void> set_mode(const std::string& path, unsigned mode) = 0;
};

}  // namespace personas::cli
