// The HTTP and WebSocket server behind the port net::Server.
#pragma once

#include <memory>

#include <boost/asio/io_context.hpp>

#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/net/http.hpp"
#include "personas/net/server.hpp"
#include "personas/net/websocket.hpp"

namespace personas::net_beast {

// Listens at once. Everything of the server (handlers, listeners, drain()) runs on `io`, which one
// thread runs and which outlives the server and every WebSocket it made. `upgrade` may be empty:
// then upgrade requests are ordinary requests. Await drain() before the server is destroyed;
// destroying it earlier cuts its connections.
Result<std::unique_ptr<net::Server>> start_server(boost::asio::io_context& io, const Clock& clock,
                                                  net::ServerOptions options, net::Handler handler,
                                                  net::UpgradeHandler upgrade,
                                                  net::ErrorResponder on_error);

}  // namespace personas::net_beast
