#include "wall_time.hpp"

#include <algorithm>
#include <date/tz.h>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>

#include "personas/base/suggest.hpp"

namespace personas::schedule {
namespace {

using date::days;
using date::local_seconds;
using date::sys_seconds;
using std::chrono::seconds;

// Beyond, years have five digits.
constexpr Timestamp kLatest{253'370'764'800'000'000};  // 9999-01-01
constexpr days kHorizon(366 * kHorizonYears);

struct Period {
  sys_seconds end;
  seconds offset;
};

class CronRule final : public Rule {
 public:
  CronRule(const CronFields& fields, const date::time_zone* zone) : fields_(fields), zone_(zone) {}

  std::optional<Timestamp> next_after(Timestamp time) const override {
    if (time > kLatest) return std::nullopt;
    const sys_seconds now = date::floor<seconds>(
        date::sys_time<microseconds>(microseconds(std::max<std::int64_t>(time.micros, -1))));
    const auto next = fields_.every_hour() ? next_shown(now) : next_fixed(now);
    if (!next) return std::nullopt;
    return Timestamp{duration_cast<microseconds>(next->time_since_epoch()).count()};
  }

 private:
  Period period_at(sys_seconds time) const {
    if (zone_ == nullptr) return {sys_seconds::max(), seconds(0)};
    const auto info = zone_->get_info(time);
    return {info.end, info.offset};
  }

  // The moment that stands for a wall-clock time, and where to go on if it is past already.
  struct Meant {
    sys_seconds moment;
    local_seconds go_on;
  };
  Meant meant_by(local_seconds local) const {
    const auto next = local + seconds(1);
    if (zone_ == nullptr) return {sys_seconds(local.time_since_epoch()), next};
    const auto info = zone_->get_info(local);
    switch (info.result) {
      case date::local_info::nonexistent:
        return {info.first.end, next};
      case date::local_info::ambiguous:
        // The first time is past: so it is for all of the repeated time.
        return {sys_seconds(local.time_since_epoch() - info.first.offset),
                local_seconds((info.first.end + info.first.offset).time_since_epoch())};
      default:
        return {sys_seconds(local.time_since_epoch() - info.first.offset), next};
    }
  }

  // Moments rise with the wall-clock times they stand for, so the first match that is not past is
  // the one; none before the present wall-clock time stands for a moment to come.
  std::optional<sys_seconds> next_fixed(sys_seconds now) const {
    const local_seconds present((now + period_at(now).offset).time_since_epoch());
    const auto last = date::floor<days>(present) + kHorizon;
    local_seconds from = present + seconds(1);
    while (const auto match = next_match(fields_, from, last)) {
      const auto meant = meant_by(*match);
      if (meant.moment > now) return meant.moment;
      from = meant.go_on;
    }
    return std::nullopt;
  }

  std::optional<sys_seconds> next_shown(sys_seconds now) const {
    sys_seconds from = now + seconds(1);
    const auto last = date::floor<days>(local_seconds(from.time_since_epoch())) + kHorizon;
    while (true) {
      const auto period = period_at(from);
      const local_seconds local((from + period.offset).time_since_epoch());
      const auto match = next_match(fields_, local, last);
      if (!match) return std::nullopt;
      const sys_seconds moment(match->time_since_epoch() - period.offset);
      if (moment < period.end) return moment;
      from = period.end;
    }
  }

  CronFields fields_;
  const date::time_zone* zone_;
};

std::string with_suggestion(std::string_view name, const date::tzdb& known) {
  std::vector<std::string_view> names;
  for (const auto& zone : known.zones) names.push_back(zone.name());
  const auto near = closest(name, names);
  return fmt::format("'{}' is not a time zone; it takes a name such as Europe/Berlin{}", name,
                     near.empty() ? "" : fmt::format(". Did you mean {}?", near));
}

}  // namespace

Result<const date::time_zone*> find_zone(std::string_view name) {
  if (name.empty() || name == "UTC" || name == "Etc/UTC") return nullptr;
  // The library throws what we expect to happen: no data, or no such zone.
  try {
    const auto& known = date::get_tzdb();
    const auto zone = std::ranges::find(
        known.zones, name, [](const auto& one) { return std::string_view(one.name()); });
    // "right/…" counts leap seconds, which no clock here does; "posix/…" repeats the rest.
    if (zone == known.zones.end() || name.starts_with("right/") || name.starts_with("posix/")) {
      return fail(ErrorCode::kInvalidRequest, with_suggestion(name, known));
    }
    zone->get_info(date::sys_seconds(seconds(0)));  // reads it
    return &*zone;
  } catch (const std::exception& problem) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("the time zone data of this machine cannot be read (install the "
                            "package tzdata): {}",
                            problem.what()));
  }
}

std::shared_ptr<const Rule> make_cron_rule(const CronFields& fields, const date::time_zone* zone) {
  return std::make_shared<CronRule>(fields, zone);
}

}  // namespace personas::schedule
