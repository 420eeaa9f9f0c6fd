#include "usage.hpp"

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/model/diagnosis.hpp"
#include "personas/model/metering.hpp"

#include "execution_view.hpp"
#include "format.hpp"
#include "lists.hpp"

namespace personas::cli {
namespace {

constexpr std::size_t kMaxShown = 500;

// 1234567 as "1.2M": a column of tokens is for comparing.
std::string amount(std::int64_t count) {
  if (count < 10'000) return fmt::format("{}", count);
  if (count < 1'000'000) return fmt::format("{:.1f}k", static_cast<double>(count) / 1e3);
  return fmt::format("{:.1f}M", static_cast<double>(count) / 1e6);
}

std::vector<Cell> row_of(std::string group, const UsageCounters& c) {
  return {{std::move(group)},
          {fmt::format("{}", c.executions)},
          {fmt::format("{}", c.failed), c.failed > 0 ? Paint::kRed : Paint::kNone},
          {long_duration(milliseconds(c.run_ms))},
          {amount(c.input_tokens + c.cache_creation_input_tokens + c.cache_read_input_tokens)},
          {amount(c.output_tokens)},
          {dollars(c.cost_usd)},
          {fmt::format("{}", c.credential_accesses)},
          {fmt::format("{}", c.events)}};
}

Task<Result<std::string>> shown_group(Api& api, std::string by, std::string group) {
  if (by == "day") co_return group.substr(0, 10);
  if (by == "hour") co_return group.substr(0, 16);
  if (group.empty()) co_return std::string("–");
  if (by != "persona") co_return group;
  auto persona = co_await api.get<Persona>("/api/personas/" + Api::escape(group));
  co_return persona ? persona->name : group;  // a deleted one keeps its id
}

std::string shown(const Terminal& terminal, const Diagnosis& diagnosis) {
  std::string out = fmt::format("{} {}\n", paint(terminal, Paint::kBold, diagnosis.cause + ":"),
                                agents::clean_line(diagnosis.explanation, kMaxShown));
  if (diagnosis.evidence) {
    out += fmt::format("  it said: {}\n", agents::clean_line(*diagnosis.evidence, kMaxShown));
  }
  if (diagnosis.fix) {
    out += fmt::format("  {} {}\n", paint(terminal, Paint::kGreen, "what to do:"),
                       agents::clean_line(diagnosis.fix->what_to_do, kMaxShown));
  }
  return out;
}

std::string next_step(const Diagnosis& diagnosis, const std::string& id) {
  if (diagnosis.status != DiagnosisStatus::kOpen) {
    return fmt::format("This is {} already.\n", codec::name_of(diagnosis.status));
  }
  if (!diagnosis.fix) return {};
  if (diagnosis.fix->safe_to_rerun) {
    return fmt::format("Apply it and run again: personas heal {} --apply\n", id);
  }
  return fmt::format(
      "It used tools, so a new run may repeat what it did. Apply it: personas heal {0} --apply "
      "--no-rerun, or with --repeat-effects to run again too\n",
      id);
}

}  // namespace

Task<Result<void>> usage(Context& context, UsageOptions options) {
  Api api(context);
  const auto back = parse_duration(options.since);
  if (!back) {
    co_return fail(ErrorCode::kInvalidRequest, "--since: expected a duration such as 24h or 30d");
  }
  std::string path = fmt::format("/api/usage?since={}&groupBy={}",
                                 Api::escape(to_rfc3339(context.clock.wall() - *back)), options.by);
  if (!options.persona.empty()) {
    CO_TRY(const auto persona, co_await find_persona(api, options.persona));
    path += "&personaId=" + Api::escape(persona.id.str());
  }
  if (options.format == Format::kJson) {
    CO_TRY(const auto response, co_await api.call("GET", path));
    context.terminal.out(response.body + "\n");
    co_return Result<void>();
  }
  CO_TRY(const auto report, co_await api.get<UsageReport>(path));
  if (report.rows.empty()) {
    context.terminal.out("Nothing was used in this time.\n");
    co_return Result<void>();
  }
  Table table({"BY " + options.by, "RUNS", "FAILED", "TIME", "TOKENS IN", "OUT", "COST", "SECRETS",
               "EVENTS"});
  for (const auto& row : report.rows) {
    CO_TRY(auto group, co_await shown_group(api, options.by, row.group));
    table.add(row_of(std::move(group), row.counters));
  }
  table.add(row_of("all", report.total));
  context.terminal.out(table.render(context.terminal));
  co_return Result<void>();
}

Task<Result<void>> heal(Context& context, HealOptions options) {
  Api api(context);
  CO_TRY(const auto id, co_await resolve_execution(api, options.execution));
  const std::string path = "/api/executions/" + id;
  if (!options.apply) {
    CO_TRY(const auto response, co_await api.call("GET", path + "/diagnosis"));
    if (options.format == Format::kJson) {
      context.terminal.out(response.body + "\n");
      co_return Result<void>();
    }
    CO_TRY(const auto diagnosis, codec::parse<Diagnosis>(response.body, kFromServer));
    context.terminal.out(shown(context.terminal, diagnosis) + next_step(diagnosis, id));
    co_return Result<void>();
  }
  const boost::json::object body{{"rerun", !options.no_rerun},
                                 {"repeatEffects", options.repeat_effects}};
  CO_TRY(const auto response, co_await api.call("POST", path + "/heal", codec::serialize(body)));
  if (options.format == Format::kJson) {
    context.terminal.out(response.body + "\n");
    co_return Result<void>();
  }
  CO_TRY(const auto healed, codec::parse_json(response.body));
  const auto* again = healed.as_object().if_contains("executionId");
  if (again != nullptr && again->is_string()) {
    const std::string next(again->get_string());
    context.terminal.out(next + "\n");
    context.terminal.err(fmt::format("Watch it: personas logs {} --follow\n", next));
  } else {
    context.terminal.err("Done.\n");
  }
  co_return Result<void>();
}

}  // namespace personas::cli
