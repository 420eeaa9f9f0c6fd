// A cron expression in a time zone, and what happens where the clocks are changed:
//
//   * a wall-clock time that does not exist: one slot, at the first moment after the gap;
//   * one that exists twice: at the first;
//   * an expression for every hour: whenever the clocks show it, so both times, and never for what
//     they do not show.
#pragma once

#include <memory>
#include <string>

#include "personas/base/error.hpp"
#include "personas/schedule/schedule.hpp"

#include "cron_fields.hpp"

namespace date {
class time_zone;
}

namespace personas::schedule {

// The system's zone of this name; nullptr is UTC, which needs no data.
Result<const date::time_zone*> find_zone(std::string_view name);

std::shared_ptr<const Rule> make_cron_rule(const CronFields& fields, const date::time_zone* zone);

}  // namespace personas::schedule
