#include "personas/http_api/api.hpp"

#include <algorithm>
#include <exception>

#include <fmt/format.h>

#include "personas/net/target.hpp"
#include "personas/operations/runner.hpp"

#include "cors.hpp"
#include "observe.hpp"
#include "problem.hpp"
#include "rate_limit.hpp"
#include "router.hpp"
#include "trace.hpp"

namespace personas::http_api {

using operations::Access;
using operations::Caller;
using operations::Operation;
using operations::Reply;

struct Api::Parts {
  Parts(operations::Services& given_services, const identity::Authenticator& given_authenticator,
        telemetry::Logger& given_logger, Options given_options, std::span<const Operation> table)
      : services(given_services),
        authenticator(given_authenticator),
        logger(given_logger),
        options(std::move(given_options)),
        router(table),
        cors(options.cors_origins),
        limiter(options.rate_limit),
        strangers(options.failed_proofs),
        metrics(services.metrics, table) {}

  operations::Services& services;
  const identity::Authenticator& authenticator;
  telemetry::Logger& logger;
  Options options;
  Router router;
  Cors cors;
  RateLimiter limiter;
  RateLimiter strangers;  // what failed, by operation and address
  RequestMetrics metrics;
};

// What is known of one request so far.
struct Api::Context {
  Instant started;
  std::string request_id;
  std::string trace;
  Route route;
  identity::Principal principal;
  Caller caller = Caller::kKey;
  RateLimiter::Verdict rate;
};

namespace {

constexpr std::string_view kNoStore = "no-store";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// The key of "Authorization: Bearer <key>"; empty if there is none, or not exactly one.
std::string_view bearer_of(const net::Headers& headers) {
  constexpr std::string_view kScheme = "bearer ";
  if (headers.count("Authorization") != 1) return {};
  std::string_view text = headers.get("Authorization");
  if (text.size() <= kScheme.size() ||
      !std::ranges::equal(text.substr(0, kScheme.size()), kScheme, {}, lower)) {
    return {};
  }
  text.remove_prefix(kScheme.size());
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// What a page may say of itself when it opens a WebSocket, as it cannot set other headers.
struct OfferedProtocols {
  std::string_view key;     // of "personas.bearer.<key>"
  std::string_view answer;  // the protocol that is spoken, if one was offered
};
OfferedProtocols offered_protocols(const net::Headers& headers) {
  constexpr std::string_view kSpoken = "personas.v1";
  constexpr std::string_view kBearer = "personas.bearer.";
  OfferedProtocols offered;
  std::string_view list = headers.get("Sec-WebSocket-Protocol");
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    auto one = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (one.starts_with(kBearer)) {
      offered.key = one.substr(kBearer.size());
      // A browser wants one of its own back; the key only if it offered nothing else.
      if (offered.answer.empty()) offered.answer = one;
    } else if (one == kSpoken) {
      offered.answer = one;
    }
  }
  return offered;
}

// Some senders can set one header, and it is not Authorization.
std::string_view key_of(const net::Headers& headers, std::string_view name) {
  return name.empty() || headers.count(name) != 1 ? std::string_view() : headers.get(name);
}

// Who failed, and where: one address cannot close the door of another operation for a sender that
// shares it, behind a proxy for example.
std::string stranger_of(const net::Request& request, const Operation& operation) {
  return fmt::format("{} {}", operation.id, request.remote_address);
}

// A proxy on this machine makes every request come from this machine.
bool is_local(const net::Request& request) {
  return request.from_loopback && request.headers.find("X-Forwarded-For") == nullptr &&
         request.headers.find("Forwarded") == nullptr;
}

// Over TLS, or not over a network at all. A proxy on this machine says what it was reached by.
operations::Channel channel_of(const net::Request& request) {
  const bool by_proxy =
      request.from_loopback && request.headers.get("X-Forwarded-Proto") == "https";
  return request.over_tls || is_local(request) || by_proxy ? operations::Channel::kPrivate
                                                           : operations::Channel::kOpen;
}

// The same request with another cursor.
std::string next_link(const net::Request& request, std::string_view cursor) {
  std::string link = request.target.substr(0, request.target.find('?')) + "?";
  for (const auto& [name, value] : request.query) {
    if (name == "cursor") continue;
    link += net::percent_encode(name) + "=" + net::percent_encode(value) + "&";
  }
  return fmt::format("<{}cursor={}>; rel=\"next\"", link, net::percent_encode(cursor));
}

net::Response to_response(const net::Request& request, Reply reply) {
  net::Response response;
  response.status = reply.status;
  for (auto& [name, value] : reply.headers) response.headers.set(name, std::move(value));
  const auto* etag = response.headers.find("ETag");
  if (etag != nullptr && request.headers.get("If-None-Match") == *etag) {
    response.status = 304;
    return response;
  }
  if (!reply.content_type.empty()) {
    response.headers.set("Content-Type", std::move(reply.content_type));
  }
  if (reply.next_cursor) {
    response.headers.set("Link", next_link(request, *reply.next_cursor));
    response.headers.set("X-Next-Cursor", *reply.next_cursor);
  }
  response.body = std::move(reply.body);
  if (request.method != "HEAD") response.stream = std::move(reply.stream);
  return response;
}

}  // namespace

std::size_t largest_body(std::span<const Operation> table, std::size_t otherwise) {
  for (const auto& operation : table) otherwise = std::max(otherwise, operation.max_body_bytes);
  return otherwise;
}

Api::Api(operations::Services& services, const identity::Authenticator& authenticator,
         telemetry::Logger& logger, Options options, std::span<const Operation> table)
    : parts_(std::make_unique<Parts>(services, authenticator, logger, std::move(options), table)) {}

Api::~Api() = default;

Task<net::Response> Api::handle(net::Request request) {
  auto& services = parts_->services;
  Context context;
  context.started = services.clock.now();
  context.request_id =
      request_id_of(request.headers.get("X-Request-Id"), services.clock.wall(), services.random);
  context.trace = child_trace(request.headers.get("traceparent"), services.random);
  auto response = co_await answer(request, context);
  finish(request, context, response);
  co_return response;
}

Task<net::Response> Api::answer(const net::Request& request, Context& context) {
  if (auto preflight = parts_->cors.preflight(request)) co_return std::move(*preflight);
  context.route = parts_->router.find(request.method, request.path);
  if (context.route.operation == nullptr && context.route.allowed.empty()) {
    co_return problem_response({ErrorCode::kNotFound, "There is nothing at " + request.path, {}},
                               context.request_id);
  }
  if (context.route.operation == nullptr) {
    auto response = problem_response(
        {ErrorCode::kMethodNotAllowed,
         fmt::format("{} is not offered here; {} is", request.method, context.route.allowed),
         {}},
        context.request_id);
    response.headers.set("Allow", context.route.allowed);
    co_return response;
  }
  // Handlers do not throw; what does is memory that is short, and one request must not end all.
  std::string thrown;
  try {
    auto response = co_await call(request, context);
    if (response) co_return std::move(*response);
    const Error& error = response.error();
    if (info(error.code).http_status >= 500) {
      parts_->logger.error(error.message, {{"requestId", context.request_id},
                                           {"operation", context.route.operation->id},
                                           {"code", info(error.code).name}});
    }
    co_return problem_response(error, context.request_id);
  } catch (const std::exception& error) {
    thrown = error.what();
  }
  parts_->logger.error(
      thrown, {{"requestId", context.request_id}, {"operation", context.route.operation->id}});
  co_return problem_response({ErrorCode::kInternal, thrown, {}}, context.request_id);
}

Result<void> Api::admit(const net::Request& request, std::string_view bearer, Context& context) {
  const Operation& operation = *context.route.operation;
  if (operation.access == Access::kOpen) return {};
  if (operation.access == Access::kLoopbackOrKey && bearer.empty() && is_local(request)) return {};
  if (operation.access != Access::kProof) return admit_key(bearer, context);
  for (const auto key : {bearer, key_of(request.headers, operation.key_header)}) {
    if (parts_->authenticator.authenticate(key)) return admit_key(key, context);
  }
  return admit_stranger(request, context);
}

Result<void> Api::admit_key(std::string_view key, Context& context) {
  const Operation& operation = *context.route.operation;
  TRY(context.principal, parts_->authenticator.authenticate(key));
  context.rate = parts_->limiter.take(context.principal.key_name, context.started);
  if (context.rate.kind == RateLimiter::Verdict::Kind::kRefused) {
    return fail(ErrorCode::kRateLimited, fmt::format("More than {} requests a minute; wait {} s",
                                                     context.rate.limit, context.rate.retry_after));
  }
  if (!context.principal.scopes.has(operation.scope)) {
    return fail(ErrorCode::kForbidden,
                fmt::format("This key lacks the scope '{}'", codec::name_of(operation.scope)));
  }
  return {};
}

Result<void> Api::admit_stranger(const net::Request& request, Context& context) {
  context.caller = Caller::kStranger;
  const auto verdict =
      parts_->strangers.look(stranger_of(request, *context.route.operation), context.started);
  if (verdict.kind != RateLimiter::Verdict::Kind::kRefused) return {};
  context.rate = verdict;
  return fail(ErrorCode::kRateLimited,
              fmt::format("More than {} requests a minute without proof; wait {} s", verdict.limit,
                          verdict.retry_after));
}

Task<Result<net::Response>> Api::call(const net::Request& request, Context& context) {
  CO_TRY_VOID(admit(request, bearer_of(request.headers), context));
  for (const auto& id : context.route.parameters) {
    // What cannot be an id names nothing.
    if (!is_valid_id(id)) co_return fail(ErrorCode::kNotFound, "There is no such id");
  }
  const Operation& operation = *context.route.operation;
  const auto most =
      operation.max_body_bytes > 0 ? operation.max_body_bytes : parts_->options.max_body_bytes;
  if (request.body.size() > most) {
    co_return fail(ErrorCode::kPayloadTooLarge, "The body is too large.");
  }
  const bool proves = operation.access == Access::kProof;
  operations::Call call{.services = parts_->services,
                        .operation = operation,
                        .principal = context.principal,
                        .request_id = context.request_id,
                        .now = parts_->services.clock.wall(),
                        .ids = std::move(context.route.parameters),
                        .path = request.path,
                        .body_text = request.body,
                        .idempotency_key = std::string(request.headers.get("Idempotency-Key")),
                        .last_event_id = std::string(request.headers.get("Last-Event-ID")),
                        .channel = channel_of(request),
                        .caller = context.caller,
                        .headers = proves ? request.headers : net::Headers()};
  const operations::RawInput raw{.query = request.query,
                                 .limits = {.max_bytes = parts_->options.max_body_bytes}};
  CO_TRY_VOID(operations::decode(call, raw));
  auto reply = co_await operations::run(call);
  const int unauthorized = info(ErrorCode::kUnauthorized).http_status;
  const bool unproven = context.caller == Caller::kStranger && call.principal.tenant.empty();
  if (unproven && reply && reply->status != unauthorized) {
    reply = fail(ErrorCode::kUnauthorized, "This request proves nothing");
  }
  const int answered = reply ? reply->status : info(reply.error().code).http_status;
  if (answered == unauthorized) {
    parts_->strangers.take(stranger_of(request, *context.route.operation), context.started);
  }
  if (!reply) co_return fail(std::move(reply).error());
  co_return to_response(request, std::move(*reply));
}

Result<net::UpgradeDecision> Api::upgrade(const net::Request& request) {
  Context context;
  context.started = parts_->services.clock.now();
  context.route = parts_->router.find(request.method, request.path);
  const Operation* operation = context.route.operation;
  if (operation == nullptr || operation->id != operations::kStreamSocket) {
    return fail(ErrorCode::kNotFound, "No WebSocket can be opened at " + request.path);
  }
  const auto offered = offered_protocols(request.headers);
  TRY_VOID(admit(request, offered.key.empty() ? bearer_of(request.headers) : offered.key, context));
  if (!request.query.empty()) {
    return fail(ErrorCode::kInvalidRequest,
                "Nothing is asked for in the query; subscribe with messages");
  }
  auto socket = std::make_shared<operations::StreamSocket>(
      parts_->services, context.principal.tenant, parts_->options.stream_timing);
  parts_->metrics.count(operation, operation->status,
                        parts_->services.clock.now() - context.started);
  net::UpgradeDecision decision{.listener = socket, .subprotocol = std::string(offered.answer)};
  decision.attach = [socket](std::shared_ptr<net::WebSocket> opened) {
    socket->attach(std::move(opened));
  };
  decision.run = [socket](const std::shared_ptr<net::WebSocket>&) {
    return operations::StreamSocket::run(socket);
  };
  // The socket itself gives up first, and says why.
  decision.write_deadline = parts_->options.stream_timing.stuck * 2;
  return decision;
}

void Api::finish(const net::Request& request, const Context& context, net::Response& response) {
  response.headers.set("X-Request-Id", context.request_id);
  response.headers.set("traceparent", context.trace);
  response.headers.set("X-Content-Type-Options", "nosniff");
  const bool has_etag = response.headers.find("ETag") != nullptr;
  response.headers.set("Cache-Control", has_etag ? "no-cache" : std::string(kNoStore));
  add_rate_headers(context.rate, response);
  parts_->cors.allow(request, response);
  const auto took = parts_->services.clock.now() - context.started;
  parts_->metrics.count(context.route.operation, response.status, took);
  if (parts_->logger.enabled(telemetry::Level::kDebug)) {
    const auto* operation = context.route.same_path;
    const bool hidden = operation != nullptr && operation->path_is == Operation::PathIs::kSecret;
    const std::string_view path = hidden ? operation->path : std::string_view(request.path);
    parts_->logger.debug("request", {{"requestId", context.request_id},
                                     {"trace", context.trace},
                                     {"method", request.method},
                                     {"path", path},
                                     {"key", context.principal.key_name},
                                     {"status", std::int64_t{response.status}},
                                     {"micros", took.count()}});
  }
}

net::Handler Api::handler() {
  return [this](net::Request request) { return handle(std::move(request)); };
}

net::ErrorResponder Api::error_responder() {
  return [this](const Error& error) {
    auto& services = parts_->services;
    const auto id = request_id_of({}, services.clock.wall(), services.random);
    auto response = problem_response(error, id);
    response.headers.set("X-Request-Id", id);
    response.headers.set("X-Content-Type-Options", "nosniff");
    response.headers.set("Cache-Control", std::string(kNoStore));
    parts_->metrics.count(nullptr, response.status, Duration(0));
    return response;
  };
}

}  // namespace personas::http_api
