#include "machine.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include <fmt/format.h>

#include "personas/crypto/certificate.hpp"
#include "personas/os/data_lock.hpp"
#include "personas/os/disk.hpp"
#include "personas/os/files.hpp"
#include "personas/os/listeners.hpp"
#include "personas/os/process.hpp"
#include "personas/sandbox_linux/sandbox_linux.hpp"
#include "personas/settings/key_files.hpp"
#include "personas/store/blocking.hpp"
#include "personas/store_sqlite/open.hpp"
#include "personas/vault/master_key.hpp"

#include "keys.hpp"
#include "programs.hpp"

namespace personas::app {
namespace {

using cli::FileFacts;
using cli::MachineFacts;

constexpr std::size_t kMaxSmallFile = 256 * 1024;

FileFacts file_facts(const std::string& path) {
  FileFacts facts;
  facts.path = path;
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) {
    facts.kind = errno == ENOENT || errno == ENOTDIR ? FileFacts::Kind::kAbsent
                                                     : FileFacts::Kind::kUnreadable;
    return facts;
  }
  facts.kind = S_ISDIR(found.st_mode) ? FileFacts::Kind::kFolder : FileFacts::Kind::kFile;
  facts.mode = found.st_mode & 07777U;
  facts.owner =
      found.st_uid == ::geteuid() ? FileFacts::Owner::kUs : FileFacts::Owner::kSomebodyElse;
  return facts;
}

std::string small_file(const std::string& path) {
  auto text = os::read_file(path, kMaxSmallFile);
  return text ? std::move(*text) : std::string();
}

// The number a small file of the kernel holds; 0 for "max" and for no file.
std::int64_t number_in(const std::string& path) {
  const auto text = small_file(path);
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::int64_t limit_of(__rlimit_resource resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 0;
  return static_cast<std::int64_t>(limit.rlim_cur);
}

void look_at_clock(const Clock& clock, MachineFacts& facts) {
  constexpr Timestamp kBuilt{1'767'225'600'000'000};  // 2026: no run of this program was earlier
  timex state{};
  if (clock.wall() < kBuilt) {
    facts.clock_problem = "The clock is years behind: certificates and tokens seem not yet valid";
  } else if (::adjtimex(&state) == TIME_ERROR && (state.status & STA_UNSYNC) != 0) {
    facts.clock_problem = "The kernel's clock is not synchronised by anybody";
  }
}

void look_at_limits(MachineFacts& facts) {
  facts.max_open_files = limit_of(RLIMIT_NOFILE);
  facts.max_address_space = limit_of(RLIMIT_AS);
  facts.cgroup_memory_bytes = number_in("/sys/fs/cgroup/memory.max");
  if (facts.cgroup_memory_bytes == 0) {
    facts.cgroup_memory_bytes = number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes");
  }
  facts.memory_bytes =
      std::int64_t{::sysconf(_SC_PHYS_PAGES)} * std::int64_t{::sysconf(_SC_PAGESIZE)};
}

void look_at_ports(const settings::Settings& settings, MachineFacts& facts) {
  const std::array<std::pair<const char*, std::int64_t>, 2> wanted{
      {{"HTTP API", settings.http_port}, {"workers", settings.ws_port}}};
  for (const auto& [purpose, port] : wanted) {
    if (port == 0) continue;  // a free one is chosen
    const auto listener = os::find_listener(static_cast<std::uint16_t>(port));
    facts.ports.push_back({purpose, port,
                           listener ? cli::PortFacts::State::kTaken : cli::PortFacts::State::kFree,
                           listener.value_or("")});
  }
}

void look_at_certificate(const settings::Settings& settings, MachineFacts& facts) {
  if (settings.tls_cert.empty()) return;
  const auto pem = os::read_file(settings.tls_cert, kMaxSmallFile);
  const auto expiry = pem ? crypto::certificate_expiry(*pem) : fail(pem.error());
  if (expiry) {
    facts.certificate_expires = *expiry;
  } else {
    facts.certificate_problem = fmt::format("The TLS certificate {} cannot be used: {}",
                                            settings.tls_cert, expiry.error().message);
  }
}

void look_at_sandbox(const settings::Settings& settings, MachineFacts& facts) {
  sandbox_linux::SandboxOptions options;
  options.work_root = settings.data_dir;
  options.self_executable = "/proc/self/exe";
  const auto probe = sandbox_linux::probe_isolation(options);
  facts.bubblewrap = probe.bubblewrap;
  facts.sandbox_detail = probe.detail;
  if (probe.strongest == sandbox::Isolation::kNamespaces) {
    facts.namespaces = MachineFacts::Namespaces::kWork;
  }
  facts.apparmor_restricts =
      number_in("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1 && ::geteuid() != 0;
  const std::string clone = small_file("/proc/sys/kernel/unprivileged_userns_clone");
  const std::string most = small_file("/proc/sys/user/max_user_namespaces");
  facts.user_namespaces_off = clone.starts_with('0') || most.starts_with("0\n");
}

}  // namespace

std::string ThisMachine::variable(const char* name) const {
  const auto found = world_.environment.find(name);
  return found == world_.environment.end() ? std::string() : found->second;
}

void ThisMachine::look_at_data(const settings::Settings& settings, MachineFacts& facts) {
  facts.data_folder = file_facts(settings.data_dir);
  facts.database = file_facts(settings.db_path);
  for (const auto& key : settings::kKeyFiles) {
    facts.key_files.push_back(file_facts(settings::key_path(settings, key)));
  }
  // The folder that exists, of those the data would be in.
  std::filesystem::path folder = std::filesystem::absolute(settings.data_dir);
  while (!std::filesystem::exists(folder) && folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  const auto disk = os::look_at_disk(folder.string());
  facts.disk_free_bytes = disk.free_bytes;
  facts.disk_total_bytes = disk.total_bytes;
  facts.file_system = disk.file_system;
  if (facts.data_folder.kind == FileFacts::Kind::kFolder) {
    facts.fsync = os::time_of_sync(folder.string(), world_.clock);
  }
}

void ThisMachine::look_at_key(settings::Settings& settings, MachineFacts& facts) {
  if (facts.database.kind != FileFacts::Kind::kFile) return;
  const auto lock = os::DataLock::acquire(settings.data_dir);
  if (!lock && lock.error().code == ErrorCode::kLocked) {
    facts.key_check = MachineFacts::KeyCheck::kInUse;
    facts.server_pid = small_file(settings.data_dir + "/lock");
    std::erase(facts.server_pid, '\n');
    return;
  }
  facts.key_check = MachineFacts::KeyCheck::kDone;
  const auto check = [&]() -> Result<void> {
    if (!lock) return fail(lock.error());
    TRY_VOID(obtain_keys(settings::Role::kServe, settings, world_.random));
    TRY(const auto key, vault::MasterKey::parse(settings.master_key.reveal()));
    TRY(auto store, store_sqlite::open_sqlite({.path = settings.db_path}, [](const Error&) {}));
    TRY_VOID(store::write_now(*store, [&key](store::Transaction& tx) -> Result<int> {
      TRY_VOID(vault::check_master_key(tx, key));
      return 0;
    }));
    return {};
  };
  if (const auto checked = check(); !checked) facts.master_key = checked.error();
}

void ThisMachine::look_at_agents(const settings::Settings& settings, MachineFacts& facts) {
  for (auto& found : find_agent_programs(settings, world_.environment)) {
    facts.programs.push_back({std::move(found.name), std::move(found.path),
                              std::move(found.version), std::move(found.problem)});
  }
}

MachineFacts ThisMachine::examine() {
  MachineFacts facts;
  facts.terminal_type = variable("TERM");
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (facts.locale.empty()) facts.locale = variable(name);
  }
  look_at_clock(world_.clock, facts);
  look_at_limits(facts);
  auto settings = load_settings(settings::Role::kUp, flags_, world_);
  if (!settings) {
    facts.settings_problems = settings.error().fields;
    if (facts.settings_problems.empty()) {
      facts.settings_problems.push_back({{}, settings.error().message});
    }
    return facts;
  }
  look_at_data(*settings, facts);
  look_at_key(*settings, facts);
  look_at_ports(*settings, facts);
  look_at_certificate(*settings, facts);
  look_at_agents(*settings, facts);
  look_at_sandbox(*settings, facts);
  return facts;
}

Result<void> ThisMachine::set_mode(const std::string& path, unsigned mode) {
  // Not through a link: what it points to may be somebody else's business.
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return fail(ErrorCode::kIo, fmt::format("it cannot be opened ({})", std::strerror(errno)));
  const bool done = ::fchmod(fd, mode) == 0;
  const int cause = errno;
  ::close(fd);
  if (!done) return fail(ErrorCode::kIo, std::strerror(cause));
  return {};
}

}  // namespace personas::app
