#include "person.hpp"

#include <filesystem>
#include <stdlib.h>
#include <unistd.h>

#include "personas/os/brief_run.hpp"
#include "personas/os/files.hpp"
#include "personas/os/terminal.hpp"

#include "programs.hpp"

namespace personas::app {
namespace {

constexpr Duration kTrialLimit = seconds(90);

// What a program of the person needs of their environment; nothing of ours.
constexpr const char* kHandedOn[] = {"PATH",     "LANG",
                                     "TERM",     "HTTPS_PROXY",
                                     "NO_PROXY", "NODE_EXTRA_CA_CERTS",
                                     "TMPDIR",   "ANTHROPIC_BASE_URL"};

std::map<std::string, std::string> handed_on(const World& world) {
  std::map<std::string, std::string> variables;
  for (const char* name : kHandedOn) {
    const auto found = world.environment.find(name);
    if (found != world.environment.end()) variables.insert(*found);
  }
  return variables;
}

// An empty folder that goes with this.
class TemporaryHome {
 public:
  TemporaryHome() {
    std::string name = (std::filesystem::temp_directory_path() / "personas-home-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TemporaryHome() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryHome(const TemporaryHome&) = delete;
  TemporaryHome& operator=(const TemporaryHome&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

cli::Attached Person::attached() const {
  return ::isatty(0) == 1 ? cli::Attached::kTerminal : cli::Attached::kOther;
}

Result<Secret> Person::ask(std::string_view question) {
  return os::ask_hidden(question);
}

std::string Person::find_agent(std::string_view backend) const {
  return find_agent_program(backend, world_.environment);
}

Result<Secret> Person::run_at_terminal(const std::vector<std::string>& command) {
  // Its log-in uses the person's own browser and settings.
  return os::run_at_terminal(command, world_.environment);
}

Person::Trial Person::run_unseen(const std::vector<std::string>& command,
                                 const std::map<std::string, std::string>& variables) {
  const TemporaryHome home;
  Trial trial;
  if (home.path().empty()) return trial;
  const auto written =
      os::write_private_file(home.path() + "/.claude.json", R"({"hasCompletedOnboarding":true})");
  if (!written) return trial;
  auto environment = handed_on(world_);
  environment["HOME"] = home.path();
  for (const auto& [name, value] : variables) environment[name] = value;
  auto answers = os::run_briefly({command}, environment, kTrialLimit);
  for (auto& [name, value] : environment) wipe(value);
  using Ending = os::BriefRun::Ending;
  auto& answer = answers.front();
  trial.started = answer.ending != Ending::kNotStarted;
  trial.in_time = answer.ending != Ending::kTimedOut;
  trial.exit_code = answer.code;
  trial.out = std::move(answer.out);
  trial.err = std::move(answer.err);
  return trial;
}

}  // namespace personas::app
