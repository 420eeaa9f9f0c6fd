#include "personas/net_beast/server.hpp"

#include <algorithm>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "connection.hpp"

namespace personas::net_beast {
namespace {

using boost::asio::ip::tcp;
using Acceptor = boost::asio::basic_socket_acceptor<tcp, boost::asio::io_context::executor_type>;
using ReusePort = boost::asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

// After accept() fails for want of descriptors or memory: until some are free again.
constexpr Duration kAcceptPause = milliseconds(50);
// Beyond this many over the limit, connections are not even answered.
constexpr std::uint64_t kRefusalsAtOnce = 256;

// A drain ends when the last handler has returned, however long that takes.
constexpr Duration kForever = hours(24 * 365);

Duration shortest(const net::ServerLimits& limits) {
  return std::min({limits.header_deadline, limits.idle_deadline, limits.body_grace,
                   limits.write_deadline, limits.handshake_deadline});
}

std::string address_text(boost::asio::ip::address address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  }
  return address.to_string();
}

class BeastServer final : public net::Server {
 public:
  BeastServer(std::shared_ptr<ServerShared> shared, Acceptor acceptor)
      : shared_(std::move(shared)),
        acceptor_(std::move(acceptor)),
        pause_(shared_->loop.io),
        port_(acceptor_.local_endpoint().port()) {}

  ~BeastServer() override {
    stop_accepting();
    shared_->loop.roster.stop();
    shared_->loop.roster.abort_all();
  }

  std::uint16_t port() const override { return port_; }

  net::ServerStats stats() const override {
    return {shared_->open, shared_->accepted, shared_->requests, shared_->refused};
  }

  Task<void> drain(Duration deadline) override {
    const auto shared = shared_;
    stop_accepting();
    shared->draining = true;
    shared->loop.roster.drain_all();
    if (co_await shared->loop.roster.wait_until_empty(deadline)) co_return;
    shared->loop.roster.abort_all();
    co_await shared->loop.roster.wait_until_empty(kForever);
  }

  void accept_next() {
    acceptor_.async_accept(
        [this, alive = std::weak_ptr(alive_)](boost::system::error_code error, Socket socket) {
          if (alive.expired() || !acceptor_.is_open()) return;
          if (!error) {
            admit(std::move(socket));
            return accept_next();
          }
          pause_.expires_after(kAcceptPause);
          pause_.async_wait([this, still = alive](boost::system::error_code) {
            if (!still.expired() && acceptor_.is_open()) accept_next();
          });
        });
  }

 private:
  void stop_accepting() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  }

  void admit(Socket socket) {
    ++shared_->accepted;
    const std::uint64_t most = shared_->options.limits.max_connections + kRefusalsAtOnce;
    boost::system::error_code error;
    const auto peer = socket.remote_endpoint(error);
    if (error || shared_->open >= most) {
      ++shared_->refused;
      return;  // closes
    }
    std::make_shared<Connection>(shared_, std::move(socket), address_text(peer.address()))->start();
  }

  std::shared_ptr<ServerShared> shared_;
  Acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::uint16_t port_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

Result<Acceptor> listen(boost::asio::io_context& io, const net::ServerOptions& options) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(options.address, error);
  if (error) {
    return fail(ErrorCode::kMisconfigured,
                "The listen address '" + options.address + "' is not an IP address.");
  }
  const tcp::endpoint endpoint(address, options.port);
  Acceptor acceptor(io.get_executor());
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && options.port_use == net::PortUse::kShared) {
    acceptor.set_option(ReusePort(true), error);
  }
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  if (error) {
    return fail(ErrorCode::kUnavailable, "Cannot listen on " + options.address + " port " +
                                             std::to_string(options.port) + ": " + error.message() +
                                             ".");
  }
  return acceptor;
}

}  // namespace

Result<std::unique_ptr<net::Server>> start_server(boost::asio::io_context& io, const Clock& clock,
                                                  net::ServerOptions options, net::Handler handler,
                                                  net::UpgradeHandler upgrade,
                                                  net::ErrorResponder on_error) {
  auto shared = std::make_shared<ServerShared>(io, clock, shortest(options.limits));
  if (options.tls) {
    TRY(shared->tls, make_server_context(*options.tls));
  }
  TRY(Acceptor acceptor, listen(io, options));
  shared->options = std::move(options);
  shared->handler = std::move(handler);
  shared->upgrade = std::move(upgrade);
  shared->on_error = std::move(on_error);
  auto server = std::make_unique<BeastServer>(std::move(shared), std::move(acceptor));
  server->accept_next();
  return server;
}

}  // namespace personas::net_beast
