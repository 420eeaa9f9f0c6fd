// Port of the HTTP and WebSocket client, used by the command line, the worker and the tests.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "personas/async/task.hpp"
#include "personas/base/error.hpp"
#include "personas/net/http.hpp"
#include "personas/net/websocket.hpp"

namespace personas::net {

struct Url {
  std::string scheme;  // http, https, ws, wss
  std::string host;
  std::uint16_t port = 0;
  std::string target;  // path and query, at least "/"
};
Result<Url> parse_url(std::string_view text);

struct ClientOptions {
  Duration connect_deadline = seconds(10);
  Duration response_deadline = seconds(120);  // whole response, except streams
  std::size_t max_response_bytes = 64 * 1024 * 1024;
  std::string ca_file;  // empty: the system's certificates; TLS is always verified
};

// One client, one executor; keeps idle connections to the same host for reuse.
class Client {
 public:
  virtual ~Client() = default;
  // `request.target` is a full URL here. Network trouble is kUnavailable or kTimeout; an HTTP
  // error status is a Response, not an Error.
  virtual Task<Result<Response>> send(Request request) = 0;
  // Calls `on_piece` for each piece of the body as it arrives; stops early when it returns false.
  // The returned Response has no body (unless the status is not 2xx).
  virtual Task<Result<Response>> stream(Request request,
                                        std::function<bool(std::string_view)> on_piece) = 0;
  virtual Task<Result<std::shared_ptr<WebSocket>>> connect_websocket(
      std::string url, Headers headers, std::shared_ptr<WebSocketListener> listener) = 0;
};

}  // namespace personas::net
