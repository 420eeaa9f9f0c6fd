// parse: how fast an agent's stream-json becomes items and turns, as the worker reads it: in chunks
// of a pipe, searched for protocols. No server takes part.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "personas/agents/stream.hpp"
#include "personas/agents/turns.hpp"
#include "personas/codec/json.hpp"

#include "trial.hpp"

namespace personas::bench {
namespace {

constexpr double kMustMbPerSecond = 300;
constexpr std::size_t kChunk = 64 * 1024;
constexpr std::size_t kBytes = 64 * 1024 * 1024;  // of each kind; larger than any cache
constexpr int kRepeats = 3;                       // the median counts

std::string quoted(std::string_view text) {
  std::string json;
  codec::append_json_string(text, json);
  return json;
}

// Source code as a tool prints it: short lines, quotes, blanks at their beginning.
std::string source_code(std::size_t bytes) {
  std::string text;
  for (int line = 1; text.size() < bytes; ++line) {
    text += fmt::format("{:>6}\t  if (name == \"value_{}\") return {{.size = {}}};\n", line, line,
                        line * 7);
  }
  return text;
}

std::string prose(std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    text += "The build failed because the header was moved; I look at who includes it.\n";
  }
  return text;
}

std::string assistant(int message, std::string_view block) {
  return fmt::format(
      R"({{"type":"assistant","message":{{"id":"msg_{0}","type":"message","role":"assistant",)"
      R"("model":"claude-opus-4-8","content":[{1}],"stop_reason":null,"stop_sequence":null,)"
      R"("usage":{{"input_tokens":120,"cache_creation_input_tokens":10,)"
      R"("cache_read_input_tokens":30,"output_tokens":1}}}},"parent_tool_use_id":null,)"
      R"("session_id":"00000000-0000-4000-8000-000000000001","uuid":"{0}"}})"
      "\n",
      message, block);
}

std::string text_block(std::string_view text) {
  return fmt::format(R"({{"type":"text","text":{}}})", quoted(text));
}

std::string call_block(int id, std::string_view input) {
  return fmt::format(R"({{"type":"tool_use","name":"Read","input":{},"id":"toolu_{}"}})", input,
                     id);
}

// The CLI repeats the result in a form of its own.
std::string tool_result(int id, std::string_view text) {
  const std::string json = quoted(text);
  return fmt::format(
      R"({{"type":"user","message":{{"role":"user","content":[{{"tool_use_id":"toolu_{0}",)"
      R"("type":"tool_result","content":{1},"is_error":false}}]}},"parent_tool_use_id":null,)"
      R"("session_id":"00000000-0000-4000-8000-000000000001","uuid":"{0}",)"
      R"("tool_use_result":{{"type":"text","file":{{"filePath":"/workspace/a","content":{1}}}}}}})"
      "\n",
      id, json);
}

// A session as it usually is: words, a call, a file of some kilobytes, now and then a long one.
std::string session(int turn) {
  return assistant(turn, text_block(prose(600))) +
         assistant(turn, call_block(turn, R"({"file_path":"/workspace/src/a.cpp"})")) +
         tool_result(turn, source_code(turn % 10 == 0 ? 60'000 : 6'000));
}
std::string long_results(int turn) {
  return assistant(turn, call_block(turn, R"({"file_path":"/workspace/src/a.cpp"})")) +
         tool_result(turn, source_code(500'000));
}
std::string written_files(int turn) {
  return assistant(turn, call_block(turn, fmt::format(R"({{"file_path":"/workspace/b.cpp",)"
                                                      R"("content":{}}})",
                                                      quoted(source_code(20'000)))));
}
std::string words(int turn) {
  return assistant(turn, text_block(prose(4'000)));
}
std::string flood(int turn) {
  std::string lines;
  for (int i = 0; i < 4'000; ++i) lines += "0123456789abcde\n";
  return assistant(turn, text_block(lines));
}

struct Kind {
  std::string_view name;
  std::string (*part)(int turn);
};
constexpr std::array kKinds{Kind{"a usual session", &session},
                            Kind{"long tool results", &long_results},
                            Kind{"files written by tools", &written_files},
                            Kind{"words only", &words}, Kind{"a flood of short lines", &flood}};

Result<double> mb_per_second(std::string_view bytes) {
  std::vector<double> rates;
  for (int i = 0; i < kRepeats; ++i) {
    agents::AgentStream stream(agents::OutputFormat::kClaudeStreamJson);
    agents::TurnTracker turns(1);
    std::vector<agents::AgentItem> items;
    const SteadyTime start = SteadyClock::now();
    for (std::size_t at = 0; at < bytes.size(); at += kChunk) {
      items.clear();
      stream.feed(bytes.substr(at, kChunk), items);
      for (const auto& item : items) turns.take(item, Timestamp{});
      turns.take_changed();
    }
    const double ms = ms_between(start, SteadyClock::now());
    if (stream.counters().malformed_lines > 0 || turns.count() == 0) {
      return fail(ErrorCode::kInternal, "the stream was not understood");
    }
    rates.push_back(static_cast<double>(bytes.size()) / 1e6 / (ms / 1e3));
  }
  return percentile(rates, 0.5);
}

}  // namespace

Measured measure_parse(const Options&) {
  std::vector<Measurement> figures;
  for (const Kind& kind : kKinds) {
    std::string bytes;
    for (int turn = 1; bytes.size() < kBytes; ++turn) bytes += kind.part(turn);
    TRY(const double rate, mb_per_second(bytes));
    figures.push_back({.figure = fmt::format("stream-json into turns, {}", kind.name),
                       .unit = "MB/s",
                       .value = rate,
                       .must = kMustMbPerSecond,
                       .better = Better::kHigher});
  }
  return figures;
}

}  // namespace personas::bench
