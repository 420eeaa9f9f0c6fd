// When a delivery is tried again, and what an endpoint's failures mean for it. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "personas/base/time.hpp"
#include "personas/delivery/endpoint.hpp"

namespace personas::delivery {

// Before each attempt, as Standard Webhooks proposes it: ten attempts over 75 hours.
inline constexpr std::array kWaits{
    Duration(0),         Duration(seconds(5)), Duration(minutes(5)), Duration(minutes(30)),
    Duration(hours(2)),  Duration(hours(5)),   Duration(hours(10)),  Duration(hours(14)),
    Duration(hours(20)), Duration(hours(24))};
inline constexpr Duration kLongestRetryAfter = hours(24);  // what a receiver may ask for
// An endpoint is disabled when this many deliveries in a row were given up, or one was and nothing
// has arrived for so long.
inline constexpr std::int64_t kMaxDeadInRow = 10;
inline constexpr Duration kMaxFailing = hours(5 * 24);

// How long to wait after `attempts` failed ones; none: no further attempt. `dice` is random; the
// wait is kWaits ±10 %, or what the receiver asked for if that is longer.
std::optional<Duration> wait_after(std::int64_t attempts, std::uint64_t dice,
                                   std::optional<Duration> retry_after);

// A Retry-After header: seconds, or an HTTP date. None if it is neither.
std::optional<Duration> read_retry_after(std::string_view header, Timestamp now);

struct Outcome {
  std::optional<std::int64_t> status = {};  // of the HTTP answer
  std::string error = {};                   // empty: delivered
  std::optional<Duration> retry_after = {};
  // What a failure means beyond this attempt.
  enum class Then : std::uint8_t {
    kAgain,    // another attempt, on the schedule
    kGiveUp,   // none: it will not be taken
    kDisable,  // nothing will be taken before somebody mends the endpoint; it is held until then
    kGone,     // the endpoint wants nothing more, ever
  } then = Then::kAgain;
  std::string note = {};  // of a success: what is to be known of it
  Duration took{};
};
// 2xx is success and nothing else is; a redirect is not followed, so it is a failure.
Outcome outcome_of(int status, std::string_view retry_after, Timestamp now);

// A reply of an SMTP server: 4xx is tried again, 5xx is not, and a refused login disables.
enum class SmtpStep : std::uint8_t { kLogin, kMessage };
Outcome outcome_of_smtp(int code, std::string_view reply, SmtpStep step);

// What an outcome changes; the rows are written by whoever asks. kDisabled: the endpoint was
// disabled by it, with its reason set.
enum class Verdict : std::uint8_t { kGoesOn, kDisabled };
Verdict settle(Endpoint& endpoint, Delivery& delivery, const Outcome& outcome, Timestamp now,
               std::uint64_t dice);

}  // namespace personas::delivery
