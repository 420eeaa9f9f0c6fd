// Agent items as a person reads them in a terminal.
#include <fmt/format.h>

#include "personas/agents/stream.hpp"
#include "personas/agents/untrusted.hpp"

namespace personas::agents {
namespace {

constexpr std::size_t kMaxShownError = 500;

struct Renderer {
  std::string operator()(const Text& text) const {
    std::string shown = clean_text(text.text);
    if (!shown.empty() && shown.back() != '\n') shown += '\n';
    return shown;
  }
  std::string operator()(const IndexedEffect&) const { return {}; }
  std::string operator()(const ToolCall& call) const {
    return fmt::format("→ {}{}{}\n", clean_line(call.name, kMaxSummary),
                       call.input.empty() ? "" : ": ", clean_line(call.input, kMaxSummary));
  }
  std::string operator()(const ToolResult& result) const {
    if (result.status == ToolStatus::kDone) return fmt::format("← {} bytes\n", result.bytes);
    return fmt::format("← {}: {}\n", result.status == ToolStatus::kDenied ? "denied" : "failed",
                       clean_line(result.summary, kMaxSummary));
  }
  std::string operator()(const SessionStarted& session) const {
    return fmt::format("session {}{}{}\n", clean_line(session.session_id, kMaxSummary),
                       session.model.empty() ? "" : " with ",
                       clean_line(session.model, kMaxSummary));
  }
  std::string operator()(const RateLimit& limit) const {
    if (limit.status == "allowed") return {};
    return fmt::format("usage limit {}: {}{}\n", clean_line(limit.type, kMaxSummary),
                       clean_line(limit.status, kMaxSummary),
                       limit.resets_at ? ", resets at " + to_rfc3339(*limit.resets_at) : "");
  }
  std::string operator()(const ModelMessage&) const { return {}; }
  std::string operator()(const Notice& notice) const {
    return clean_line(notice.text, kMaxSummary) + "\n";
  }
  std::string operator()(const Final& final) const {
    const double seconds = static_cast<double>(final.duration_ms) / 1000.0;
    std::string line = fmt::format("{}: {} turn{}, {:.1f} s, ${:.4f}\n",
                                   final.is_error ? "failed" : "done", final.num_turns,
                                   final.num_turns == 1 ? "" : "s", seconds, final.total_cost_usd);
    // Without an error the result repeats the last text.
    if (final.is_error) line += clean_line(final.result, kMaxShownError) + "\n";
    return line;
  }
};

}  // namespace

std::string render(const AgentItem& item) {
  return std::visit(Renderer{}, item);
}

}  // namespace personas::agents
