// The server against clients that mean harm: smuggling, ambiguous paths, limits, slowness, and TLS
// of yesterday.
#include <atomic>
#include <sys/socket.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "personas/net_beast/server.hpp"

#include "stream.hpp"
#include "test_support.hpp"

namespace personas::net_beast {
namespace {

using namespace std::string_literals;

std::atomic<int> handled = 0;

Task<net::Response> count(net::Request) {
  ++handled;
  net::Response response;
  response.body = "handled";
  co_return response;
}

net::ServerOptions small_limits() {
  net::ServerOptions options;
  options.limits.max_header_bytes = 4096;
  options.limits.max_target_bytes = 1024;
  options.limits.max_body_bytes = 1000;
  options.limits.header_deadline = milliseconds(150);
  options.limits.idle_deadline = milliseconds(150);
  options.limits.body_grace = milliseconds(150);
  options.limits.write_deadline = milliseconds(150);
  options.limits.handshake_deadline = milliseconds(150);
  options.limits.min_body_rate = 1'000'000;
  return options;
}

struct HostileCase {
  const char* name;
  std::string bytes;
  int status;
};

std::string post(const std::string& headers, const std::string& body = {}) {
  return "POST /x HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n" + body;
}
std::string chunked(const std::string& body) {
  return post("Transfer-Encoding: chunked\r\n", body);
}
std::string get(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

std::vector<HostileCase> smuggling() {
  return {
      {"CL and TE", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
      {"TE and CL", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), 400},
      {"two CL", post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"), 400},
      {"two equal CL", post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), 400},
      {"CL list", post("Content-Length: 3, 3\r\n", "abc"), 400},
      {"CL with sign", post("Content-Length: +3\r\n", "abc"), 400},
      {"negative CL", post("Content-Length: -3\r\n", "abc"), 400},
      {"hex CL", post("Content-Length: 0x3\r\n", "abc"), 400},
      {"empty CL", post("Content-Length:\r\n"), 400},
      {"CL with space", post("Content-Length: 1 2\r\n", "abc"), 400},
      {"CL past 64 bits", post("Content-Length: 99999999999999999999\r\n"), 400},
      {"TE xchunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 400},
      {"TE gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 400},
      {"TE identity", post("Transfer-Encoding: identity\r\n"), 400},
      {"TE quoted", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), 400},
      {"TE vertical tab", post("Transfer-Encoding: \vchunked\r\n", "0\r\n\r\n"), 400},
      {"two TE", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"space before colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400},
      {"tab before colon", post("Content-Length\t: 3\r\n", "abc"), 400},
      {"TE on 1.0", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"bare LF lines", "GET / HTTP/1.1\nHost: h\n\n", 400},
      {"one bare LF", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", 400},
      {"bare LF at the end", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
      {"bare CR in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400},
      {"folded line", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400},
      {"folded first line", "GET / HTTP/1.1\r\n X: a\r\nHost: h\r\n\r\n", 400},
      {"leading empty line", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"no colon", "GET / HTTP/1.1\r\nHost: h\r\nnonsense\r\n\r\n", 400},
      {"empty name", "GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n", 400},
      {"NUL in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"s, 400},
      {"NUL in a name", "GET / HTTP/1.1\r\nHost: h\r\nX\0: b\r\n\r\n"s, 400},
      {"chunk 0x5", chunked("0x5\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk +5", chunked("+5\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk -5", chunked("-5\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk with space", chunked("5 \r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk size missing", chunked("\r\nhello\r\n0\r\n\r\n"), 400},
      {"17 digits", chunked("00000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
      {"chunk LF", chunked("5\nhello\r\n0\r\n\r\n"), 400},
      {"chunk too long", chunked("5\r\nhello!\r\n0\r\n\r\n"), 400},
      {"chunk ends LF", chunked("5\r\nhello\n0\r\n\r\n"), 400},
      {"chunk extension 1 MB", chunked("5;" + std::string(1'000'000, 'x')), 400},
      {"CR in extension", chunked("5;a\rb\r\nhello\r\n0\r\n\r\n"), 400},
      {"trailer", chunked("0\r\nHost: evil\r\n\r\n"), 400},
      {"CL hidden after NUL", post("X: \0\r\nContent-Length: 3\r\n"s, "abc"), 400},
  };
}

std::vector<HostileCase> lines_and_hosts() {
  return {
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
      {"NUL in Host", "GET / HTTP/1.1\r\nHost: a.com\0.b.com\r\n\r\n"s, 400},
      {"user in Host", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
      {"path in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"absolute form", get("http://h/x"), 400},
      {"asterisk", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"CONNECT", "CONNECT /x HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"CONNECT authority", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"lower-case method", "get / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"method with colon", "GE:T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"HTTP/0.9", "GET /\r\n\r\n", 400},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 400},
      {"lower-case version", "GET / http/1.1\r\nHost: h\r\n\r\n", 400},
      {"two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"tab", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"space at the end", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400},
      {"TLS hello", "\x16\x03\x01\x02\0\x01\0\x01\xFC\x03\x03\n"s, 400},
      {"unknown Expect", post("Expect: something\r\nContent-Length: 1\r\n", "x"), 400},
  };
}

std::vector<HostileCase> paths() {
  std::vector<HostileCase> cases;
  for (const char* target :
       {"/..",    "/a/../b", "/%2e%2e/x", "/.%2e/x", "//",     "/a//b",    "/a/./b",
        "/a;x=1", "/a%3bx",  "/a%00",     "/a%2fb",  "/a%5cb", "/a\\b",    "/%c0%af",
        "/%ff",   "/%zz",    "/%",        "/a%0ab",  "/#x",    "/\xC3\xA9"}) {
    cases.push_back({target, get(target), 400});
  }
  return cases;
}

std::vector<HostileCase> limits() {
  std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 200; ++i) many += "A: b\r\n";
  return {
      {"long target", get("/" + std::string(1100, 'a')), 414},
      {"endless target", "GET /" + std::string(5000, 'a'), 414},
      {"large header", "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(5000, 'a') + "\r\n\r\n",
       431},
      {"endless header", "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(5000, 'a'), 431},
      {"many fields", many + "\r\n", 431},
      {"large body", post("Content-Length: 1001\r\n", std::string(1001, 'x')), 413},
      {"claimed body", post("Content-Length: 9999999999999\r\n"), 413},
      {"claimed body, held", post("Content-Length: 1001\r\nExpect: 100-continue\r\n"), 413},
      {"large chunk", chunked("3e9\r\n" + std::string(1001, 'x')), 413},
      {"claimed chunk", chunked("ffffffffffffffff\r\n"), 413},
      {"sum of chunks", chunked("3e8\r\n" + std::string(1000, 'x') + "\r\n1\r\nx\r\n0\r\n\r\n"),
       413},
  };
}

class Hostile : public testing::TestWithParam<std::vector<HostileCase>> {};

TEST_P(Hostile, RequestIsRefusedTheConnectionClosedAndNothingBehindItServed) {
  handled = 0;
  TestServer server(count, small_limits());
  for (const HostileCase& c : GetParam()) {
    RawClient client(server.port());
    client.send(c.bytes + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(client.response().status, c.status) << c.name;
    EXPECT_TRUE(client.at_end()) << c.name;
  }
  EXPECT_EQ(handled, 0);
  EXPECT_EQ(server.stats().refused, GetParam().size());
}

INSTANTIATE_TEST_SUITE_P(Smuggling, Hostile, testing::Values(smuggling()));
INSTANTIATE_TEST_SUITE_P(LinesAndHosts, Hostile, testing::Values(lines_and_hosts()));
INSTANTIATE_TEST_SUITE_P(Paths, Hostile, testing::Values(paths()));
INSTANTIATE_TEST_SUITE_P(Limits, Hostile, testing::Values(limits()));

TEST(HostileServer, RefusesTheSameWhenBytesComeOneByOne) {
  TestServer server(count, small_limits());
  for (const HostileCase& c : smuggling()) {
    if (c.bytes.size() > 1000) continue;
    RawClient client(server.port());
    for (const char byte : c.bytes) client.send({&byte, 1});
    EXPECT_EQ(client.response().status, c.status) << c.name;
  }
}

TEST(HostileServer, AcceptsTheEdgesOfTheLimits) {
  TestServer server(count, small_limits());
  RawClient client(server.port());
  for (const std::string& request :
       {get("/" + std::string(1023, 'a')), post("Content-Length: 1000\r\n", std::string(1000, 'x')),
        chunked("00000000000003E8\r\n" + std::string(1000, 'x') + "\r\n0\r\n\r\n"),
        get("/%252e%252e"), get("/?x=//../;%2f")}) {
    client.send(request);
    EXPECT_EQ(client.response().status, 200) << request.substr(0, 60);
  }
}

// --- slowness ------------------------------------------------------------------------------------

// Sends a byte again and again until the server has had enough. True if it ever had.
bool drip(RawClient& client, char byte) {
  const auto end = std::chrono::steady_clock::now() + seconds(5);
  while (std::chrono::steady_clock::now() < end) {
    if (!client.send({&byte, 1})) return true;
    char peeked = 0;
    const auto got = ::recv(client.descriptor(), &peeked, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got >= 0) return true;
    std::this_thread::yield();
  }
  return false;
}

TEST(HostileServer, CutsAHeaderThatDripsInHoweverActiveItIs) {
  net::ServerOptions options = small_limits();
  options.limits.max_header_bytes = 1 << 30;
  options.limits.max_target_bytes = 1 << 30;
  TestServer server(count, options);
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: h\r\nX: ");
  EXPECT_TRUE(drip(client, 'x'));
  EXPECT_EQ(client.response().status, 408);
  EXPECT_TRUE(eventually([&] { return server.stats().refused == 1; }));
}

TEST(HostileServer, CutsASilentHeaderAndASilentBody) {
  TestServer server(count, small_limits());
  for (const std::string& begun : {"GET / HT"s, "GET / HTTP/1.1\r\nHost: h\r\n"s,
                                   post("Content-Length: 5\r\n", "ab"), chunked("5\r\nab")}) {
    RawClient client(server.port());
    client.send(begun);
    EXPECT_EQ(client.response().status, 408) << begun;
    EXPECT_TRUE(client.at_end());
  }
}

TEST(HostileServer, ClosesAnIdleConnectionWithoutAWord) {
  TestServer server(count, small_limits());
  RawClient fresh(server.port());
  EXPECT_TRUE(fresh.at_end());
  RawClient used(server.port());
  used.send(get("/"));
  EXPECT_EQ(used.response().status, 200);
  EXPECT_TRUE(used.at_end());
}

Task<net::Response> large(net::Request) {
  net::Response response;
  response.body.assign(64 * 1024 * 1024, 'x');
  co_return response;
}

TEST(HostileServer, CutsAReaderThatDoesNotRead) {
  TestServer server(large, small_limits());
  RawClient client(server.port(), 4096);
  client.send(get("/"));
  EXPECT_TRUE(eventually([&] { return server.stats().requests == 1; }));
  EXPECT_TRUE(eventually([&] { return server.stats().open_connections == 0; }));
}

std::atomic<bool> stream_ended = false;

Task<void> endless(net::ResponseStream& stream) {
  while (co_await stream.write(std::string(100'000, 'x'))) {
  }
  stream_ended = true;
}

Task<net::Response> stream_endlessly(net::Request) {
  net::Response response;
  response.stream = endless;
  co_return response;
}

TEST(HostileServer, CutsAStreamWhoseReaderStalls) {
  stream_ended = false;
  TestServer server(stream_endlessly, small_limits());
  RawClient client(server.port(), 4096);
  client.send(get("/"));
  EXPECT_TRUE(eventually([&] { return stream_ended.load(); }));
  EXPECT_TRUE(eventually([&] { return server.stats().open_connections == 0; }));
}

TEST(HostileServer, AnswersOneConnectionTooManyWith503) {
  net::ServerOptions options;
  options.limits.max_connections = 2;
  TestServer server(count, options);
  RawClient first(server.port());
  RawClient second(server.port());
  ASSERT_TRUE(eventually([&] { return server.stats().open_connections == 2; }));
  {
    RawClient third(server.port());
    EXPECT_EQ(third.response().status, 503);
    EXPECT_TRUE(third.at_end());
  }
  first.close();
  ASSERT_TRUE(eventually([&] { return server.stats().open_connections == 1; }));
  RawClient fourth(server.port());
  fourth.send(get("/"));
  EXPECT_EQ(fourth.response().status, 200);
}

// --- TLS -----------------------------------------------------------------------------------------

// The protocol version two ends agree on, 0 if on none.
int negotiate(std::uint16_t port, int highest) {
  const RawClient client(port);
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_max_proto_version(context, highest);
  SSL* ssl = SSL_new(context);
  SSL_set_fd(ssl, client.descriptor());
  const int version = SSL_connect(ssl) == 1 ? SSL_version(ssl) : 0;
  SSL_free(ssl);
  SSL_CTX_free(context);
  return version;
}

TEST(HostileTls, SpeaksVersion13Only) {
  const TestCertificate certificate;
  net::ServerOptions options;
  options.tls = net::TlsFiles{certificate.certificate(), certificate.key()};
  TestServer server(count, options);
  EXPECT_EQ(negotiate(server.port(), TLS1_3_VERSION), TLS1_3_VERSION);
  EXPECT_EQ(negotiate(server.port(), TLS1_2_VERSION), 0);
}

TEST(HostileTls, CutsAHandshakeThatDoesNotCome) {
  const TestCertificate certificate;
  net::ServerOptions options = small_limits();
  options.tls = net::TlsFiles{certificate.certificate(), certificate.key()};
  TestServer server(count, options);
  RawClient silent(server.port());
  EXPECT_TRUE(silent.at_end());
  RawClient half(server.port());
  half.send("\x16\x03\x01\x02\0\x01\0"s);
  EXPECT_TRUE(half.at_end());
  RawClient plain(server.port());
  plain.send(get("/"));
  plain.read_to_end();  // an alert
  EXPECT_TRUE(eventually([&] { return server.stats().open_connections == 0; }));
}

}  // namespace
}  // namespace personas::net_beast
