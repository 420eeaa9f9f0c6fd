#include "http_connection.hpp"

#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <unistd.h>

#include "support.hpp"

namespace personas::fuzz {

HttpServer::HttpServer(net::ServerLimits limits, net::Handler handler, net::UpgradeHandler upgrade,
                       net::ErrorResponder on_error)
    : shared_(std::make_shared<net_beast::ServerShared>(io_, clock_, hours(1))) {
  shared_->options.limits = limits;
  shared_->handler = std::move(handler);
  shared_->upgrade = std::move(upgrade);
  shared_->on_error = std::move(on_error);
}

void HttpServer::run() {
  io_.restart();
  while (io_.poll() > 0) {
  }
}

bool HttpServer::receive(int socket, std::string& out) {
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    out.append(buffer.data(), static_cast<std::size_t>(got));
    run();
  }
}

std::string HttpServer::talk(const std::vector<std::string_view>& pieces) {
  std::array<int, 2> ends{};
  PERSONAS_FUZZ_CHECK(
      ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0,
      "a socket pair");
  net_beast::Socket socket(io_.get_executor());
  socket.assign(boost::asio::ip::tcp::v4(), ends[1]);
  auto connection = std::make_shared<net_beast::Connection>(shared_, std::move(socket), "10.0.0.1");
  const std::weak_ptr<net_beast::Connection> watched = connection;
  connection->start();
  connection.reset();

  std::string out;
  bool open = true;
  run();
  for (std::string_view piece : pieces) {
    while (open && !piece.empty()) {
      const ssize_t sent = ::send(ends[0], piece.data(), piece.size(), MSG_NOSIGNAL);
      if (sent > 0) piece.remove_prefix(static_cast<std::size_t>(sent));
      if (sent <= 0 && errno != EAGAIN) break;  // the server has closed
      run();
      open = receive(ends[0], out);
    }
  }
  ::shutdown(ends[0], SHUT_WR);
  for (int turns = 0; open; ++turns) {
    run();
    open = receive(ends[0], out);
    PERSONAS_FUZZ_CHECK(turns < 1000, "the server closes when its client has");
  }
  ::close(ends[0]);
  run();
  PERSONAS_FUZZ_CHECK(watched.expired(), "a connection is let go when its client has gone");
  PERSONAS_FUZZ_CHECK(shared_->open == 0, "and is not counted any more");
  return out;
}

}  // namespace personas::fuzz
