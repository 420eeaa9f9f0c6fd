// A token bucket per key: it holds a minute's worth and refills steadily. Thread-safe.
//
// Keys that anybody can make up (addresses) do not let it grow: past kMaxBuckets those that are
// full again are forgotten, and if none is, what is new shares one bucket.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "personas/base/time.hpp"
#include "personas/net/http.hpp"

namespace personas::http_api {

class RateLimiter {
 public:
  static constexpr std::size_t kMaxBuckets = 10'000;

  // 0: no limit.
  explicit RateLimiter(std::int64_t per_minute) : per_minute_(per_minute) {}

  struct Verdict {
    enum class Kind : std::uint8_t { kUnlimited, kAllowed, kRefused } kind = Kind::kUnlimited;
    std::int64_t limit = 0;
    std::int64_t remaining = 0;
    std::int64_t seconds_to_full = 0;
    std::int64_t retry_after = 0;  // seconds until one more is allowed
  };
  Verdict take(std::string_view key, Instant now);
  // The same without taking one.
  Verdict look(std::string_view key, Instant now);

 private:
  struct Bucket {
    double tokens = 0;
    Instant filled;
  };

  Bucket& bucket_of(std::string_view key, Instant now);
  Verdict verdict_on(const Bucket& bucket) const;
  void refill(Bucket& bucket, Instant now) const;

  const std::int64_t per_minute_;
  std::mutex mutex_;
  std::map<std::string, Bucket, std::less<>> buckets_;
};

// RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers).
void add_rate_headers(const RateLimiter::Verdict& verdict, net::Response& response);

}  // namespace personas::http_api
