#include "output_view.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/agents/protocols.hpp"
#include "personas/agents/untrusted.hpp"
#include "personas/codec/json.hpp"

#include "format.hpp"
#include "run_state.hpp"

namespace personas::cli {
namespace {

constexpr std::string_view kStreamJsonStart = "{\"type\":";
constexpr std::size_t kMaxErrorLine = 64 * 1024;  // longer lines of the error stream are cut up
constexpr std::size_t kMaxShownField = 4'000;     // of a title or a description

// A line that is one protocol object: its effect is shown instead.
bool is_protocol_line(std::string_view line) {
  const auto first = line.find_first_not_of(" \t");
  if (first == std::string_view::npos || line[first] != '{' || !line.ends_with('}')) return false;
  const auto name = line.find_first_not_of(" \t", first + 1);
  if (name == std::string_view::npos || line[name] != '"') return false;
  const auto end = line.find('"', name + 1);
  return end != std::string_view::npos &&
         agents::find_protocol(line.substr(name + 1, end - name - 1)) != nullptr;
}

std::string_view paint_word(ContentType type) {
  return codec::name_of(type);
}

struct EffectText {
  std::string operator()(const UserMessage& m) const {
    std::string title = m.title && !m.title->empty() ? clean(*m.title) + ": " : "";
    return fmt::format("message ({}): {}{}\n", paint_word(m.content_type), title,
                       agents::clean_text(m.content));
  }
  std::string operator()(const PersonaAction& a) const {
    return fmt::format("asks {} to {}\n", clean(a.target), clean(a.action));
  }
  std::string operator()(const EmitEvent& e) const {
    return fmt::format("event: {}\n", clean(e.type));
  }
  std::string operator()(const AgentMemory& m) const {
    return fmt::format("remembers: {}\n", clean(m.title));
  }
  // The platform reports reviews itself, with the id they are answered by.
  std::string operator()(const ManualReview&) const { return {}; }
  std::string operator()(const ExecutionFlow& flow) const {
    std::string out;
    for (const auto& step : flow.flows) {
      out += fmt::format("step {}: {} ({})\n", clean(step.step), clean(step.action),
                         clean(step.status));
    }
    return out;
  }
  // Part of the last line, when the execution is over.
  std::string operator()(const OutcomeAssessment&) const { return {}; }

  static std::string clean(std::string_view text) {
    return agents::clean_line(text, kMaxShownField);
  }
};

}  // namespace

void OutputView::begin_attempt(std::int64_t attempt) {
  if (attempt == attempt_) return;
  if (attempt_ != 0) finish();
  attempt_ = attempt;
  stream_.reset();
  tools_.clear();
  hide_ = Hide::kNothing;
  writes_ = Writes::kUnknown;
  understood_ = Understood::kNothing;
}

void OutputView::decide_format() {
  const auto start = first_bytes_.find_first_not_of(" \t\r\n");
  const std::string_view text = start == std::string::npos
                                    ? std::string_view()
                                    : std::string_view(first_bytes_).substr(start);
  const bool is_json = text.starts_with(kStreamJsonStart);
  writes_ = is_json ? Writes::kStreamJson : Writes::kWords;
  stream_.emplace(is_json ? agents::OutputFormat::kAnyJson : agents::OutputFormat::kPlain);
}

void OutputView::feed_errors(std::string_view chunk) {
  error_line_ += chunk;
  const auto end = error_line_.rfind('\n');
  const std::size_t size = end != std::string::npos             ? end + 1
                           : error_line_.size() > kMaxErrorLine ? error_line_.size()
                                                                : 0;
  if (size == 0) return;
  const auto text = agents::clean_text(std::string_view(error_line_).substr(0, size));
  terminal_.err(paint(terminal_, Paint::kDim, text));
  error_line_.erase(0, size);
}

void OutputView::feed(OutputStream stream, std::int64_t attempt, std::string_view chunk,
                      std::optional<Timestamp> at) {
  begin_attempt(attempt);
  now_ = at;
  if (stream == OutputStream::kStderr) {
    feed_errors(chunk);
    return;
  }
  std::vector<agents::AgentItem> items;
  if (stream_) {
    stream_->feed(chunk, items);
  } else {
    first_bytes_ += chunk;
    const auto start = std::min(first_bytes_.find_first_not_of(" \t\r\n"), first_bytes_.size());
    const std::string_view text = std::string_view(first_bytes_).substr(start);
    // Undecided only while all there is could still become the start of stream-json.
    if (text.size() < kStreamJsonStart.size() && kStreamJsonStart.starts_with(text)) return;
    decide_format();
    stream_->feed(std::exchange(first_bytes_, {}), items);
  }
  show(items);
}

void OutputView::finish() {
  std::vector<agents::AgentItem> items;
  if (!stream_ && !first_bytes_.empty()) {
    decide_format();
    stream_->feed(std::exchange(first_bytes_, {}), items);
  }
  if (stream_) stream_->finish(items);
  stream_.reset();
  show(items);
  if (!error_line_.empty()) {
    terminal_.err(paint(terminal_, Paint::kDim, agents::clean_text(error_line_)) + "\n");
    error_line_.clear();
  }
}

void OutputView::show(const std::vector<agents::AgentItem>& items) {
  for (const auto& item : items) {
    if (observer_) observer_(item, now_);
    show_item(item);
  }
}

void OutputView::show_item(const agents::AgentItem& item) {
  if (const auto* text = std::get_if<agents::Text>(&item)) {
    show_text(*text);
  } else if (const auto* effect = std::get_if<agents::IndexedEffect>(&item)) {
    show_effect(effect->effect);
  } else if (const auto* call = std::get_if<agents::ToolCall>(&item)) {
    show_call(*call);
  } else if (const auto* result = std::get_if<agents::ToolResult>(&item)) {
    show_result(*result);
  } else if (const auto* final = std::get_if<agents::Final>(&item); final && !final->is_error) {
    return;  // the platform's own last line says it
  } else {
    const auto line = agents::render(item);
    if (!line.empty()) terminal_.err(paint(terminal_, Paint::kDim, line));
  }
}

void OutputView::show_call(const agents::ToolCall& call) {
  understood_ = Understood::kSomething;
  const Depth depth = call.speaker == agents::Speaker::kSubAgent ? Depth::kSubAgent : Depth::kAgent;
  if (tools_.size() < kMaxRunningTools) tools_[call.id] = {call.name, now_, depth};
  if (hide_ == Hide::kAgent) return;
  terminal_.err(tool_started(terminal_, call.name, call.input, depth));
}

void OutputView::show_result(const agents::ToolResult& result) {
  RunningTool tool;
  if (auto known = tools_.extract(result.id)) tool = std::move(known.mapped());
  if (hide_ == Hide::kAgent) return;
  ToolEnd end{
      .name = tool.name,
      .state = result.status == agents::ToolStatus::kFailed ? ToolState::kFailed : ToolState::kDone,
      .took = {},
      .bytes = result.bytes,
      .summary = result.summary};
  if (tool.since && now_) end.took = *now_ - *tool.since;
  terminal_.err(tool_ended(terminal_, end, tool.depth));
}

void OutputView::show_text(const agents::Text& text) {
  const bool is_backend = text.speaker == agents::Speaker::kBackend;
  if (!is_backend) understood_ = Understood::kSomething;
  if (hide_ == Hide::kAgent && !is_backend) return;
  const std::string shown = agents::render(text);
  std::string kept;
  std::string_view rest = shown;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto line = rest.substr(0, end);
    if (!is_protocol_line(line)) kept.append(line).append("\n");
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (kept.empty()) return;
  if (text.speaker == agents::Speaker::kAgent) {
    terminal_.out(kept);
  } else if (text.speaker == agents::Speaker::kSubAgent) {
    terminal_.err(paint(terminal_, Paint::kDim, indented(kept)));
  } else {
    terminal_.err(paint(terminal_, Paint::kDim, kept));
  }
}

void OutputView::show_effect(const Effect& effect) {
  if (hide_ == Hide::kAgent) return;
  const auto line = std::visit(EffectText{}, effect);
  if (!line.empty()) terminal_.err(paint(terminal_, Paint::kYellow, line));
}

}  // namespace personas::cli
