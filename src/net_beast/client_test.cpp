// The client against our own server, plain and over TLS, and against servers that misbehave.
#include "personas/net_beast/client.hpp"

#include <atomic>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "test_support.hpp"

namespace personas::net_beast {
namespace {

using boost::asio::ip::tcp;

Task<void> count_to_three(net::ResponseStream& stream) {
  for (const char* piece : {"1", "2", "3"}) (void)co_await stream.write(piece);
}

Task<net::Response> routes(net::Request request) {
  net::Response response;
  if (request.path == "/stream") {
    response.stream = count_to_three;
  } else if (request.path == "/missing") {
    response.status = 404;
    response.body = "no";
  } else if (request.path == "/big") {
    response.body.assign(2'000'000, 'b');
  } else {
    response.headers.set("X-Tls", request.over_tls ? "yes" : "no");
    response.body = request.method + " " + request.target + " " + request.body + " " +
                    std::string(request.headers.get("Host"));
  }
  co_return response;
}

class TestClient {
 public:
  explicit TestClient(net::ClientOptions options = {}) {
    loop_.call([&] { client_ = make_client(loop_.io, std::move(options)); });
  }
  ~TestClient() {
    loop_.call([&] { client_.reset(); });
  }
  Result<net::Response> send(std::string method, std::string url, std::string body = {}) {
    net::Request request;
    request.method = std::move(method);
    request.target = std::move(url);
    request.body = std::move(body);
    return loop_.run(client_->send(std::move(request)));
  }
  Result<net::Response> stream(std::string url, std::function<bool(std::string_view)> on_piece) {
    net::Request request;
    request.method = "GET";
    request.target = std::move(url);
    return loop_.run(client_->stream(std::move(request), std::move(on_piece)));
  }
  Result<std::shared_ptr<net::WebSocket>> websocket(
      std::string url, std::shared_ptr<net::WebSocketListener> listener) {
    return loop_.run(client_->connect_websocket(std::move(url), {}, std::move(listener)));
  }

 private:
  LoopThread loop_;
  std::unique_ptr<net::Client> client_;
};

std::string url_of(const TestServer& server, std::string_view path) {
  return "http://127.0.0.1:" + std::to_string(server.port()) + std::string(path);
}

TEST(Client, ReusesItsConnection) {
  TestServer server(routes);
  TestClient client;
  for (int i = 0; i < 5; ++i) {
    const auto response = client.send("POST", url_of(server, "/x?y=1"), "body");
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "POST /x?y=1 body 127.0.0.1:" + std::to_string(server.port()));
  }
  EXPECT_EQ(server.stats().accepted, 1U);
}

TEST(Client, FindsAHostByName) {
  TestServer server(routes);
  TestClient client;
  const auto response =
      client.send("GET", "http://localhost:" + std::to_string(server.port()) + "/n");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
}

TEST(Client, GivesAnErrorStatusAsAResponse) {
  TestServer server(routes);
  TestClient client;
  const auto response = client.send("GET", url_of(server, "/missing"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->body, "no");
}

TEST(Client, UnderstandsAnAnswerToHead) {
  TestServer server(routes);
  TestClient client;
  const auto response = client.send("HEAD", url_of(server, "/big"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->headers.get("content-length"), "2000000");
  EXPECT_TRUE(response->body.empty());
  EXPECT_TRUE(client.send("GET", url_of(server, "/x")));
  EXPECT_EQ(server.stats().accepted, 1U);
}

TEST(Client, BoundsTheSizeOfAResponse) {
  TestServer server(routes);
  net::ClientOptions options;
  options.max_response_bytes = 1'000'000;
  TestClient client(options);
  const auto response = client.send("GET", url_of(server, "/big"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kPayloadTooLarge);
}

TEST(Client, HandsOutAStreamPieceByPiece) {
  TestServer server(routes);
  TestClient client;
  std::string all;
  const auto response = client.stream(url_of(server, "/stream"), [&](std::string_view piece) {
    all += piece;
    return true;
  });
  ASSERT_TRUE(response);
  EXPECT_EQ(all, "123");
  EXPECT_TRUE(response->body.empty());
  const auto missing = client.stream(url_of(server, "/missing"), [](auto) { return true; });
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->body, "no");
}

TEST(Client, StopsAStreamWhenAsked) {
  TestServer server(routes);
  TestClient client;
  int pieces = 0;
  EXPECT_TRUE(client.stream(url_of(server, "/big"), [&](std::string_view) {
    ++pieces;
    return false;
  }));
  EXPECT_EQ(pieces, 1);
  EXPECT_TRUE(eventually([&] { return server.stats().open_connections == 0; }));
}

TEST(Client, SaysThatNobodyListens) {
  std::uint16_t port = 0;
  {
    TestServer server(routes);
    port = server.port();
  }
  TestClient client;
  const auto response = client.send("GET", "http://127.0.0.1:" + std::to_string(port) + "/");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
}

TEST(Client, RepeatsASafeRequestWhenTheServerHadClosedTheConnection) {
  net::ServerOptions options;
  options.limits.idle_deadline = milliseconds(20);
  TestServer server(routes, options);
  TestClient client;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(client.send("GET", url_of(server, "/")));
    EXPECT_TRUE(eventually([&] { return server.stats().open_connections == 0; }));
  }
}

TEST(Client, RefusesWhatCannotBeSent) {
  TestClient client;
  EXPECT_FALSE(client.send("GET", "ftp://x/"));
  EXPECT_FALSE(client.send("GET /", "http://127.0.0.1:1/"));
  EXPECT_FALSE(client.send("GET", "ws://127.0.0.1:1/"));
}

// Accepts one connection, sends `answer` and then either closes or stays silent.
class FakeServer {
 public:
  enum class Then { kClose, kStaySilent };
  FakeServer(std::string answer, Then then)
      : acceptor_(io_, {boost::asio::ip::make_address("127.0.0.1"), 0}),
        thread_([this, answer = std::move(answer), then] {
          tcp::socket socket = acceptor_.accept();
          boost::system::error_code error;
          boost::asio::write(socket, boost::asio::buffer(answer), error);
          std::string ignored(4096, ' ');
          (void)socket.read_some(boost::asio::buffer(ignored), error);
          while (!error && then == Then::kStaySilent) {
            (void)socket.read_some(boost::asio::buffer(ignored), error);
          }
        }) {}
  ~FakeServer() { thread_.join(); }
  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/";
  }

 private:
  boost::asio::io_context io_;
  tcp::acceptor acceptor_;
  std::thread thread_;
};

TEST(Client, GivesUpOnAServerThatStaysSilent) {
  FakeServer server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
                    FakeServer::Then::kStaySilent);
  net::ClientOptions options;
  options.response_deadline = milliseconds(100);
  TestClient client(options);
  const auto response = client.send("GET", server.url());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kTimeout);
}

TEST(Client, DoesNotTakeACutResponseForAWholeOne) {
  for (const char* answer : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
                             "HTTP/1.1 200 OK\r\nX", "SSH-2.0-nothing\r\n", ""}) {
    FakeServer server(answer, FakeServer::Then::kClose);
    TestClient client;
    const auto response = client.send("POST", server.url());
    ASSERT_FALSE(response) << answer;
    EXPECT_EQ(response.error().code, ErrorCode::kUnavailable) << answer;
  }
}

TEST(Client, ReadsABodyThatEndsWithTheConnectionAndSkipsInterimResponses) {
  FakeServer server("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nall of it",
                    FakeServer::Then::kClose);
  TestClient client;
  const auto response = client.send("GET", server.url());
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "all of it");
}

// --- TLS -----------------------------------------------------------------------------------------

class TlsClient : public testing::Test {
 protected:
  net::ServerOptions server_options() const {
    net::ServerOptions options;
    options.tls = net::TlsFiles{certificate_.certificate(), certificate_.key()};
    return options;
  }
  net::ClientOptions trusting() const {
    net::ClientOptions options;
    options.ca_file = certificate_.certificate();
    return options;
  }
  static std::string url(const TestServer& server, std::string_view host, std::string_view path) {
    return "https://" + std::string(host) + ":" + std::to_string(server.port()) + std::string(path);
  }

  TestCertificate certificate_;
};

TEST_F(TlsClient, TalksToAServerWhoseCertificateNamesTheHost) {
  TestServer server(routes, server_options());
  TestClient client(trusting());
  for (const char* host : {"localhost", "127.0.0.1"}) {
    for (int i = 0; i < 2; ++i) {
      const auto response = client.send("GET", url(server, host, "/"));
      ASSERT_TRUE(response) << response.error().message;
      EXPECT_EQ(response->headers.get("X-Tls"), "yes");
    }
  }
  EXPECT_EQ(server.stats().accepted, 2U);
  const auto big = client.send("GET", url(server, "localhost", "/big"));
  ASSERT_TRUE(big);
  EXPECT_EQ(big->body.size(), 2'000'000U);
}

TEST_F(TlsClient, RefusesAnUntrustedCertificateAndAnotherName) {
  TestServer server(routes, server_options());
  TestClient distrusting;
  const auto untrusted = distrusting.send("GET", url(server, "localhost", "/"));
  ASSERT_FALSE(untrusted);
  EXPECT_NE(untrusted.error().message.find("certificate"), std::string::npos);
  TestClient client(trusting());
  EXPECT_FALSE(client.send("GET", url(server, "127.0.0.2", "/")));
}

TEST_F(TlsClient, SaysWhichFileOfTheServerIsWrong) {
  boost::asio::io_context io;
  const RealClock clock;
  net::ServerOptions options;
  options.tls = net::TlsFiles{"/nonexistent/certificate.pem", certificate_.key()};
  const auto started = start_server(io, clock, options, routes, {}, plain_error);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kMisconfigured);
}

// --- WebSocket -----------------------------------------------------------------------------------

class Recorder final : public net::WebSocketListener {
 public:
  void on_message(std::string_view text) override {
    bytes += text.size();
    ++messages;
    if (echo) echo->send(std::string(text));
  }
  void on_close(net::CloseCode code, std::string_view) override {
    echo.reset();
    close_code = static_cast<int>(code);
  }
  std::shared_ptr<net::WebSocket> echo;
  std::atomic<std::size_t> bytes = 0;
  std::atomic<int> messages = 0;
  std::atomic<int> close_code = 0;
};

net::UpgradeHandler echoing(std::shared_ptr<Recorder> listener) {
  return [listener](const net::Request& request) -> Result<net::UpgradeDecision> {
    if (request.path != "/ws") return fail(ErrorCode::kUnauthorized, "Not here.");
    return net::UpgradeDecision{listener, [listener](std::shared_ptr<net::WebSocket> socket) {
                                  listener->echo = std::move(socket);
                                }};
  };
}

TEST(ClientWebSocket, ExchangesMessagesAndCloses) {
  auto server_side = std::make_shared<Recorder>();
  TestServer server(routes, {}, echoing(server_side));
  TestClient client;
  auto listener = std::make_shared<Recorder>();
  const std::string url = "ws://127.0.0.1:" + std::to_string(server.port()) + "/ws";
  auto socket = client.websocket(url, listener);
  ASSERT_TRUE(socket) << socket.error().message;
  for (int i = 0; i < 1000; ++i) (*socket)->send("message");
  (*socket)->send(std::string(500'000, 'x'));
  EXPECT_TRUE(eventually([&] { return listener->messages == 1001; }));
  EXPECT_EQ(listener->bytes, 507'000U);
  (*socket)->close(net::CloseCode::kNormal, "done");
  EXPECT_TRUE(eventually([&] { return listener->close_code == 1000; }));
  EXPECT_TRUE(eventually([&] { return server_side->close_code == 1000; }));
  EXPECT_TRUE(eventually([&] { return server.stats().open_connections == 0; }));
}

TEST(ClientWebSocket, GivesTheStatusOfARefusalAsItsCode) {
  TestServer server(routes, {}, echoing(std::make_shared<Recorder>()));
  TestClient client;
  const std::string url = "ws://127.0.0.1:" + std::to_string(server.port());
  const auto refused = client.websocket(url + "/other", std::make_shared<Recorder>());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnauthorized);
}

TEST_F(TlsClient, CarriesAWebSocket) {
  auto server_side = std::make_shared<Recorder>();
  TestServer server(routes, server_options(), echoing(server_side));
  TestClient client(trusting());
  auto listener = std::make_shared<Recorder>();
  auto socket =
      client.websocket("wss://localhost:" + std::to_string(server.port()) + "/ws", listener);
  ASSERT_TRUE(socket) << socket.error().message;
  for (int i = 0; i < 100; ++i) (*socket)->send(std::string(10'000, 'x'));
  EXPECT_TRUE(eventually([&] { return listener->messages == 100; }));
  server.drain(seconds(5));
  EXPECT_TRUE(eventually([&] { return listener->close_code == 1001; }));
}

}  // namespace
}  // namespace personas::net_beast
