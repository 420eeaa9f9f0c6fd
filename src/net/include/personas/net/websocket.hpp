// A WebSocket connection, server or client side, text frames only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "personas/async/task.hpp"
#include "personas/base/error.hpp"
#include "personas/base/time.hpp"
#include "personas/net/http.hpp"

namespace personas::net {

// RFC 6455 §7.4 and our own 4xxx codes.
enum class CloseCode : std::uint16_t {
  kNormal = 1000,
  kGoingAway = 1001,
  kProtocolError = 1002,
  kUnsupported = 1003,
  kInvalidPayload = 1007,
  kPolicyViolation = 1008,
  kTooBig = 1009,
  kInternal = 1011,
  kAbnormal = 1006,  // never sent: the connection broke
  kNotRead = 4408,   // what was sent was not taken for too long
  kSequenceGap = 4409,
};

// Callbacks of one connection; each is called on the connection's executor, one at a time, and none
// after on_close, which comes exactly once. The listener outlives the connection or detaches.
class WebSocketListener {
 public:
  virtual ~WebSocketListener() = default;
  virtual void on_message(std::string_view text) = 0;
  virtual void on_pong() {}  // a pong (or any frame) arrived: the peer lives
  // All that was queued has been handed to the socket. May come from inside a call of send().
  virtual void on_sent() {}
  virtual void on_close(CloseCode code, std::string_view reason) = 0;
};

// Thread-safe: every method may be called from any thread and returns at once.
class WebSocket {
 public:
  virtual ~WebSocket() = default;
  // Queues a text frame. Past the queue's limit the connection is closed with kPolicyViolation:
  // a peer that does not read must not cost memory.
  virtual void send(std::string text) = 0;
  virtual void ping() = 0;
  virtual void close(CloseCode code, std::string reason) = 0;
  virtual std::size_t queued_bytes() const = 0;
  virtual const std::string& remote_address() const = 0;
};

// Decides about an upgrade request before it is accepted; an error refuses it with its status.
// On success the returned listener gets the connection through `attach`.
struct UpgradeDecision {
  std::shared_ptr<WebSocketListener> listener;
  std::function<void(std::shared_ptr<WebSocket>)> attach = {};
  std::string subprotocol = {};                 // one of those offered, or none
  std::optional<Duration> write_deadline = {};  // instead of that of the server
  // Runs beside the connection on its executor; the server drains only once it has returned.
  std::function<Task<void>(std::shared_ptr<WebSocket>)> run = {};
};
using UpgradeHandler = std::function<Result<UpgradeDecision>(const Request&)>;

}  // namespace personas::net
