// A value as comparisons see it, wherever it came from; and the walk along a path, within a budget.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include <boost/json.hpp>

#include "personas/filter/path.hpp"

namespace personas::filter {

// Whether an operand is an int64, uint64 or double, it fits here exactly, so that numbers compare
// as numbers.
using Number = long double;
static_assert(std::numeric_limits<Number>::digits >= 64);

struct View {
  enum class Kind : std::uint8_t { kNothing, kNull, kBool, kNumber, kString, kList, kObject };
  Kind kind = Kind::kNothing;  // kNothing: the path leads nowhere; else like kNull
  bool truth = false;
  Number number = 0;
  std::string_view text = {};
  const boost::json::value* value = nullptr;  // none for what the envelope holds
};

inline View view_of(const boost::json::value& value) {
  using Kind = View::Kind;
  switch (value.kind()) {
    case boost::json::kind::null:
      return {.kind = Kind::kNull, .value = &value};
    case boost::json::kind::bool_:
      return {.kind = Kind::kBool, .truth = value.get_bool(), .value = &value};
    case boost::json::kind::int64:
      return {.kind = Kind::kNumber, .number = Number(value.get_int64()), .value = &value};
    case boost::json::kind::uint64:
      return {.kind = Kind::kNumber, .number = Number(value.get_uint64()), .value = &value};
    case boost::json::kind::double_:
      return {.kind = Kind::kNumber, .number = Number(value.get_double()), .value = &value};
    case boost::json::kind::string: {
      const auto& text = value.get_string();
      return {.kind = Kind::kString, .text = {text.data(), text.size()}, .value = &value};
    }
    case boost::json::kind::array:
      return {.kind = Kind::kList, .value = &value};
    case boost::json::kind::object:
      return {.kind = Kind::kObject, .value = &value};
  }
  return {};
}

// Work that is left. What is spent never exceeds kMaxSteps.
class Budget {
 public:
  // False when it does not suffice; from then on it is exhausted.
  bool spend(std::size_t steps) {
    if (exhausted_ || steps > kMaxSteps - spent_) {
      exhausted_ = true;
      return false;
    }
    spent_ += static_cast<std::uint32_t>(steps);
    return true;
  }
  bool spend_on_text(std::size_t bytes) { return spend(1 + bytes / kStepBytes); }
  bool exhausted() const { return exhausted_; }
  std::uint32_t spent() const { return spent_; }

 private:
  std::uint32_t spent_ = 0;
  bool exhausted_ = false;
};

// Finding a name in a large object may take several looks.
inline constexpr std::size_t kMembersPerStep = 32;

// The value one step on; none if it is not there.
inline const boost::json::value* follow(const boost::json::value& from, const Step& step,
                                        Budget& budget) {
  if (step.kind == Step::Kind::kMember) {
    const auto* object = from.if_object();
    if (object == nullptr || !budget.spend(1 + object->size() / kMembersPerStep)) return nullptr;
    return object->if_contains({step.name.data(), step.name.size()});
  }
  const auto* list = from.if_array();
  if (list == nullptr || !budget.spend(1)) return nullptr;
  const auto size = static_cast<std::int64_t>(list->size());
  const std::int64_t index = step.index < 0 ? size + step.index : step.index;
  return index < 0 || index >= size ? nullptr : &(*list)[static_cast<std::size_t>(index)];
}

// Whether whoever calls has seen enough.
enum class Walk : std::uint8_t { kOn, kEnough };

template <class Each>
Walk walk_from(const boost::json::value& from, std::span<const Step> steps, bool many,
               Budget& budget, const Each& each) {
  const auto* at = &from;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].kind != Step::Kind::kAll) {
      at = follow(*at, steps[i], budget);
      if (budget.exhausted()) return Walk::kEnough;
      if (at == nullptr) return many ? Walk::kOn : each(View{});
      continue;
    }
    const auto rest = steps.subspan(i + 1);
    const auto into = [&](const boost::json::value& child) {
      return budget.spend(1) ? walk_from(child, rest, many, budget, each) : Walk::kEnough;
    };
    if (const auto* list = at->if_array()) {
      for (const auto& child : *list) {
        if (into(child) == Walk::kEnough) return Walk::kEnough;
      }
    } else if (const auto* object = at->if_object()) {
      for (const auto& member : *object) {
        if (into(member.value()) == Walk::kEnough) return Walk::kEnough;
      }
    }
    return Walk::kOn;
  }
  return each(view_of(*at));
}

// Calls `each` with every value the path leads to, until it has seen enough or the budget is
// exhausted. A path without [*] leads to exactly one, which may be nothing.
template <class Each>
Walk walk(const Path& path, const Subject& subject, Budget& budget, const Each& each) {
  if (!budget.spend(1)) return Walk::kEnough;
  if (path.root == Path::kPayload) {
    return walk_from(subject.payload, path.steps, path.many, budget, each);
  }
  const auto text = subject.envelope.*kEnvelopeFields[path.root].member;
  return each(text.empty() ? View{} : View{.kind = View::Kind::kString, .text = text});
}

}  // namespace personas::filter
