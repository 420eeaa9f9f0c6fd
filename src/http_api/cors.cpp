#include "cors.hpp"

#include <algorithm>

namespace personas::http_api {
namespace {

constexpr const char* kMethods = "GET, POST, PUT, PATCH, DELETE";
constexpr const char* kRequestHeaders =
    "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id, traceparent";
constexpr const char* kResponseHeaders =
    "Link, X-Next-Cursor, X-Request-Id, Idempotency-Replayed, RateLimit, RateLimit-Policy, "
    "Retry-After, ETag, traceparent";
constexpr const char* kMaxAge = "600";  // seconds a browser keeps the answer

}  // namespace

bool Cors::is_allowed(const std::string& origin) const {
  return std::ranges::any_of(
      origins_, [&origin](const auto& allowed) { return allowed == "*" || allowed == origin; });
}

std::optional<net::Response> Cors::preflight(const net::Request& request) const {
  if (request.method != "OPTIONS") return std::nullopt;
  net::Response response;
  response.status = 204;
  const auto* origin = request.headers.find("Origin");
  const bool asks = request.headers.find("Access-Control-Request-Method") != nullptr;
  if (origin != nullptr && asks && is_allowed(*origin)) {
    response.headers.set("Access-Control-Allow-Methods", kMethods);
    response.headers.set("Access-Control-Allow-Headers", kRequestHeaders);
    response.headers.set("Access-Control-Max-Age", kMaxAge);
  }
  return response;
}

void Cors::allow(const net::Request& request, net::Response& response) const {
  if (origins_.empty()) return;
  response.headers.add("Vary", "Origin");
  const auto* origin = request.headers.find("Origin");
  if (origin == nullptr || !is_allowed(*origin)) return;
  response.headers.set("Access-Control-Allow-Origin", *origin);
  response.headers.set("Access-Control-Expose-Headers", kResponseHeaders);
}

}  // namespace personas::http_api
