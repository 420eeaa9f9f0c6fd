#include "doctor_checks.hpp"

#include <array>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"

#include "format.hpp"

namespace personas::cli {
namespace {

using Findings = std::vector<Finding>;

constexpr std::int64_t kGiB = std::int64_t{1} << 30;
constexpr std::int64_t kLittleSpace = 2 * kGiB;         // agents unpack and install things
constexpr std::int64_t kNoSpace = kGiB / 4;             // the database itself is soon in trouble
constexpr Duration kIncredibleSync = microseconds(15);  // no disk and no controller is so fast
constexpr Duration kSlowSync = milliseconds(50);
constexpr std::int64_t kFewDescriptors = 1'024;
constexpr std::int64_t kLittleMemory = kGiB;  // one agent CLI takes about a third of it
constexpr Duration kSoon = hours(24 * 14);
constexpr Duration kStuck = minutes(5);

Finding ok(std::string means) {
  return {Verdict::kOk, std::move(means), {}, {}};
}
Finding note(std::string means, std::string cure) {
  return {Verdict::kNote, std::move(means), std::move(cure), {}};
}
Finding problem(std::string means, std::string cure) {
  return {Verdict::kProblem, std::move(means), std::move(cure), {}};
}

std::string gib(std::int64_t bytes) {
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / static_cast<double>(kGiB));
}

// ---- server ----

Findings server_reachable(const Seen& seen) {
  const auto& server = seen.server;
  if (server.health) {
    return {problem(fmt::format("No server answers at {}: {}", server.url, server.health->message),
                    "start everything here with: personas up   (or name another: --url)")};
  }
  if (!server.trouble.empty()) {
    return {problem(
        fmt::format("The server at {} answers but is not well: {}", server.url, server.trouble),
        "its log says more; make room if the disk is full")};
  }
  return {ok(fmt::format("The server at {} answers", server.url))};
}

Findings server_version(const Seen& seen) {
  if (!seen.server_answers()) return {};
  if (seen.server.version == seen.our_version) {
    return {ok("Server and command line are both version " + seen.our_version)};
  }
  return {note(fmt::format("The server is version {}, this command line is {}", seen.server.version,
                           seen.our_version),
               "use the same version on both sides")};
}

Findings server_access(const Seen& seen) {
  if (!seen.server_answers()) return {};
  if (!seen.server.access) return {ok("The key is accepted")};
  return {problem(seen.server.access->message,
                  "set TEAM_API_KEY to the server's key, or run this where its data folder is")};
}

Findings workers(const Seen& seen) {
  if (!seen.server_answers() || seen.server.access) return {};
  if (seen.server.workers.empty()) {
    return {problem("No worker is connected: nothing can run",
                    "`personas up` starts one; elsewhere: personas worker --orchestrator-url …")};
  }
  Findings out;
  for (const auto& worker : seen.server.workers) {
    const std::string what = fmt::format("Worker {} is connected with {} slot{}", worker.id,
                                         worker.slots, worker.slots == 1 ? "" : "s");
    if (worker.sandbox == "none") {
      out.push_back(note(what + ", without a sandbox: its agents see the whole machine",
                         "see the findings on the sandbox, on the worker's machine"));
    } else if (!worker.version.empty() && worker.version != seen.server.version) {
      out.push_back(note(fmt::format("{}, but is version {}", what, worker.version),
                         "use the version of the server, " + seen.server.version));
    } else {
      out.push_back(ok(what));
    }
  }
  return out;
}

Findings provider_token(const Seen& seen) {
  if (!seen.server_answers() || seen.server.access) return {};
  if (!seen.server.token_configured) {
    return {note("No token of a model provider is configured: only the demo agent can run",
                 "hand one in with: personas connect claude")};
  }
  const auto expires = seen.server.token_expires;
  if (expires && *expires <= seen.now) {
    return {problem("The provider's token has expired", "renew it with: personas connect claude")};
  }
  if (expires && *expires - seen.now < kSoon) {
    return {note(fmt::format("The provider's token expires in {}", age(*expires - seen.now)),
                 "renew it with: personas connect claude")};
  }
  return {ok("A token of the model provider is configured")};
}

Findings queue(const Seen& seen) {
  if (!seen.server_answers() || seen.server.access) return {};
  Findings out;
  for (const auto& execution : seen.server.waiting) {
    // A parked one waits for what it says it waits for.
    if (execution.parked || seen.now - execution.queued_at < kStuck) continue;
    const auto reason = agents::clean_line(execution.waiting_for.value_or("its turn"), 300);
    out.push_back(note(fmt::format("{} has waited {} for: {}", execution.id.str(),
                                   age(seen.now - execution.queued_at), reason),
                       "personas show " + execution.id.str()));
  }
  if (out.empty()) {
    out.push_back(ok(seen.server.queued == 0
                         ? std::string("Nothing waits in the queue")
                         : fmt::format("{} in the queue, none for long", seen.server.queued)));
  }
  return out;
}

// ---- data ----

Findings settings_valid(const Seen& seen) {
  Findings out;
  for (const auto& field : seen.machine.settings_problems) {
    out.push_back(problem(field.path.empty() ? field.message : field.path + ": " + field.message,
                          "correct it there; docs/settings.md has them all"));
  }
  if (out.empty()) out.push_back(ok("The settings are valid"));
  return out;
}

// What is wrong with who may read a file; nothing if it is right.
std::optional<Finding> privacy(const FileFacts& file, unsigned wanted) {
  if (file.kind == FileFacts::Kind::kUnreadable) {
    return problem(fmt::format("{} cannot be looked at", file.path), "run this as its owner");
  }
  if (file.owner == FileFacts::Owner::kSomebodyElse) {
    return problem(fmt::format("{} belongs to another user", file.path),
                   fmt::format("chown it to who runs the server: sudo chown $USER {}", file.path));
  }
  if ((file.mode & 077U) == 0) return std::nullopt;
  Finding finding = problem(fmt::format("{} is open to others (mode {:04o})", file.path, file.mode),
                            fmt::format("chmod {:04o} {}   (--fix does it)", wanted, file.path));
  finding.fix = ModeFix{file.path, wanted};
  return finding;
}

Findings data_folder(const Seen& seen) {
  const auto& folder = seen.machine.data_folder;
  if (folder.kind == FileFacts::Kind::kAbsent) {
    if (seen.server_answers()) return {};
    return {ok(fmt::format("{} does not exist yet; the first start makes it", folder.path))};
  }
  if (folder.kind == FileFacts::Kind::kFile) {
    return {problem(folder.path + " is a file, not a folder", "name another with --data-dir")};
  }
  if (auto finding = privacy(folder, 0700)) return {*finding};
  return {ok(folder.path + " is there, for its owner alone")};
}

Findings key_files(const Seen& seen) {
  Findings out;
  int present = 0;
  for (const auto& key : seen.machine.key_files) {
    if (key.kind == FileFacts::Kind::kAbsent) continue;
    ++present;
    if (auto finding = privacy(key, 0600)) out.push_back(*finding);
  }
  if (out.empty() && present > 0) {
    out.push_back(ok(
        fmt::format("{} key file{} for the owner alone", present, present == 1 ? " is" : "s are")));
  }
  return out;
}

Findings master_key(const Seen& seen) {
  using KeyCheck = MachineFacts::KeyCheck;
  if (seen.machine.key_check == KeyCheck::kNothingToCheck) return {};
  if (seen.machine.key_check == KeyCheck::kInUse) {
    return {ok(fmt::format("The running server (pid {}) has opened the database with its key",
                           seen.machine.server_pid))};
  }
  if (!seen.machine.master_key) return {ok("The master key fits the database")};
  const auto& error = *seen.machine.master_key;
  const auto* cure = error.code == ErrorCode::kWrongMasterKey
                         ? "give the key the database was made with (MASTER_KEY or master.key)"
                     : error.code == ErrorCode::kCorrupt ? "restore the data folder from a backup"
                                                         : "see the message";
  return {problem(error.message, cure)};
}

Findings disk_space(const Seen& seen) {
  const auto& m = seen.machine;
  if (m.disk_total_bytes == 0) return {};
  const std::string free =
      fmt::format("{} of {} free", gib(m.disk_free_bytes), gib(m.disk_total_bytes));
  if (m.disk_free_bytes < kNoSpace) {
    return {
        problem("The disk is almost full: " + free, "make room; writes are refused at the end")};
  }
  if (m.disk_free_bytes < kLittleSpace)
    return {note("Little room on the disk: " + free, "make room")};
  return {ok(free + " on the disk")};
}

Findings disk_sync(const Seen& seen) {
  const auto& m = seen.machine;
  if (m.file_system == "tmpfs" || m.file_system == "ramfs") {
    return {note("The data is in memory (" + m.file_system + "): a restart of the machine loses it",
                 "put --data-dir on a disk")};
  }
  if (m.file_system == "nfs" || m.file_system == "cifs" || m.file_system == "9p") {
    return {note("The data is on a network file system (" + m.file_system + ")",
                 "put --data-dir on a local disk: locks and fsync are not dependable there")};
  }
  if (!m.fsync) return {};
  const auto took = fmt::format("{:.2f} ms", static_cast<double>(m.fsync->count()) / 1'000.0);
  if (*m.fsync < kIncredibleSync) {
    return {note(fmt::format("fsync returns after {}: it hardly reaches a disk", took),
                 "is a library like eatmydata preloaded, or the disk's write cache volatile?")};
  }
  if (*m.fsync > kSlowSync) {
    return {note(fmt::format("fsync takes {}: acknowledgements wait for it", took),
                 "a faster disk for --data-dir makes everything faster")};
  }
  return {ok(fmt::format("fsync takes {}, like a disk", took))};
}

Findings clock(const Seen& seen) {
  if (!seen.machine.clock_problem) return {ok("The clock is synchronised")};
  return {note(*seen.machine.clock_problem,
               "sudo timedatectl set-ntp true   (or let the machine's host do it)")};
}

Findings ports(const Seen& seen) {
  // A server that answers, or one that starts, has them.
  if (seen.server_answers() || !seen.machine.server_pid.empty()) return {};
  Findings out;
  for (const auto& port : seen.machine.ports) {
    if (port.state == PortFacts::State::kFree) continue;
    out.push_back(problem(
        fmt::format("Port {} ({}) is in use{}", port.port, port.purpose,
                    port.holder.empty() ? " by a process of another user" : " by " + port.holder),
        "end that, or choose another with --http-port, --ws-port"));
  }
  if (out.empty() && !seen.machine.ports.empty()) out.push_back(ok("The ports are free"));
  return out;
}

Findings certificate(const Seen& seen) {
  const auto& m = seen.machine;
  if (!m.certificate_problem.empty()) {
    return {problem(m.certificate_problem, "name a PEM file with --tls-cert")};
  }
  if (!m.certificate_expires) return {};
  const Duration left = *m.certificate_expires - seen.now;
  if (left <= Duration(0)) {
    return {problem(
        "The TLS certificate expired on " + to_rfc3339(*m.certificate_expires).substr(0, 10),
        "renew it; clients refuse it")};
  }
  if (left < kSoon) {
    return {note(fmt::format("The TLS certificate expires in {}", age(left)), "renew it")};
  }
  return {ok(fmt::format("The TLS certificate is valid for {}", age(left)))};
}

// ---- agents ----

Findings programs(const Seen& seen) {
  Findings out;
  for (const auto& program : seen.machine.programs) {
    if (program.path.empty()) {
      out.push_back(note(fmt::format("{} is not installed here", program.name), program.problem));
    } else if (!program.problem.empty()) {
      out.push_back(problem(fmt::format("{} ({}) does not run", program.name, program.path),
                            program.problem));
    } else {
      out.push_back(ok(fmt::format("{} {} ({})", program.name, program.version, program.path)));
    }
  }
  return out;
}

Findings sandbox(const Seen& seen) {
  const auto& m = seen.machine;
  if (m.namespaces == MachineFacts::Namespaces::kWork)
    return {ok("Agents are confined: " + m.sandbox_detail)};
  if (m.bubblewrap.empty()) {
    return {problem("bubblewrap is not installed: agents run unconfined, or not at all",
                    "sudo apt-get install bubblewrap")};
  }
  if (m.apparmor_restricts) {
    return {problem("AppArmor forbids user namespaces to programs without a profile (Ubuntu): " +
                        m.sandbox_detail,
                    "sudo apt-get install apparmor-profiles && sudo ln -s "
                    "/usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ && "
                    "sudo systemctl reload apparmor   (or, for the whole machine: sudo sysctl "
                    "kernel.apparmor_restrict_unprivileged_userns=0)")};
  }
  if (m.user_namespaces_off) {
    return {
        problem("This kernel forbids user namespaces to users: " + m.sandbox_detail,
                "sudo sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000")};
  }
  return {problem(m.sandbox_detail,
                  "in a container: allow user namespaces and mounts (docker: --security-opt "
                  "seccomp=unconfined --security-opt systempaths=unconfined), or accept it with "
                  "--sandbox none")};
}

// ---- machine ----

Findings limits(const Seen& seen) {
  const auto& m = seen.machine;
  Findings out;
  if (m.max_open_files > 0 && m.max_open_files < kFewDescriptors) {
    out.push_back(note(fmt::format("At most {} open files are allowed", m.max_open_files),
                       "ulimit -n 65536, or LimitNOFILE= of the service"));
  }
  if (m.max_address_space > 0) {
    out.push_back(problem(fmt::format("Processes may address {} only: agent CLIs reserve far more",
                                      gib(m.max_address_space)),
                          "ulimit -v unlimited"));
  }
  const bool limited = m.cgroup_memory_bytes > 0 && m.cgroup_memory_bytes < m.memory_bytes;
  const std::int64_t memory = limited ? m.cgroup_memory_bytes : m.memory_bytes;
  if (memory > 0 && memory < kLittleMemory) {
    out.push_back(note(fmt::format("{} of memory{}: an agent CLI takes a third of a GiB",
                                   gib(memory), limited ? " are allowed here" : ""),
                       "fewer slots with --worker-slots, or more memory"));
  }
  if (out.empty() && memory > 0) {
    out.push_back(ok(fmt::format("{} of memory{}, no limit in the way", gib(memory),
                                 limited ? " (limited by a control group)" : "")));
  }
  return out;
}

Findings terminal(const Seen& seen) {
  const auto& m = seen.machine;
  if (seen.attached == Attached::kOther) return {};
  if (m.terminal_type.empty() || m.terminal_type == "dumb") {
    return {note("The terminal cannot do more than print (TERM is " +
                     (m.terminal_type.empty() ? std::string("not set") : m.terminal_type) + ")",
                 "export TERM=xterm-256color, if it can")};
  }
  const bool utf8 =
      m.locale.find("UTF-8") != std::string::npos || m.locale.find("utf8") != std::string::npos;
  if (!utf8) {
    return {note("The locale is not UTF-8: letters other than English may look wrong",
                 "export LANG=C.UTF-8")};
  }
  return {ok("The terminal does colours and UTF-8")};
}

constexpr std::array kChecks{Check{"server.reachable", "Server", &server_reachable},
                             Check{"server.version", "Server", &server_version},
                             Check{"server.key", "Server", &server_access},
                             Check{"server.workers", "Server", &workers},
                             Check{"server.token", "Server", &provider_token},
                             Check{"server.queue", "Server", &queue},
                             Check{"data.settings", "Data and settings", &settings_valid},
                             Check{"data.folder", "Data and settings", &data_folder},
                             Check{"data.keys", "Data and settings", &key_files},
                             Check{"data.master_key", "Data and settings", &master_key},
                             Check{"data.space", "Data and settings", &disk_space},
                             Check{"data.sync", "Data and settings", &disk_sync},
                             Check{"network.ports", "Network", &ports},
                             Check{"network.certificate", "Network", &certificate},
                             Check{"agents.programs", "Agents", &programs},
                             Check{"agents.sandbox", "Agents", &sandbox},
                             Check{"machine.clock", "Machine", &clock},
                             Check{"machine.limits", "Machine", &limits},
                             Check{"machine.terminal", "Machine", &terminal}};

}  // namespace

std::span<const Check> doctor_checks() {
  return kChecks;
}

}  // namespace personas::cli
