#include "rate_limit.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace personas::http_api {

RateLimiter::Verdict RateLimiter::take(std::string_view key, Instant now) {
  if (per_minute_ == 0) return {};
  const auto capacity = static_cast<double>(per_minute_);
  const double per_second = capacity / 60.0;
  const std::lock_guard lock(mutex_);
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    found = buckets_.emplace(std::string(key), Bucket{capacity, now}).first;
  }
  Bucket& bucket = found->second;
  const double elapsed =
      static_cast<double>(std::max((now - bucket.filled).count(), std::int64_t{0})) / 1e6;
  bucket.tokens = std::min(capacity, bucket.tokens + elapsed * per_second);
  bucket.filled = std::max(bucket.filled, now);
  Verdict verdict{.limit = per_minute_};
  if (bucket.tokens >= 1.0) {
    bucket.tokens -= 1.0;
    verdict.kind = Verdict::Kind::kAllowed;
  } else {
    verdict.kind = Verdict::Kind::kRefused;
    verdict.retry_after = static_cast<std::int64_t>(std::ceil((1.0 - bucket.tokens) / per_second));
  }
  verdict.remaining = static_cast<std::int64_t>(bucket.tokens);
  verdict.seconds_to_full =
      static_cast<std::int64_t>(std::ceil((capacity - bucket.tokens) / per_second));
  return verdict;
}

void add_rate_headers(const RateLimiter::Verdict& verdict, net::Response& response) {
  if (verdict.kind == RateLimiter::Verdict::Kind::kUnlimited) return;
  response.headers.set("RateLimit-Policy", fmt::format("\"key\";q={};w=60", verdict.limit));
  response.headers.set(
      "RateLimit", fmt::format("\"key\";r={};t={}", verdict.remaining, verdict.seconds_to_full));
  if (verdict.kind == RateLimiter::Verdict::Kind::kRefused) {
    response.headers.set("Retry-After",
                         std::to_string(std::max(verdict.retry_after, std::int64_t{1})));
  }
}

}  // namespace personas::http_api
