// Port of the HTTP server.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "personas/async/task.hpp"
#include "personas/base/error.hpp"
#include "personas/base/time.hpp"
#include "personas/net/http.hpp"
#include "personas/net/websocket.hpp"

namespace personas::net {

// Limits of one listener, each with a defined answer: 431, 414, 413, 408, 503 or a closed socket.
struct ServerLimits {
  std::size_t max_header_bytes = 16 * 1024;             // 431
  std::size_t max_target_bytes = 8 * 1024;              // 414
  std::size_t max_body_bytes = 4 * 1024 * 1024;         // 413
  std::size_t max_connections = 20'000;                 // accepted, answered 503, closed
  std::size_t max_connections_per_address = 11'000;     // the same; loopback is exempt
  std::size_t max_frame_bytes = 1024 * 1024;            // WebSocket message; 1009
  std::size_t max_send_queue_bytes = 64 * 1024 * 1024;  // per WebSocket; 1008. Holds a session
  Duration header_deadline = seconds(10);               // whole header section, from the first byte
  Duration idle_deadline = seconds(75);                 // keep-alive without a request
  std::size_t min_body_rate = 1024;                     // bytes per second, after the grace; 408
  Duration body_grace = seconds(5);
  Duration write_deadline = seconds(30);      // one piece accepted by the peer's socket
  Duration handshake_deadline = seconds(10);  // TLS, WebSocket upgrade
};

struct TlsFiles {
  std::string certificate_chain;  // PEM path
  std::string private_key;        // PEM path
};

// kShared: several servers, one per thread, listen on one port and the kernel spreads connections.
enum class PortUse : std::uint8_t { kExclusive, kShared };

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0 picks a free one
  PortUse port_use = PortUse::kExclusive;
  std::optional<TlsFiles> tls;  // TLS 1.3 only
  // Pages of these origins may open WebSockets, beside those of the server's own; "*": all may.
  std::vector<std::string> websocket_origins = {};
  ServerLimits limits;
};

// Running counters, readable from any thread.
struct ServerStats {
  std::uint64_t open_connections = 0;
  std::uint64_t accepted = 0;
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;  // malformed, too large, too slow, too many
};

class Server {
 public:
  virtual ~Server() = default;
  virtual std::uint16_t port() const = 0;
  virtual ServerStats stats() const = 0;
  // Stops accepting, lets running requests finish until `deadline` has passed, then closes what is
  // left. Streams and WebSockets are told at once. Completes when every connection is gone.
  virtual Task<void> drain(Duration deadline) = 0;
};

}  // namespace personas::net
