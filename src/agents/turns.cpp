#include "personas/agents/turns.hpp"

#include <algorithm>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "personas/agents/untrusted.hpp"
#include "personas/base/bytes.hpp"

namespace personas::agents {
namespace {

constexpr std::size_t kTurnOverhead = 400;  // of a turn or a tool without its texts
constexpr std::string_view kCut = "…";
constexpr std::size_t kMaxName = 200;  // of a tool, a model
constexpr std::size_t kMaxStopReason = 100;

struct Kept {
  Turn turn;
  bool changed = true;
  bool text_cut = false;
  std::size_t running = 0;  // tools without a result
  std::size_t bytes = kTurnOverhead;
};

void add_text(Kept& kept, std::string_view text) {
  if (kept.text_cut) return;
  std::string& shown = kept.turn.text;
  std::string more = clean_text(utf8_prefix(text, kMaxTurnText * 4));
  if (!shown.empty() && !shown.ends_with('\n') && !more.empty()) more.insert(0, 1, '\n');
  const std::size_t room = kMaxTurnText - std::min(kMaxTurnText, shown.size());
  const auto fitting = utf8_prefix(more, room);
  shown += fitting;
  kept.bytes += fitting.size();
  if (fitting.size() < more.size()) {
    shown += kCut;
    kept.text_cut = true;
  }
}

// Each count is only ever known better.
void add_usage(Usage& usage, const Usage& told) {
  const auto raise = [](std::int64_t& count, std::int64_t value) {
    count = std::max(count, value);
  };
  raise(usage.input_tokens, told.input_tokens);
  raise(usage.output_tokens, told.output_tokens);
  raise(usage.cache_creation_input_tokens, told.cache_creation_input_tokens);
  raise(usage.cache_read_input_tokens, told.cache_read_input_tokens);
}

ToolState state_of(ToolStatus status) {
  switch (status) {
    case ToolStatus::kDone:
      return ToolState::kDone;
    case ToolStatus::kFailed:
      return ToolState::kFailed;
    case ToolStatus::kDenied:
      return ToolState::kDenied;
  }
  return ToolState::kFailed;
}

void complete(Kept& kept, Timestamp now) {
  if (!kept.turn.completed_at) {
    kept.turn.completed_at = now;
    kept.changed = true;
  }
  // Newer versions do not say it; a message that called tools ended for that.
  if (!kept.turn.stop_reason && (!kept.turn.tools.empty() || kept.turn.tools_omitted > 0)) {
    kept.turn.stop_reason = "tool_use";
    kept.changed = true;
  }
}

void end_tool(Kept& kept, ToolUse& tool, ToolState state, Timestamp now) {
  if (tool.state == ToolState::kRunning) {
    tool.duration_ms = to_millis(now - tool.started_at);
    --kept.running;
  }
  tool.state = state;
  kept.changed = true;
}

}  // namespace

struct TurnTracker::State {
  struct Speaker {
    std::string message;  // its present one
    std::int64_t turn = 0;
  };

  std::int64_t attempt = 0;
  std::int64_t count = 0;
  std::int64_t current = 0;  // to which texts and calls belong; 0: none
  std::deque<Kept> kept;     // by number
  std::size_t kept_bytes = 0;
  std::unordered_map<std::string, Speaker> speakers;    // by the call that started it
  std::unordered_map<std::string, std::int64_t> calls;  // running tools → their turns

  // Null if it is not kept.
  Kept* find(std::int64_t turn) {
    const auto found =
        std::ranges::lower_bound(kept, turn, {}, [](const Kept& one) { return one.turn.turn; });
    return found == kept.end() || found->turn.turn != turn ? nullptr : &*found;
  }

  void begin(const ModelMessage& message, Timestamp now);
  void call(const ToolCall& call, Timestamp now);
  void result(const ToolResult& result, Timestamp now);
  void end_speaker(const std::string& parent, Timestamp now);
  void end(const Final& final, Timestamp now);
  void forget(std::size_t index);
  void shrink();
};

void TurnTracker::State::begin(const ModelMessage& message, Timestamp now) {
  const auto speaker = speakers.find(message.parent_tool_id);
  const bool goes_on =
      speaker != speakers.end() && !message.id.empty() && speaker->second.message == message.id;
  if (goes_on) {
    current = speaker->second.turn;
  } else {
    end_speaker(message.parent_tool_id, now);
    current = ++count;
    if (speakers.size() == kMaxSpeakers) {
      // A run has few; which one is forgotten must only be the same each time.
      end_speaker(
          std::ranges::min_element(speakers, {}, [](const auto& one) { return one.second.turn; })
              ->first,
          now);
    }
    speakers[message.parent_tool_id] = {message.id, current};
    if (count <= kMaxTurns) {
      Kept& fresh = kept.emplace_back();
      fresh.turn.attempt = attempt;
      fresh.turn.turn = current;
      fresh.turn.started_at = now;
      if (!message.parent_tool_id.empty()) fresh.turn.parent_tool_id = message.parent_tool_id;
      kept_bytes += fresh.bytes;
    }
  }
  Kept* turn = find(current);
  if (turn == nullptr) return;
  turn->changed = true;
  if (!message.model.empty()) turn->turn.model = utf8_prefix(message.model, kMaxName);
  if (!message.stop_reason.empty())
    turn->turn.stop_reason = utf8_prefix(message.stop_reason, kMaxStopReason);
  add_usage(turn->turn.usage, message.usage);
}

void TurnTracker::State::call(const ToolCall& call, Timestamp now) {
  Kept* turn = find(current);
  if (turn == nullptr) return;
  turn->changed = true;
  if (turn->turn.tools.size() == kMaxToolsPerTurn) {
    ++turn->turn.tools_omitted;
    return;
  }
  ToolUse tool;
  tool.id = call.id;
  tool.name = utf8_prefix(call.name, kMaxName);
  tool.input = clean_line(call.input, kMaxToolSummary);
  tool.started_at = now;
  const std::size_t bytes = kTurnOverhead + tool.name.size() + tool.input.size();
  turn->bytes += bytes;
  kept_bytes += bytes;
  ++turn->running;
  turn->turn.completed_at.reset();
  if (!tool.id.empty()) calls[tool.id] = current;
  turn->turn.tools.push_back(std::move(tool));
}

void TurnTracker::State::result(const ToolResult& result, Timestamp now) {
  end_speaker(result.id, now);  // a sub-agent that worked in the foreground
  const auto called = calls.find(result.id);
  if (called == calls.end()) return;
  Kept* turn = find(called->second);
  calls.erase(called);
  if (turn == nullptr) return;
  const auto tool = std::ranges::find(turn->turn.tools, result.id, &ToolUse::id);
  if (tool == turn->turn.tools.end()) return;
  tool->result = clean_line(result.summary, kMaxToolSummary);
  tool->result_bytes = static_cast<std::int64_t>(result.bytes);
  turn->bytes += tool->result.size();
  kept_bytes += tool->result.size();
  end_tool(*turn, *tool, state_of(result.status), now);
  if (turn->running == 0) complete(*turn, now);
}

// Its message is over; tools that still run may answer later.
void TurnTracker::State::end_speaker(const std::string& parent, Timestamp now) {
  const auto speaker = speakers.find(parent);
  if (speaker == speakers.end()) return;
  if (Kept* turn = find(speaker->second.turn); turn != nullptr && turn->running == 0) {
    complete(*turn, now);
  }
  speakers.erase(speaker);
}

void TurnTracker::State::end(const Final& final, Timestamp now) {
  for (const auto& denial : final.denials) {
    for (auto& one : kept) {
      for (auto& tool : one.turn.tools) {
        if (tool.id != denial.id || tool.state == ToolState::kDenied) continue;
        end_tool(one, tool, ToolState::kDenied, now);
        calls.erase(tool.id);
      }
    }
  }
  const auto main = speakers.find(std::string());
  if (main == speakers.end()) return;
  if (Kept* turn = find(main->second.turn); turn != nullptr) {
    if (!turn->turn.stop_reason && !final.stop_reason.empty()) {
      turn->turn.stop_reason = utf8_prefix(final.stop_reason, kMaxStopReason);
      turn->changed = true;
    }
  }
  end_speaker(std::string(), now);
}

void TurnTracker::State::forget(std::size_t index) {
  const auto at = kept.begin() + static_cast<std::ptrdiff_t>(index);
  for (const auto& tool : at->turn.tools) {
    if (tool.state == ToolState::kRunning) calls.erase(tool.id);
  }
  kept_bytes -= at->bytes;
  kept.erase(at);
}

// Call when nothing is changed: what is let go has been taken.
void TurnTracker::State::shrink() {
  while (kept_bytes > kMaxKeptBytes && kept.size() > 1) forget(0);
}

TurnTracker::TurnTracker(std::int64_t attempt) : state_(std::make_unique<State>()) {
  state_->attempt = attempt;
}
TurnTracker::~TurnTracker() = default;
TurnTracker::TurnTracker(TurnTracker&&) noexcept = default;
TurnTracker& TurnTracker::operator=(TurnTracker&&) noexcept = default;

void TurnTracker::take(const AgentItem& item, Timestamp now) {
  if (const auto* message = std::get_if<ModelMessage>(&item)) {
    state_->begin(*message, now);
  } else if (const auto* text = std::get_if<Text>(&item)) {
    Kept* turn = text->speaker == Speaker::kBackend ? nullptr : state_->find(state_->current);
    if (turn == nullptr) return;
    const std::size_t before = turn->bytes;
    add_text(*turn, text->text);
    turn->changed = true;
    state_->kept_bytes += turn->bytes - before;
  } else if (const auto* call = std::get_if<ToolCall>(&item)) {
    state_->call(*call, now);
  } else if (const auto* result = std::get_if<ToolResult>(&item)) {
    state_->result(*result, now);
  } else if (const auto* final = std::get_if<Final>(&item)) {
    state_->end(*final, now);
  }
}

void TurnTracker::finish(Timestamp now) {
  for (auto& kept : state_->kept) {
    for (auto& tool : kept.turn.tools) {
      if (tool.state != ToolState::kRunning) continue;
      tool.result = "no result: the agent's program ended";
      end_tool(kept, tool, ToolState::kFailed, now);
    }
    complete(kept, now);
  }
  state_->speakers.clear();
  state_->calls.clear();
  state_->current = 0;
}

std::vector<Turn> TurnTracker::take_changed() {
  std::vector<Turn> turns;
  for (auto& kept : state_->kept) {
    if (!std::exchange(kept.changed, false)) continue;
    turns.push_back(kept.turn);
  }
  state_->shrink();
  return turns;
}

std::int64_t TurnTracker::count() const {
  return state_->count;
}

}  // namespace personas::agents
