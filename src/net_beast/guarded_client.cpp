#include "personas/net_beast/guarded_client.hpp"

#include <utility>

#include "guarded_dialer.hpp"

namespace personas::net_beast {
namespace {

class BeastGuardedClient final : public net::GuardedClient {
 public:
  BeastGuardedClient(boost::asio::io_context& io, net::GuardOptions options)
      : options_(std::move(options)),
        dialer_(io, connection_options(options_), options_.resolver) {}

  Task<Result<net::Response>> send(net::Request request) override {
    return exchange(std::move(request), {});
  }
  Task<Result<net::Response>> stream(net::Request request, PieceSink on_piece) override {
    return exchange(std::move(request), std::move(on_piece));
  }
  Task<Result<std::shared_ptr<net::WebSocket>>> connect_websocket(
      std::string, net::Headers, std::shared_ptr<net::WebSocketListener>) override {
    co_return fail(ErrorCode::kForbidden, "Targets that users choose are asked over HTTP only.");
  }

  void cut() override { dialer_.cut(); }

 private:
  static net::ClientOptions connection_options(const net::GuardOptions& options) {
    net::ClientOptions out;
    out.connect_deadline = options.deadline;
    out.response_deadline = options.deadline;
    out.max_response_bytes = options.max_response_bytes;
    out.ca_file = options.ca_file;
    return out;
  }

  Task<Result<net::Response>> exchange(net::Request request, PieceSink sink);

  net::GuardOptions options_;
  GuardedDialer dialer_;
};

Task<Result<net::Response>> BeastGuardedClient::exchange(net::Request request, PieceSink sink) {
  const Instant limit = dialer_.now() + options_.deadline;
  CO_TRY(const net::Url url, net::vet_url(request.target, options_.targets));
  CO_TRY(std::string text, render_request(request, url));
  text.insert(text.find("\r\n\r\n") + 2, "Connection: close\r\n");
  CO_TRY(auto connection, co_await dialer_.connect(url, options_.targets, limit));
  connection->bound(limit);
  const bool head_only =
      request.method == "HEAD" || options_.body == net::GuardOptions::Body::kIgnored;
  const auto rule =
      head_only ? ClientConnection::BodyRule::kNone : ClientConnection::BodyRule::kByHeaders;
  co_return co_await connection->exchange(std::move(text), rule, std::move(sink));
}

}  // namespace

std::unique_ptr<net::GuardedClient> make_guarded_client(boost::asio::io_context& io,
                                                        net::GuardOptions options) {
  return std::make_unique<BeastGuardedClient>(io, std::move(options));
}

}  // namespace personas::net_beast
