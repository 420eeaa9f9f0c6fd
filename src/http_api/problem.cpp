#include "problem.hpp"

#include <algorithm>

#include "personas/codec/json.hpp"
#include "personas/operations/reports_described.hpp"

namespace personas::http_api {
namespace {

// "/retry/maxAttempts" → "retry.maxAttempts"
std::string dotted(std::string_view path) {
  std::string text(path.substr(path.starts_with('/') ? 1 : 0));
  if (path.starts_with('/')) std::ranges::replace(text, '/', '.');
  return text;
}

// What went wrong inside concerns us, not the client, and may name tables or paths.
bool is_internal(ErrorCode code) {
  return code == ErrorCode::kInternal || code == ErrorCode::kIo || code == ErrorCode::kCorrupt;
}

}  // namespace

net::Response problem_response(const Error& error, std::string_view request_id) {
  const auto& row = info(error.code);
  operations::Problem problem;
  problem.type = "urn:personas:problem:" + std::string(row.name);
  problem.title = row.title;
  problem.status = row.http_status;
  problem.detail = is_internal(error.code)
                       ? "The server could not do it; its log has the reason under this request id"
                       : error.message;
  problem.error = problem.detail;
  problem.code = row.name;
  problem.request_id = request_id;
  for (const auto& field : error.fields) {
    problem.fields.push_back({field.path, dotted(field.path), field.message});
  }
  net::Response response;
  response.status = row.http_status;
  response.headers.set("Content-Type", "application/problem+json");
  if (error.code == ErrorCode::kUnauthorized) {
    response.headers.set("WWW-Authenticate", "Bearer realm=\"personas\"");
  }
  if (row.http_status == 503) response.headers.set("Retry-After", "1");
  codec::append_json(problem, response.body);
  return response;
}

}  // namespace personas::http_api
