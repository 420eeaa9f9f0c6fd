#include "personas/net_beast/mail_client.hpp"

#include <utility>

#include "personas/base/bytes.hpp"
#include "personas/net/smtp.hpp"

#include "guarded_dialer.hpp"

namespace personas::net_beast {
namespace {

using net::MailAnswer;
using net::MailJob;
using net::MailServer;
using net::SmtpCapabilities;
using net::SmtpReply;
using Has = SmtpCapabilities::Has;

constexpr int kTaken = 250;
constexpr int kLoggedIn = 235;
constexpr int kFirstPermanent = 500;

// One message over one connection, step by step. What a step returns is either the next step's to
// use or, as an answer, the end.
class Conversation {
 public:
  Conversation(ClientConnection& connection, const MailJob& job, net::Url url)
      : connection_(connection), job_(job), url_(std::move(url)) {}

  Task<Result<MailAnswer>> run() {
    CO_TRY(const SmtpReply greeting, co_await reply());
    if (!greeting.is_positive()) co_return ended_by(greeting);
    CO_TRY(const SmtpReply hello, co_await introduce());
    if (!hello.is_positive()) co_return ended_by(hello);
    if (job_.server.tls == MailServer::Tls::kStartTls) CO_TRY_VOID(co_await go_inside_tls());
    if (!job_.user.empty()) {
      CO_TRY(const SmtpReply login, co_await log_in());
      if (login.code != kLoggedIn) {
        co_return MailAnswer{
            .code = login.code, .text = login.text, .step = MailAnswer::Step::kLogin};
      }
    }
    CO_TRY(MailAnswer answer, co_await hand_over());
    // Politeness only: the message is taken or refused already.
    static_cast<void>(co_await connection_.send("QUIT\r\n"));
    co_return answer;
  }

 private:
  static MailAnswer ended_by(const SmtpReply& reply) {
    return {.code = reply.code, .text = reply.text};
  }

  Task<Result<SmtpReply>> reply() {
    net::SmtpReplyReader reader;
    for (;;) {
      CO_TRY(const std::string line, co_await connection_.read_line(net::kMaxSmtpLine));
      CO_TRY(auto whole, reader.feed(line));
      if (listening_ && line.size() > 4) can_.add(std::string_view(line).substr(4));
      if (whole) co_return std::move(*whole);
    }
  }

  Task<Result<SmtpReply>> ask(std::string command) {
    command += "\r\n";
    CO_TRY_VOID(co_await connection_.send(command));
    co_return co_await reply();
  }

  Task<Result<SmtpReply>> introduce() {
    const std::string address = connection_.local_address();
    const bool v6 = address.contains(':');
    can_ = {};
    listening_ = true;
    auto answer = co_await ask("EHLO [" + std::string(v6 ? "IPv6:" : "") + address + "]");
    listening_ = false;
    co_return answer;
  }

  Task<Result<void>> go_inside_tls() {
    if (can_.start_tls == Has::kNo) {
      co_return fail(ErrorCode::kUnavailable,
                     "The server offers no STARTTLS; use smtps://, or smtp+plain:// for a relay "
                     "that needs no protection.");
    }
    CO_TRY(const SmtpReply begun, co_await ask("STARTTLS"));
    if (!begun.is_positive()) {
      co_return fail(ErrorCode::kUnavailable, "The server refused STARTTLS: " + begun.text);
    }
    CO_TRY_VOID(co_await connection_.secure(url_));
    // What was said outside does not count.
    CO_TRY(const SmtpReply hello, co_await introduce());
    if (hello.is_positive()) co_return Result<void>{};
    co_return fail(ErrorCode::kUnavailable, "The server refused to go on: " + hello.text);
  }

  Task<Result<SmtpReply>> log_in() {
    if (job_.server.tls == MailServer::Tls::kNone) {
      co_return fail(ErrorCode::kMisconfigured,
                     "A password is sent inside TLS only: use smtp:// or smtps://.");
    }
    if (can_.auth_plain == Has::kYes) {
      const Secret argument = net::smtp_plain_login(job_.user, job_.password);
      co_return co_await ask("AUTH PLAIN " + std::string(argument.reveal()));
    }
    if (can_.auth_login == Has::kNo) {
      co_return fail(ErrorCode::kUnavailable,
                     "The server takes neither of the logins PLAIN and LOGIN.");
    }
    CO_TRY(const SmtpReply user, co_await ask("AUTH LOGIN"));
    if (user.code != 334) co_return user;
    CO_TRY(const SmtpReply password, co_await ask(to_base64(as_bytes(job_.user))));
    if (password.code != 334) co_return password;
    co_return co_await ask(to_base64(as_bytes(job_.password.reveal())));
  }

  Task<Result<MailAnswer>> hand_over() {
    CO_TRY(const SmtpReply from, co_await ask("MAIL FROM:<" + job_.from + ">"));
    if (!from.is_positive()) co_return ended_by(from);
    MailAnswer answer;
    std::size_t taken = 0;
    std::optional<SmtpReply> deferred;
    std::optional<SmtpReply> refused;
    for (const std::string& to : job_.to) {
      CO_TRY(const SmtpReply recipient, co_await ask("RCPT TO:<" + to + ">"));
      if (recipient.is_positive()) {
        ++taken;
        continue;
      }
      answer.refused.push_back(to + ": " + std::to_string(recipient.code) + " " + recipient.text);
      (recipient.code < kFirstPermanent ? deferred : refused) = recipient;
    }
    const bool wait = deferred && (taken == 0 || job_.deferred == MailJob::Deferred::kAllLater);
    if (wait) co_return ended_by(*deferred);
    if (taken == 0) co_return ended_by(refused.value_or(SmtpReply{.code = 554, .text = {}}));
    CO_TRY(const SmtpReply begin, co_await ask("DATA"));
    if (begin.code != 354) co_return ended_by(begin);
    CO_TRY_VOID(co_await connection_.send(net::smtp_data(job_.message)));
    CO_TRY(const SmtpReply done, co_await reply());
    if (!done.is_positive()) co_return ended_by(done);
    answer.code = kTaken;
    answer.text = done.text;
    co_return answer;
  }

  ClientConnection& connection_;
  const MailJob& job_;
  net::Url url_;
  SmtpCapabilities can_;
  bool listening_ = false;  // to what the server says it can
};

class BeastMailClient final : public net::MailClient {
 public:
  BeastMailClient(boost::asio::io_context& io, net::MailOptions options)
      : options_(std::move(options)),
        dialer_(io, connection_options(options_), options_.resolver) {}

  Task<Result<MailAnswer>> send(MailJob job) override {
    const Instant limit = dialer_.now() + options_.deadline;
    // The connection knows TLS from its start as https.
    const bool tls = job.server.tls == MailServer::Tls::kImplicit;
    net::Url url{.scheme = tls ? "https" : "http",
                 .host = job.server.host,
                 .port = job.server.port,
                 .target = "/"};
    CO_TRY(auto connection, co_await dialer_.connect(url, job.targets, limit));
    connection->bound(limit);
    Conversation conversation(*connection, job, url);
    co_return co_await conversation.run();
  }

  void cut() override { dialer_.cut(); }

 private:
  static net::ClientOptions connection_options(const net::MailOptions& options) {
    net::ClientOptions out;
    out.connect_deadline = options.deadline;
    out.response_deadline = options.deadline;
    out.ca_file = options.ca_file;
    return out;
  }

  net::MailOptions options_;
  GuardedDialer dialer_;
};

}  // namespace

std::unique_ptr<net::MailClient> make_mail_client(boost::asio::io_context& io,
                                                  net::MailOptions options) {
  return std::make_unique<BeastMailClient>(io, std::move(options));
}

}  // namespace personas::net_beast
