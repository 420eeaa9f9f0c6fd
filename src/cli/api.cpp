#include "api.hpp"

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"

#include "format.hpp"

namespace personas::cli {
namespace {

constexpr std::size_t kMaxShownMessage = 2'000;

ErrorCode code_of_status(int status) {
  switch (status) {
    case 400:
      return ErrorCode::kInvalidRequest;
    case 401:
      return ErrorCode::kUnauthorized;
    case 403:
      return ErrorCode::kForbidden;
    case 404:
      return ErrorCode::kNotFound;
    case 405:
      return ErrorCode::kMethodNotAllowed;
    case 409:
      return ErrorCode::kConflict;
    case 413:
      return ErrorCode::kPayloadTooLarge;
    case 421:
      return ErrorCode::kMisdirected;
    case 422:
      return ErrorCode::kUnprocessable;
    case 429:
      return ErrorCode::kRateLimited;
    case 502:
      return ErrorCode::kUnavailable;
    case 503:
      return ErrorCode::kUnavailable;
    case 504:
      return ErrorCode::kTimeout;
    default:
      return ErrorCode::kInternal;
  }
}

// The first of these members that is a string with something in it.
std::string text_member(const boost::json::object& object,
                        std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    const auto* member = object.if_contains(name);
    if (member != nullptr && member->is_string() && !member->get_string().empty()) {
      return agents::clean_text(std::string(member->get_string()));
    }
  }
  return {};
}

std::vector<FieldError> fields_of(const boost::json::object& problem) {
  std::vector<FieldError> fields;
  for (const std::string_view name : {"errors", "fields"}) {
    const auto* list = problem.if_contains(name);
    if (list == nullptr || !list->is_array()) continue;
    for (const auto& entry : list->get_array()) {
      if (!entry.is_object()) continue;
      fields.push_back({text_member(entry.get_object(), {"path", "pointer", "field"}),
                        text_member(entry.get_object(), {"message", "detail"})});
    }
  }
  return fields;
}

}  // namespace

net::Request Api::request(std::string method, const std::string& path) const {
  net::Request request;
  request.method = std::move(method);
  request.target = context_.url + path;
  request.headers.set("Accept", "application/json");
  if (!context_.key.empty()) {
    request.headers.set("Authorization", fmt::format("Bearer {}", context_.key.reveal()));
  }
  return request;
}

Task<Result<net::Response>> Api::call(std::string method, std::string path, std::string body) {
  net::Request outgoing = request(std::move(method), path);
  if (!body.empty()) outgoing.headers.set("Content-Type", "application/json");
  outgoing.body = std::move(body);
  auto response = co_await context_.client.send(std::move(outgoing));
  if (!response) co_return fail(explain(response.error()));
  if (response->status < 200 || response->status > 299) co_return fail(explain(*response));
  co_return std::move(*response);
}

Error Api::explain(const Error& error) const {
  Error out = error;
  std::string_view cause = error.message;
  if (cause.ends_with('.')) cause.remove_suffix(1);
  if (error.code == ErrorCode::kUnavailable) {
    out.message =
        fmt::format("Nothing answers at {} ({}). Is it running? Start it with: personas up",
                    context_.url, cause);
  } else if (error.code == ErrorCode::kTimeout) {
    out.message = fmt::format("{} did not answer in time ({})", context_.url, cause);
  }
  return out;
}

Error Api::explain(const net::Response& response) const {
  Error error{code_of_status(response.status), {}, {}};
  const auto body = codec::parse_json(response.body);
  if (body && body->is_object()) {
    const auto& problem = body->get_object();
    error.message = text_member(problem, {"detail", "error", "title", "message"});
    error.fields = fields_of(problem);
    if (const auto name = text_member(problem, {"code"}); !name.empty()) {
      const ErrorCode named = error_code_named(name);
      if (named != ErrorCode::kInternal) error.code = named;
    }
  }
  if (error.message.empty()) {
    error.message = fmt::format("{} answered with HTTP status {}", context_.url, response.status);
  }
  if (error.code == ErrorCode::kUnauthorized) {
    error.message += fmt::format(". The key comes from {}", context_.key_hint);
  }
  if (error.code == ErrorCode::kNotFound && error.message.starts_with("There is nothing at")) {
    error.message +=
        ". The server does not know this request; it may be older than this command line: personas "
        "doctor";
  }
  const auto retry = response.headers.get("Retry-After");
  if (!retry.empty()) {
    error.message += fmt::format(". Try again in {} s", agents::clean_line(retry, 20));
  }
  return error;
}

std::string Api::escape(std::string_view query_value) {
  std::string out;
  for (const char c : query_value) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").contains(c);
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

int report(Terminal& terminal, const Error& error) {
  std::string text = paint(terminal, Paint::kRed, "error:") + " " +
                     agents::clean_line(error.message, kMaxShownMessage) + "\n";
  for (const auto& field : error.fields) {
    text += field.path.empty()
                ? fmt::format("  {}\n", agents::clean_line(field.message, kMaxShownMessage))
                : fmt::format("  {}: {}\n", agents::clean_line(field.path, kMaxShownMessage),
                              agents::clean_line(field.message, kMaxShownMessage));
  }
  terminal.err(text);
  return info(error.code).exit_code;
}

}  // namespace personas::cli
