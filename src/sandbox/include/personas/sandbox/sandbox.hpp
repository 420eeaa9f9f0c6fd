// Port of the sandbox: how one attempt's agent program is run, confined and ended.
//
// Secure by default, weakened by name. A policy is data; the outcome is one of a closed set. The
// implementation keeps two promises (docs/decisions/0006-supervisor.md):
//   * the whole process tree is gone before the outcome is reported;
//   * the tree dies by itself when the lease ends unrenewed, or when this process dies, because a
//     supervisor process per attempt, outside the agent's group, sees to it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/base/redactor.hpp"
#include "personas/base/time.hpp"

namespace personas::sandbox {

// How strongly the agent is separated from the machine. Shown with the worker in /api/status.
enum class Isolation : std::uint8_t {
  kNone,        // own process group, private HOME and workspace, nothing more
  kNamespaces,  // bubblewrap: own mount, pid, ipc, uts and user namespaces
};

enum class Network : std::uint8_t {
  kHost,  // the machine's network; needed until the egress broker exists
  kNone,  // no interface at all
};

struct Policy {
  Isolation isolation = Isolation::kNamespaces;
  Network network = Network::kHost;
  // Further host paths the agent may read; the system's /usr, /lib, /etc are readable anyway.
  std::vector<std::string> readable_paths;
  std::int64_t max_memory_bytes = 0;                                   // 0: no limit of ours
  std::int64_t max_processes = 0;                                      // 0: no limit of ours
  std::int64_t max_file_bytes = std::int64_t{4} * 1024 * 1024 * 1024;  // RLIMIT_FSIZE
};

struct HomeFile {
  std::string path;  // relative to HOME, no ".."
  std::string content;
};

inline constexpr std::size_t kMaxSessionPiece = 64 * 1024;

// Bytes of a file in which the agent's program keeps its session. What was at `offset` and behind
// it is replaced by them.
struct SessionPiece {
  std::string path;  // relative to SessionPolicy::root
  std::int64_t offset = 0;
  std::string data;
};

// Which files of HOME are told to the listener as they grow. They are read as what they are: files
// of a program that may be hostile.
struct SessionPolicy {
  std::string root;  // relative to HOME; empty: none
  // Whether the file (relative to `root`) is part of the session.
  bool (*wanted)(std::string_view path) = nullptr;
  // Where a file of an earlier attempt belongs in this one, whose workspace is another folder.
  std::string (*placed)(std::string_view path, std::string_view workspace) = nullptr;
  // What earlier attempts left, put there before the program starts. Told are only bytes that are
  // new, under the path that is given here.
  std::vector<HomeFile> files;
  std::size_t max_files = 0;   // further ones are not looked at
  std::int64_t max_bytes = 0;  // of all files; the piece that passes it is the last
};

// One attempt to run.
struct Launch {
  std::string label;  // for logs and the process list: "exe_…/1"
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment;  // complete; nothing is inherited but PATH, LANG
  std::vector<NamedSecret> secret_environment;     // never in argv, never on disk
  std::vector<HomeFile> home_files;
  SessionPolicy session;
  std::string stdin_text;
  Policy policy;
  Duration wall_limit{};               // from start; zero: none
  std::optional<Duration> idle_limit;  // longest silence on stdout and stderr while being read
  std::int64_t max_output_bytes = 64 * 1024 * 1024;
  Instant lease_until = Instant::never();
};

// Why the run ended. Closed: every way out is one of these.
enum class Ending : std::uint8_t {
  kExited,     // exit_code
  kSignalled,  // signal
  kWallLimit,
  kIdleLimit,
  kOutputLimit,
  kLeaseLost,
  kKilled,           // by kill()
  kNotFound,         // argv[0] is not there
  kSandboxRefused,   // the confinement could not be set up; detail says why
  kWorkspaceFailed,  // the private folders could not be made
  kSupervisorLost,   // the supervisor died; the tree was swept
};

struct RunOutcome {
  Ending ending = Ending::kExited;
  int exit_code = 0;
  int signal = 0;
  std::string detail;
  Duration duration{};
  Isolation isolation = Isolation::kNone;  // what was really used
};

// Called on the executor given to the sandbox, one at a time; on_exit last and exactly once, after
// both streams and the session are drained and the tree is gone.
class RunListener {
 public:
  virtual ~RunListener() = default;
  virtual void on_stdout(std::string_view bytes) = 0;
  virtual void on_stderr(std::string_view bytes) = 0;
  // Looked for before standard output is passed on, when enough time has passed since the last
  // look, and for a while after it.
  virtual void on_session(const SessionPiece&) {}
  virtual void on_exit(const RunOutcome& outcome) = 0;
};

// One running attempt. Destroying it kills the tree.
class Run {
 public:
  virtual ~Run() = default;
  virtual void renew_lease(Instant until) = 0;
  virtual void kill() = 0;
  // Stops and resumes reading the agent's output and session: back-pressure by a full pipe, nothing
  // is lost that the agent waits to write. The idle limit pauses meanwhile.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;
};

class Sandbox {
 public:
  virtual ~Sandbox() = default;
  // The listener outlives the run.
  virtual Result<std::unique_ptr<Run>> start(Launch launch, RunListener& listener) = 0;
  // What this machine can do, for `hello` and for `doctor`.
  virtual Isolation strongest_isolation() const = 0;
};

}  // namespace personas::sandbox
