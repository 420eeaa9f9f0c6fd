// The subscriptions that may take events of one type, found by the event's source and target
// without looking at the others: a pure value, built once per type and change.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/model/signals.hpp"
#include "personas/model/subscription.hpp"

#include "compiled.hpp"

namespace personas::bus {

class Candidates {
 public:
  explicit Candidates(std::vector<Subscription> subscriptions);

  // Those whose source filter and persona fit; higher priority first, then older.
  std::vector<const Compiled*> fitting(const Event& event) const;
  std::size_t size() const { return all_.size(); }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Group = std::vector<const Compiled*>;
  using ByText = std::unordered_map<std::string, Group, TextHash, std::equal_to<>>;

  std::vector<Compiled> all_;
  ByText any_source_;  // by persona
  ByText by_source_;   // exact
  ByText by_prefix_;
  std::vector<std::size_t> prefix_lengths_;  // that occur, rising
};

}  // namespace personas::bus
