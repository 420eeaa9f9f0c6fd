// Slots: the moments at which something is to happen, by an interval or a cron expression.
//
// A slot is a moment, not a wall-clock time: what the clocks of a zone do twice a year is settled
// here, by the rules of docs/schedules.md. Slots of one Schedule strictly rise, whole seconds apart
// from intervals, which keep the fraction of their anchor.
//
// A Schedule is a value and never changes. Nothing here asks what time it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/base/time.hpp"

namespace personas::schedule {

inline constexpr std::size_t kMaxExpression = 200;  // any that a person wrote is far shorter
inline constexpr Duration kShortestInterval = seconds(1);
inline constexpr Duration kLongestInterval = hours(24 * 366);
// A cron expression without a slot in so many years (29 February on a given weekday needs 40) has
// none.
inline constexpr int kHorizonYears = 50;

struct ScheduleSpec {
  // "every 30m", "@daily", "0 9 * * MON-FRI"; empty: interval_seconds.
  std::string expression = {};
  std::optional<std::int64_t> interval_seconds = {};
  std::string timezone = {};            // an IANA name; empty: UTC
  std::optional<Timestamp> start = {};  // no slot before
  std::optional<Timestamp> end = {};    // and none after
  Timestamp anchor = {};  // intervals are counted from `start` or, without one, from here
};

// The slots of a rule, without bounds.
class Rule {
 public:
  virtual ~Rule() = default;
  // The first one strictly after `time`.
  virtual std::optional<Timestamp> next_after(Timestamp time) const = 0;
};

class Schedule {
 public:
  Schedule(std::shared_ptr<const Rule> rule, std::optional<Timestamp> start,
           std::optional<Timestamp> end)
      : rule_(std::move(rule)), start_(start), end_(end) {}

  // The first slot strictly after `time`; nullopt: there is none any more.
  std::optional<Timestamp> next_after(Timestamp time) const;
  // Those in (after, until], the earliest `limit` of them.
  std::vector<Timestamp> slots_between(Timestamp after, Timestamp until, std::size_t limit) const;
  std::vector<Timestamp> next_n(Timestamp after, std::size_t count) const;

 private:
  std::shared_ptr<const Rule> rule_;
  std::optional<Timestamp> start_;
  std::optional<Timestamp> end_;
};

// All that is wrong at once. Paths are "/cron", "/interval_seconds", "/timezone", "/start", "/end";
// what is wrong in a cron expression names its field and position.
Result<Schedule> parse_schedule(const ScheduleSpec& spec);

}  // namespace personas::schedule
