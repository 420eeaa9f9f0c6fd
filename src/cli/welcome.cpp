// `personas` alone: what to do next, depending on what is there.
#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/model/execution.hpp"
#include "personas/model/persona.hpp"
#include "personas/model/signals.hpp"

#include "api.hpp"
#include "event_data.hpp"
#include "format.hpp"

namespace personas::cli {
namespace {

constexpr Duration kRecently = hours(24);
constexpr std::size_t kShown = 5;  // of each kind; more are counted
constexpr int kLookedAt = 100;
constexpr std::size_t kMaxShownLine = 300;

struct Overview {
  bool token_configured = false;
  std::size_t workers = 0;
  std::int64_t queued = 0;
  std::int64_t running = 0;
  std::vector<Persona> personas;
  std::vector<Review> reviews;
  std::vector<Execution> failed;  // recently
};

class Writer {
 public:
  explicit Writer(const Terminal& terminal) : terminal_(terminal) {}

  void line(std::string_view text) { out_ += fmt::format("{}\n", text); }
  void command(std::string_view command, std::string_view what = {}) {
    const std::size_t width = display_width(command);
    out_ += "  " + paint(terminal_, Paint::kBold, command);
    if (!what.empty()) out_ += std::string(width < kColumn ? kColumn - width : 2, ' ');
    out_ += fmt::format("{}\n", what);
  }
  std::string take() { return std::move(out_); }
  const Terminal& terminal() const { return terminal_; }

 private:
  static constexpr std::size_t kColumn = 44;
  const Terminal& terminal_;
  std::string out_;
};

std::string clean(std::string_view text) {
  return agents::clean_line(text, kMaxShownLine);
}

void read_status(const boost::json::object& status, Overview& overview) {
  if (const auto* token = status.if_contains("token"); token && token->is_object()) {
    const auto* configured = token->get_object().if_contains("configured");
    overview.token_configured = configured && configured->is_bool() && configured->get_bool();
  }
  if (const auto* workers = status.if_contains("workers"); workers && workers->is_array()) {
    overview.workers = workers->get_array().size();
  }
  if (const auto* queue = status.if_contains("queue"); queue && queue->is_object()) {
    overview.queued = integer_of(queue->get_object(), "queued");
    overview.running = integer_of(queue->get_object(), "running");
  }
}

Task<Result<Overview>> look(Context& context) {
  Api api(context);
  Overview overview;
  CO_TRY(const auto status, co_await api.call("GET", "/api/status"));
  if (const auto body = codec::parse_json(status.body, kAnswerLimits); body && body->is_object()) {
    read_status(body->get_object(), overview);
  }
  CO_TRY(overview.personas,
         co_await api.get<std::vector<Persona>>(fmt::format("/api/personas?limit={}", kLookedAt)));
  CO_TRY(overview.reviews, co_await api.get<std::vector<Review>>(
                               fmt::format("/api/reviews/pending?limit={}", kLookedAt)));
  const auto since = to_rfc3339(context.clock.wall() - kRecently);
  CO_TRY(overview.failed,
         co_await api.get<std::vector<Execution>>(fmt::format(
             "/api/executions?limit={}&status=failed&since={}", kLookedAt, Api::escape(since))));
  co_return overview;
}

void write_more(Writer& out, std::size_t count, std::string_view see) {
  if (count > kShown) out.line(fmt::format("  and {} more: {}", count - kShown, see));
}

void write_reviews(Writer& out, const Overview& overview) {
  if (overview.reviews.empty()) return;
  out.line(fmt::format("{} wait{} for your answer:",
                       overview.reviews.size() == 1
                           ? std::string("A review")
                           : fmt::format("{} reviews", overview.reviews.size()),
                       overview.reviews.size() == 1 ? "s" : ""));
  for (std::size_t i = 0; i < std::min(kShown, overview.reviews.size()); ++i) {
    out.command("personas reviews " + overview.reviews[i].id.str(),
                clean(overview.reviews[i].title));
  }
  write_more(out, overview.reviews.size(), "personas reviews");
  out.line("");
}

void write_failed(Writer& out, const Overview& overview) {
  if (overview.failed.empty()) return;
  out.line(fmt::format("{} failed since yesterday:",
                       overview.failed.size() == 1
                           ? std::string("One run")
                           : fmt::format("{} runs", overview.failed.size())));
  for (std::size_t i = 0; i < std::min(kShown, overview.failed.size()); ++i) {
    const auto& execution = overview.failed[i];
    out.command("personas show " + execution.id.str(),
                execution.failure_reason ? codec::name_of(*execution.failure_reason) : "");
  }
  write_more(out, overview.failed.size(), "personas ls --status failed");
  out.line("");
}

void write_next(Writer& out, const Overview& overview) {
  if (overview.workers == 0) {
    out.line("No worker is connected, so nothing can run:");
    out.command("personas doctor", "says why");
    out.line("");
  }
  if (!overview.token_configured) {
    out.line("No model provider is connected yet; until then only the demo agent runs:");
    out.command("personas connect claude");
    out.line("");
  }
  const bool only_demo = overview.personas.empty() ||
                         (overview.personas.size() == 1 && overview.personas[0].name == "demo");
  if (only_demo) {
    out.line("There is no persona of yours yet:");
    out.command("personas new \"describe it\"", "from your words");
    out.command("personas apply -f persona.yaml", "from a file");
    out.line("");
  }
}

void write_overview(Writer& out, const Context& context, const Overview& overview) {
  out.line(fmt::format("{} persona{}, {} running, {} queued, {} worker{}. {}/docs",
                       overview.personas.size(), overview.personas.size() == 1 ? "" : "s",
                       overview.running, overview.queued, overview.workers,
                       overview.workers == 1 ? "" : "s", context.url));
  const auto name =
      overview.personas.empty() ? std::string("demo") : clean(overview.personas.front().name);
  out.command(fmt::format("personas run {} \"…\" --follow", name), "start a run and watch it");
  out.command("personas ls", "what ran");
  out.command("personas messages --unread", "what agents have to say");
  out.command("personas --help", "everything else");
}

std::string no_server(const Terminal& terminal, const std::string& url) {
  Writer out(terminal);
  out.line("Personas runs AI agents whenever something happens.\n");
  out.line(fmt::format("Nothing answers at {} yet. Start everything on this machine:\n", url));
  out.command("personas up");
  out.line("\nthen, in another terminal:\n");
  out.command("personas run demo \"Say hello\" --follow");
  out.line("\nIf it should be running: personas doctor. All commands: personas --help");
  return out.take();
}

}  // namespace

Task<int> welcome(Context& context) {
  const auto overview = co_await look(context);
  if (!overview) {
    const auto code = overview.error().code;
    if (code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout) {
      context.terminal.out(no_server(context.terminal, context.url));
      co_return kExitDone;
    }
    co_return report(context.terminal, overview.error());
  }
  Writer out(context.terminal);
  write_reviews(out, *overview);
  write_failed(out, *overview);
  write_next(out, *overview);
  write_overview(out, context, *overview);
  context.terminal.out(out.take());
  co_return kExitDone;
}

}  // namespace personas::cli
