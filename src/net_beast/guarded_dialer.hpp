// Connections to addresses that users choose: looks a name up once, vets every answer, and dials
// the vetted ones. What all guarded clients share. Executor's thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "personas/net/guarded_client.hpp"

#include "client_connection.hpp"

namespace personas::net_beast {

class GuardedDialer {
 public:
  // `options`: their two deadlines bound a lookup and connections that are not bounded otherwise.
  GuardedDialer(boost::asio::io_context& io, net::ClientOptions options, net::Resolver resolver)
      : resolver_(std::move(resolver)),
        shared_(std::make_shared<ClientShared>(io, std::move(options))) {}
  ~GuardedDialer();

  // Before `limit`; that of the connection is the caller's to set.
  Task<Result<std::unique_ptr<ClientConnection>>> connect(net::Url url, net::PrivateTargets targets,
                                                          Instant limit);
  // Ends lookups and connections that are under way.
  void cut();
  Instant now() const { return shared_->clock.now(); }

 private:
  struct Lookup;
  Task<Result<std::vector<net::IpAddress>>> look_up(std::string host);
  Task<Result<std::vector<boost::asio::ip::tcp::endpoint>>> vetted(net::Url url,
                                                                   net::PrivateTargets targets);

  net::Resolver resolver_;
  std::shared_ptr<ClientShared> shared_;
  std::vector<std::weak_ptr<Lookup>> lookups_;  // under way
  std::uint64_t cuts_ = 0;
};

}  // namespace personas::net_beast
