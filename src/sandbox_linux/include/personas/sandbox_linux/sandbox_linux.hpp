// The sandbox on Linux: a supervisor process per attempt, bubblewrap where it works.
//
// The executor runs its handlers one at a time (one thread, or a strand). Every method of the
// sandbox and of its runs is called from there, and so is every listener. Runs are destroyed before
// the sandbox; its destructor waits until the folders of ended runs are wiped. An executor that is
// destroyed first closes the control channels, which ends every tree.
//
// Process-wide effects of make_sandbox(), needed to keep the promises: this process becomes a
// child subreaper (so that the tree of a killed supervisor falls to us and can be swept), and
// ignores SIGPIPE. Nothing else in the process may start children in sessions of their own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/sandbox/sandbox.hpp"

namespace personas::sandbox_linux {

// What to do with a launch that asks for namespaces on a machine that refuses them.
enum class WhenUnavailable : std::uint8_t {
  kRefuse,    // Ending::kSandboxRefused
  kFallBack,  // run with Isolation::kNone; the outcome says so
};

struct SandboxOptions {
  std::string work_root;        // folder for the private folders; made with mode 0700
  std::string self_executable;  // the program that has the supervisor: "/proc/self/exe" is ours
  std::vector<std::string> supervisor_command = {"supervise-attempt"};  // its hidden subcommand
  std::string bubblewrap_path;  // empty: looked for on `path`
  WhenUnavailable when_unavailable = WhenUnavailable::kRefuse;
  // What an agent gets as PATH and LANG if its launch names none.
  std::string path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  std::string lang = "C.UTF-8";
};

// Whether namespaces work on this machine, for `doctor` and for the log.
struct IsolationProbe {
  sandbox::Isolation strongest = sandbox::Isolation::kNone;
  std::string bubblewrap;  // its path, if found
  bool nested_userns_disabled = false;
  std::string detail;  // one sentence
};
IsolationProbe probe_isolation(const SandboxOptions& options);

// Also wipes what dead processes left in work_root.
Result<std::unique_ptr<sandbox::Sandbox>> make_sandbox(boost::asio::any_io_executor executor,
                                                       SandboxOptions options, Clock& clock);

}  // namespace personas::sandbox_linux
