// What one run of an agent said and did, gathered from its output for those who read it afterwards:
// its own words, the tools it called, what it asked of the platform. Words of sub-agents, tool
// results and the backend's notices are not among them (stream.hpp). Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "personas/agents/stream.hpp"
#include "personas/base/error.hpp"
#include "personas/codec/described.hpp"
#include "personas/model/effects.hpp"

namespace personas::agents {

// Words beyond it are left out from the middle: an answer stands at the end.
inline constexpr std::size_t kMaxWords = 4 * 1024 * 1024;
inline constexpr std::size_t kMaxToolNames = 10'000;
inline constexpr std::size_t kMaxKeptEffects = 10'000;

struct Transcript {
  std::string words;
  std::string answer;              // its last text, if the backend says which that is
  std::vector<std::string> tools;  // a name per call, in order
  std::vector<Effect> effects;
  std::int64_t turns = 0;  // as the backend counted them; 0 if it does not
};

// Feed it standard output in order, in pieces of any size.
class TranscriptReader {
 public:
  explicit TranscriptReader(OutputFormat format) : stream_(format) {}

  void feed(std::string_view bytes);
  Transcript finish();

 private:
  void take(std::vector<AgentItem>& items);
  void add_words(std::string_view text);

  AgentStream stream_;
  Transcript transcript_;
  std::string tail_;  // once the first half of kMaxWords is full
  bool cut_ = false;
};

// The last JSON object in `words` whose first member is `key`, alone or in a fenced block or in the
// middle of prose; the value of that member. kNotFound if there is none, kMalformedJson if the last
// one is not JSON.
Result<codec::RawJson> find_answer(std::string_view words, std::string_view key);

}  // namespace personas::agents
