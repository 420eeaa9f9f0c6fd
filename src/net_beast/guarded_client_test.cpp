#include "personas/net_beast/guarded_client.hpp"

#include <atomic>
#include <mutex>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "test_support.hpp"

namespace personas::net_beast {
namespace {

using tcp = boost::asio::ip::tcp;
using net::PrivateTargets;

Task<net::Response> routes(net::Request request) {
  net::Response response;
  if (request.path == "/redirect") {
    response.status = 302;
    response.headers.set("Location", "/elsewhere");
  } else if (request.path == "/big") {
    response.body = std::string(2'000'000, 'x');
  } else {
    response.body = std::string(request.headers.get("Host"));
  }
  co_return response;
}

// Answers of a resolver, one list per question; the last one is repeated.
class Script {
 public:
  explicit Script(std::vector<std::vector<const char*>> answers) : answers_(std::move(answers)) {}
  net::Resolver resolver() {
    return [this](std::string) { return answer(); };
  }
  int asked() const { return asked_; }

 private:
  Task<Result<std::vector<net::IpAddress>>> answer() {
    const auto at = std::min<std::size_t>(static_cast<std::size_t>(asked_++), answers_.size() - 1);
    std::vector<net::IpAddress> all;
    for (const char* text : answers_.at(at)) all.push_back(*net::parse_ip(text));
    co_return all;
  }
  std::vector<std::vector<const char*>> answers_;
  std::atomic<int> asked_ = 0;
};

class Guarded {
 public:
  explicit Guarded(net::GuardOptions options) {
    loop_.call([&] { client_ = make_guarded_client(loop_.io, std::move(options)); });
  }
  ~Guarded() {
    loop_.call([&] { client_.reset(); });
  }
  Result<net::Response> send(std::string url, std::string body = {}) {
    return loop_.run(client_->send(request(std::move(url), std::move(body))));
  }
  Result<net::Response> stream(std::string url, std::function<bool(std::string_view)> on_piece) {
    return loop_.run(client_->stream(request(std::move(url), {}), std::move(on_piece)));
  }
  auto send_later(std::string url) {
    return boost::asio::co_spawn(loop_.io, client_->send(request(std::move(url), {})),
                                 boost::asio::use_future);
  }
  void cut() {
    loop_.call([&] { client_->cut(); });
  }

 private:
  static net::Request request(std::string url, std::string body) {
    net::Request request;
    request.method = "POST";
    request.target = std::move(url);
    request.body = std::move(body);
    return request;
  }
  LoopThread loop_;
  std::unique_ptr<net::GuardedClient> client_;
};

net::GuardOptions allowing(PrivateTargets targets, net::Resolver resolver = {}) {
  net::GuardOptions options;
  options.targets = targets;
  options.resolver = std::move(resolver);
  return options;
}

std::string url_of(std::uint16_t port, std::string_view host, std::string_view path = "/") {
  return "http://" + std::string(host) + ":" + std::to_string(port) + std::string(path);
}

TEST(GuardedClient, DialsWhatItVettedUnderTheNameThatWasGiven) {
  TestServer server(routes);
  Script script({{"127.0.0.1"}});
  Guarded client(allowing(PrivateTargets::kAllowed, script.resolver()));
  const auto response = client.send(url_of(server.port(), "hooks.example.com"));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "hooks.example.com:" + std::to_string(server.port()));
  EXPECT_EQ(script.asked(), 1);
}

TEST(GuardedClient, ConnectsToNoPrivateAddressByAnyRoad) {
  TestServer server(routes);
  for (const std::vector<const char*>& answers :
       std::initializer_list<std::vector<const char*>>{{"127.0.0.1"},
                                                       {"8.8.8.8", "127.0.0.1"},
                                                       {"127.0.0.1", "8.8.8.8"},
                                                       {"::1"},
                                                       {"::ffff:127.0.0.1"},
                                                       {"64:ff9b::7f00:1"},
                                                       {"169.254.169.254"},
                                                       {"0.0.0.0"}}) {
    Script script({answers});
    Guarded client(allowing(PrivateTargets::kRefused, script.resolver()));
    const auto response = client.send(url_of(server.port(), "example.com"));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::kForbidden);
  }
  Guarded client(allowing(PrivateTargets::kRefused));
  for (const char* host : {"127.0.0.1", "localhost", "[::1]", "0x7f000001", "127.1"}) {
    EXPECT_FALSE(client.send(url_of(server.port(), host))) << host;
  }
  EXPECT_EQ(server.stats().accepted, 0U);
}

// The second answer would reach the same server: Linux connects 0.0.0.0 to this machine.
TEST(GuardedClient, ANameThatTurnsBadBetweenTwoRequestsIsNotReachedAgain) {
  TestServer server(routes);
  Script script({{"127.0.0.1"}, {"0.0.0.0"}, {"127.0.0.1", "0.0.0.0"}, {"::ffff:7f00:1"}});
  Guarded client(allowing(PrivateTargets::kAllowed, script.resolver()));
  EXPECT_TRUE(client.send(url_of(server.port(), "rebind.example.com")));
  for (int i = 0; i < 3; ++i) {
    const auto response = client.send(url_of(server.port(), "rebind.example.com"));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::kForbidden);
  }
  EXPECT_EQ(script.asked(), 4);
  EXPECT_EQ(server.stats().accepted, 1U);
}

TEST(GuardedClient, AsksTheResolverOnceForEveryRequestAndKeepsNoConnection) {
  TestServer server(routes);
  Script script({{"127.0.0.1", "127.0.0.1"}});
  Guarded client(allowing(PrivateTargets::kAllowed, script.resolver()));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(client.send(url_of(server.port(), "a.example.com")));
  EXPECT_EQ(script.asked(), 3);
  EXPECT_EQ(server.stats().accepted, 3U);
  EXPECT_TRUE(eventually([&] { return server.stats().open_connections == 0; }));
}

TEST(GuardedClient, TriesTheNextAddressWhenOneDoesNotAnswer) {
  TestServer server(routes);
  Script script({{"127.0.0.2", "127.0.0.1"}});
  Guarded client(allowing(PrivateTargets::kAllowed, script.resolver()));
  const auto response = client.send(url_of(server.port(), "two.example.com"));
  ASSERT_TRUE(response) << response.error().message;
  Script dead({{"127.0.0.2"}});
  Guarded other(allowing(PrivateTargets::kAllowed, dead.resolver()));
  const auto failed = other.send(url_of(server.port(), "one.example.com"));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
}

TEST(GuardedClient, FollowsNoRedirect) {
  TestServer server(routes);
  Guarded client(allowing(PrivateTargets::kAllowed));
  const auto response = client.send(url_of(server.port(), "127.0.0.1", "/redirect"));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(server.stats().accepted, 1U);
}

TEST(GuardedClient, TakesNoMoreThanItsLimitOfAnAnswer) {
  TestServer server(routes);
  Guarded client(allowing(PrivateTargets::kAllowed));
  const auto whole = client.send(url_of(server.port(), "127.0.0.1", "/big"));
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().code, ErrorCode::kPayloadTooLarge);
  std::size_t seen = 0;
  const auto part = client.stream(url_of(server.port(), "127.0.0.1", "/big"), [&](auto piece) {
    seen += piece.size();
    return false;
  });
  ASSERT_TRUE(part) << part.error().message;
  EXPECT_EQ(part->status, 200);
  EXPECT_LT(seen, 200'000U);
}

// Sends a byte of an answer now and then and never ends it.
class Dripping {
 public:
  Dripping()
      : acceptor_(io_, {boost::asio::ip::make_address("127.0.0.1"), 0}), thread_([this] {
          boost::system::error_code error;
          tcp::socket socket = acceptor_.accept(error);
          if (error) return;
          boost::asio::write(socket, boost::asio::buffer(std::string("HTTP/1.1 200 OK\r\n\r\n")),
                             error);
          while (!error) {
            boost::asio::write(socket, boost::asio::buffer(std::string("x")), error);
            // The pace of the peer, not a wait for something.
            std::this_thread::sleep_for(milliseconds(10));
          }
        }) {}
  ~Dripping() { thread_.join(); }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  boost::asio::io_context io_;
  tcp::acceptor acceptor_;
  std::thread thread_;
};

TEST(GuardedClient, ItsDeadlineHoldsWhileBytesStillArrive) {
  Dripping server;
  net::GuardOptions options = allowing(PrivateTargets::kAllowed);
  options.deadline = milliseconds(200);
  Guarded client(std::move(options));
  const auto response =
      client.stream(url_of(server.port(), "127.0.0.1"), [](auto) { return true; });
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kTimeout);
}

TEST(GuardedClient, AnEndlessBodyThatNobodyWantsIsNotWaitedFor) {
  Dripping server;
  net::GuardOptions options = allowing(PrivateTargets::kAllowed);
  options.body = net::GuardOptions::Body::kIgnored;
  Guarded client(std::move(options));
  const auto response = client.send(url_of(server.port(), "127.0.0.1"));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_TRUE(response->body.empty());
}

TEST(GuardedClient, EndsWhatIsUnderWayWhenItIsCut) {
  Dripping server;
  Guarded client(allowing(PrivateTargets::kAllowed));
  auto pending = client.send_later(url_of(server.port(), "127.0.0.1"));
  while (pending.wait_for(milliseconds(10)) != std::future_status::ready) client.cut();
  EXPECT_FALSE(pending.get());
}

TEST(GuardedClient, StillChecksTheCertificateAgainstTheName) {
  const TestCertificate certificate;
  net::ServerOptions server_options;
  server_options.tls = net::TlsFiles{certificate.certificate(), certificate.key()};
  TestServer server(routes, server_options);
  Script script({{"127.0.0.1"}});
  net::GuardOptions options = allowing(PrivateTargets::kAllowed, script.resolver());
  options.ca_file = certificate.certificate();
  Guarded client(std::move(options));
  const auto url = [&](const std::string& host) {
    return "https://" + host + ":" + std::to_string(server.port()) + "/";
  };
  const auto named = client.send(url("localhost"));
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_FALSE(client.send(url("other.example.com")));
}

}  // namespace
}  // namespace personas::net_beast
