#include "personas/net_beast/client.hpp"

#include <algorithm>
#include <unordered_map>

#include <boost/asio/post.hpp>
#include <openssl/rand.h>

#include "personas/base/bytes.hpp"

#include "client_connection.hpp"
#include "http_text.hpp"
#include "request_head.hpp"
#include "websocket_session.hpp"

namespace personas::net_beast {
namespace {

// Idle connections kept for one host; more would mean more concurrency than our callers have.
constexpr std::size_t kMaxIdlePerHost = 8;
// Shorter than what servers keep (ours: 75 s), so that a reused connection is rarely a dead one.
constexpr Duration kMaxIdleTime = seconds(30);
// A message or a queue larger than this on the client's side is a broken server.
constexpr std::size_t kMaxMessageBytes = 16 * 1024 * 1024;
constexpr std::size_t kMaxQueueBytes = 64 * 1024 * 1024;

bool is_repeatable(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         method == "OPTIONS";
}

std::string pool_key(const net::Url& url) {
  return url.scheme + "://" + url.host + ":" + std::to_string(url.port);
}

Error refusal(int status) {
  const std::string message =
      "The server refused the WebSocket with status " + std::to_string(status) + ".";
  for (const ErrorCode code :
       {ErrorCode::kInvalidRequest, ErrorCode::kUnauthorized, ErrorCode::kForbidden,
        ErrorCode::kNotFound, ErrorCode::kMisdirected, ErrorCode::kRateLimited}) {
    if (info(code).http_status == status) return {code, message, {}};
  }
  return {ErrorCode::kUnavailable, message, {}};
}

class BeastClient final : public net::Client {
 public:
  BeastClient(boost::asio::io_context& io, net::ClientOptions options)
      : shared_(std::make_shared<ClientShared>(io, std::move(options))) {}
  ~BeastClient() override {
    idle_.clear();
    shared_->loop.roster.stop();
    shared_->loop.roster.abort_all();
  }

  Task<Result<net::Response>> send(net::Request request) override {
    return exchange(std::move(request), {});
  }

  Task<Result<net::Response>> stream(net::Request request, PieceSink on_piece) override {
    return exchange(std::move(request), std::move(on_piece));
  }

  Task<Result<std::shared_ptr<net::WebSocket>>> connect_websocket(
      std::string url, net::Headers headers,
      std::shared_ptr<net::WebSocketListener> listener) override;

 private:
  using Pool = std::vector<std::unique_ptr<ClientConnection>>;

  Task<Result<net::Response>> exchange(net::Request request, PieceSink sink);
  std::unique_ptr<ClientConnection> take_idle(const std::string& key);
  void keep(const std::string& key, std::unique_ptr<ClientConnection> connection);

  std::shared_ptr<ClientShared> shared_;
  std::unordered_map<std::string, Pool> idle_;
};

std::unique_ptr<ClientConnection> BeastClient::take_idle(const std::string& key) {
  const auto pool = idle_.find(key);
  const Instant now = shared_->clock.now();
  while (pool != idle_.end() && !pool->second.empty()) {
    auto connection = std::move(pool->second.back());  // the one used last is the likeliest alive
    pool->second.pop_back();
    if (!connection->is_parked_past(now) && connection->is_reusable()) return connection;
  }
  return nullptr;
}

void BeastClient::keep(const std::string& key, std::unique_ptr<ClientConnection> connection) {
  const Instant now = shared_->clock.now();
  for (auto& [host, pool] : idle_) {
    std::erase_if(pool, [&](const auto& parked) { return parked->is_parked_past(now); });
  }
  std::erase_if(idle_, [](const auto& entry) { return entry.second.empty(); });
  if (!connection->is_reusable()) return;
  connection->park(now + kMaxIdleTime);
  Pool& pool = idle_[key];
  if (pool.size() < kMaxIdlePerHost) pool.push_back(std::move(connection));
}

Task<Result<net::Response>> BeastClient::exchange(net::Request request, PieceSink sink) {
  CO_TRY(const net::Url url, net::parse_url(request.target));
  if (!url.scheme.starts_with("http")) {
    co_return fail(ErrorCode::kInvalidRequest, "A request needs an http or https URL.");
  }
  CO_TRY(const std::string text, render_request(request, url));
  const std::string key = pool_key(url);
  const auto rule = request.method == "HEAD" ? ClientConnection::BodyRule::kNone
                                             : ClientConnection::BodyRule::kByHeaders;
  auto connection = take_idle(key);
  if (connection) {
    auto response = co_await connection->exchange(text, rule, sink);
    if (response) keep(key, std::move(connection));
    const bool closed_meanwhile = !response && response.error().code == ErrorCode::kUnavailable &&
                                  connection->heard_nothing();
    if (!closed_meanwhile || !is_repeatable(request.method)) co_return response;
  }
  CO_TRY(connection, co_await ClientConnection::connect(shared_, url));
  auto response = co_await connection->exchange(text, rule, sink);
  if (response) keep(key, std::move(connection));
  co_return response;
}

Task<Result<std::shared_ptr<net::WebSocket>>> BeastClient::connect_websocket(
    std::string url_text, net::Headers headers, std::shared_ptr<net::WebSocketListener> listener) {
  CO_TRY(const net::Url url, net::parse_url(url_text));
  if (!url.scheme.starts_with("ws")) {
    co_return fail(ErrorCode::kInvalidRequest, "A WebSocket needs a ws or wss URL.");
  }
  std::array<std::uint8_t, 16> nonce{};
  std::uint64_t mask_seed = 0;
  RAND_bytes(nonce.data(), static_cast<int>(nonce.size()));
  RAND_bytes(reinterpret_cast<unsigned char*>(&mask_seed), sizeof(mask_seed));
  const std::string key = to_base64(nonce);
  net::Request request;
  request.method = "GET";
  request.headers = std::move(headers);
  request.headers.set("Sec-WebSocket-Version", "13");
  request.headers.set("Sec-WebSocket-Key", key);
  request.headers.set("Upgrade", "websocket");
  CO_TRY(std::string text, render_request(request, url));
  text.insert(text.size() - 2, "Connection: Upgrade\r\n");

  CO_TRY(auto connection, co_await ClientConnection::connect(shared_, url));
  CO_TRY(
      const net::Response response,
      co_await connection->exchange(std::move(text), ClientConnection::BodyRule::kByHeaders, {}));
  if (response.status != 101) co_return fail(refusal(response.status));
  if (!has_token(response.headers.get("Upgrade"), "websocket") ||
      response.headers.get("Sec-WebSocket-Accept") != websocket_accept(key)) {
    co_return fail(ErrorCode::kUnavailable, "The server's WebSocket handshake is not valid.");
  }
  const net::ClientOptions& options = shared_->options;
  std::string received = connection->release_received();
  auto session = std::make_shared<WebSocketSession>(
      shared_->loop, connection->release_stream(), FrameReader(Role::kClient, kMaxMessageBytes),
      FrameWriter(Role::kClient, mask_seed),
      WebSocketLimits{kMaxMessageBytes, kMaxQueueBytes, options.response_deadline,
                      options.connect_deadline},
      url.host, shared_);
  // In a later turn, so that the caller holds the connection before its first message.
  boost::asio::post(shared_->loop.io, [session, listener = std::move(listener),
                                       bytes = std::move(received)]() mutable {
    session->start(std::move(listener), std::move(bytes));
  });
  co_return session;
}

}  // namespace

std::unique_ptr<net::Client> make_client(boost::asio::io_context& io, net::ClientOptions options) {
  return std::make_unique<BeastClient>(io, std::move(options));
}

}  // namespace personas::net_beast
