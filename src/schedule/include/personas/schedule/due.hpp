// What is due: the jitter of a slot, and which slots are fired by who comes late.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "personas/base/time.hpp"
#include "personas/schedule/schedule.hpp"

namespace personas::schedule {

// A slot that is fired within this time after it was due was not missed.
inline constexpr Duration kPunctual = seconds(60);
// Missed slots that are made up for after one stop; of more, the newest.
inline constexpr std::size_t kMaxCatchUp = 1000;
// Slots of one plan: they are one transaction.
inline constexpr std::size_t kMaxTogether = 100;
inline constexpr Duration kLongestWindow = hours(7 * 24);
inline constexpr Duration kLongestJitter = hours(24);

// Spreads what would be due at the same moment. The delay of a slot depends on `key` and the slot
// alone, so that every process and every start agree on it.
struct Jitter {
  std::string_view key = {};
  Duration most = {};
};

// When the slot is due: not before it, and before the slot after it.
Timestamp due_at(const Schedule& schedule, Timestamp slot, const Jitter& jitter);

// What becomes of slots that were missed: nothing; one run for all of them, at the latest; each.
enum class MissedRuns : std::uint8_t { kSkip, kOnce, kAll };

struct MissedPolicy {
  MissedRuns runs = MissedRuns::kOnce;
  Duration window = hours(24);  // what was missed longer ago is passed over
};

struct DuePlan {
  std::vector<Timestamp> fire = {};    // rising, at most kMaxTogether
  std::int64_t passed_over = 0;        // missed and not fired, as far back as the window
  std::optional<Timestamp> next = {};  // the slot after these; it may be due already
};

// `first` is the earliest slot that has not been dealt with. To be asked again with `next` as soon
// as that is due.
DuePlan plan_due(const Schedule& schedule, Timestamp first, Timestamp now,
                 const MissedPolicy& policy, const Jitter& jitter);

}  // namespace personas::schedule
