#include "bubblewrap.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <spawn.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace personas::sandbox_linux {
namespace {

// Bound read-only where they are folders, copied where they are links (merged /usr).
constexpr std::array kSystemPaths = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"};

// Of /etc only what programs need to run and to reach the network: an agent started by root would
// otherwise read shadow, host keys and the configuration of everything else on the machine.
constexpr std::array kEtcPaths = {"alternatives",
                                  "bash.bashrc",
                                  "ca-certificates",
                                  "ca-certificates.conf",
                                  "crypto-policies",
                                  "debian_version",
                                  "environment",
                                  "fonts",
                                  "gai.conf",
                                  "gitconfig",
                                  "group",
                                  "host.conf",
                                  "hostname",
                                  "hosts",
                                  "inputrc",
                                  "java-17-openjdk",
                                  "ld.so.cache",
                                  "ld.so.conf",
                                  "ld.so.conf.d",
                                  "locale.alias",
                                  "localtime",
                                  "magic",
                                  "magic.mime",
                                  "mime.types",
                                  "networks",
                                  "nsswitch.conf",
                                  "os-release",
                                  "passwd",
                                  "perl",
                                  "pki",
                                  "profile",
                                  "profile.d",
                                  "protocols",
                                  "python3",
                                  "python3.11",
                                  "python3.12",
                                  "python3.13",
                                  "resolv.conf",
                                  "rpc",
                                  "services",
                                  "shells",
                                  "ssl/certs",
                                  "ssl/openssl.cnf",
                                  "terminfo",
                                  "timezone",
                                  "wgetrc"};

// A probe that takes longer hangs; the machine then counts as without namespaces.
constexpr int kProbeMillis = 10'000;
constexpr std::size_t kMaxProbeOutput = 512;

class Arguments {
 public:
  void add(std::initializer_list<std::string_view> words) {
    for (auto word : words) {
      text_.append(word);
      text_.push_back('\0');
    }
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void add_system(Arguments& out) {
  for (const char* path : kSystemPaths) {
    struct stat info{};
    if (::lstat(path, &info) != 0) continue;
    if (S_ISLNK(info.st_mode)) {
      char target[256];
      ssize_t size = ::readlink(path, target, sizeof target);
      if (size > 0) out.add({"--symlink", {target, static_cast<std::size_t>(size)}, path});
    } else {
      out.add({"--ro-bind", path, path});
    }
  }
  for (const char* name : kEtcPaths) {
    const std::string path = std::string("/etc/") + name;
    out.add({"--ro-bind-try", path, path});
  }
}

// Links on the way to a program: more is a loop.
constexpr int kMaxLinks = 16;
constexpr std::string_view kNodeModules = "/node_modules/";

bool is_of_node(const std::string& path) {
  return path.find(kNodeModules) != std::string::npos;
}

std::string resolved(const std::string& path) {
  std::error_code error;
  return std::filesystem::canonical(path, error).string();
}

bool is_of_system(const std::string& path) {
  return std::ranges::any_of(
      kSystemPaths, [&](const char* root) { return path.starts_with(std::string(root) + "/"); });
}

// The program alone, not its folder, which may be somebody's home. Links are made again, because a
// script finds its libraries beside what the link points to: for a package of Node's, all packages
// of that place.
void add_program(Arguments& out, std::string path) {
  for (int links = 0; links < kMaxLinks && !path.empty() && !is_of_system(path); ++links) {
    char target[4096];
    ssize_t size = ::readlink(path.c_str(), target, sizeof target);
    if (size <= 0) {
      const std::size_t modules = path.find(kNodeModules);
      if (modules != std::string::npos) path.resize(modules + kNodeModules.size() - 1);
      out.add({"--ro-bind-try", path, path});
      return;
    }
    const std::string text(target, static_cast<std::size_t>(size));
    out.add({"--symlink", text, path});
    path = (std::filesystem::path(path).parent_path() / text).lexically_normal().string();
  }
}

struct ProbeRun {
  bool worked = false;
  std::string output;
};

// Runs a program that must end with 0, its stderr caught.
ProbeRun run_probe(const std::string& program, std::vector<std::string> argv) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return {false, std::strerror(errno)};
  Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), 2);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  std::vector<char*> pointers;
  for (auto& word : argv) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  char* no_environment[] = {nullptr};
  pid_t pid = 0;
  int error =
      ::posix_spawn(&pid, program.c_str(), &actions, nullptr, pointers.data(), no_environment);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return {false, std::strerror(error)};
  write_end = Fd();

  ProbeRun result;
  int status = -1;
  // Its stderr closes when it ends; then it is reaped.
  timespec start{};
  ::clock_gettime(CLOCK_MONOTONIC, &start);
  for (;;) {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    auto passed = (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1'000'000;
    pollfd waiting{read_end.get(), POLLIN, 0};
    if (passed >= kProbeMillis ||
        ::poll(&waiting, 1, static_cast<int>(kProbeMillis - passed)) <= 0) {
      ::kill(pid, SIGKILL);
      result.output = "it did not answer in time";
      break;
    }
    char block[256];
    ssize_t got = ::read(read_end.get(), block, sizeof block);
    if (got == 0) break;
    if (got > 0 && result.output.size() < kMaxProbeOutput) {
      result.output.append(block, static_cast<std::size_t>(got));
    }
  }
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  result.worked = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  while (result.output.ends_with('\n')) result.output.pop_back();
  return result;
}

ProbeRun try_bubblewrap(const std::string& program, bool disable_userns, const std::string& test) {
  std::vector<std::string> argv = {
      "bwrap",         "--unshare-user",    "--unshare-pid", "--unshare-ipc", "--unshare-uts",
      "--unshare-net", "--die-with-parent", "--new-session", "--cap-drop",    "ALL"};
  if (disable_userns) argv.emplace_back("--disable-userns");
  for (const char* word :
       {"--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--"}) {
    argv.emplace_back(word);
  }
  argv.push_back(test);
  return run_probe(program, std::move(argv));
}

}  // namespace

std::string find_program(const std::string& name, const std::string& path) {
  auto usable = [](const std::string& file) {
    struct stat info{};
    return ::stat(file.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
           ::access(file.c_str(), X_OK) == 0;
  };
  if (name.find('/') != std::string::npos) return usable(name) ? name : std::string();
  std::string_view left = path;
  while (!left.empty()) {
    std::string_view folder = left.substr(0, left.find(':'));
    left.remove_prefix(std::min(left.size(), folder.size() + 1));
    // Only absolute folders: a relative one would be looked up where the worker happens to stand.
    if (!folder.starts_with('/')) continue;
    std::string file = std::string(folder) + "/" + name;
    if (usable(file)) return file;
  }
  return {};
}

IsolationProbe probe_isolation(const SandboxOptions& options) {
  IsolationProbe probe;
  probe.bubblewrap = find_program(
      options.bubblewrap_path.empty() ? "bwrap" : options.bubblewrap_path, options.path);
  if (probe.bubblewrap.empty()) {
    probe.detail = "bubblewrap is not installed; install the package 'bubblewrap'";
    return probe;
  }
  const std::string test = find_program("true", options.path);
  ProbeRun strict = try_bubblewrap(probe.bubblewrap, true, test);
  probe.nested_userns_disabled = strict.worked;
  if (!strict.worked) {
    ProbeRun plain = try_bubblewrap(probe.bubblewrap, false, test);
    if (!plain.worked) {
      probe.detail = "bubblewrap does not work on this machine: " + plain.output;
      return probe;
    }
  }
  probe.strongest = sandbox::Isolation::kNamespaces;
  probe.detail = strict.worked ? "bubblewrap works"
                               : "bubblewrap works, but is too old to forbid nested namespaces";
  return probe;
}

std::string bubblewrap_arguments(const IsolationProbe& probe, const sandbox::Policy& policy,
                                 const Folder& folder, const std::string& program,
                                 const std::map<std::string, std::string>& environment) {
  Arguments out;
  out.add({"--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
           "--unshare-cgroup-try"});
  if (policy.network == sandbox::Network::kNone) out.add({"--unshare-net"});
  if (probe.nested_userns_disabled) out.add({"--disable-userns"});
  out.add({"--die-with-parent", "--new-session", "--cap-drop", "ALL"});
  add_system(out);
  out.add({"--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"});
  add_program(out, program);
  if (is_of_node(resolved(program))) {
    const auto path = environment.find("PATH");
    if (path != environment.end()) add_program(out, find_program("node", path->second));
  }
  for (const auto& path : policy.readable_paths) out.add({"--ro-bind-try", path, path});
  for (const auto& path : {folder.home(), folder.workspace(), folder.temporary()}) {
    out.add({"--bind", path, path});
  }
  out.add({"--chdir", folder.workspace(), "--clearenv"});
  for (const auto& [name, value] : environment) out.add({"--setenv", name, value});
  return out.take();
}

}  // namespace personas::sandbox_linux
