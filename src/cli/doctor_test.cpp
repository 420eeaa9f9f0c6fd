#include "doctor.hpp"

#include <algorithm>

#include "doctor_checks.hpp"
#include "test_world.hpp"

namespace personas::cli {
namespace {

constexpr Timestamp kNow{1'800'000'000'000'000};

FileFacts file(std::string path, unsigned mode, FileFacts::Kind kind = FileFacts::Kind::kFile) {
  FileFacts facts;
  facts.kind = kind;
  facts.path = std::move(path);
  facts.mode = mode;
  return facts;
}

// Where everything is as it should be.
Seen healthy() {
  Seen seen;
  seen.now = kNow;
  seen.our_version = "1.0";
  seen.attached = Attached::kTerminal;
  seen.server.version = "1.0";
  seen.server.token_configured = true;
  seen.server.workers.push_back({"local", "namespaces", "1.0", 2});
  auto& m = seen.machine;
  m.data_folder = file("data", 0700, FileFacts::Kind::kFolder);
  m.database = file("data/personas.db", 0600);
  m.key_files = {file("data/team.key", 0600)};
  m.key_check = MachineFacts::KeyCheck::kDone;
  m.disk_free_bytes = m.disk_total_bytes = std::int64_t{100} << 30;
  m.file_system = "ext4";
  m.fsync = microseconds(800);
  m.namespaces = MachineFacts::Namespaces::kWork;
  m.bubblewrap = "/usr/bin/bwrap";
  m.memory_bytes = std::int64_t{8} << 30;
  m.terminal_type = "xterm";
  m.locale = "C.UTF-8";
  return seen;
}

std::vector<Finding> look(const Seen& seen, std::string_view id) {
  const auto checks = doctor_checks();
  const auto found = std::ranges::find(checks, id, &Check::id);
  EXPECT_NE(found, checks.end()) << id;
  return found == checks.end() ? std::vector<Finding>() : found->look(seen);
}

Finding only(const Seen& seen, std::string_view id) {
  auto findings = look(seen, id);
  EXPECT_EQ(findings.size(), 1U) << id;
  return findings.empty() ? Finding() : findings[0];
}

TEST(DoctorChecks, OfAHealthyWorldEverythingIsGood) {
  for (const auto& check : doctor_checks()) {
    for (const auto& finding : check.look(healthy())) {
      EXPECT_EQ(finding.verdict, Verdict::kOk) << check.id << ": " << finding.means;
      EXPECT_EQ(finding.cure, "") << check.id;
    }
  }
}

TEST(DoctorChecks, EveryTroubleHasItsCure) {
  struct Case {
    std::string_view id;
    Verdict verdict;
    std::string_view words;
    void (*spoil)(Seen&);
  };
  constexpr auto kProblem = Verdict::kProblem;
  constexpr auto kNote = Verdict::kNote;
  const std::vector<Case> cases{
      {"server.reachable", kProblem, "personas up",
       [](Seen& s) { s.server.health = Error{ErrorCode::kUnavailable, "refused", {}}; }},
      {"server.reachable", kProblem, "disk is full",
       [](Seen& s) { s.server.trouble = "store: the disk is full"; }},
      {"server.key", kProblem, "TEAM_API_KEY",
       [](Seen& s) { s.server.access = Error{ErrorCode::kUnauthorized, "Wrong key", {}}; }},
      {"server.workers", kProblem, "personas worker", [](Seen& s) { s.server.workers.clear(); }},
      {"server.workers", kNote, "without a sandbox",
       [](Seen& s) { s.server.workers[0].sandbox = "none"; }},
      {"server.workers", kNote, "version of the server",
       [](Seen& s) { s.server.workers[0].version = "0.9"; }},
      {"server.token", kNote, "personas connect claude",
       [](Seen& s) { s.server.token_configured = false; }},
      {"server.token", kProblem, "expired", [](Seen& s) { s.server.token_expires = s.now; }},
      {"server.token", kNote, "expires in 3d",
       [](Seen& s) { s.server.token_expires = s.now + hours(73); }},
      {"data.settings", kProblem, "http-port",
       [](Seen& s) { s.machine.settings_problems = {{"http-port", "is no number"}}; }},
      {"data.folder", kProblem, "chmod 0700", [](Seen& s) { s.machine.data_folder.mode = 0755; }},
      {"data.folder", kProblem, "another user",
       [](Seen& s) { s.machine.data_folder.owner = FileFacts::Owner::kSomebodyElse; }},
      {"data.keys", kProblem, "chmod 0600", [](Seen& s) { s.machine.key_files[0].mode = 0644; }},
      {"data.master_key", kProblem, "MASTER_KEY",
       [](Seen& s) { s.machine.master_key = Error{ErrorCode::kWrongMasterKey, "Wrong", {}}; }},
      {"data.space", kProblem, "almost full", [](Seen& s) { s.machine.disk_free_bytes = 1; }},
      {"data.sync", kNote, "hardly reaches", [](Seen& s) { s.machine.fsync = microseconds(3); }},
      {"data.sync", kNote, "in memory", [](Seen& s) { s.machine.file_system = "tmpfs"; }},
      {"agents.sandbox", kProblem, "apt-get install bubblewrap",
       [](Seen& s) {
         s.machine.namespaces = MachineFacts::Namespaces::kRefused;
         s.machine.bubblewrap.clear();
       }},
      {"agents.sandbox", kProblem, "AppArmor",
       [](Seen& s) {
         s.machine.namespaces = MachineFacts::Namespaces::kRefused;
         s.machine.apparmor_restricts = true;
       }},
      {"agents.programs", kNote, "npm install",
       [](Seen& s) { s.machine.programs = {{"claude", "", "", "npm install it"}}; }},
      {"agents.programs", kProblem, "newer Node",
       [](Seen& s) { s.machine.programs = {{"gemini", "/bin/gemini", "", "needs a newer Node"}}; }},
      {"machine.clock", kNote, "set-ntp",
       [](Seen& s) { s.machine.clock_problem = "Nobody keeps the clock"; }},
      {"machine.limits", kProblem, "ulimit -v",
       [](Seen& s) { s.machine.max_address_space = 1 << 30; }},
      {"machine.limits", kNote, "ulimit -n", [](Seen& s) { s.machine.max_open_files = 256; }},
      {"network.certificate", kProblem, "expired",
       [](Seen& s) { s.machine.certificate_expires = s.now; }},
      {"machine.terminal", kNote, "LANG", [](Seen& s) { s.machine.locale = "C"; }},
  };
  for (const auto& [id, verdict, words, spoil] : cases) {
    Seen seen = healthy();
    spoil(seen);
    const auto finding = only(seen, id);
    EXPECT_EQ(finding.verdict, verdict) << id << ": " << finding.means;
    EXPECT_NE((finding.means + finding.cure).find(words), std::string::npos)
        << id << ": " << finding.means << " / " << finding.cure;
    EXPECT_NE(finding.cure, "") << id;
  }
}

TEST(DoctorChecks, PortsMatterOnlyToAServerThatIsNotThereYet) {
  Seen seen = healthy();
  seen.machine.ports = {{"HTTP API", 3001, PortFacts::State::kTaken, "nginx (pid 7)"}};
  EXPECT_TRUE(look(seen, "network.ports").empty());
  seen.server.health = Error{ErrorCode::kUnavailable, "refused", {}};
  EXPECT_NE(only(seen, "network.ports").means.find("nginx (pid 7)"), std::string::npos);
}

TEST(DoctorChecks, AStuckQueueSaysWhyAndAParkedRunIsNotStuck) {
  Seen seen = healthy();
  Execution execution;
  execution.id = ExecutionId("exe_1");
  execution.queued_at = kNow - minutes(20);
  execution.waiting_for = "a worker with codex";
  seen.server.waiting = {execution};
  EXPECT_NE(only(seen, "server.queue").means.find("20m for: a worker with codex"),
            std::string::npos);
  seen.server.waiting[0].parked = Parked::kQuota;
  EXPECT_EQ(only(seen, "server.queue").verdict, Verdict::kOk);
}

class FakeMachine final : public Machine {
 public:
  MachineFacts examine() override { return facts; }
  Result<void> set_mode(const std::string& path, unsigned mode) override {
    for (auto& key : facts.key_files) {
      if (key.path == path) key.mode = mode;
    }
    return {};
  }
  MachineFacts facts = healthy().machine;
};

TEST(Doctor, ExitCodeAndJsonSayHowItIsWithoutAServer) {
  World world;
  FakeMachine machine;
  world.machine = &machine;
  world.server.is_down = true;
  EXPECT_EQ(world.run({"doctor"}), 1);
  EXPECT_NE(world.terminal.output.find("personas up"), std::string::npos);
  world.terminal.output.clear();
  EXPECT_EQ(world.run({"doctor", "--json"}), 1);
  const auto report = boost::json::parse(world.terminal.output).as_object();
  EXPECT_EQ(report.at("status"), "problem");
  EXPECT_EQ(report.at("findings").as_array().at(0).as_object().at("id"), "server.reachable");
}

TEST(Doctor, MendsWhatIsSafeAndLooksAgain) {
  World world;
  FakeMachine machine;
  machine.facts.key_files[0].mode = 0644;
  world.machine = &machine;
  world.server.answer("GET /health", R"({"status":"ok","version":"1.0"})");
  world.server.answer("GET /api/status",
                      R"({"workers":[{"workerId":"w","sandbox":"namespaces","slots":1}],)"
                      R"("queue":{"queued":0},"token":{"configured":true}})");
  EXPECT_EQ(world.run({"doctor"}), 1) << world.terminal.output;
  EXPECT_EQ(world.run({"doctor", "--fix"}), 0) << world.terminal.output;
  EXPECT_NE(world.terminal.errors.find("data/team.key has mode 0600 now"), std::string::npos);
}

}  // namespace
}  // namespace personas::cli
