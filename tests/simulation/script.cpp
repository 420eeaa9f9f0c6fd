// What agents do, from the seed and the name of their attempt.
#include <algorithm>

#include <fmt/format.h>

#include "agents.hpp"

namespace personas::simulation {
namespace {

std::uint64_t hash_of(std::string_view text, std::uint64_t seed) {
  std::uint64_t hash = seed ^ 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

class Writer {
 public:
  Writer(const sandbox::Launch& launch, Random& random, bool calm)
      : name_(launch.label), random_(random), calm_(calm) {
    claude_ = launch.argv.front().ends_with("claude");
    resumed_ = std::ranges::find(launch.argv, "--resume") != launch.argv.end();
    session_ = fmt::format("00000000-0000-4000-8000-{:012x}",
                           hash_of(name_.substr(0, name_.rfind('/')), 1) & 0xffffffffffffULL);
  }

  Script write() {
    if (!calm_ && chance(random_, 2)) {
      script_.refused = chance(random_, 50) ? sandbox::Ending::kSandboxRefused
                                            : sandbox::Ending::kWorkspaceFailed;
      return script_;
    }
    // Some think for so long that their lease, their worker or the orchestrator ends meanwhile.
    thoughtful_ = chance(random_, 30);
    if (claude_) say_raw(init());
    const auto lines = random_.below(chance(random_, 10) ? 60 : 8);
    for (std::uint64_t i = 0; i < lines; ++i) line(i);
    end();
    return script_;
  }

 private:
  void line(std::uint64_t number) {
    const auto what = random_.below(20);
    if (what == 0) {
      say(R"({"user_message": {"content": "on it"}})");
    } else if (what == 1) {
      say(R"({"emit_event": {"type": "seen", "data": {"n": 1}}})");
    } else if (what == 2) {
      say(R"({"agent_memory": {"title": "a fact", "content": "it was so"}})");
    } else if (what == 3 && (!resumed_ || chance(random_, 10))) {
      say(R"({"manual_review": {"title": "May I?", "severity": "high"}})");
    } else if (what == 4) {
      step().err = name_ + ": a warning\n";
    } else if (what == 5) {
      say(R"({"execution_flow": {"flows": [{"step": "1", "action": "look", "status": "done"}]}})");
    } else if (what == 6) {
      say(fmt::format("{} {} {}", name_, number, std::string(random_.below(40'000), 'x')));
    } else {
      say(fmt::format("{} {} \xc3\xa4\xe2\x82\xac {:x}", name_, number, random_.next()));
    }
    if (claude_ && chance(random_, 30)) {
      script_.steps.back().session = fmt::format("{{\"line\":\"{} {}\"}}\n", name_, number);
    }
  }

  void end() {
    const auto how = calm_ ? 0 : random_.below(100);
    if (how >= 96) {
      script_.end = Script::End::kHang;
    } else if (how >= 92) {
      script_.end = Script::End::kSignal;
    } else if (how >= 84) {
      script_.exit_code = 1 + static_cast<int>(random_.below(3));
    } else if (how >= 76 && claude_) {
      say_raw(refusal());
      script_.exit_code = 1;
    } else {
      if (chance(random_, 30)) {
        say(R"({"outcome_assessment": {"accomplished": true, "summary": "done"}})");
      }
      if (claude_) say_raw(result());
    }
  }

  Script::Step& step() {
    const bool long_thought = chance(random_, thoughtful_ ? 40 : 4);
    const auto pause = long_thought ? between(random_, seconds(1), seconds(calm_ ? 4 : 45))
                                    : between(random_, microseconds(100), milliseconds(900));
    script_.steps.push_back({.pause = pause, .out = {}, .err = {}, .session = {}});
    return script_.steps.back();
  }
  void say_raw(std::string line) { step().out = std::move(line) + "\n"; }
  void say(const std::string& line) {
    if (!claude_) return say_raw(line);
    std::string text;
    for (const char c : line) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    say_raw(fmt::format(R"({{"type":"assistant","message":{{"id":"msg_{}","type":"message",)"
                        R"("role":"assistant","model":"claude-sim","content":[{{"type":"text",)"
                        R"("text":"{}\n"}}],"usage":{{"input_tokens":3,"output_tokens":5}}}},)"
                        R"("parent_tool_use_id":null,"session_id":"{}"}})",
                        script_.steps.size(), text, session_));
  }
  std::string init() const {
    return fmt::format(R"({{"type":"system","subtype":"init","cwd":"/workspace","session_id":"{}",)"
                       R"("tools":["Bash"],"mcp_servers":[],"model":"claude-sim",)"
                       R"("permissionMode":"bypassPermissions"}})",
                       session_);
  }
  std::string result() const {
    return fmt::format(R"({{"type":"result","subtype":"success","is_error":false,)"
                       R"("duration_ms":1,"num_turns":1,"result":"done","session_id":"{}",)"
                       R"("total_cost_usd":0.25,"usage":{{"input_tokens":3,"output_tokens":5}}}})",
                       session_);
  }
  std::string refusal() const {
    return fmt::format(
        R"({{"type":"result","subtype":"success","is_error":true,"api_error_status":429,)"
        R"("duration_ms":1,"num_turns":1,"result":"API Error: Request rejected (429) · This )"
        R"(request would exceed your rate limit","session_id":"{}","total_cost_usd":0,)"
        R"("usage":{{"input_tokens":0,"output_tokens":0}}}})",
        session_);
  }

  std::string name_;
  Random& random_;
  bool calm_;
  bool claude_ = false;
  bool resumed_ = false;
  bool thoughtful_ = false;
  std::string session_;
  Script script_;
};

}  // namespace

Script Agents::script_of(const sandbox::Launch& launch) const {
  SeededRandom random(hash_of(launch.label, seed_));
  auto script = Writer(launch, random, calm_).write();
  if (plants_.never_ends) script.end = Script::End::kHang;
  // A supervisor that sleeps is only seen while its agent goes on.
  for (auto& step : script.steps)
    step.pause += Duration(plants_.supervisor_sleeps ? seconds(5) : seconds(0));
  return script;
}

}  // namespace personas::simulation
