// The client for targets that users choose, behind the port net::GuardedClient.
#pragma once

#include <memory>

#include <boost/asio/io_context.hpp>

#include "personas/net/guarded_client.hpp"

namespace personas::net_beast {

// As make_client(); the lookup of a name is inside the deadline.
std::unique_ptr<net::GuardedClient> make_guarded_client(boost::asio::io_context& io,
                                                        net::GuardOptions options);

}  // namespace personas::net_beast
