// The real server's end of one connection (net_beast), in this process: bytes in, bytes out, over a
// socket pair and an executor that is run by hand until nothing is left to do. No thread, no sleep,
// no deadline: the clock stands still.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "personas/base/clock.hpp"
#include "personas/net/server.hpp"

#include "connection.hpp"

namespace personas::fuzz {

class HttpServer {
 public:
  HttpServer(net::ServerLimits limits, net::Handler handler, net::UpgradeHandler upgrade,
             net::ErrorResponder on_error);

  // Sends the pieces one after another, then the end of the stream; returns all that came back.
  // Checks that the server closes its side and lets the connection go.
  std::string talk(const std::vector<std::string_view>& pieces);

 private:
  void run();
  bool receive(int socket, std::string& out);  // false at the end

  boost::asio::io_context io_;
  ManualClock clock_;
  std::shared_ptr<net_beast::ServerShared> shared_;
};

}  // namespace personas::fuzz
