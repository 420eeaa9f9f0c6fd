// The client of mail servers behind the port net::MailClient.
#pragma once

#include <memory>

#include <boost/asio/io_context.hpp>

#include "personas/net/mail_client.hpp"

namespace personas::net_beast {

// As make_guarded_client(): everything on `io`, the lookup of a name is inside the deadline, and a
// name is dialled at the addresses that were vetted.
std::unique_ptr<net::MailClient> make_mail_client(boost::asio::io_context& io,
                                                  net::MailOptions options);

}  // namespace personas::net_beast
