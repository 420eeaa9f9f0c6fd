// One accepted connection while it speaks HTTP: a coroutine that reads a request, calls the
// handler, writes the answer, and starts again.
//
// It keeps itself alive through its coroutine and is told from outside only to drain or to abort.
// A WebSocket upgrade hands the stream over to a WebSocketSession and ends it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include <boost/asio/cancellation_signal.hpp>

#include "personas/net/http.hpp"
#include "personas/net/server.hpp"
#include "personas/net/websocket.hpp"

#include "request_head.hpp"
#include "roster.hpp"
#include "stream.hpp"
#include "tls.hpp"

namespace personas::net_beast {

// What the connections of one server share; lives until the last of them is gone.
struct ServerShared {
  ServerShared(boost::asio::io_context& io, const Clock& clock, Duration shortest_deadline)
      : loop(io, clock, shortest_deadline) {}

  Loop loop;
  net::ServerOptions options;
  net::Handler handler;
  net::UpgradeHandler upgrade;
  net::ErrorResponder on_error;
  SslContext tls;
  std::string out;  // responses are rendered here and normally leave in the same turn
  std::unordered_map<std::string, std::size_t> per_address;
  std::atomic<std::uint64_t> open = 0;
  std::atomic<std::uint64_t> accepted = 0;
  std::atomic<std::uint64_t> requests = 0;
  std::atomic<std::uint64_t> refused = 0;
  bool draining = false;
};

// A connection's place in the server's counts; goes with the stream into a WebSocket.
class Seat {
 public:
  Seat(std::shared_ptr<ServerShared> shared, std::string address);
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  ~Seat();
  const std::string& address() const { return address_; }
  bool is_loopback() const { return loopback_; }
  // Whether there is room for it under the server's limits.
  bool fits() const { return fits_; }

 private:
  std::shared_ptr<ServerShared> shared_;
  std::string address_;
  bool loopback_ = false;
  bool fits_ = true;
};

class Connection final : public Peer, public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<ServerShared> shared, Socket socket, std::string address);
  ~Connection() override { leave(); }

  void start();
  void drain() override;
  void abort() override;

 private:
  class LiveStream;
  enum class Phase : std::uint8_t { kIdle, kBusy, kStreaming };

  static Task<void> run(std::shared_ptr<Connection> self);
  Task<bool> begin();
  Task<bool> serve_one();
  // An Error is answered; nullopt means that there is nobody to answer.
  Task<Result<std::optional<RequestHead>>> read_head();
  Task<Result<bool>> read_body(RequestHead& head);
  Task<Result<bool>> read_sized_body(RequestHead& head);
  Task<Result<bool>> read_chunked_body(RequestHead& head);
  Task<net::Response> call_handler(net::Request request);
  Task<bool> respond(net::Response response, const RequestHead& head);
  Task<bool> respond_stream(net::Response response, const RequestHead& head);
  Task<bool> send(std::string bytes);
  Task<void> refuse(Error error);
  Task<void> upgrade(RequestHead head);
  Task<bool> fill();
  void watch();
  void watched(std::uint64_t watch);
  Instant body_deadline(Instant start, std::size_t received) const;
  std::string_view buffered() const { return std::string_view(in_).substr(taken_); }
  void take(std::size_t bytes);

  std::shared_ptr<ServerShared> shared_;
  std::shared_ptr<Seat> seat_;
  boost::asio::cancellation_signal cancelled_;
  HeadScanner scanner_;
  std::string in_;  // received, not yet used, from taken_ on
  std::size_t taken_ = 0;
  Instant last_seen_;
  std::uint64_t watch_ = 0;  // number of the stream that watches for the peer's leaving
  Phase phase_ = Phase::kBusy;
  bool drained_socket_ = false;  // the last read emptied it: wait before the next
  bool peer_gone_ = false;
};

}  // namespace personas::net_beast
