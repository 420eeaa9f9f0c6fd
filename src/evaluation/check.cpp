#include "personas/evaluation/check.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/pattern/pattern.hpp"

namespace personas::evaluation {
namespace {

std::string shown(std::string_view text) {
  return agents::clean_line(text, kMaxSeen);
}

// The text around a place, as evidence.
std::string around(std::string_view text, std::size_t at, std::size_t length) {
  constexpr std::size_t kContext = 60;
  std::size_t begin = at - std::min(at, kContext);
  while (begin < at && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) ++begin;
  const auto piece = text.substr(begin, at - begin + length + kContext);
  return (begin > 0 ? "…" : "") + agents::clean_line(piece, kMaxSeen);
}

std::string ending(std::string_view text) {
  constexpr std::size_t kTail = 200;
  if (text.empty()) return "the agent wrote nothing";
  std::size_t begin = text.size() - std::min(text.size(), kTail);
  while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) ++begin;
  return fmt::format("it ends: {}{}", begin > 0 ? "…" : "", shown(text.substr(begin)));
}

template <class T>
std::vector<const T*> effects_of(const agents::Transcript& transcript) {
  std::vector<const T*> found;
  for (const auto& effect : transcript.effects) {
    if (const auto* one = std::get_if<T>(&effect)) found.push_back(one);
  }
  return found;
}

std::string joined(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 20;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    out += (i == 0 ? "" : ", ") + shown(names[i]);
  }
  if (names.size() > kShown) out += fmt::format(" and {} more", names.size() - kShown);
  return out.empty() ? "none" : out;
}

// ---- the rules ---------------------------------------------------------------------------------

struct Found {
  bool passed = false;
  std::string seen = {};
};

Found contains(const Observed& o, const std::string& text) {
  const auto at = o.transcript.words.find(text);
  if (at == std::string::npos) return {false, ending(o.transcript.words)};
  return {true, around(o.transcript.words, at, text.size())};
}

Found matches(const Observed& o, const std::string& text) {
  const auto pattern = pattern::Pattern::compile(text);
  if (!pattern) return {false, pattern.error().message};
  std::string_view words = o.transcript.words;
  if (words.size() > kMaxMatched) words.remove_prefix(words.size() - kMaxMatched);
  const auto match = pattern->search(words);
  if (match.gave_up) return {false, "the pattern is too costly for this output; make it simpler"};
  if (!match.found) return {false, ending(words)};
  return {true, around(words, match.end, 0)};
}

// Of messages and memories.
template <class T>
Found spoken_of(const Observed& o, const std::string& text, std::string_view none) {
  std::vector<std::string> titles;
  for (const auto* one : effects_of<T>(o.transcript)) {
    std::string title;
    if constexpr (std::is_same_v<T, UserMessage>) {
      title = one->title.value_or("");
    } else {
      title = one->title;
    }
    if (title.contains(text) || one->content.contains(text)) {
      return {true, shown(title + ": " + one->content)};
    }
    titles.push_back(title.empty() ? one->content : title);
  }
  return {false, titles.empty() ? std::string(none) : joined(titles)};
}

Found event_emitted(const Observed& o, const std::string& type) {
  std::vector<std::string> types;
  for (const auto* event : effects_of<EmitEvent>(o.transcript)) types.push_back(event->type);
  return {std::ranges::find(types, type) != types.end(), joined(types)};
}

Found tool_called(const Observed& o, const std::string& name) {
  std::map<std::string, int> calls;
  for (const auto& tool : o.transcript.tools) ++calls[tool];
  std::vector<std::string> names;
  for (const auto& [tool, times] : calls) {
    names.push_back(times == 1 ? tool : fmt::format("{} ×{}", tool, times));
  }
  return {calls.contains(name), joined(names)};
}

Found accomplished(const Observed& o, bool wanted) {
  if (!o.outcome) return {false, "the agent did not assess its outcome"};
  return {o.outcome->accomplished == wanted,
          shown((o.outcome->accomplished ? "accomplished: " : "not accomplished: ") +
                o.outcome->summary)};
}

Found review_asked(const Observed& o, bool wanted) {
  std::vector<std::string> titles;
  for (const auto* review : effects_of<ManualReview>(o.transcript)) titles.push_back(review->title);
  return {titles.empty() != wanted, joined(titles)};
}

Found within(double value, double limit, std::string seen) {
  return {value <= limit, std::move(seen)};
}

// The rules in one table: name, what is expected as text, and the check.
struct Rule {
  std::string_view name;
  std::optional<std::string> (*expected)(const Expectation& e);
  Found (*check)(const Expectation& e, const Observed& o);
};

template <class T>
std::optional<std::string> text_of(const std::optional<T>& value) {
  if (!value) return std::nullopt;
  if constexpr (std::is_same_v<T, std::string>) {
    return *value;
  } else {
    return fmt::format("{}", *value);
  }
}

const std::array kRules{
    Rule{"outputContains", [](const auto& e) { return text_of(e.output_contains); },
         [](const auto& e, const auto& o) { return contains(o, *e.output_contains); }},
    Rule{"outputMatches", [](const auto& e) { return text_of(e.output_matches); },
         [](const auto& e, const auto& o) { return matches(o, *e.output_matches); }},
    Rule{"messageContains", [](const auto& e) { return text_of(e.message_contains); },
         [](const auto& e, const auto& o) {
           return spoken_of<UserMessage>(o, *e.message_contains, "it told its user nothing");
         }},
    Rule{"eventEmitted", [](const auto& e) { return text_of(e.event_emitted); },
         [](const auto& e, const auto& o) { return event_emitted(o, *e.event_emitted); }},
    Rule{"memoryStored", [](const auto& e) { return text_of(e.memory_stored); },
         [](const auto& e, const auto& o) {
           return spoken_of<AgentMemory>(o, *e.memory_stored, "it stored nothing");
         }},
    Rule{"toolCalled", [](const auto& e) { return text_of(e.tool_called); },
         [](const auto& e, const auto& o) { return tool_called(o, *e.tool_called); }},
    Rule{"toolNotCalled", [](const auto& e) { return text_of(e.tool_not_called); },
         [](const auto& e, const auto& o) {
           auto found = tool_called(o, *e.tool_not_called);
           found.passed = !found.passed;
           return found;
         }},
    Rule{"accomplished", [](const auto& e) { return text_of(e.accomplished); },
         [](const auto& e, const auto& o) { return accomplished(o, *e.accomplished); }},
    Rule{"notAccomplished", [](const auto& e) { return text_of(e.not_accomplished); },
         [](const auto& e, const auto& o) { return accomplished(o, !*e.not_accomplished); }},
    Rule{"reviewAsked", [](const auto& e) { return text_of(e.review_asked); },
         [](const auto& e, const auto& o) { return review_asked(o, *e.review_asked); }},
    Rule{"maxCostUsd", [](const auto& e) { return text_of(e.max_cost_usd); },
         [](const auto& e, const auto& o) {
           const double cost = o.cost_usd.value_or(0);
           return within(cost, *e.max_cost_usd,
                         o.cost_usd ? fmt::format("{:.4f}", cost) : "its backend names no cost");
         }},
    Rule{"maxDurationMs", [](const auto& e) { return text_of(e.max_duration_ms); },
         [](const auto& e, const auto& o) {
           return within(static_cast<double>(o.duration_ms),
                         static_cast<double>(*e.max_duration_ms), std::to_string(o.duration_ms));
         }},
    Rule{"maxTurns", [](const auto& e) { return text_of(e.max_turns); },
         [](const auto& e, const auto& o) {
           return within(static_cast<double>(o.turns), static_cast<double>(*e.max_turns),
                         o.turns > 0 ? std::to_string(o.turns) : "its backend counts no turns");
         }},
};

}  // namespace

std::vector<FieldError> problems_of(const std::vector<Expectation>& expectations,
                                    std::string_view prefix) {
  std::vector<FieldError> problems;
  int judges = 0;
  for (std::size_t i = 0; i < expectations.size(); ++i) {
    const auto& one = expectations[i];
    const auto path = fmt::format("{}/{}", prefix, i);
    auto named = std::ranges::count_if(
        kRules, [&one](const Rule& rule) { return rule.expected(one).has_value(); });
    if (one.judge) {
      ++named;
      if (++judges == 2) problems.push_back({path + "/judge", "there is a judge already"});
    }
    if (named != 1) {
      problems.push_back({path, named == 0 ? "names no rule, such as outputContains"
                                           : "names several rules; give each its own entry"});
    }
    if (!one.output_matches) continue;
    const auto pattern = pattern::Pattern::compile(*one.output_matches);
    if (!pattern) problems.push_back({path + "/outputMatches", pattern.error().message});
  }
  return problems;
}

std::vector<Check> check(const std::vector<Expectation>& expectations, const Observed& observed) {
  std::vector<Check> checks;
  for (const auto& one : expectations) {
    for (const auto& rule : kRules) {
      const auto expected = rule.expected(one);
      if (!expected) continue;
      auto found = rule.check(one, observed);
      checks.push_back({.rule = std::string(rule.name),
                        .expected = shown(*expected),
                        .passed = found.passed,
                        .seen = std::move(found.seen)});
    }
  }
  return checks;
}

bool all_passed(const std::vector<Check>& checks) {
  return std::ranges::all_of(checks, &Check::passed);
}

std::vector<Comparison> compare(const std::vector<TestResult>& results,
                                const std::vector<TestResult>& before) {
  std::vector<Comparison> all;
  for (const auto& result : results) {
    auto known = std::ranges::find(all, result.scenario_name, &Comparison::scenario_name);
    if (known == all.end()) {
      all.emplace_back();
      all.back().scenario_name = result.scenario_name;
      known = all.end() - 1;
    }
    ++known->total;
    if (result.verdict == Verdict::kPassed) ++known->passed;
  }
  for (const auto& result : before) {
    const auto known = std::ranges::find(all, result.scenario_name, &Comparison::scenario_name);
    if (known == all.end()) continue;
    known->total_before = known->total_before.value_or(0) + 1;
    known->passed_before =
        known->passed_before.value_or(0) + (result.verdict == Verdict::kPassed ? 1 : 0);
  }
  for (auto& one : all) {
    if (!one.total_before) continue;
    // As shares, because the number of repetitions may differ.
    const auto now = one.passed * *one.total_before;
    const auto then = *one.passed_before * one.total;
    one.change = now > then ? Change::kFixed : now < then ? Change::kBroken : Change::kSame;
  }
  return all;
}

}  // namespace personas::evaluation
