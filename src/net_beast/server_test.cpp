// The server against honest clients: keep-alive, pipelining, bodies, streams, drain, TLS.
#include "personas/net_beast/server.hpp"

#include <atomic>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include "test_support.hpp"

namespace personas::net_beast {
namespace {

using boost::asio::use_awaitable;

// "METHOD path body-size: body", so that a test sees what the handler saw.
Task<net::Response> echo(net::Request request) {
  net::Response response;
  response.headers.set("Content-Type", "text/plain");
  response.body = request.method + " " + request.path + " " + std::to_string(request.body.size()) +
                  ": " + request.body;
  co_return response;
}

std::string get(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n\r\n";
}

TEST(Server, AnswersManyRequestsOnOneConnection) {
  TestServer server(echo);
  RawClient client(server.port());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(client.send(get("/n/" + std::to_string(i))));
    const RawResponse response = client.response();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "GET /n/" + std::to_string(i) + " 0: ");
  }
  EXPECT_EQ(server.stats().accepted, 1U);
  EXPECT_EQ(server.stats().requests, 5U);
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  TestServer server(echo);
  RawClient client(server.port());
  std::string all;
  for (int i = 0; i < 50; ++i) {
    all += "POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n" + std::to_string(10 + i);
  }
  ASSERT_TRUE(client.send(all));
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(client.response().body, "POST /p 2: " + std::to_string(10 + i));
  }
}

TEST(Server, GivesTheHandlerAllOfTheRequest) {
  net::Request seen;
  TestServer server([&seen](net::Request request) -> Task<net::Response> {
    seen = std::move(request);
    co_return net::Response{};
  });
  RawClient client(server.port());
  client.send(
      "PUT /a%20b?x=1&y=%2B HTTP/1.1\r\nHost: h\r\nX-Thing:  v \r\n"
      "Content-Length: 3\r\n\r\nabc");
  ASSERT_EQ(client.response().status, 200);
  EXPECT_EQ(seen.method, "PUT");
  EXPECT_EQ(seen.target, "/a%20b?x=1&y=%2B");
  EXPECT_EQ(seen.path, "/a b");
  EXPECT_EQ(seen.query_value("y"), "+");
  EXPECT_EQ(seen.headers.get("x-thing"), "v");
  EXPECT_EQ(seen.body, "abc");
  EXPECT_EQ(seen.remote_address, "127.0.0.1");
  EXPECT_TRUE(seen.from_loopback);
  EXPECT_FALSE(seen.over_tls);
  EXPECT_GT(seen.received.micros, 0);
}

TEST(Server, ReadsAHeaderThatComesByteByByte) {
  TestServer server(echo);
  RawClient client(server.port());
  for (const char c : get("/slow")) client.send({&c, 1});
  EXPECT_EQ(client.response().body, "GET /slow 0: ");
}

TEST(Server, ReadsAChunkedBody) {
  TestServer server(echo);
  RawClient client(server.port());
  client.send(
      "POST /c HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n00A;note=x\r\n0123456789\r\n0\r\n\r\n" +
      get("/next"));
  EXPECT_EQ(client.response().body, "POST /c 13: abc0123456789");
  EXPECT_EQ(client.response().body, "GET /next 0: ");
}

TEST(Server, ReadsALargeBodyAndWritesALargeAnswer) {
  TestServer server(echo);
  RawClient client(server.port());
  const std::string body(4 * 1024 * 1024, 'x');
  client.send("POST /big HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n" + body);
  const RawResponse response = client.response();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body.size(), body.size() + std::string("POST /big 4194304: ").size());
}

TEST(Server, AsksForABodyThatTheClientHoldsBack) {
  TestServer server(echo);
  RawClient client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.response().status, 100);
  client.send("ok");
  EXPECT_EQ(client.response().body, "POST / 2: ok");
}

TEST(Server, AnswersHeadWithoutABody) {
  TestServer server(echo);
  RawClient client(server.port());
  client.send("HEAD /h HTTP/1.1\r\nHost: t\r\n\r\n" + get("/after"));
  const std::string both = client.read_exactly(1) + client.read_some() + client.read_some();
  EXPECT_NE(both.find("Content-Length: 11\r\n\r\nHTTP/1.1 200"), std::string::npos) << both;
}

TEST(Server, ClosesWhenTheClientAsksForIt) {
  TestServer server(echo);
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
  const RawResponse response = client.response();
  EXPECT_NE(response.head.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(client.at_end());
}

TEST(Server, ServesHttp10OnceAndCloses) {
  TestServer server(echo);
  RawClient client(server.port());
  client.send("GET /old HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.response().body, "GET /old 0: ");
  EXPECT_TRUE(client.at_end());
}

TEST(Server, AnswersAClientThatClosedItsSendingSide) {
  TestServer server(echo);
  RawClient client(server.port());
  client.send(get("/half"));
  client.shutdown_send();
  EXPECT_EQ(client.response().status, 200);
  EXPECT_TRUE(client.at_end());
}

Task<net::Response> throwing(net::Request) {
  throw std::runtime_error("a bug");
  co_return net::Response{};
}

TEST(Server, TurnsAHandlersExceptionInto500) {
  TestServer server(throwing);
  RawClient client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.send(get("/"));
    EXPECT_EQ(client.response().status, 500);
  }
}

Task<net::Response> splitting(net::Request) {
  net::Response response;
  response.headers.set("Location", "/x\r\nSet-Cookie: evil=1");
  co_return response;
}

TEST(Server, NeverWritesAHeaderThatBreaksOutOfItsLine) {
  TestServer server(splitting);
  RawClient client(server.port());
  client.send(get("/"));
  const RawResponse response = client.response();
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.head.find("Set-Cookie"), std::string::npos);
}

// --- streams -------------------------------------------------------------------------------------

Task<void> three_pieces(net::ResponseStream& stream) {
  for (const char* piece : {"one,", "", "two,", "three"}) (void)co_await stream.write(piece);
}

Task<net::Response> stream_three(net::Request) {
  net::Response response;
  response.stream = three_pieces;
  co_return response;
}

TEST(Server, StreamsPiecesAndKeepsTheConnection) {
  TestServer server(stream_three);
  RawClient client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.send(get("/"));
    EXPECT_EQ(client.response().body, "one,two,three");
  }
  RawClient old(server.port());
  old.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.read_to_end().ends_with("\r\n\r\none,two,three"));
}

struct Watched {
  std::atomic<bool> closed = false;
  std::atomic<bool> write_failed = false;
};

// Writes once and then only looks, as a quiet event stream does.
Task<void> idle_stream(Watched& watched, net::ResponseStream& stream) {
  (void)co_await stream.write("hello");
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  while (!stream.closed()) {
    timer.expires_after(milliseconds(1));
    co_await timer.async_wait(use_awaitable);
  }
  watched.closed = true;
  watched.write_failed = !(co_await stream.write("more")).has_value();
}

net::Handler stream_into(Watched& watched) {
  return [&watched](net::Request) -> Task<net::Response> {
    net::Response response;
    response.stream = [&watched](net::ResponseStream& stream) {
      return idle_stream(watched, stream);
    };
    co_return response;
  };
}

TEST(Server, NoticesThatTheReaderOfAQuietStreamLeft) {
  Watched watched;
  TestServer server(stream_into(watched));
  RawClient client(server.port());
  client.send(get("/"));
  std::string seen;
  while (seen.find("hello") == std::string::npos) seen += client.read_exactly(1);
  client.close();
  EXPECT_TRUE(eventually([&] { return watched.write_failed.load(); }));
  EXPECT_TRUE(eventually([&] { return server.stats().open_connections == 0; }));
}

TEST(Server, TellsStreamsThatItDrains) {
  Watched watched;
  TestServer server(stream_into(watched));
  RawClient client(server.port());
  client.send(get("/"));
  EXPECT_NE(client.read_some().find("200 OK"), std::string::npos);
  server.drain(seconds(5));
  EXPECT_TRUE(watched.write_failed);
  EXPECT_TRUE(client.read_to_end().ends_with("0\r\n\r\n"));
}

// --- drain ---------------------------------------------------------------------------------------

struct Gate {
  std::atomic<bool> entered = false;
  std::atomic<bool> open = false;
};

Task<net::Response> wait_at(Gate& gate) {
  gate.entered = true;
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  while (!gate.open) {
    timer.expires_after(milliseconds(1));
    co_await timer.async_wait(use_awaitable);
  }
  net::Response response;
  response.body = "done";
  co_return response;
}

net::Handler handler_at(Gate& gate) {
  return [&gate](net::Request) { return wait_at(gate); };
}

TEST(Server, DrainClosesIdleConnectionsAndLetsRunningRequestsFinish) {
  Gate gate;
  TestServer server(handler_at(gate));
  RawClient idle(server.port());
  RawClient busy(server.port());
  busy.send(get("/"));
  ASSERT_TRUE(eventually([&] { return gate.entered && server.stats().open_connections == 2; }));
  std::thread drain([&] { server.drain(seconds(10)); });
  EXPECT_TRUE(idle.at_end());
  gate.open = true;
  const RawResponse response = busy.response();
  EXPECT_EQ(response.body, "done");
  EXPECT_NE(response.head.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(busy.at_end());
  drain.join();
  EXPECT_EQ(server.stats().open_connections, 0U);
}

TEST(Server, DrainCutsWhatOutlastsItsDeadline) {
  Gate gate;
  TestServer server(handler_at(gate));
  RawClient busy(server.port());
  busy.send(get("/"));
  ASSERT_TRUE(eventually([&] { return gate.entered.load(); }));
  server.drain(milliseconds(20));
  EXPECT_TRUE(busy.at_end());
  EXPECT_EQ(server.stats().open_connections, 0U);
}

TEST(Server, RefusesToListenWhereItCannot) {
  TestServer server(echo);
  boost::asio::io_context io;
  const RealClock clock;
  net::ServerOptions options;
  options.port = server.port();
  const auto taken = start_server(io, clock, options, echo, {}, plain_error);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kUnavailable);
  options.address = "nowhere";
  EXPECT_FALSE(start_server(io, clock, options, echo, {}, plain_error));
}

TEST(Server, SharesItsPortWithAnotherLoop) {
  net::ServerOptions options;
  options.port_use = net::PortUse::kShared;
  TestServer server(echo, options);
  options.port = server.port();
  TestServer second(echo, options);
  EXPECT_EQ(second.port(), server.port());
}

}  // namespace
}  // namespace personas::net_beast
