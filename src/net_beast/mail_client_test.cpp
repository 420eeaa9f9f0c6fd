#include "personas/net_beast/mail_client.hpp"

#include <thread>

#include <boost/asio/buffer.hpp>
#include <boost/asio/buffers_iterator.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "test_support.hpp"

namespace personas::net_beast {
namespace {

using tcp = boost::asio::ip::tcp;
using net::MailAnswer;
using net::MailJob;
using net::MailServer;

// Serves one connection by a script: says `greeting`, then answers each line that it reads with the
// next reply; "354" makes it read on to the lone dot.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::string> replies)
      : acceptor_(io_, tcp::endpoint(boost::asio::ip::make_address("127.0.0.1"), 0)),
        port_(acceptor_.local_endpoint().port()),
        replies_(std::move(replies)),
        thread_([this] { serve(); }) {}
  ~ScriptedServer() { thread_.join(); }

  std::uint16_t port() const { return port_; }
  // All that it heard, once the client is done.
  std::string heard() {
    if (thread_.joinable()) thread_.join();
    thread_ = std::thread([] {});
    return heard_;
  }

 private:
  void serve() {
    boost::system::error_code error;
    tcp::socket socket(io_);
    acceptor_.accept(socket, error);
    boost::asio::streambuf in;
    for (std::size_t i = 0; i < replies_.size() && !error; ++i) {
      if (i > 0) {
        const bool data = replies_[i - 1].starts_with("354");
        const auto size = boost::asio::read_until(socket, in, data ? "\r\n.\r\n" : "\r\n", error);
        if (error) break;
        const auto begin = boost::asio::buffers_begin(in.data());
        heard_.append(begin, begin + static_cast<std::ptrdiff_t>(size));
        in.consume(size);
      }
      boost::asio::write(socket, boost::asio::buffer(replies_[i] + "\r\n"), error);
    }
    char byte = 0;
    while (!error) {  // until the client goes
      socket.read_some(boost::asio::buffer(&byte, 1), error);
      if (!error) heard_ += byte;
    }
  }

  boost::asio::io_context io_;
  tcp::acceptor acceptor_;
  std::uint16_t port_;
  std::vector<std::string> replies_;
  std::string heard_;
  std::thread thread_;
};

class MailClientTest : public testing::Test {
 protected:
  MailClientTest() {
    net::MailOptions options;
    options.deadline = seconds(5);
    loop_.call([&] { client_ = make_mail_client(loop_.io, options); });
  }
  ~MailClientTest() override {
    loop_.call([&] { client_.reset(); });
  }
  Result<MailAnswer> send(const ScriptedServer& server,
                          MailServer::Tls tls = MailServer::Tls::kNone,
                          MailJob::Deferred deferred = MailJob::Deferred::kAllLater) {
    MailJob job;
    job.server = {.tls = tls, .host = "127.0.0.1", .port = server.port()};
    job.targets = targets_;
    job.user = user_;
    job.password = Secret("s3cret");
    job.from = "bot@example.org";
    job.to = {"ann@example.com", "bob@example.com"};
    job.message = "Subject: x\r\n\r\n.dot\r\n";
    job.deferred = deferred;
    return loop_.run(client_->send(std::move(job)));
  }

  LoopThread loop_;
  std::unique_ptr<net::MailClient> client_;
  net::PrivateTargets targets_ = net::PrivateTargets::kAllowed;
  std::string user_;
};

TEST_F(MailClientTest, HandsAMessageOver) {
  ScriptedServer server({"220 hello", "250-me\r\n250 SIZE 1000", "250 ok", "250 ok", "250 ok",
                         "354 go", "250 queued as 7", "221 bye"});
  const auto answer = send(server);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->code, 250);
  EXPECT_EQ(answer->text, "queued as 7");
  EXPECT_TRUE(answer->refused.empty());
  EXPECT_EQ(server.heard(),
            "EHLO [127.0.0.1]\r\nMAIL FROM:<bot@example.org>\r\nRCPT TO:<ann@example.com>\r\n"
            "RCPT TO:<bob@example.com>\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n");
}

TEST_F(MailClientTest, SendsNothingWhileOneRecipientIsToWait) {
  const std::vector<std::string> script{"220 hi",      "250 me", "250 ok", "250 ok",
                                        "450 not now", "354 go", "250 ok", "221 bye"};
  ScriptedServer first(script);
  const auto waits = send(first);
  ASSERT_TRUE(waits);
  EXPECT_EQ(waits->code, 450);
  EXPECT_EQ(first.heard().find("DATA"), std::string::npos);
  ScriptedServer later(script);
  const auto sent = send(later, MailServer::Tls::kNone, MailJob::Deferred::kOthersNow);
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->code, 250);
  EXPECT_EQ(sent->refused, std::vector<std::string>{"bob@example.com: 450 not now"});
}

TEST_F(MailClientTest, SendsToThoseWhoAreTaken) {
  ScriptedServer some({"220 hi", "250 me", "250 ok", "550 nobody", "250 ok", "354 go", "250 ok"});
  const auto sent = send(some);
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->code, 250);
  EXPECT_EQ(sent->refused, std::vector<std::string>{"ann@example.com: 550 nobody"});
  ScriptedServer none({"220 hi", "250 me", "250 ok", "550 nobody", "551 gone"});
  const auto refused = send(none);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, 551);
}

TEST_F(MailClientTest, EveryStepMayRefuse) {
  const std::vector<std::string> script{"220 hi", "250 me", "250 ok", "250 ok",
                                        "250 ok", "354 go", "250 ok"};
  for (const std::size_t at : {0U, 1U, 2U, 5U, 6U}) {
    auto refusing = script;
    refusing[at] = "421 try later";
    refusing.resize(at + 1);
    ScriptedServer server(refusing);
    const auto answer = send(server);
    ASSERT_TRUE(answer) << at;
    EXPECT_EQ(answer->code, 421) << at;
  }
}

TEST_F(MailClientTest, TellsNothingOutsideTlsThatBelongsInside) {
  ScriptedServer none({"220 hi", "250 AUTH PLAIN"});
  const auto no_tls = send(none, MailServer::Tls::kStartTls);
  ASSERT_FALSE(no_tls);
  EXPECT_NE(no_tls.error().message.find("STARTTLS"), std::string::npos);
  EXPECT_EQ(none.heard(), "EHLO [127.0.0.1]\r\n");

  user_ = "bot";
  ScriptedServer plain({"220 hi", "250 AUTH PLAIN LOGIN"});
  const auto login = send(plain);
  ASSERT_FALSE(login);
  EXPECT_EQ(login.error().code, ErrorCode::kMisconfigured);
  EXPECT_EQ(plain.heard(), "EHLO [127.0.0.1]\r\n");
}

TEST_F(MailClientTest, RefusesWhatWasPutInBeforeTls) {
  ScriptedServer server({"220 hi", "250-me\r\n250 STARTTLS", "220 go\r\n250 injected"});
  const auto answer = send(server, MailServer::Tls::kStartTls);
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("before TLS"), std::string::npos);
}

TEST_F(MailClientTest, EndsWithAServerThatMakesNoSense) {
  for (const std::string& line : {std::string("HTTP/1.1 200 OK"), std::string(10'000, 'x')}) {
    ScriptedServer server({line});
    const auto answer = send(server);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
  }
}

TEST_F(MailClientTest, DialsNoPrivateAddressUnlessItIsAllowed) {
  targets_ = net::PrivateTargets::kRefused;
  ScriptedServer server({"220 hi"});
  const auto answer = send(server);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kForbidden);
  // Nobody came: the test's own connection ends the server.
  boost::asio::io_context io;
  tcp::socket socket(io);
  socket.connect({boost::asio::ip::make_address("127.0.0.1"), server.port()});
  socket.close();
  EXPECT_EQ(server.heard(), "");
}

}  // namespace
}  // namespace personas::net_beast
