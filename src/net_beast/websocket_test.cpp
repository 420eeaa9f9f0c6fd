// WebSockets of the server against an independent client (Beast's) and against hostile frames.
#include <atomic>
#include <map>
#include <mutex>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <gtest/gtest.h>

#include "frame_codec.hpp"
#include "http_text.hpp"
#include "test_support.hpp"

namespace personas::net_beast {
namespace {

namespace beast = boost::beast;
using boost::asio::ip::tcp;
using BeastClient = beast::websocket::stream<tcp::socket, false>;

// Echoes; "close:CODE" closes; "flood" sends more than any queue takes.
class EchoListener final : public net::WebSocketListener {
 public:
  void on_message(std::string_view text) override {
    ++messages;
    if (text == "flood") {
      for (int i = 0; i < 64; ++i) socket->send(std::string(1 << 20, 'x'));
    } else if (text == "ping") {
      socket->ping();
    } else if (text == "bye") {
      socket->close(net::CloseCode{4001}, "as asked");
    } else {
      socket->send("echo " + std::string(text));
    }
  }
  void on_pong() override { ++alive; }
  void on_sent() override { ++sent; }
  void on_close(net::CloseCode code, std::string_view reason) override {
    const std::lock_guard lock(mutex);
    close_reason = reason;
    close_code = static_cast<int>(code);
    ++closes;
  }

  std::shared_ptr<net::WebSocket> socket;
  std::atomic<int> messages = 0;
  std::atomic<int> alive = 0;
  std::atomic<int> sent = 0;
  std::atomic<int> closes = 0;
  std::atomic<int> close_code = 0;
  std::mutex mutex;
  std::string close_reason;
};

Task<net::Response> not_found(net::Request) {
  net::Response response;
  response.status = 404;
  co_return response;
}

struct Hub {
  std::shared_ptr<EchoListener> listener = std::make_shared<EchoListener>();
  std::atomic<int> attached = 0;

  net::UpgradeHandler handler() {
    return [this](const net::Request& request) -> Result<net::UpgradeDecision> {
      if (request.path != "/ws") return fail(ErrorCode::kNotFound, "Nothing is there.");
      return net::UpgradeDecision{listener, [this](std::shared_ptr<net::WebSocket> socket) {
                                    listener->socket = std::move(socket);
                                    ++attached;
                                  }};
    };
  }
};

class WebSocketServer : public testing::Test {
 protected:
  static net::ServerOptions options() {
    net::ServerOptions made;
    made.limits.max_frame_bytes = 64 * 1024;
    made.limits.max_send_queue_bytes = 1024 * 1024;
    made.limits.handshake_deadline = milliseconds(500);
    made.limits.write_deadline = milliseconds(500);
    return made;
  }

  BeastClient connect() {
    BeastClient client(io_);
    client.next_layer().connect({boost::asio::ip::make_address("127.0.0.1"), server_.port()});
    client.handshake("localhost", "/ws");
    EXPECT_TRUE(eventually([&] { return hub_.attached == 1; }));
    return client;
  }
  static std::string read(BeastClient& client) {
    beast::flat_buffer buffer;
    client.read(buffer);
    return beast::buffers_to_string(buffer.data());
  }
  static int close_code_of(BeastClient& client) {
    beast::flat_buffer buffer;
    boost::system::error_code error;
    while (!error) client.read(buffer, error), buffer.clear();
    return error == beast::websocket::error::closed ? client.reason().code : -1;
  }

  boost::asio::io_context io_;
  Hub hub_;
  TestServer server_{not_found, options(), hub_.handler()};
};

TEST_F(WebSocketServer, EchoesTextOfEveryLengthForm) {
  auto client = connect();
  for (const std::size_t size : {0U, 1U, 125U, 126U, 60'000U}) {
    const std::string text(size, 'a');
    client.write(boost::asio::buffer(text));
    EXPECT_EQ(read(client), "echo " + text);
  }
}

TEST_F(WebSocketServer, CarriesManySmallFramesBothWays) {
  auto client = connect();
  constexpr int kFrames = 5000;
  std::thread writer([&] {
    for (int i = 0; i < kFrames; ++i) client.write(boost::asio::buffer(std::to_string(i)));
  });
  for (int i = 0; i < kFrames; ++i) ASSERT_EQ(read(client), "echo " + std::to_string(i));
  writer.join();
}

TEST_F(WebSocketServer, JoinsFragmentsWithAPingBetween) {
  auto client = connect();
  client.write_some(false, boost::asio::buffer(std::string("one ")));
  client.ping({});
  client.write_some(false, boost::asio::buffer(std::string("two ")));
  client.write_some(true, boost::asio::buffer(std::string("\xC3\xA9")));
  EXPECT_EQ(read(client), "echo one two \xC3\xA9");
}

TEST_F(WebSocketServer, PingsAndHearsThatThePeerLives) {
  auto client = connect();
  client.write(boost::asio::buffer(std::string("ping")));
  client.write(boost::asio::buffer(std::string("x")));
  EXPECT_EQ(read(client), "echo x");  // and Beast answered the ping on the way
  client.write(boost::asio::buffer(std::string("y")));
  EXPECT_EQ(read(client), "echo y");
  EXPECT_GE(hub_.listener->alive, 1);
}

TEST_F(WebSocketServer, TakesSendsFromAnyThread) {
  auto client = connect();
  constexpr int kEach = 500;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) hub_.listener->socket->send(std::to_string(t));
    });
  }
  std::map<std::string, int> counts;
  for (int i = 0; i < 3 * kEach; ++i) ++counts[read(client)];
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counts, (std::map<std::string, int>{{"0", kEach}, {"1", kEach}, {"2", kEach}}));
}

TEST_F(WebSocketServer, ClosesWithTheCodeItWasGiven) {
  auto client = connect();
  client.write(boost::asio::buffer(std::string("bye")));
  EXPECT_EQ(close_code_of(client), 4001);
  EXPECT_TRUE(eventually([&] { return hub_.listener->closes == 1; }));
  EXPECT_EQ(hub_.listener->close_code, 4001);
  EXPECT_TRUE(eventually([&] { return server_.stats().open_connections == 0; }));
}

TEST_F(WebSocketServer, ReportsThePeersCloseOnce) {
  auto client = connect();
  client.close(beast::websocket::close_reason(beast::websocket::close_code(4002), "enough"));
  EXPECT_TRUE(eventually([&] { return hub_.listener->closes > 0; }));
  EXPECT_EQ(hub_.listener->close_code, 4002);
  {
    const std::lock_guard lock(hub_.listener->mutex);
    EXPECT_EQ(hub_.listener->close_reason, "enough");
  }
  EXPECT_TRUE(eventually([&] { return server_.stats().open_connections == 0; }));
  EXPECT_EQ(hub_.listener->closes, 1);
}

TEST_F(WebSocketServer, ReportsABrokenConnectionAsAbnormal) {
  {
    auto client = connect();
  }
  EXPECT_TRUE(eventually([&] { return hub_.listener->closes == 1; }));
  EXPECT_EQ(hub_.listener->close_code, 1006);
}

TEST_F(WebSocketServer, ClosesAPeerThatDoesNotReadAndForgetsItsQueue) {
  auto client = connect();
  client.write(boost::asio::buffer(std::string("flood")));
  EXPECT_TRUE(eventually([&] { return hub_.listener->closes == 1; }));
  EXPECT_EQ(hub_.listener->close_code, 1008);
  EXPECT_LE(hub_.listener->socket->queued_bytes(), options().limits.max_send_queue_bytes);
  EXPECT_TRUE(eventually([&] { return server_.stats().open_connections == 0; }));
}

TEST_F(WebSocketServer, DrainSendsGoingAway) {
  auto client = connect();
  std::thread drain([&] { server_.drain(seconds(5)); });
  EXPECT_EQ(close_code_of(client), 1001);
  drain.join();
  EXPECT_EQ(hub_.listener->close_code, 1001);
}

// --- handshake -----------------------------------------------------------------------------------

std::string upgrade(std::string_view path, std::string_view more = {},
                    std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==",
                    std::string_view version = "13") {
  return "GET " + std::string(path) +
         " HTTP/1.1\r\nHost: here:80\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: " +
         std::string(version) + "\r\nSec-WebSocket-Key: " + std::string(key) + "\r\n" +
         std::string(more) + "\r\n";
}

TEST_F(WebSocketServer, AnswersTheHandshakeOfTheStandard) {
  RawClient client(server_.port());
  client.send(upgrade("/ws"));
  const RawResponse response = client.response();
  EXPECT_EQ(response.status, 101);
  EXPECT_NE(response.head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            std::string::npos);
}

TEST_F(WebSocketServer, RefusesHandshakesWithTheirStatus) {
  struct Case {
    std::string request;
    int status;
  };
  const Case cases[] = {
      {upgrade("/elsewhere"), 404},
      {upgrade("/ws", "Origin: https://evil.example\r\n"), 403},
      {upgrade("/ws", "Origin: null\r\n"), 403},
      {upgrade("/ws", "Origin: http://here:81\r\n"), 403},
      {upgrade("/ws", "", "short"), 400},
      {upgrade("/ws", "", "dGhlIHNhbXBsZSBub25jZQ==", "8"), 400},
      {upgrade("/ws", "Origin: http://here\r\n"), 101},
      {upgrade("/ws", "Origin: http://HERE:80\r\n"), 101},
  };
  for (const Case& c : cases) {
    RawClient client(server_.port());
    client.send(c.request);
    EXPECT_EQ(client.response().status, c.status) << c.request;
    if (c.status != 101) {
      EXPECT_TRUE(client.at_end()) << c.request;
    }
  }
}

std::string masked(Opcode opcode, std::string_view payload) {
  std::string out;
  FrameWriter(Role::kClient, 1).append(out, opcode, payload);
  return out;
}

TEST(WebSocketUpgrade, NamesTheSubprotocolAndTakesPagesOfChosenOrigins) {
  auto options = net::ServerOptions{};
  options.websocket_origins = {"https://friend.example"};
  Hub hub;
  const TestServer server(not_found, options,
                          [&hub](const net::Request& request) -> Result<net::UpgradeDecision> {
                            auto decision = hub.handler()(request);
                            if (decision) decision->subprotocol = "personas.v1";
                            return decision;
                          });
  for (const auto& [origin, status] : std::map<std::string, int>{{"https://friend.example", 101},
                                                                 {"https://foe.example", 403},
                                                                 {"http://friend.example", 403}}) {
    RawClient client(server.port());
    client.send(upgrade("/ws", "Origin: " + origin + "\r\n"));
    const auto response = client.response();
    EXPECT_EQ(response.status, status) << origin;
    EXPECT_EQ(response.head.contains("Sec-WebSocket-Protocol: personas.v1\r\n"), status == 101);
  }
}

Task<void> until_closed(std::shared_ptr<EchoListener> listener, std::atomic<bool>& returned) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  while (listener->closes == 0) {
    timer.expires_after(milliseconds(1));
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
  returned = true;
}

TEST(WebSocketUpgrade, DrainsOnlyOnceWhatRunsBesideTheConnectionHasReturned) {
  Hub hub;
  std::atomic<bool> returned = false;
  TestServer server(not_found, {},
                    [&](const net::Request& request) -> Result<net::UpgradeDecision> {
                      auto decision = hub.handler()(request);
                      decision->run = [&](const std::shared_ptr<net::WebSocket>&) {
                        return until_closed(hub.listener, returned);
                      };
                      return decision;
                    });
  RawClient client(server.port());
  client.send(upgrade("/ws"));
  EXPECT_EQ(client.response().status, 101);
  EXPECT_TRUE(eventually([&] { return hub.attached == 1; }));
  client.send(masked(Opcode::kText, "hello"));
  EXPECT_TRUE(eventually([&] { return hub.listener->sent > 0; })) << "tells when all is sent";
  EXPECT_FALSE(returned);
  server.drain(seconds(5));
  EXPECT_TRUE(returned);
}

// --- hostile frames ------------------------------------------------------------------------------

std::string fragments(int count) {
  std::string first = masked(Opcode::kText, "");
  first[0] = 0x01;
  std::string next = masked(Opcode::kContinuation, "");
  next[0] = 0x00;
  for (int i = 0; i < count; ++i) first += next;
  return first;
}

std::string with_first_byte(int byte, std::string frame) {
  frame[0] = static_cast<char>(byte);
  return frame;
}

TEST_F(WebSocketServer, TakesAFrameThatCameWithTheHandshake) {
  RawClient client(server_.port());
  const std::string frame = masked(Opcode::kText, "early");
  client.send(upgrade("/ws") + frame.substr(0, 5));
  EXPECT_EQ(client.response().status, 101);
  client.send(frame.substr(5));
  EXPECT_EQ(client.read_exactly(12),
            "\x81\x0A"
            "echo early");
}

TEST_F(WebSocketServer, AnswersEveryHostileFrameWithItsCode) {
  using namespace std::string_literals;
  struct Case {
    const char* name;
    std::string frames;
    int code;
  };
  const Case cases[] = {
      {"unmasked", "\x81\x02hi"s, 1002},
      {"binary", masked(Opcode::kBinary, "x"), 1003},
      {"reserved bit", with_first_byte(0xC1, masked(Opcode::kText, "x")), 1002},
      {"reserved opcode", with_first_byte(0x83, masked(Opcode::kText, "x")), 1002},
      {"reserved control", with_first_byte(0x8B, masked(Opcode::kText, "x")), 1002},
      {"length 2^63", "\x81\xFF\x80\0\0\0\0\0\0\0mask"s, 1009},
      {"length 2^64-1", "\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFmask"s, 1009},
      {"one byte too long", masked(Opcode::kText, std::string(64 * 1024 + 1, 'x')), 1009},
      {"100000 fragments", fragments(100'000), 1009},
      {"long way to say 1", "\x81\xFE\0\x01mask!"s, 1002},
      {"invalid UTF-8", masked(Opcode::kText, "ok\xC0\xAF"), 1007},
      {"surrogate", masked(Opcode::kText, "\xED\xA0\x80"), 1007},
      {"cut UTF-8", masked(Opcode::kText, "\xC3"), 1007},
      {"continuation of nothing", masked(Opcode::kContinuation, "x"), 1002},
      {"text inside fragments", fragments(1) + masked(Opcode::kText, "x"), 1002},
      {"fragmented ping", with_first_byte(0x09, masked(Opcode::kPing, "")), 1002},
      {"long ping", masked(Opcode::kPing, std::string(126, 'x')), 1002},
      {"close of one byte", masked(Opcode::kClose, "x"), 1002},
      {"close code 1005", masked(Opcode::kClose, "\x03\xED"), 1002},
      {"close code 999", masked(Opcode::kClose, "\x03\xE7"), 1002},
      {"close with bad text", masked(Opcode::kClose, "\x03\xE8\xFF"), 1007},
      {"ordinary close", masked(Opcode::kClose, "\x03\xE8"), 1000},
      {"empty close", masked(Opcode::kClose, ""), 1000},
  };
  for (const Case& c : cases) {
    RawClient client(server_.port());
    client.send(upgrade("/ws"));
    ASSERT_EQ(client.response().status, 101);
    client.send(c.frames + masked(Opcode::kText, "never seen"));
    const std::string frame = client.read_to_end();
    ASSERT_GE(frame.size(), 4U) << c.name;
    EXPECT_EQ(frame[0], '\x88') << c.name;
    EXPECT_EQ(static_cast<unsigned char>(frame[2]) << 8 | static_cast<unsigned char>(frame[3]),
              c.code)
        << c.name;
  }
  EXPECT_EQ(hub_.listener->messages, 0);
  const int count = std::size(cases);
  EXPECT_TRUE(eventually([&] { return hub_.listener->closes == count; }));
}

}  // namespace
}  // namespace personas::net_beast
