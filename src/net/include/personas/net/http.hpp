// Plain values of HTTP, as handlers see them. No Beast type crosses this line.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "personas/async/task.hpp"
#include "personas/base/error.hpp"
#include "personas/base/time.hpp"

namespace personas::net {

struct Header {
  std::string name;
  std::string value;
};

// Header fields in order; look-ups ignore case.
class Headers {
 public:
  void set(std::string_view name, std::string value);  // replaces all of that name
  void add(std::string_view name, std::string value);
  // The first value, or nullptr.
  const std::string* find(std::string_view name) const;
  std::string_view get(std::string_view name, std::string_view otherwise = {}) const;
  std::size_t count(std::string_view name) const;
  const std::vector<Header>& all() const { return fields_; }

 private:
  std::vector<Header> fields_;
};

struct Request {
  std::string method;  // upper case
  std::string target;  // as received, origin form: "/api/personas?limit=5"
  std::string path;    // percent-decoded, normalised by refusal: no "//", "..", NUL, "%2f", ";"
  std::vector<std::pair<std::string, std::string>> query;  // percent-decoded, in order
  Headers headers;
  std::string body;
  std::string remote_address;  // without port
  bool over_tls = false;
  bool from_loopback = false;
  Instant received;
  std::optional<std::string> query_value(std::string_view name) const;
};

// The open end of a streaming response. Used from the task that got it only.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  // Sends a piece and waits until the socket took it. An error means that the client is gone or the
  // server drains; the task should end.
  virtual Task<Result<void>> write(std::string piece) = 0;
  // True once the client went away or the server began to drain.
  virtual bool closed() const = 0;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  // When set, the body is what this task writes (chunked, no deadline but the write deadline per
  // piece); `body` is ignored. The server ends the response when the task returns.
  std::function<Task<void>(ResponseStream&)> stream;
};

// One call per request, on the connection's executor. Must not throw.
using Handler = std::function<Task<Response>(Request)>;

// How an error of the transport itself (malformed request, too large, too slow) is shown.
using ErrorResponder = std::function<Response(const Error&)>;

}  // namespace personas::net
