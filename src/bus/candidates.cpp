#include "candidates.hpp"

#include <algorithm>

namespace personas::bus {

Candidates::Candidates(std::vector<Subscription> subscriptions) {
  all_.reserve(subscriptions.size());
  for (auto& subscription : subscriptions) all_.emplace_back(std::move(subscription));
  for (const Compiled& one : all_) {
    const auto& source = one.subscription().source_filter;
    if (!source || source->empty() || *source == "*") {
      any_source_[one.subscription().persona_id.str()].push_back(&one);
    } else if (source->ends_with('*')) {
      by_prefix_[source->substr(0, source->size() - 1)].push_back(&one);
      prefix_lengths_.push_back(source->size() - 1);
    } else {
      by_source_[*source].push_back(&one);
    }
  }
  std::ranges::sort(prefix_lengths_);
  const auto repeated = std::ranges::unique(prefix_lengths_);
  prefix_lengths_.erase(repeated.begin(), repeated.end());
}

std::vector<const Compiled*> Candidates::fitting(const Event& event) const {
  std::vector<const Compiled*> found;
  const auto take = [&](const Group& group) {
    for (const Compiled* one : group) {
      if (event.target_persona_id && *event.target_persona_id != one->subscription().persona_id) {
        continue;
      }
      found.push_back(one);
    }
  };
  const auto take_named = [&](const ByText& groups, std::string_view name) {
    if (const auto it = groups.find(name); it != groups.end()) take(it->second);
  };
  if (event.target_persona_id) {
    take_named(any_source_, event.target_persona_id->str());
  } else {
    for (const auto& [persona, group] : any_source_) take(group);
  }
  if (event.source_id) {
    const std::string_view source = *event.source_id;
    take_named(by_source_, source);
    for (const std::size_t length : prefix_lengths_) {
      if (length > source.size()) break;
      take_named(by_prefix_, source.substr(0, length));
    }
  }
  std::ranges::sort(found, [](const Compiled* a, const Compiled* b) {
    const auto& left = a->subscription();
    const auto& right = b->subscription();
    if (left.priority != right.priority) return left.priority > right.priority;
    return left.id < right.id;
  });
  return found;
}

}  // namespace personas::bus
