// The HTTP API: turns requests into calls of operations.
//
// Thread-safe: one Api serves all threads of all servers. It, and the services it was given,
// outlive every request and every stream; on stop, close the journal feed first, so that streams
// and waiting requests end.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "personas/async/task.hpp"
#include "personas/identity/authenticator.hpp"
#include "personas/net/http.hpp"
#include "personas/net/websocket.hpp"
#include "personas/operations/operation.hpp"
#include "personas/operations/stream_socket.hpp"
#include "personas/telemetry/log.hpp"

namespace personas::http_api {

struct Options {
  std::vector<std::string> cors_origins = {};  // "*" allows every page
  std::int64_t rate_limit = 600'000;           // requests a minute of one key; 0: no limit
  // Unless an operation takes more or less; the server's own limit is the largest of all.
  std::size_t max_body_bytes = 4 * 1024 * 1024;
  // Failed proofs a minute of one address at one operation; 0: no limit. A sender whose secret is
  // wrong tries a few times; somebody who guesses tries for ever.
  std::int64_t failed_proofs = 120;
  operations::StreamSocket::Timing stream_timing = {};
};

// The largest body that any of them takes, which is what the server must let through.
std::size_t largest_body(std::span<const operations::Operation> table, std::size_t otherwise);

class Api {
 public:
  Api(operations::Services& services, const identity::Authenticator& authenticator,
      telemetry::Logger& logger, Options options, std::span<const operations::Operation> table);
  ~Api();

  Task<net::Response> handle(net::Request request);

  // Whether a WebSocket may be opened here, by whom, and what it then does.
  Result<net::UpgradeDecision> upgrade(const net::Request& request);

  // For a server; both borrow this object.
  net::Handler handler();
  net::ErrorResponder error_responder();

 private:
  struct Parts;
  struct Context;

  Task<net::Response> answer(const net::Request& request, Context& context);
  Task<Result<net::Response>> call(const net::Request& request, Context& context);
  Result<void> admit(const net::Request& request, std::string_view bearer, Context& context);
  Result<void> admit_key(std::string_view key, Context& context);
  Result<void> admit_stranger(const net::Request& request, Context& context);
  void finish(const net::Request& request, const Context& context, net::Response& response);

  std::unique_ptr<Parts> parts_;
};

}  // namespace personas::http_api
