#include "personas/delivery/retry.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include <fmt/format.h>

namespace personas::delivery {
namespace {

// "Sun, 06 Nov 1994 08:49:37 GMT", the one form that may be sent (RFC 9110 §5.6.7).
std::optional<Timestamp> read_http_date(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 29 || text.substr(25) != " GMT") return {};
  const auto number = [&](std::size_t at, std::size_t size) {
    int value = -1;
    const char* begin = text.data() + at;
    const auto [end, error] = std::from_chars(begin, begin + size, value);
    return error == std::errc{} && end == begin + size ? value : -1;
  };
  const std::size_t month = kMonths.find(text.substr(8, 3));
  if (month == std::string_view::npos || month % 3 != 0) return {};
  const std::chrono::year_month_day day{std::chrono::year(number(12, 4)),
                                        std::chrono::month(static_cast<unsigned>(month / 3 + 1)),
                                        std::chrono::day(static_cast<unsigned>(number(5, 2)))};
  const int hour = number(17, 2);
  const int minute = number(20, 2);
  const int second = number(23, 2);
  if (!day.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
      second > 60) {
    return {};
  }
  const Duration since = std::chrono::sys_days(day).time_since_epoch() + hours(hour) +
                         minutes(minute) + seconds(second);
  return Timestamp{since.count()};
}

void disable(Endpoint& endpoint, std::string reason) {
  endpoint.enabled = false;
  endpoint.disabled_reason = std::move(reason);
}

// After a delivery was given up.
Verdict judge(Endpoint& endpoint, Timestamp now) {
  ++endpoint.dead_in_row;
  if (endpoint.dead_in_row >= kMaxDeadInRow) {
    disable(endpoint, fmt::format("{} deliveries in a row were given up", endpoint.dead_in_row));
    return Verdict::kDisabled;
  }
  if (endpoint.failing_since && now - *endpoint.failing_since >= kMaxFailing) {
    disable(endpoint,
            fmt::format("nothing has arrived since {}", to_rfc3339(*endpoint.failing_since)));
    return Verdict::kDisabled;
  }
  return Verdict::kGoesOn;
}

}  // namespace

std::optional<Duration> wait_after(std::int64_t attempts, std::uint64_t dice,
                                   std::optional<Duration> retry_after) {
  if (attempts < 0 || attempts >= std::ssize(kWaits)) return {};
  const Duration planned = kWaits.at(static_cast<std::size_t>(attempts));
  // 90 % to 110 % of it, in thousandths.
  const Duration wait = planned * static_cast<std::int64_t>(900 + dice % 201) / 1000;
  if (!retry_after) return wait;
  return std::max(wait, std::clamp(*retry_after, Duration(0), kLongestRetryAfter));
}

std::optional<Duration> read_retry_after(std::string_view header, Timestamp now) {
  if (header.empty()) return {};
  if (std::ranges::all_of(header, [](char c) { return c >= '0' && c <= '9'; })) {
    // More digits than a day has seconds are a day.
    std::int64_t wait = 0;
    const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), wait);
    const std::int64_t most = std::chrono::floor<seconds>(kLongestRetryAfter).count();
    return seconds(error == std::errc{} ? std::min(wait, most) : most);
  }
  const auto date = read_http_date(header);
  if (!date) return {};
  return std::clamp(*date - now, Duration(0), kLongestRetryAfter);
}

Outcome outcome_of(int status, std::string_view retry_after, Timestamp now) {
  Outcome outcome{.status = status};
  if (status >= 200 && status < 300) return outcome;
  if (status >= 300 && status < 400) {
    outcome.error = fmt::format("It answered {}, and redirects are not followed.", status);
  } else if (status == 410) {
    outcome.error = "It answered 410: it wants nothing more.";
    outcome.then = Outcome::Then::kGone;
  } else {
    outcome.error = fmt::format("It answered {}.", status);
  }
  outcome.retry_after = read_retry_after(retry_after, now);
  return outcome;
}

Outcome outcome_of_smtp(int code, std::string_view reply, SmtpStep step) {
  Outcome outcome{.status = code};
  if (code >= 200 && code < 300) return outcome;
  const bool login = step == SmtpStep::kLogin;
  outcome.error =
      fmt::format("{}: {} {}", login ? "The server refused the login" : "It answered", code, reply);
  if (code >= 500) outcome.then = login ? Outcome::Then::kDisable : Outcome::Then::kGiveUp;
  return outcome;
}

Verdict settle(Endpoint& endpoint, Delivery& delivery, const Outcome& outcome, Timestamp now,
               std::uint64_t dice) {
  ++delivery.attempts;
  delivery.last_attempt_at = now;
  delivery.last_status = outcome.status;
  delivery.last_duration_ms = to_millis(outcome.took);
  delivery.last_error.reset();
  delivery.next_attempt_at.reset();
  if (outcome.error.empty()) {
    if (!outcome.note.empty()) delivery.last_error = outcome.note;
    delivery.status = DeliveryStatus::kDelivered;
    delivery.completed_at = now;
    endpoint.failing_since.reset();
    endpoint.dead_in_row = 0;
    return Verdict::kGoesOn;
  }
  delivery.last_error = outcome.error;
  if (!endpoint.failing_since) endpoint.failing_since = now;
  if (outcome.then == Outcome::Then::kDisable) {
    delivery.status = DeliveryStatus::kHeld;
    disable(endpoint, outcome.error);
    return Verdict::kDisabled;
  }
  const bool again = outcome.then == Outcome::Then::kAgain;
  const auto wait = again ? wait_after(delivery.attempts, dice, outcome.retry_after) : std::nullopt;
  if (wait) {
    delivery.status = DeliveryStatus::kFailed;
    delivery.next_attempt_at = now + *wait;
    return Verdict::kGoesOn;
  }
  delivery.status = DeliveryStatus::kDead;
  delivery.completed_at = now;
  if (outcome.then != Outcome::Then::kGone) return judge(endpoint, now);
  disable(endpoint, "it answered 410 Gone");
  return Verdict::kDisabled;
}

}  // namespace personas::delivery
