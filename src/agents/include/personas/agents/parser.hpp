// Finds protocol objects in the text an agent writes.
//
// Recognised: one JSON object with a protocol key, starting a line (after blanks or one list
// marker) and alone on its lines: on one line, pretty-printed over several, also inside a fenced
// block. Quoted lines ("> {…") are somebody else's words and are not. Everything else is prose.
//
// The text is never changed: a protocol line stays part of the output, and so does a malformed one,
// which is counted. An object that turns out not to be JSON is given up at its first wrong
// character, and the search goes on with the line after the one it began on, so prose with braces
// never swallows a later protocol line.
//
// Deterministic: the same text gives the same effects however it is cut into chunks.
// Feed it only what the agent itself said (see stream.hpp). Not thread-safe; pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "personas/model/effects.hpp"

namespace personas::agents {

// One object; a message may carry 100 kB of content. Longer ones are plain text, and counted.
inline constexpr std::size_t kMaxProtocolBytes = 256 * 1024;
inline constexpr std::size_t kMaxProtocolDepth = 32;
// Of one attempt. An agent in a loop must not flood the bus; the rest is plain text, and counted.
inline constexpr std::size_t kMaxEffects = 10'000;

struct IndexedEffect {
  std::size_t index = 0;  // 0, 1, … over the parser's life
  Effect effect;
};

struct ProtocolCounters {
  std::uint64_t recognised = 0;
  std::uint64_t malformed = 0;   // began like a protocol object, but was not a valid one
  std::uint64_t over_limit = 0;  // valid, but past kMaxEffects
  bool operator==(const ProtocolCounters&) const = default;
};

class ProtocolParser {
 public:
  ProtocolParser();
  ~ProtocolParser();
  ProtocolParser(ProtocolParser&&) noexcept;
  ProtocolParser& operator=(ProtocolParser&&) noexcept;

  // Appends the effects that `text` completes.
  void feed(std::string_view text, std::vector<IndexedEffect>& effects);
  // A block of text, or the stream, is over: ends the line and any open object. May be fed again.
  void end_block(std::vector<IndexedEffect>& effects);

  const ProtocolCounters& counters() const { return counters_; }

 private:
  struct Scanner;  // follows the structure of one object
  enum class Verdict : std::uint8_t { kMore, kWhole, kNotAnObject };

  void take_lines(std::vector<IndexedEffect>& effects);
  void take_line(std::size_t end, std::vector<IndexedEffect>& effects);
  void give_up_object();
  void judge_long_line(std::string_view line);
  void recognise(std::string_view object, std::vector<IndexedEffect>& effects);
  void drop_consumed();

  // Text from the start of the open object, or else of the present line.
  std::string text_;
  std::size_t taken_ = 0;     // everything before was looked at, up to whole lines
  std::size_t searched_ = 0;  // no line end in [taken_, searched_)
  bool in_object_ = false;
  std::size_t object_ = 0;            // where its first line's '{' is
  std::size_t after_first_line_ = 0;  // where the search goes on if it is given up
  bool skipping_line_ = false;        // in a line that is too long to matter
  std::unique_ptr<Scanner> scanner_;
  ProtocolCounters counters_;
};

}  // namespace personas::agents
