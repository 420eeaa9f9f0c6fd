#include "programs.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <unistd.h>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/os/brief_run.hpp"

namespace personas::app {
namespace {

using Environment = std::map<std::string, std::string>;
using os::BriefRun;

// The slowest starts within two seconds; a machine may be busy.
constexpr Duration kVersionLimit = seconds(10);
constexpr std::size_t kMaxVersion = 100;
constexpr std::size_t kMaxComplaint = 300;

// An agent CLI that can be found: where a person names it, where its path goes, how it is got.
struct Findable {
  std::string_view name;  // of the backend, and of the program on PATH
  std::string settings::Settings::* setting;
  std::string agents::Programs::* place;
  Secret settings::Settings::* token;
  const char* variable;  // of the setting
  std::string_view package;
};

constexpr std::array kFindable = {
    Findable{"claude", &settings::Settings::claude_path, &agents::Programs::claude,
             &settings::Settings::claude_token, "CLAUDE_PATH", "@anthropic-ai/claude-code"},
    Findable{"codex", &settings::Settings::codex_path, &agents::Programs::codex,
             &settings::Settings::openai_api_key, "CODEX_PATH", "@openai/codex"},
    Findable{"gemini", &settings::Settings::gemini_path, &agents::Programs::gemini,
             &settings::Settings::gemini_api_key, "GEMINI_PATH", "@google/gemini-cli"}};

// Addresses of the providers that are settings of ours.
struct Address {
  std::string settings::Settings::* setting;
  const char* variable;
};
constexpr std::array kAddresses = {
    Address{&settings::Settings::anthropic_base_url, "ANTHROPIC_BASE_URL"},
    Address{&settings::Settings::openai_base_url, "OPENAI_BASE_URL"},
    Address{&settings::Settings::gemini_base_url, "GOOGLE_GEMINI_BASE_URL"}};

bool is_program(const std::string& path) {
  return !path.empty() && ::access(path.c_str(), X_OK) == 0 &&
         std::filesystem::is_regular_file(path);
}

std::string find_on_path(std::string_view name, const Environment& environment) {
  const auto entry = environment.find("PATH");
  if (entry == environment.end()) return {};
  const std::string& path = entry->second;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find(':', start), path.size());
    const std::string candidate = fmt::format("{}/{}", path.substr(start, end - start), name);
    // An empty entry means the working directory, which is not a place to take programs from.
    if (end > start && is_program(candidate)) return candidate;
    start = end + 1;
  }
  return {};
}

// The folder of a program and, where it is a link, of what it points to.
void add_folders(const std::string& program, std::vector<std::string>& folders) {
  const std::filesystem::path path(program);
  folders.push_back(path.parent_path().string());
  std::error_code ignored;
  const auto real = std::filesystem::canonical(path, ignored);
  if (!ignored && real.parent_path() != path.parent_path()) {
    folders.push_back(real.parent_path().string());
  }
}

FoundProgram look_for(const Findable& program, const settings::Settings& settings,
                      const Environment& environment) {
  FoundProgram found;
  found.name = program.name;
  const std::string& named = settings.*program.setting;
  if (!named.empty()) {
    if (is_program(named)) {
      found.path = named;
    } else {
      found.problem = fmt::format("{} names {}, which is not a program that can be run",
                                  program.variable, named);
    }
    return found;
  }
  found.path = find_on_path(program.name, environment);
  if (found.path.empty()) {
    found.problem =
        fmt::format("not on PATH; npm install -g {}, or set {}", program.package, program.variable);
  }
  return found;
}

// "2.1.197 (Claude Code)", "codex-cli 0.169.0", "0.61.0": the first word that begins with a digit.
std::string version_in(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find(' ', start), text.size());
    const auto word = text.substr(start, end - start);
    if (!word.empty() && word[0] >= '0' && word[0] <= '9') {
      return agents::clean_line(word, kMaxVersion);
    }
    start = end + 1;
  }
  return agents::clean_line(text, kMaxVersion);
}

void take_answer(const BriefRun& answer, FoundProgram& found) {
  found.usable = FoundProgram::Usable::kYes;
  if (answer.ending == BriefRun::Ending::kExited && answer.code == 0) {
    found.version = version_in(answer.out);
  } else if (answer.ending == BriefRun::Ending::kTimedOut) {
    // Perhaps only slow today; a run has more time than we have here.
    found.problem = fmt::format("{} --version did not answer within {} s", found.path,
                                to_millis(kVersionLimit) / 1000);
  } else if (answer.ending == BriefRun::Ending::kNotStarted) {
    found.usable = FoundProgram::Usable::kNo;
    found.problem = fmt::format("{} cannot be started: {}", found.path, std::strerror(answer.code));
  } else {
    found.usable = FoundProgram::Usable::kNo;
    const auto& said = answer.err.empty() ? answer.out : answer.err;
    found.problem = fmt::format(
        "{} --version {} {}: {}", found.path,
        answer.ending == BriefRun::Ending::kExited ? "ended with exit code" : "died of signal",
        answer.code, agents::clean_line(said, kMaxComplaint));
  }
}

// A HOME for programs that write there even when they are only asked for their version.
class TemporaryHome {
 public:
  TemporaryHome() : path_((std::filesystem::temp_directory_path() / "personas-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  TemporaryHome(const TemporaryHome&) = delete;
  TemporaryHome& operator=(const TemporaryHome&) = delete;
  ~TemporaryHome() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  std::string path() const { return path_.empty() ? "/dev/null" : path_; }

 private:
  std::string path_;
};

}  // namespace

std::vector<FoundProgram> find_agent_programs(const settings::Settings& settings,
                                              const Environment& environment) {
  std::vector<FoundProgram> all;
  for (const auto& program : kFindable) all.push_back(look_for(program, settings, environment));

  std::vector<std::vector<std::string>> questions;
  for (const auto& found : all) {
    if (!found.path.empty()) questions.push_back({found.path, "--version"});
  }
  const TemporaryHome home;
  // Gemini CLI would start itself a second time, with more memory, before it answers.
  Environment asked{{"HOME", home.path()}, {"GEMINI_CLI_NO_RELAUNCH", "1"}};
  if (const auto path = environment.find("PATH"); path != environment.end()) asked.insert(*path);
  const auto answers = os::run_briefly(questions, asked, kVersionLimit);
  auto answer = answers.begin();
  for (auto& found : all) {
    if (!found.path.empty()) take_answer(*answer++, found);
  }
  return all;
}

Programs find_programs(const settings::Settings& settings, const Environment& environment,
                       const std::string& self) {
  Programs result;
  result.agents.self = self;
  result.backends = {"command", "demo"};
  add_folders(self, result.readable_paths);
  result.found = find_agent_programs(settings, environment);
  for (std::size_t i = 0; i < kFindable.size(); ++i) {
    const auto& found = result.found[i];
    if (found.usable == FoundProgram::Usable::kNo) continue;
    result.agents.*kFindable[i].place = found.path;
    result.backends.push_back(found.name);
    if (!found.version.empty()) result.versions[found.name] = found.version;
    add_folders(found.path, result.readable_paths);
  }
  // What a backend may be handed is its own list (agents/backends.cpp); this is what we have.
  for (const char* name :
       {"CLAUDE_CODE_MAX_RETRIES", "HTTPS_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS"}) {
    if (const auto value = environment.find(name); value != environment.end()) {
      result.environment[name] = value->second;
    }
  }
  for (const auto& address : kAddresses) {
    const std::string& value = settings.*address.setting;
    if (!value.empty()) result.environment[address.variable] = value;
  }
  for (const auto& program : kFindable) {
    const std::string_view token = (settings.*program.token).reveal();
    if (token.empty()) continue;
    result.environment[std::string(agents::token_variable(program.name, token))] = token;
  }
  return result;
}

std::string find_agent_program(std::string_view backend, const Environment& environment) {
  const auto* found = std::ranges::find(kFindable, backend, &Findable::name);
  if (found == kFindable.end()) return {};
  const auto named = environment.find(found->variable);
  if (named == environment.end()) return find_on_path(backend, environment);
  return is_program(named->second) ? named->second : std::string();
}

const Secret& provider_token(const settings::Settings& settings, std::string_view backend) {
  static const Secret kNone;
  const auto* found = std::ranges::find(kFindable, backend, &Findable::name);
  return found == kFindable.end() ? kNone : settings.*found->token;
}

void add_program_settings(const settings::Settings& settings, Environment& environment) {
  for (const auto& program : kFindable) {
    const std::string& path = settings.*program.setting;
    if (!path.empty()) environment[program.variable] = path;
  }
  for (const auto& address : kAddresses) {
    const std::string& value = settings.*address.setting;
    if (!value.empty()) environment[address.variable] = value;
  }
}

}  // namespace personas::app
