// Raw bytes into a connection of the real server. Every complete answer is well-formed HTTP; errors
// of the transport are problem+json and end the connection; nothing after a refused request is ever
// taken for a request; a request with two lengths is refused; limits hold; and what arrives in
// pieces means what it means in one piece.
#include <algorithm>
#include <optional>

#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"

#include "http_connection.hpp"
#include "problem.hpp"
#include "support.hpp"

namespace personas::fuzz {
namespace {

constexpr net::ServerLimits kLimits = [] {
  net::ServerLimits limits;
  limits.max_header_bytes = 1500;
  limits.max_target_bytes = 200;
  limits.max_body_bytes = 1000;
  return limits;
}();
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

struct Seen {
  std::vector<net::Request> requests;
  std::size_t refusals = 0;
};
Seen& seen() {
  static Seen instance;
  return instance;
}

void check_request(const net::Request& request) {
  PERSONAS_FUZZ_CHECK(request.body.size() <= kLimits.max_body_bytes, "the limit of a body");
  PERSONAS_FUZZ_CHECK(request.target.size() <= kLimits.max_target_bytes, "the limit of a target");
  PERSONAS_FUZZ_CHECK(!(request.headers.find("Content-Length") != nullptr &&
                        request.headers.find("Transfer-Encoding") != nullptr),
                      "one way to say how long a body is");
  PERSONAS_FUZZ_CHECK(request.headers.count("Host") <= 1, "one host");
  std::size_t bytes = request.method.size() + request.target.size();
  for (const auto& header : request.headers.all()) {
    bytes += header.name.size() + header.value.size();
    for (const char c : header.name + header.value) {
      PERSONAS_FUZZ_CHECK(c != '\r' && c != '\n' && c != '\0', "a header within its line");
    }
  }
  PERSONAS_FUZZ_CHECK(bytes <= kLimits.max_header_bytes, "the limit of a header section");
  PERSONAS_FUZZ_CHECK(request.path.starts_with('/') && !request.path.contains("//") &&
                          !(request.path + "/").contains("/../") &&
                          !(request.path + "/").contains("/./") && !request.path.contains('\0'),
                      "a path that two readers understand alike", request.path);
}

Task<void> write_stream(net::ResponseStream& out) {
  for (int i = 0; i < 3; ++i) {
    if (!co_await out.write("piece ")) co_return;
  }
}

Task<net::Response> handle(net::Request request) {
  check_request(request);
  net::Response response;
  response.headers.set("X-Number", std::to_string(seen().requests.size()));
  response.body = request.method + " " + request.path + " " + request.body;
  if (request.path == "/204") response.status = 204;
  if (request.path == "/stream") response.stream = write_stream;
  if (request.path == "/evil") response.headers.set("X-Evil", request.body);
  seen().requests.push_back(std::move(request));
  co_return response;
}

// ---- answers, read strictly
// -----------------------------------------------------------------------

struct Reply {
  int status = 0;
  net::Headers headers;
  std::string body;
  bool complete = false;
};

std::string_view take_crlf(std::string_view& rest) {
  const std::size_t end = rest.find("\r\n");
  PERSONAS_FUZZ_CHECK(end != std::string_view::npos, "a line ends with CRLF", rest);
  const auto line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  return line;
}

void take_chunks(std::string_view& rest, Reply& reply) {
  for (;;) {
    const std::string line(take_crlf(rest));
    const std::size_t size = std::stoul(line, nullptr, 16);
    PERSONAS_FUZZ_CHECK(rest.size() >= size + 2, "a whole chunk");
    reply.body += rest.substr(0, size);
    rest.remove_prefix(size);
    PERSONAS_FUZZ_CHECK(take_crlf(rest).empty(), "a chunk ends with CRLF");
    if (size == 0) return;
  }
}

Reply take_reply(std::string_view& rest, bool is_head) {
  Reply reply;
  const auto line = take_crlf(rest);
  PERSONAS_FUZZ_CHECK(line.starts_with("HTTP/1.1 ") && line.size() > 13 && line[12] == ' ',
                      "a status line", line);
  reply.status = static_cast<int>(number_of(line.substr(9), 999));
  PERSONAS_FUZZ_CHECK(reply.status >= 200 && reply.status < 600, "a status", line);
  for (auto field = take_crlf(rest); !field.empty(); field = take_crlf(rest)) {
    const std::size_t colon = field.find(": ");
    PERSONAS_FUZZ_CHECK(colon != std::string_view::npos && colon > 0, "a header", field);
    reply.headers.add(field.substr(0, colon), std::string(field.substr(colon + 2)));
  }
  const auto* length = reply.headers.find("Content-Length");
  const bool chunked = reply.headers.get("Transfer-Encoding") == "chunked";
  PERSONAS_FUZZ_CHECK(!(length != nullptr && chunked), "one length");
  if (is_head || reply.status == 204 || reply.status == 304) return reply;
  if (chunked) {
    take_chunks(rest, reply);
  } else if (length != nullptr) {
    const std::size_t size = number_of(*length, 1'000'000);
    PERSONAS_FUZZ_CHECK(rest.size() >= size, "as many bytes as it says");
    reply.body = rest.substr(0, size);
    rest.remove_prefix(size);
  } else {
    PERSONAS_FUZZ_CHECK(reply.headers.get("Connection") == "close", "a body that ends somewhere");
    reply.body = std::exchange(rest, {});
  }
  return reply;
}

std::string without_continue(std::string out) {
  for (std::size_t at = 0; (at = out.find(kContinue, at)) != std::string::npos;) {
    out.erase(at, kContinue.size());
  }
  return out;
}

std::vector<Reply> check_replies(std::string_view out) {
  std::vector<Reply> replies;
  const auto& requests = seen().requests;
  std::size_t handled = 0;
  while (!out.empty()) {
    PERSONAS_FUZZ_CHECK(replies.empty() || replies.back().headers.get("Connection") != "close",
                        "nothing after the last answer", out);
    const bool of_handler = handled < requests.size();
    const bool is_head = of_handler && requests[handled].method == "HEAD";
    replies.push_back(take_reply(out, is_head));
    if (of_handler) {
      ++handled;
      continue;
    }
    const Reply& refusal = replies.back();
    PERSONAS_FUZZ_CHECK(refusal.status >= 400, "who is refused is told so");
    PERSONAS_FUZZ_CHECK(refusal.headers.get("Content-Type") == "application/problem+json",
                        "as problem+json");
    const auto problem = codec::parse_json(refusal.body);
    PERSONAS_FUZZ_CHECK(problem && problem->is_object() && problem->as_object().contains("error") &&
                            problem->as_object().at("status") == refusal.status,
                        "a problem that says its status", refusal.body);
    PERSONAS_FUZZ_CHECK(refusal.headers.get("Connection") == "close", "and the connection ends");
  }
  PERSONAS_FUZZ_CHECK(replies.size() == requests.size() + seen().refusals,
                      "one answer to each request and refusal");
  PERSONAS_FUZZ_CHECK(seen().refusals <= 1, "one refusal at most");
  return replies;
}

// ---- an obvious reading of the first request
// -------------------------------------------------------

std::size_t fields_named(std::string_view head, std::string_view lower_name) {
  std::size_t count = 0;
  while (!head.empty()) {
    std::string line(take_until(head, '\n'));
    std::ranges::transform(line, line.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    line.erase(std::remove_if(line.begin(), line.end(),
                              [](char c) { return c == ' ' || c == '\t' || c == '\r'; }),
               line.end());
    if (line.starts_with(std::string(lower_name) + ":")) ++count;
  }
  return count;
}

void check_smuggling(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return;
  const auto head = bytes.substr(0, end);
  const auto lengths = fields_named(head, "content-length");
  const auto codings = fields_named(head, "transfer-encoding");
  if (lengths + codings < 2) return;
  PERSONAS_FUZZ_CHECK(seen().requests.empty() && seen().refusals == 1,
                      "two lengths are refused, and nothing is read behind them");
}

}  // namespace
}  // namespace personas::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace personas;
  using namespace personas::fuzz;
  static HttpServer server(kLimits, handle, {}, [](const Error& error) {
    if (error.code != ErrorCode::kInternal) ++seen().refusals;  // else a handler that failed
    return http_api::problem_response(error, "req_1");
  });
  const auto text = text_of(data, size);
  std::optional<std::string> first;
  for (const auto& pieces : cuttings(text)) {
    seen() = {};
    const std::string out = without_continue(server.talk(pieces));
    check_replies(out);
    check_smuggling(text);
    if (!first) first = out;
    PERSONAS_FUZZ_CHECK(out == *first, "however it is cut:\n", *first, "\n---\n", out);
  }
  return 0;
}
