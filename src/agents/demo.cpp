#include "personas/agents/demo.hpp"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "personas/agents/prompt.hpp"
#include "personas/agents/protocols.hpp"
#include "personas/agents/untrusted.hpp"
#include "personas/codec/json.hpp"

namespace personas::agents {
namespace {

namespace bj = boost::json;

constexpr Duration kPause = milliseconds(150);
constexpr std::size_t kQuotedBytes = 160;

std::string line_of(const Effect& effect) {
  return fmt::format("{{\"{}\":{}}}", key_of(effect), payload_of(effect));
}

// What the user asked for: an assembled prompt ends with it.
std::string_view task_of(std::string_view prompt) {
  const std::size_t heading = prompt.rfind(kExecuteNowHeading);
  std::string_view task = heading == std::string_view::npos ? prompt : prompt.substr(heading);
  const std::size_t label = task.find(kTaskLabel);
  if (heading != std::string_view::npos && label != std::string_view::npos) {
    task.remove_prefix(label + kTaskLabel.size());
  }
  task = task.substr(0, task.rfind(kContinuationHeading));
  while (!task.empty() && (task.front() == '\n' || task.front() == ' ')) task.remove_prefix(1);
  while (!task.empty() && (task.back() == '\n' || task.back() == ' ')) task.remove_suffix(1);
  return task;
}

bool mentions_review(std::string_view text) {
  constexpr std::string_view kWord = "review";
  const auto found = std::ranges::search(
      text, kWord, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
  return !found.empty();
}

// ---- a draft of a persona ----------------------------------------------------------------------

std::string_view wanted_in(std::string_view prompt) {
  const std::size_t label = prompt.find(kDesignLabel);
  if (label == std::string_view::npos) return {};
  const auto wanted = prompt.substr(label + kDesignLabel.size());
  return wanted.substr(0, wanted.find(kDesignEnd));
}

constexpr std::size_t kNameWords = 5;

// The first words of the description, as a name: "[demo] Watch our open issues".
std::string demo_name(std::string_view wanted) {
  std::string name = "[demo]";
  std::string line = clean_line(wanted, kQuotedBytes);
  std::size_t words = 0;
  for (std::size_t at = 0; at < line.size() && words < kNameWords; ++words) {
    const std::size_t end = std::min(line.find(' ', at), line.size());
    const std::string word = line.substr(at, end - at);
    at = end + 1;
    if (word.empty()) continue;
    name += " " + word;
    if (std::string_view(".:;,!?").contains(word.back())) {
      name.pop_back();
      break;
    }
  }
  return name == "[demo]" ? "[demo] Unnamed persona" : name;
}

bj::object demo_draft(std::string_view wanted) {
  const std::string task = clean_text(wanted);
  return {
      {"persona",
       {{"name", demo_name(wanted)},
        {"description", clean_line(wanted, 4 * kQuotedBytes)},
        {"structuredPrompt",
         {{"identity",
           "You are an agent that does one task with care: " + clean_line(wanted, kQuotedBytes)},
          {"instructions", "What you were made for, in the words of your user:\n\n" + task},
          {"errorHandling", "When something fails, say what and why; never pretend it worked."}}},
        {"backend", "demo"}}},
      {"tools", bj::array()},
      {"triggers", {{{"type", "manual"}, {"why", "[demo] Start it by hand to see it run."}}}},
      {"connectors", bj::array()},
      {"feasibility",
       {{"score", 50},
        {"notes",
         {"[demo] A script wrote this draft from your words; no model has thought about them."}},
        {"risks", {"[demo] The persona runs on the demo backend, which does no real work."}},
        {"questions", {"[demo] Which backend shall it have? Set it to claude for real work."}}}}};
}

std::vector<DemoLine> design_script(std::string_view prompt) {
  return {{"[demo] I am a scripted demo agent; no model is asked.", kPause},
          {"[demo] I make a draft from the words of the description.", kPause},
          {codec::serialize(bj::object{{"persona_draft", demo_draft(wanted_in(prompt))}}), kPause}};
}

}  // namespace

std::vector<DemoLine> demo_script(std::string_view prompt) {
  if (prompt.starts_with(kDesignTitle)) return design_script(prompt);
  const auto task = task_of(prompt);
  std::string quote = clean_line(task, kQuotedBytes);
  if (quote.empty()) quote = "(no task was given)";

  std::vector<DemoLine> lines;
  const auto say = [&lines](std::string text) {
    lines.push_back({"[demo] " + std::move(text), kPause});
  };
  const auto act = [&lines](const Effect& effect) { lines.push_back({line_of(effect), kPause}); };

  say("I am a scripted demo agent; no model is asked and nothing is really done.");
  say("My task: " + quote);
  act(ExecutionFlow{{{"1", "[demo] Read the task", "done"},
                     {"2", "[demo] Pretend to work on it", "done"},
                     {"3", "[demo] Report", "done"}}});
  act(UserMessage{.content = "[demo] A scripted demo agent looked at: " + quote,
                  .title = "[demo] Hello from the demo agent",
                  .content_type = ContentType::kSuccess});
  act(AgentMemory{.title = "[demo] The demo agent ran",
                  .content = "[demo] Last task: " + quote,
                  .category = MemoryCategory::kFact,
                  .importance = 1,
                  .tags = {"demo"}});
  if (mentions_review(task)) {
    act(ManualReview{.title = "[demo] May the demo go on?",
                     .description = "[demo] The task mentions a review, so the demo asks for one.",
                     .severity = Severity::kLow,
                     .context_data = {},
                     .suggested_actions = {"approve", "reject"}});
  }
  act(EmitEvent{.type = "demo.finished", .data = codec::RawJson{R"({"demo":true})"}});
  act(OutcomeAssessment{
      .accomplished = true, .summary = "[demo] The demo script ran to its end.", .blockers = {}});
  say("That was all. Set the persona's backend to claude for a real agent.");
  return lines;
}

}  // namespace personas::agents
