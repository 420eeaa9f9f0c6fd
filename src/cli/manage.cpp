#include "manage.hpp"

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"

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
