#include "rate_limit.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

namespace personas::http_api {

void RateLimiter::refill(Bucket& bucket, Instant now) const {
  const auto capacity = static_cast<double>(per_minute_);
  const double elapsed =
      static_cast<double>(std::max((now - bucket.filled).count(), std::int64_t{0})) / 1e6;
  bucket.tokens = std::min(capacity, bucket.tokens + elapsed * capacity / 60.0);
  bucket.filled = std::max(bucket.filled, now);
}

RateLimiter::Bucket& RateLimiter::bucket_of(std::string_view key, Instant now) {
  const auto capacity = static_cast<double>(per_minute_);
  auto found = buckets_.find(key);
  if (found == buckets_.end() && buckets_.size() >= kMaxBuckets) {
    for (auto it = buckets_.begin(); it != buckets_.end();) {
      refill(it->second, now);
      it = it->second.tokens >= capacity ? buckets_.erase(it) : std::next(it);
    }
    if (buckets_.size() >= kMaxBuckets) {
      key = {};
      found = buckets_.find(key);
    }
  }
  if (found == buckets_.end()) {
    found = buckets_.emplace(std::string(key), Bucket{capacity, now}).first;
  }
  refill(found->second, now);
  return found->second;
}

RateLimiter::Verdict RateLimiter::verdict_on(const Bucket& bucket) const {
  const auto capacity = static_cast<double>(per_minute_);
  const double per_second = capacity / 60.0;
  Verdict verdict{.limit = per_minute_};
  verdict.remaining = static_cast<std::int64_t>(bucket.tokens);
  verdict.seconds_to_full =
      static_cast<std::int64_t>(std::ceil((capacity - bucket.tokens) / per_second));
  return verdict;
}

RateLimiter::Verdict RateLimiter::take(std::string_view key, Instant now) {
  if (per_minute_ == 0) return {};
  const std::lock_guard lock(mutex_);
  Bucket& bucket = bucket_of(key, now);
  const bool allowed = bucket.tokens >= 1.0;
  if (allowed) bucket.tokens -= 1.0;
  auto verdict = verdict_on(bucket);
  verdict.kind = allowed ? Verdict::Kind::kAllowed : Verdict::Kind::kRefused;
  if (!allowed) {
    verdict.retry_after = static_cast<std::int64_t>(
        std::ceil((1.0 - bucket.tokens) * 60.0 / static_cast<double>(per_minute_)));
  }
  return verdict;
}

RateLimiter::Verdict RateLimiter::look(std::string_view key, Instant now) {
  if (per_minute_ == 0) return {};
  const std::lock_guard lock(mutex_);
  // Whoever has taken nothing yet needs no bucket.
  const auto found = buckets_.find(key);
  if (found == buckets_.end()) return {.kind = Verdict::Kind::kAllowed, .limit = per_minute_};
  refill(found->second, now);
  auto verdict = verdict_on(found->second);
  const double tokens = found->second.tokens;
  verdict.kind = tokens >= 1.0 ? Verdict::Kind::kAllowed : Verdict::Kind::kRefused;
  if (tokens < 1.0) {
    verdict.retry_after = static_cast<std::int64_t>(
        std::ceil((1.0 - tokens) * 60.0 / static_cast<double>(per_minute_)));
  }
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
