// Many texts looked for at once: an Aho–Corasick automaton. One step per byte, amortised, however
// the patterns overlap. Immutable after it was built; any thread. Its memory is overwritten when it
// goes, for it spells the patterns.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace personas {

struct Pattern {
  std::string text;
  std::uint32_t owner = 0;
};

class PatternSet {
 public:
  using State = std::uint32_t;
  static constexpr State kStart = 0;

  explicit PatternSet(const std::vector<Pattern>& patterns);
  ~PatternSet();
  PatternSet(const PatternSet&) = delete;
  PatternSet& operator=(const PatternSet&) = delete;

  State step(State state, char c) const {
    while (true) {
      const State next = child(state, c);
      if (next != kStart || state == kStart) return next;
      state = nodes_[state].failure;
    }
  }
  // Bytes of the longest beginning of a pattern that ends here.
  std::uint32_t depth(State state) const { return nodes_[state].depth; }

  struct Match {
    std::uint32_t length = 0;
    std::uint32_t owner = 0;
  };
  // The longest pattern that ends here; length 0 if none does.
  const Match& match(State state) const { return matches_[nodes_[state].match]; }

 private:
  // Nearly every state has one way on, to the state behind it; the others are in `branches_`.
  struct Node {
    State failure = kStart;
    std::uint32_t depth = 0;
    std::uint32_t match = 0;  // index in matches_
    char byte = 0;            // that leads here
    std::uint8_t ways = 0;    // bits: kNext, kBranches
  };
  static constexpr std::uint8_t kNext = 1;
  static constexpr std::uint8_t kBranches = 2;
  static std::uint64_t branch(State state, char c) {
    return std::uint64_t{state} << 8 | static_cast<unsigned char>(c);
  }

  State child(State state, char c) const {
    if (state == kStart) return from_start_[static_cast<unsigned char>(c)];
    const std::uint8_t ways = nodes_[state].ways;
    if ((ways & kNext) != 0 && nodes_[state + 1].byte == c) return state + 1;
    if ((ways & kBranches) == 0) return kStart;
    const auto found = branches_.find(branch(state, c));
    return found == branches_.end() ? kStart : found->second;
  }
  void insert(const Pattern& pattern);
  State add_child(State parent, char c);
  void link_failures();

  std::vector<Node> nodes_;
  std::vector<Match> matches_{{}};
  std::unordered_map<std::uint64_t, State> branches_;
  std::array<State, 256> from_start_{};
};

}  // namespace personas
