#include "completions.hpp"

#include <algorithm>

#include <boost/asio/post.hpp>

namespace personas::store_sqlite {

void Completions::add(Request&& request, Result<void> outcome) {
  auto group = std::find_if(groups_.rbegin(), groups_.rend(), [&](const Group& candidate) {
    return candidate.executor == request.executor;
  });
  if (group == groups_.rend()) {
    groups_.push_back({std::move(request.executor), {}});
    group = groups_.rbegin();
  }
  group->told.emplace_back(std::move(request.done), std::move(outcome));
}

void Completions::post_all() {
  for (auto& group : groups_) {
    auto tell = [told = std::move(group.told)]() mutable {
      for (auto& [done, outcome] : told) done(std::move(outcome));
    };
    if (group.executor) {
      boost::asio::post(group.executor, std::move(tell));
    } else {
      tell();
    }
  }
  groups_.clear();
}

void post_one(Request&& request, Result<void> outcome) {
  Completions one;
  one.add(std::move(request), std::move(outcome));
  one.post_all();
}

}  // namespace personas::store_sqlite
