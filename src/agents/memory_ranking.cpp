#include "personas/agents/memory_ranking.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "personas/agents/prompt.hpp"

namespace personas::agents {
namespace {

// Words are compared by their beginning, so that "deploy" finds "deployment" and "deployed".
constexpr std::size_t kStemBytes = 6;
constexpr std::size_t kMinWordBytes = 3;  // shorter ones are mostly grammar
constexpr double kTextWeight = 2.0;       // over the whole range of importance, which is 1
constexpr double kHalfText = 2.0;         // a text score of this much counts half of kTextWeight
constexpr double kRecencyWeight = 0.1;
constexpr double kRecencyDays = 90;
constexpr double kTitleFactor = 2.0;  // of a word in the title or a tag

bool is_word_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

template <class Take>
void each_stem(std::string_view text, const Take& take) {
  std::string word;
  std::size_t length = 0;
  const auto flush = [&] {
    if (length >= kMinWordBytes) take(word);
    word.clear();
    length = 0;
  };
  for (const char raw : text) {
    const char c = raw >= 'A' && raw <= 'Z' ? static_cast<char>(raw - 'A' + 'a') : raw;
    if (!is_word_byte(c)) {
      flush();
      continue;
    }
    if (++length <= kStemBytes) word.push_back(c);
  }
  flush();
}

using Stems = std::unordered_set<std::string>;

Stems stems_of(std::string_view text) {
  Stems stems;
  each_stem(text, [&](const std::string& word) { stems.insert(word); });
  return stems;
}

// Those of `wanted` that are in `text`.
Stems shared_stems(std::string_view text, const Stems& wanted) {
  Stems shared;
  each_stem(text, [&](const std::string& word) {
    if (wanted.contains(word)) shared.insert(word);
  });
  return shared;
}

// Words it shares with the task.
struct Ranked {
  Memory memory;
  Stems heading;  // in title and tags
  Stems content;
  double score = 0;
};

using Weights = std::unordered_map<std::string, double>;

// How telling a word is: one that every memory has says nothing about any.
Weights weights_of(const std::vector<Ranked>& all) {
  Weights holders;
  for (const auto& ranked : all) {
    for (const auto& word : ranked.heading) holders[word] += 1;
    for (const auto& word : ranked.content) {
      if (!ranked.heading.contains(word)) holders[word] += 1;
    }
  }
  const auto count = static_cast<double>(all.size());
  for (auto& [word, weight] : holders) weight = std::log(1.0 + count / weight);
  return holders;
}

double score_of(const Ranked& ranked, const Weights& weights, Timestamp now) {
  double text = 0;
  for (const auto& word : ranked.heading) text += weights.at(word) * kTitleFactor;
  for (const auto& word : ranked.content) {
    if (!ranked.heading.contains(word)) text += weights.at(word);
  }
  const double days =
      static_cast<double>(std::max<std::int64_t>((now - ranked.memory.created_at).count(), 0)) /
      86.4e9;
  return static_cast<double>(ranked.memory.importance) / 10.0 +
         kTextWeight * text / (text + kHalfText) + kRecencyWeight * std::exp(-days / kRecencyDays);
}

std::size_t shown_bytes(const Memory& memory) {
  return memory.title.size() + std::min(memory.content.size(), kMaxMemoryBytes);
}

}  // namespace

std::vector<Memory> relevant_memories(std::vector<Memory> candidates, std::string_view task,
                                      const MemoryBudget& budget, Timestamp now) {
  const Stems wanted = stems_of(task.substr(0, kMaxRankedTaskBytes));
  std::vector<Ranked> all;
  all.reserve(candidates.size());
  for (auto& memory : candidates) {
    std::string heading = memory.title;
    for (const auto& tag : memory.tags) heading += ' ' + tag;
    Stems in_heading = shared_stems(heading, wanted);
    Stems in_content =
        shared_stems(std::string_view(memory.content).substr(0, kMaxMemoryBytes), wanted);
    all.push_back({std::move(memory), std::move(in_heading), std::move(in_content)});
  }
  const Weights weights = weights_of(all);
  for (auto& ranked : all) ranked.score = score_of(ranked, weights, now);
  std::ranges::sort(all, [](const Ranked& a, const Ranked& b) {
    if (a.score != b.score) return a.score > b.score;
    return a.memory.id > b.memory.id;  // the newer one
  });
  std::vector<Memory> chosen;
  std::size_t bytes = 0;
  for (auto& ranked : all) {
    if (chosen.size() == budget.count) break;
    const std::size_t size = shown_bytes(ranked.memory);
    if (bytes + size > budget.bytes) continue;  // a smaller one may still fit
    bytes += size;
    chosen.push_back(std::move(ranked.memory));
  }
  return chosen;
}

}  // namespace personas::agents
