#include "manage.hpp"

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"

#include "common.hpp"
#include "execution_view.hpp"
#include "format.hpp"

namespace personas::cli {
namespace {

constexpr std::size_t kMaxShownValue = 300;
constexpr int kWaitingShown = 20;

// The short text of a value of the status document.
std::string text_of(const boost::json::value& value) {
  if (value.is_string()) return agents::clean_line(std::string(value.get_string()), kMaxShownValue);
  if (value.is_null()) return "–";
  if (value.is_bool()) return value.get_bool() ? "yes" : "no";
  if (value.is_object()) {
    std::string out;
    for (const auto& member : value.get_object()) {
      if (!out.empty()) out += ", ";
      out += fmt::format("{} {}", std::string_view(member.key()), text_of(member.value()));
    }
    return agents::clean_line(out, kMaxShownValue);
  }
  if (value.is_array()) {
    std::string out;
    for (const auto& entry : value.get_array()) {
      if (!out.empty()) out += ", ";
      out += text_of(entry);
    }
    return agents::clean_line(out, kMaxShownValue);
  }
  return codec::serialize(value);
}

std::string member_text(const boost::json::object& object, std::string_view name) {
  const auto* member = object.if_contains(name);
  return member == nullptr ? "–" : text_of(*member);
}

std::string worker_table(const Terminal& terminal, const boost::json::array& workers) {
  Table table({"WORKER", "STATE", "SLOTS", "SANDBOX", "VERSION", "CAPABILITIES"});
  for (const auto& entry : workers) {
    if (!entry.is_object()) continue;
    const auto& worker = entry.get_object();
    const auto id =
        worker.contains("workerId") ? member_text(worker, "workerId") : member_text(worker, "id");
    const auto state = member_text(worker, "state");
    table.add(
        {{id},
         {state, state == "idle" ? Paint::kGreen : Paint::kCyan},
         {fmt::format("{}/{}", member_text(worker, "usedSlots"), member_text(worker, "slots"))},
         {member_text(worker, "sandbox")},
         {member_text(worker, "version")},
         {member_text(worker, "capabilities")}});
  }
  return table.empty() ? std::string() : table.render(terminal);
}

std::int64_t count_in(const boost::json::object& part, std::string_view name) {
  const auto* value = part.if_contains(name);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

std::string counted(std::int64_t count, std::string_view one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

// What waits in a part of the bus, in words; empty if the part is not known here.
std::string words_of(const Terminal& terminal, std::string_view part,
                     const boost::json::object& report, Timestamp now) {
  if (part == "bus") {
    const auto dead = count_in(report, "deadEvents");
    const std::string given_up = fmt::format("{} dead", dead);
    return fmt::format("{} {} pending, {}, {} open\n", paint(terminal, Paint::kBold, "events:"),
                       count_in(report, "pendingEvents"),
                       dead > 0 ? paint(terminal, Paint::kRed, given_up) : given_up,
                       counted(count_in(report, "openWindows"), "window"));
  }
  if (part == "scheduler") {
    const auto next = parse_rfc3339(member_text(report, "nextDueAt"));
    return fmt::format("{} {} scheduled, {}, {} in the last minute\n",
                       paint(terminal, Paint::kBold, "triggers:"), count_in(report, "scheduled"),
                       next ? "next " + when(*next, now) : std::string("none due"),
                       counted(count_in(report, "firingsLastMinute"), "firing"));
  }
  if (part == "webhooks") {
    const auto disabled = count_in(report, "disabledEndpoints");
    return fmt::format(
        "{} {}{}, {} to be sent\n", paint(terminal, Paint::kBold, "webhooks out:"),
        counted(count_in(report, "endpoints"), "endpoint"),
        disabled == 0 ? std::string()
                      : paint(terminal, Paint::kYellow, fmt::format(" ({} disabled)", disabled)),
        count_in(report, "pending"));
  }
  return {};
}

// The list of workers, wherever the document keeps it.
const boost::json::array* find_workers(const boost::json::object& status) {
  const auto* workers = status.if_contains("workers");
  if (workers == nullptr) return nullptr;
  if (workers->is_array()) return &workers->get_array();
  if (!workers->is_object()) return nullptr;
  for (const std::string_view name : {"list", "connected", "workers"}) {
    const auto* list = workers->get_object().if_contains(name);
    if (list != nullptr && list->is_array()) return &list->get_array();
  }
  return nullptr;
}

}  // namespace

Task<Result<void>> cancel(Context& context, std::string execution, Format format) {
  Api api(context);
  CO_TRY(const auto id, co_await resolve_execution(api, std::move(execution)));
  CO_TRY(const auto response,
         co_await api.call("POST", fmt::format("/api/executions/{}/cancel", id)));
  if (format == Format::kJson) {
    context.terminal.out(response.body + "\n");
    co_return Result<void>();
  }
  CO_TRY(const auto after, co_await api.get<Execution>("/api/executions/" + id));
  if (after.status == ExecutionStatus::kCancelled) {
    context.terminal.out(fmt::format("{} is cancelled\n", id));
  } else if (is_final(after.status)) {
    context.terminal.out(
        fmt::format("{} was already over: {}\n", id, codec::name_of(after.status)));
  } else {
    context.terminal.out(fmt::format("{} is being cancelled\n", id));
  }
  co_return Result<void>();
}

Task<Result<void>> status(Context& context, Format format) {
  Api api(context);
  CO_TRY(const auto response, co_await api.call("GET", "/api/status"));
  if (format == Format::kJson) {
    context.terminal.out(response.body + "\n");
    co_return Result<void>();
  }
  CO_TRY(const auto document, codec::parse_json(response.body, kAnswerLimits));
  Terminal& terminal = context.terminal;
  if (!document.is_object()) {
    co_return fail(ErrorCode::kInternal, "The server's status is not understood");
  }
  const auto* workers = find_workers(document.get_object());
  std::string out;
  for (const auto& member : document.get_object()) {
    if (workers != nullptr && member.key() == "workers") continue;
    if (const auto* part = member.value().if_object()) {
      const auto words = words_of(terminal, member.key(), *part, context.clock.wall());
      if (!words.empty()) {
        out += words;
        continue;
      }
    }
    out += fmt::format("{} {}\n", paint(terminal, Paint::kBold, std::string(member.key()) + ":"),
                       text_of(member.value()));
  }
  if (workers != nullptr) {
    const auto table = worker_table(terminal, *workers);
    out +=
        table.empty() ? "no worker is connected; start one with: personas worker\n" : "\n" + table;
  }
  CO_TRY(const auto waiting, co_await api.get<std::vector<Execution>>(fmt::format(
                                 "/api/executions?limit={}&status=queued", kWaitingShown)));
  if (!waiting.empty()) {
    Table table({"QUEUED", "FOR", "WAITING FOR"});
    for (const auto& execution : waiting) {
      table.add({{execution.id.str()},
                 {age(context.clock.wall() - execution.queued_at)},
                 {execution.waiting_for.value_or("its turn")}});
    }
    out += "\n" + table.render(terminal);
  }
  terminal.out(out);
  co_return Result<void>();
}

}  // namespace personas::cli
