#include "pattern_set.hpp"

namespace personas {

PatternSet::PatternSet(const std::vector<Pattern>& patterns) {
  std::size_t most = 1;
  for (const auto& pattern : patterns) most += pattern.text.size();
  nodes_.reserve(most);  // never moved, so no copy of a pattern is left behind
  nodes_.emplace_back();
  for (const auto& pattern : patterns) insert(pattern);
  link_failures();
}

PatternSet::~PatternSet() {
  for (auto& node : nodes_) *const_cast<volatile char*>(&node.byte) = 0;
}

PatternSet::State PatternSet::add_child(State parent, char c) {
  const auto added = static_cast<State>(nodes_.size());
  nodes_.push_back({.depth = nodes_[parent].depth + 1, .byte = c});
  if (parent == kStart) {
    from_start_[static_cast<unsigned char>(c)] = added;
  } else if (added == parent + 1) {
    nodes_[parent].ways |= kNext;
  } else {
    nodes_[parent].ways |= kBranches;
    branches_.emplace(branch(parent, c), added);
  }
  return added;
}

void PatternSet::insert(const Pattern& pattern) {
  State at = kStart;
  for (const char c : pattern.text) {
    const State next = child(at, c);
    at = next != kStart ? next : add_child(at, c);
  }
  // The first of several owners of one text keeps it.
  if (nodes_[at].match != 0) return;
  nodes_[at].match = static_cast<std::uint32_t>(matches_.size());
  matches_.push_back({nodes_[at].depth, pattern.owner});
}

// Shallow states first: what a state fails to is shallower, and so has its own failure already.
void PatternSet::link_failures() {
  std::vector<std::pair<State, State>> level;  // a state and its parent
  for (const State first : from_start_) {
    if (first != kStart) level.emplace_back(first, kStart);
  }
  std::unordered_multimap<State, State> branched;
  for (const auto& [key, to] : branches_) branched.emplace(static_cast<State>(key >> 8), to);
  while (!level.empty()) {
    std::vector<std::pair<State, State>> deeper;
    for (const auto& [at, parent] : level) {
      Node& node = nodes_[at];
      if (parent != kStart) node.failure = step(nodes_[parent].failure, node.byte);
      if (node.match == 0) node.match = nodes_[node.failure].match;
      if ((node.ways & kNext) != 0) deeper.emplace_back(at + 1, at);
      if ((node.ways & kBranches) == 0) continue;
      const auto [begin, end] = branched.equal_range(at);
      for (auto to = begin; to != end; ++to) deeper.emplace_back(to->second, at);
    }
    level = std::move(deeper);
  }
}

}  // namespace personas
