#include "doctor.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"

#include "doctor_checks.hpp"
#include "event_data.hpp"
#include "format.hpp"

namespace personas::cli {
namespace {

constexpr int kWaitingLookedAt = 20;
constexpr std::size_t kMaxShownMeaning = 1'000;

struct Row {
  const Check* check;
  Finding finding;
};

std::string_view name_of(Verdict verdict) {
  return verdict == Verdict::kOk ? "ok" : verdict == Verdict::kNote ? "note" : "problem";
}

void read_health(const boost::json::object& health, ServerFacts& facts) {
  facts.version = line_of(health, "version");
  const auto* parts = health.if_contains("dependencies");
  if (parts == nullptr || !parts->is_object()) return;
  for (const auto& [name, part] : parts->get_object()) {
    if (!part.is_object() || line_of(part.get_object(), "status") == "ok") continue;
    facts.trouble =
        fmt::format("{}: {}", std::string_view(name), line_of(part.get_object(), "detail"));
  }
}

void read_status(const boost::json::object& status, ServerFacts& facts) {
  if (const auto* workers = status.if_contains("workers"); workers && workers->is_array()) {
    for (const auto& entry : workers->get_array()) {
      if (!entry.is_object()) continue;
      const auto& worker = entry.get_object();
      facts.workers.push_back({line_of(worker, "workerId"), line_of(worker, "sandbox"),
                               line_of(worker, "version"), integer_of(worker, "slots")});
    }
  }
  if (const auto* queue = status.if_contains("queue"); queue && queue->is_object()) {
    facts.queued = integer_of(queue->get_object(), "queued");
  }
  if (const auto* token = status.if_contains("token"); token && token->is_object()) {
    const auto* configured = token->get_object().if_contains("configured");
    facts.token_configured = configured && configured->is_bool() && configured->get_bool();
    facts.token_expires = time_of(token->get_object(), "expiresAt");
  }
}

Task<ServerFacts> ask_server(Context& context) {
  Api api(context);
  ServerFacts facts;
  facts.url = context.url;
  auto health = co_await context.client.send(api.request("GET", "/health"));
  if (!health) {
    facts.health = health.error();
    co_return facts;
  }
  // A server that is not well answers too, and says what is wrong.
  if (const auto body = codec::parse_json(health->body); body && body->is_object()) {
    read_health(body->get_object(), facts);
  }
  if (facts.version.empty()) {
    facts.health = Error{ErrorCode::kUnavailable, "what answers there is not Personas", {}};
    co_return facts;
  }
  const auto status = co_await api.call("GET", "/api/status");
  if (!status) {
    facts.access = status.error();
    co_return facts;
  }
  if (const auto body = codec::parse_json(status->body, kAnswerLimits); body && body->is_object()) {
    read_status(body->get_object(), facts);
  }
  const auto waiting = co_await api.get<std::vector<Execution>>(
      fmt::format("/api/executions?limit={}&status=queued", kWaitingLookedAt));
  if (waiting) facts.waiting = *waiting;
  co_return facts;
}

std::vector<Row> look(const Seen& seen) {
  std::vector<Row> rows;
  for (const auto& check : doctor_checks()) {
    for (auto& finding : check.look(seen)) rows.push_back({&check, std::move(finding)});
  }
  return rows;
}

std::string clean(std::string_view text) {
  return agents::clean_line(text, kMaxShownMeaning);
}

std::string as_text(const Terminal& terminal, const std::vector<Row>& rows) {
  std::string out;
  std::string_view group;
  for (const auto& row : rows) {
    if (row.check->group != group) {
      out += (group.empty() ? "" : "\n") +
             paint(terminal, Paint::kBold, std::string(row.check->group) + "\n");
      group = row.check->group;
    }
    const auto verdict = row.finding.verdict;
    const auto mark = verdict == Verdict::kOk     ? paint(terminal, Paint::kGreen, "  ok  ")
                      : verdict == Verdict::kNote ? paint(terminal, Paint::kYellow, "  !   ")
                                                  : paint(terminal, Paint::kRed, "  ✗   ");
    out += wrapped(mark, clean(row.finding.means), 6, terminal.width());
    if (!row.finding.cure.empty()) {
      out += wrapped("      " + paint(terminal, Paint::kDim, "→ "), clean(row.finding.cure), 8,
                     terminal.width());
    }
  }
  return out;
}

std::string as_json(const std::vector<Row>& rows, Verdict worst) {
  boost::json::array findings;
  for (const auto& row : rows) {
    findings.push_back({{"id", row.check->id},
                        {"group", row.check->group},
                        {"verdict", name_of(row.finding.verdict)},
                        {"means", clean(row.finding.means)},
                        {"cure", clean(row.finding.cure)},
                        {"fixable", row.finding.fix.has_value()}});
  }
  return codec::serialize(
      boost::json::object{{"status", name_of(worst)}, {"findings", std::move(findings)}});
}

// What could be mended, in words; the finding is looked at again afterwards.
std::string mend_all(Machine& machine, const std::vector<Row>& rows) {
  std::string out;
  for (const auto& row : rows) {
    if (!row.finding.fix) continue;
    const auto& fix = *row.finding.fix;
    const auto done = machine.set_mode(fix.path, fix.mode);
    out += done ? fmt::format("fixed: {} has mode {:04o} now\n", fix.path, fix.mode)
                : fmt::format("not fixed: {}: {}\n", fix.path, done.error().message);
  }
  return out.empty() ? std::string("nothing here can be mended safely without you\n") : out;
}

std::string conclusion(const Terminal& terminal, const std::vector<Row>& rows, Verdict worst) {
  const auto count = [&rows](Verdict verdict) {
    return std::ranges::count_if(rows,
                                 [&](const Row& row) { return row.finding.verdict == verdict; });
  };
  const auto problems = count(Verdict::kProblem);
  const auto notes = count(Verdict::kNote);
  const std::string text = fmt::format("{} problem{}, {} note{}\n", problems,
                                       problems == 1 ? "" : "s", notes, notes == 1 ? "" : "s");
  return "\n" + paint(terminal, worst == Verdict::kProblem ? Paint::kRed : Paint::kGreen, text);
}

}  // namespace

Task<Result<int>> doctor(Context& context, Mend mend, Format format) {
  if (context.machine == nullptr) {
    co_return fail(ErrorCode::kInternal, "This build cannot look at the machine it runs on");
  }
  Seen seen;
  seen.server = co_await ask_server(context);
  seen.our_version = context.version;
  seen.now = context.clock.wall();
  seen.attached = context.terminal.attached();
  seen.machine = context.machine->examine();
  auto rows = look(seen);
  if (mend == Mend::kWhatIsSafe) {
    context.terminal.err(mend_all(*context.machine, rows));
    seen.machine = context.machine->examine();
    rows = look(seen);
  }
  Verdict worst = Verdict::kOk;
  for (const auto& row : rows) worst = std::max(worst, row.finding.verdict);
  context.terminal.out(format == Format::kJson ? as_json(rows, worst) + "\n"
                                               : as_text(context.terminal, rows) +
                                                     conclusion(context.terminal, rows, worst));
  co_return worst == Verdict::kProblem ? 1 : kExitDone;
}

}  // namespace personas::cli
