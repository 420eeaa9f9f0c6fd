// `personas show`: everything of one run on one page.
#include <memory>

#include "personas/agents/untrusted.hpp"
#include "personas/model/diagnosis.hpp"
#include "personas/model/signals.hpp"
#include "personas/model/turn.hpp"

#include "execution_view.hpp"
#include "format.hpp"
#include "registry.hpp"
#include "review_view.hpp"
#include "run_state.hpp"

namespace personas::cli {
namespace {

constexpr int kPage = 500;  // the API's largest
constexpr std::size_t kMaxShownText = 500;

struct ShowOptions {
  Format format = Format::kText;
  std::string execution;
};

// All of it; what an older server does not have is left empty.
struct Whole {
  Execution execution;
  std::vector<Turn> turns;
  std::vector<Review> reviews;
  std::vector<Message> messages;
  std::optional<Diagnosis> diagnosis;
};

std::string clean(std::string_view text) {
  return agents::clean_line(text, kMaxShownText);
}

std::string heading(const Terminal& terminal, std::string_view text) {
  return "\n" + paint(terminal, Paint::kBold, std::string(text) + "\n");
}

std::int64_t tokens_of(const Usage& usage) {
  return usage.input_tokens + usage.output_tokens + usage.cache_creation_input_tokens +
         usage.cache_read_input_tokens;
}

std::string attempts_text(const Terminal& terminal, const Execution& execution) {
  if (execution.attempts.empty()) return {};
  Table table({"ATTEMPT", "STATUS", "WORKER", "TOOK", "TURNS", "TOKENS", "COST", "HOW IT ENDED"});
  for (const auto& a : execution.attempts) {
    const std::string status(codec::name_of(a.status));
    std::string ending = a.failure_reason ? std::string(codec::name_of(*a.failure_reason)) : "";
    if (!a.counts) ending = "parked";
    if (a.error_message) ending += (ending.empty() ? "" : ": ") + *a.error_message;
    table.add({{std::to_string(a.attempt)},
               {status, paint_of_status(status)},
               {a.worker_id ? a.worker_id->str() : "–"},
               {a.duration_ms ? long_duration(milliseconds(*a.duration_ms)) : "–"},
               {a.turns > 0 ? std::to_string(a.turns) : "–"},
               {a.usage ? short_count(tokens_of(*a.usage)) : "–"},
               {a.cost_usd ? dollars(*a.cost_usd) : "–"},
               {ending}});
  }
  return heading(terminal, "Attempts") + table.render(terminal);
}

std::string turns_text(const Terminal& terminal, const std::vector<Turn>& turns) {
  if (turns.empty()) return {};
  Table table({"TURN", "TOKENS", "TOOLS", "TEXT"});
  for (const auto& turn : turns) {
    std::string tools;
    Paint paint_tools = Paint::kNone;
    for (const auto& tool : turn.tools) {
      if (!tools.empty()) tools += ", ";
      tools += clean(tool.name);
      if (tool.duration_ms) tools += " " + long_duration(milliseconds(*tool.duration_ms));
      if (tool.state != ToolState::kDone) {
        tools += fmt::format(" ({})", codec::name_of(tool.state));
        paint_tools = tool.state == ToolState::kRunning ? Paint::kCyan : Paint::kRed;
      }
    }
    if (turn.tools_omitted > 0) tools += fmt::format(" and {} more", turn.tools_omitted);
    const auto tokens = tokens_of(turn.usage);
    table.add({{fmt::format("{}{}.{}", turn.parent_tool_id ? "  " : "", turn.attempt, turn.turn)},
               {tokens > 0 ? short_count(tokens) : "–"},
               {cut(tools, 60), paint_tools},
               {turn.text}});
  }
  return heading(terminal, "Turns") + table.render(terminal);
}

std::string signals_text(const Terminal& terminal, const Whole& whole, Timestamp now) {
  std::string out;
  if (!whole.reviews.empty()) {
    Table table({"REVIEW", "STATUS", "AGE", "QUESTION", "ANSWER"});
    for (const auto& r : whole.reviews) {
      const std::string status(codec::name_of(r.status));
      table.add({{r.id.str()},
                 {status, paint_of_status(status)},
                 {age(now - r.created_at)},
                 {cut(clean(r.title), 50)},
                 {r.response_message.value_or("")}});
    }
    out += heading(terminal, "Reviews") + table.render(terminal);
  }
  if (!whole.messages.empty()) {
    Table table({"TYPE", "AGE", "MESSAGE"});
    for (const auto& m : whole.messages) {
      table.add({{std::string(codec::name_of(m.content_type)), paint_of_content(m.content_type)},
                 {age(now - m.created_at)},
                 {m.title ? fmt::format("{}: {}", *m.title, m.content) : m.content}});
    }
    out += heading(terminal, "Messages") + table.render(terminal);
  }
  return out;
}

std::string diagnosis_text(const Terminal& terminal, const Diagnosis& diagnosis) {
  std::string out = heading(terminal, "Why");
  out += wrapped("", clean(diagnosis.explanation), 0, terminal.width());
  if (diagnosis.fix) {
    out += wrapped(paint(terminal, Paint::kDim, "→ "), clean(diagnosis.fix->what_to_do), 2,
                   terminal.width());
    if (diagnosis.fix->kind != FixKind::kByHand && diagnosis.status == DiagnosisStatus::kOpen) {
      out += fmt::format("  personas heal {} --apply\n", diagnosis.execution_id.str());
    }
  }
  return out;
}

std::string head_text(const Terminal& terminal, const Execution& e, Timestamp now,
                      const ClockTime& clock_time) {
  std::string out = summary(terminal, e);
  out += paint(terminal, Paint::kDim,
               fmt::format("of {} · started by {} · {} ago",
                           e.persona_id ? e.persona_id->str() : "no persona", clean(e.source),
                           age(now - e.created_at)));
  if (e.turns > 0) out += paint(terminal, Paint::kDim, fmt::format(" · {} turns", e.turns));
  if (e.usage && tokens_of(*e.usage) > 0) {
    out +=
        paint(terminal, Paint::kDim, fmt::format(" · {} tokens", short_count(tokens_of(*e.usage))));
  }
  out += "\n";
  if (e.parked == Parked::kQuota && e.parked_until) {
    out += "waiting for the provider " + until_text(*e.parked_until, now, clock_time) + "\n";
  }
  return out + wrapped("task: ", clean(e.prompt), 6, terminal.width());
}

Task<Result<Whole>> fetch(Api& api, std::string id) {
  Whole whole;
  const std::string path = "/api/executions/" + id;
  CO_TRY(whole.execution, co_await api.get<Execution>(path));
  if (auto turns =
          co_await api.get<std::vector<Turn>>(fmt::format("{}/turns?limit={}", path, kPage))) {
    whole.turns = std::move(*turns);
  }
  if (auto reviews = co_await api.get<std::vector<Review>>(path + "/reviews")) {
    whole.reviews = std::move(*reviews);
  }
  if (auto messages = co_await api.get<std::vector<Message>>(
          fmt::format("/api/messages?executionId={}&limit={}", id, kPage))) {
    whole.messages = std::move(*messages);
  }
  if (auto diagnosis = co_await api.get<Diagnosis>(path + "/diagnosis")) {
    whole.diagnosis = std::move(*diagnosis);
  }
  co_return whole;
}

std::string as_json(const Whole& whole) {
  std::string out = "{\"execution\":" + codec::to_json(whole.execution);
  const auto add = [&out](std::string_view name, const auto& entries) {
    out += fmt::format(",\"{}\":[", name);
    for (const auto& entry : entries) {
      if (out.back() != '[') out += ',';
      codec::append_json(entry, out);
    }
    out += ']';
  };
  add("turns", whole.turns);
  add("reviews", whole.reviews);
  add("messages", whole.messages);
  out += ",\"diagnosis\":" + (whole.diagnosis ? codec::to_json(*whole.diagnosis) : "null");
  return out + "}\n";
}

Task<Result<int>> show(Context& context, std::shared_ptr<ShowOptions> options) {
  Api api(context);
  CO_TRY(const auto id, co_await resolve_execution(api, options->execution));
  CO_TRY(const auto whole, co_await fetch(api, id));
  if (options->format == Format::kJson) {
    context.terminal.out(as_json(whole));
    co_return kExitDone;
  }
  const Terminal& terminal = context.terminal;
  const Timestamp now = context.clock.wall();
  std::string out = head_text(terminal, whole.execution, now, context.clock_time);
  if (whole.diagnosis) out += diagnosis_text(terminal, *whole.diagnosis);
  out += attempts_text(terminal, whole.execution) + turns_text(terminal, whole.turns) +
         signals_text(terminal, whole, now);
  out += paint(terminal, Paint::kDim, fmt::format("\nits output: personas logs {}\n", id));
  context.terminal.out(out);
  co_return kExitDone;
}

}  // namespace

void add_show_command(Registry& registry) {
  auto options = std::make_shared<ShowOptions>();
  auto& command = registry.add(
      registry.app(), "show", "Show everything of one run: attempts, turns, cost, what to do",
      options->format, [options](Context& context) { return show(context, options); });
  command.add_option("execution", options->execution, "Its id, an end of it, or: last")->required();
}

}  // namespace personas::cli
