#include "guarded_dialer.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/ip/udp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace personas::net_beast {
namespace {

using boost::asio::ip::tcp;
using boost::asio::ip::udp;
using Resolve = boost::asio::ip::basic_resolver<tcp, boost::asio::io_context::executor_type>;

// Addresses of one name that are tried; a name with more of them is served by each.
constexpr std::size_t kMaxDialled = 4;

boost::asio::ip::address to_asio(const net::IpAddress& address) {
  if (address.family == net::IpAddress::Family::kV6) {
    return boost::asio::ip::address_v6(address.bytes);
  }
  boost::asio::ip::address_v4::bytes_type bytes{};
  std::copy_n(address.bytes.begin(), bytes.size(), bytes.begin());
  return boost::asio::ip::address_v4(bytes);
}

net::IpAddress from_asio(const boost::asio::ip::address& address) {
  net::IpAddress out;
  if (address.is_v6()) {
    out.family = net::IpAddress::Family::kV6;
    out.bytes = address.to_v6().to_bytes();
  } else {
    const auto bytes = address.to_v4().to_bytes();
    std::ranges::copy(bytes, out.bytes.begin());
  }
  return out;
}

// Whether the address is one of this machine's, which a public one may be too: the kernel would
// then choose it as the sender's. Connecting a datagram socket sends nothing.
bool is_own(boost::asio::io_context& io, const boost::asio::ip::address& address) {
  boost::system::error_code error;
  udp::socket socket(io);
  const udp::endpoint there(address, 9);
  socket.open(there.protocol(), error);
  if (!error) socket.connect(there, error);
  if (error) return false;
  const auto here = socket.local_endpoint(error);
  return !error && here.address() == address;
}

}  // namespace

// A lookup that may be given up: the system's resolver cannot be stopped, so what it finds too late
// goes to nobody.
struct GuardedDialer::Lookup {
  Lookup(boost::asio::io_context& io, Duration limit)
      : resolver(io.get_executor()), timer(io, limit) {}
  Resolve resolver;
  boost::asio::steady_timer timer;
  bool done = false;
  boost::system::error_code error;
  std::vector<net::IpAddress> found;
};

GuardedDialer::~GuardedDialer() {
  shared_->loop.roster.stop();
  cut();
}

void GuardedDialer::cut() {
  ++cuts_;
  shared_->loop.roster.abort_all();
  for (const auto& pending : lookups_) {
    if (const auto lookup = pending.lock()) lookup->timer.cancel();
  }
  lookups_.clear();
}

Task<Result<std::vector<net::IpAddress>>> GuardedDialer::look_up(std::string host) {
  auto lookup = std::make_shared<Lookup>(shared_->loop.io, shared_->options.connect_deadline);
  std::erase_if(lookups_, [](const auto& pending) { return pending.expired(); });
  lookups_.push_back(lookup);
  lookup->resolver.async_resolve(
      host, "", [lookup](const boost::system::error_code& error, const auto& results) {
        lookup->done = true;
        lookup->error = error;
        for (const auto& entry : results) {
          lookup->found.push_back(from_asio(entry.endpoint().address()));
        }
        lookup->timer.cancel();
      });
  boost::system::error_code ignored;
  co_await lookup->timer.async_wait(
      boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  if (!lookup->done) {
    co_return fail(ErrorCode::kTimeout, "Looking up " + host + " took too long.");
  }
  if (lookup->error) {
    co_return fail(ErrorCode::kUnavailable,
                   "The host " + host + " cannot be found: " + lookup->error.message() + ".");
  }
  co_return std::move(lookup->found);
}

Task<Result<std::vector<tcp::endpoint>>> GuardedDialer::vetted(net::Url url,
                                                               net::PrivateTargets targets) {
  std::vector<net::IpAddress> answers;
  if (const auto literal = net::parse_ip(url.host)) {
    answers.push_back(*literal);
  } else if (resolver_) {
    CO_TRY(answers, co_await resolver_(url.host));
  } else {
    CO_TRY(answers, co_await look_up(url.host));
  }
  CO_TRY_VOID(net::vet_answers(answers, targets));
  std::vector<tcp::endpoint> endpoints;
  for (const net::IpAddress& answer : answers) {
    const tcp::endpoint endpoint(to_asio(answer), url.port);
    if (targets == net::PrivateTargets::kRefused && is_own(shared_->loop.io, endpoint.address())) {
      co_return fail(ErrorCode::kForbidden, "The host " + url.host + " is this machine.");
    }
    // One connection attempt per address, however often the resolver names it.
    if (std::ranges::find(endpoints, endpoint) == endpoints.end()) endpoints.push_back(endpoint);
  }
  co_return endpoints;
}

// Each address has its share of the time that is left, so that one that swallows packets does not
// keep the next from being tried.
Task<Result<std::unique_ptr<ClientConnection>>> GuardedDialer::connect(net::Url url,
                                                                       net::PrivateTargets targets,
                                                                       Instant limit) {
  const std::uint64_t cuts = cuts_;
  CO_TRY(const std::vector<tcp::endpoint> endpoints, co_await vetted(url, targets));
  const std::size_t count = std::min(endpoints.size(), kMaxDialled);
  Error last{ErrorCode::kUnavailable, "The connection was cut.", {}};
  for (std::size_t i = 0; i < count && cuts == cuts_; ++i) {
    const Instant now = shared_->clock.now();
    const Duration share = (limit - now) / static_cast<std::int64_t>(count - i);
    std::vector<tcp::endpoint> one{endpoints[i]};
    auto connection =
        co_await ClientConnection::connect_to(shared_, url, std::move(one), now + share);
    if (connection) co_return std::move(*connection);
    last = connection.error();
  }
  co_return fail(std::move(last));
}

}  // namespace personas::net_beast
