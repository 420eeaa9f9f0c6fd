#include "personas/agents/demo.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "personas/agents/prompt.hpp"
#include "personas/agents/protocols.hpp"
#include "personas/agents/untrusted.hpp"

namespace personas::agents {
namespace {

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

}  // namespace

std::vector<DemoLine> demo_script(std::string_view prompt) {
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
