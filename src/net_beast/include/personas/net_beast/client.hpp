// The HTTP and WebSocket client behind the port net::Client.
#pragma once

#include <memory>

#include <boost/asio/io_context.hpp>

#include "personas/net/client.hpp"

namespace personas::net_beast {

// Everything of the client runs on `io`, which one thread runs and which outlives the client and
// every WebSocket it made. The client outlives its calls; destroying it cuts its WebSockets.
// Names are looked up by the system's resolver, whose own time limit applies before
// `connect_deadline` starts.
std::unique_ptr<net::Client> make_client(boost::asio::io_context& io, net::ClientOptions options);

}  // namespace personas::net_beast
