// A token bucket per key: it holds a minute's worth and refills steadily. Thread-safe.
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

 private:
  struct Bucket {
    double tokens = 0;
    Instant filled;
  };

  const std::int64_t per_minute_;
  std::mutex mutex_;
  // One per key that was accepted, so keys that are made up do not grow it.
  std::map<std::string, Bucket, std::less<>> buckets_;
};

// RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers).
void add_rate_headers(const RateLimiter::Verdict& verdict, net::Response& response);

}  // namespace personas::http_api
