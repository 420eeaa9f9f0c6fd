// What an agent program writes, in each format: the same items however the bytes are cut; no more
// memory than the bytes deserve; nothing on a terminal that could act on it; and what is made of
// the items (turns, transcript, reason of a failure, an answer inside of prose) keeps its own
// promises.
//
// The first byte of an input chooses the format: p, c(laude), x (codex), g(emini), a(ny).
#include <map>

#include <fmt/format.h>

#include "personas/agents/outcome.hpp"
#include "personas/agents/protocols.hpp"
#include "personas/agents/stream.hpp"
#include "personas/agents/transcript.hpp"
#include "personas/agents/turns.hpp"
#include "personas/agents/untrusted.hpp"
#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"
#include "personas/model/execution_described.hpp"

#include "support.hpp"

namespace personas::fuzz {
namespace {

using namespace agents;

OutputFormat format_of(char c) {
  switch (c) {
    case 'p':
      return OutputFormat::kPlain;
    case 'x':
      return OutputFormat::kCodexJson;
    case 'g':
      return OutputFormat::kGeminiStreamJson;
    case 'a':
      return OutputFormat::kAnyJson;
    default:
      return OutputFormat::kClaudeStreamJson;
  }
}

std::string describe(const Effect& effect) {
  return std::visit([](const auto& value) { return codec::to_json(value); }, effect);
}
std::string describe(const Usage& usage) {
  return codec::to_json(usage);
}

std::string describe(const Final& final) {
  std::string text = fmt::format(
      "final {} {} [{}] [{}] {} [{}] {} {} {} {} {} [{}]", final.subtype, final.is_error,
      final.result, final.error_kind, final.api_error_status.value_or(-1), final.stop_reason,
      final.num_turns, final.duration_ms, final.total_cost_usd, describe(final.usage),
      final.limit_resets_at ? final.limit_resets_at->micros : -1, final.session_id);
  for (const auto& model : final.models) text += codec::to_json(model);
  for (const auto& denial : final.denials) text += fmt::format(" {}/{}", denial.tool, denial.id);
  return text;
}

struct Describe {
  std::string operator()(const Text& text) const {
    return fmt::format("text {} {}", static_cast<int>(text.speaker), text.text);
  }
  std::string operator()(const IndexedEffect& effect) const {
    return fmt::format("effect {} {} {}", effect.index, key_of(effect.effect),
                       describe(effect.effect));
  }
  std::string operator()(const ToolCall& call) const {
    return fmt::format("call {} {} {} {}", call.name, call.id, call.input,
                       static_cast<int>(call.speaker));
  }
  std::string operator()(const ToolResult& result) const {
    return fmt::format("result {} {} {} {}", result.id, static_cast<int>(result.status),
                       result.summary, result.bytes);
  }
  std::string operator()(const SessionStarted& started) const {
    return fmt::format("session {} {} {} {}", started.session_id, started.model, started.version,
                       fmt::join(started.tools, ","));
  }
  std::string operator()(const RateLimit& limit) const {
    return fmt::format("limit {} {} {}", limit.status, limit.type,
                       limit.resets_at ? limit.resets_at->micros : -1);
  }
  std::string operator()(const Final& final) const { return describe(final); }
  std::string operator()(const ModelMessage& message) const {
    return fmt::format("message {} {} {} {} {}", message.id, message.parent_tool_id, message.model,
                       describe(message.usage), message.stop_reason);
  }
  std::string operator()(const Notice& notice) const { return "notice " + notice.text; }
};

struct Read {
  std::vector<AgentItem> items;
  std::string shown;  // of the items, neighbouring texts joined
  StreamCounters counters;
  ProtocolCounters protocols;
};

Read read(OutputFormat format, const std::vector<std::string_view>& pieces) {
  Read result;
  AgentStream stream(format);
  for (const auto piece : pieces) stream.feed(piece, result.items);
  stream.finish(result.items);
  std::string effects;
  for (const auto& item : result.items) {
    if (format != OutputFormat::kPlain) {
      result.shown += std::visit(Describe{}, item) + "\n";
    } else if (const auto* text = std::get_if<Text>(&item)) {
      result.shown += text->text;
    } else {
      effects += std::visit(Describe{}, item) + "\n";
    }
  }
  result.shown += effects;
  result.counters = stream.counters();
  result.protocols = stream.protocols();
  return result;
}

void check_stream(OutputFormat format, std::string_view text) {
  const auto ways = cuttings(text);
  const Read whole = read(format, ways.front());
  for (const auto& pieces : ways) {
    const Read other = read(format, pieces);
    PERSONAS_FUZZ_CHECK(other.shown == whole.shown, "however it is cut:\n", whole.shown, "\n---\n",
                        other.shown);
    PERSONAS_FUZZ_CHECK(other.protocols == whole.protocols, "the same protocols are counted");
    PERSONAS_FUZZ_CHECK(other.counters.malformed_lines == whole.counters.malformed_lines &&
                            other.counters.lines == whole.counters.lines,
                        "the same lines are counted");
  }
  PERSONAS_FUZZ_CHECK(whole.shown.size() <= 40 * text.size() + 10'000, "no more than it deserves");
  for (const auto& item : whole.items) {
    const std::string shown = render(item);
    PERSONAS_FUZZ_CHECK(is_utf8(shown) && clean_text(shown) == shown, "safe on a terminal", shown);
  }
}

void check_parser(std::string_view text) {
  std::string first;
  ProtocolCounters counters;
  for (const auto& pieces : cuttings(text)) {
    ProtocolParser parser;
    std::vector<IndexedEffect> effects;
    for (const auto piece : pieces) parser.feed(piece, effects);
    parser.end_block(effects);
    std::string shown;
    for (const auto& effect : effects) shown += describe(effect.effect) + "\n";
    if (pieces.size() == 1 && pieces.front().size() == text.size()) {
      first = shown;
      counters = parser.counters();
    }
    PERSONAS_FUZZ_CHECK(shown == first && parser.counters() == counters, "however it is cut", first,
                        shown);
  }
}

void check_turns(OutputFormat format, std::string_view text) {
  TurnTracker tracker(1);
  Timestamp now{1'800'000'000'000'000};
  std::map<std::int64_t, std::string> seen;
  const auto take = [&] {
    for (const auto& turn : tracker.take_changed()) {
      PERSONAS_FUZZ_CHECK(turn.turn >= 1 && turn.turn <= tracker.count(), "a turn that counts");
      const std::string json = codec::to_json(turn);
      PERSONAS_FUZZ_CHECK(codec::parse_json(json).has_value(), "a turn is JSON", json);
      seen[turn.turn] = json;
    }
  };
  for (const auto& item : read(format, {text}).items) {
    now = now + milliseconds(1);
    tracker.take(item, now);
    take();
  }
  tracker.finish(now);
  take();
}

void check_end(OutputFormat format, std::string_view text) {
  TranscriptReader reader(format);
  reader.feed(text);
  const Transcript transcript = reader.finish();
  PERSONAS_FUZZ_CHECK(transcript.tools.size() <= kMaxToolNames, "the limit of tool names");
  const auto answer = find_answer(transcript.words, "answer");
  if (answer) {
    PERSONAS_FUZZ_CHECK(codec::parse_json(answer->text).has_value(), "an answer is JSON");
  } else {
    check_error(answer.error());
  }
  const auto items = read(format, {text}).items;
  for (const auto& item : items) {
    const auto* final = std::get_if<Final>(&item);
    if (final == nullptr) continue;
    const ProgramEnd end{.format = format, .final = final, .exit_code = 1, .stderr_tail = text};
    PERSONAS_FUZZ_CHECK(failure_of(end, {1'800'000'000'000'000}).has_value(),
                        "a program that failed failed for a reason");
  }
}

}  // namespace
}  // namespace personas::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace personas::fuzz;
  if (size == 0) return 0;
  const std::string_view text = text_of(data, size).substr(1);
  const auto format = format_of(static_cast<char>(data[0]));
  check_stream(format, text);
  check_parser(text);
  check_turns(format, text);
  check_end(format, text);
  return 0;
}
