// One connection of the client: connecting, one request and response at a time, or the handshake of
// a WebSocket, which takes the stream away. Executor's thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "personas/net/client.hpp"

#include "roster.hpp"
#include "stream.hpp"
#include "tls.hpp"

namespace personas::net_beast {

class SteadyClock final : public Clock {
 public:
  Timestamp wall() const override;
  Instant now() const override;
};

// Lives until the client and its last connection are gone.
struct ClientShared {
  ClientShared(boost::asio::io_context& io, net::ClientOptions client_options);

  SteadyClock clock;
  net::ClientOptions options;
  Loop loop;
  SslContext tls;  // made when first needed
};

using PieceSink = std::function<bool(std::string_view)>;

class ClientConnection final : public Peer {
 public:
  static Task<Result<std::unique_ptr<ClientConnection>>> connect(
      std::shared_ptr<ClientShared> shared, net::Url url);
  // The same to addresses that are known already, until `deadline`.
  static Task<Result<std::unique_ptr<ClientConnection>>> connect_to(
      std::shared_ptr<ClientShared> shared, net::Url url,
      std::vector<boost::asio::ip::tcp::endpoint> endpoints, Instant deadline);
  ~ClientConnection() override { leave(); }

  // Sends `text` and reads one response; the body goes to `sink` piece by piece if there is one and
  // the status is 2xx.
  enum class BodyRule : std::uint8_t { kByHeaders, kNone };
  Task<Result<net::Response>> exchange(std::string text, BodyRule rule, PieceSink sink);

  // For protocols of lines, within the limit of bound(). A line comes without its end; one longer
  // than `max_bytes` is an error.
  Task<Result<std::string>> read_line(std::size_t max_bytes);
  Task<Result<void>> send(std::string_view text);
  // Goes on inside TLS. Refused if the peer has sent more than it was asked for: somebody on the
  // way could have put it there.
  Task<Result<void>> secure(const net::Url& url);
  std::string local_address();

  // No exchange goes on past `limit`, whatever still arrives.
  void bound(Instant limit) { limit_ = limit; }
  // Whether another request may follow on it, as far as one can tell from here.
  bool is_reusable();
  void park(Instant until);
  bool is_parked_past(Instant now) const { return now >= parked_until_; }
  // Whether the last exchange() failed before any byte of a response came.
  bool heard_nothing() const { return !heard_; }
  Stream release_stream();
  std::string release_received() { return std::move(in_); }

  void drain() override {}
  void abort() override {
    if (stream_) stream_->close();
  }

 private:
  ClientConnection(std::shared_ptr<ClientShared> shared, Socket socket);
  Task<Result<void>> open(const boost::asio::ip::tcp::endpoint& endpoint, const net::Url& url);
  Task<bool> fill();
  Error broken() const;

  std::shared_ptr<ClientShared> shared_;
  std::string in_;  // received and not parsed
  Instant parked_until_ = Instant::never();
  Instant limit_ = Instant::never();
  bool keep_alive_ = false;
  bool heard_ = false;
  bool ended_ = false;  // the peer closed in an orderly way
};

// The request line and headers for `url`, with Host and Content-Length.
Result<std::string> render_request(const net::Request& request, const net::Url& url);

}  // namespace personas::net_beast
