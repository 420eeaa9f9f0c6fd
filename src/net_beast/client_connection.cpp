#include "client_connection.hpp"

#include <algorithm>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <openssl/x509.h>

#include "http_text.hpp"

namespace personas::net_beast {
namespace {

namespace http = boost::beast::http;
using boost::asio::redirect_error;
using boost::asio::use_awaitable;
using boost::asio::ip::tcp;

// A response's header section; servers of large cookies stay below.
constexpr std::uint32_t kMaxResponseHeaderBytes = 64 * 1024;
// More interim (1xx) responses than this to one request is a broken server.
constexpr int kMaxInterim = 8;
// The slowest a server may take a request body, once the connect deadline has passed.
constexpr std::size_t kMinSendRate = 1024;

std::string authority(const net::Url& url) {
  const bool ipv6 = url.host.find(':') != std::string::npos;
  const bool tls = url.scheme == "https" || url.scheme == "wss";
  std::string text = ipv6 ? "[" + url.host + "]" : url.host;
  if (url.port != (tls ? 443 : 80)) text += ":" + std::to_string(url.port);
  return text;
}

Task<Result<std::vector<tcp::endpoint>>> resolve(ClientShared& shared, const net::Url& url) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(url.host, error);
  std::vector<tcp::endpoint> endpoints;
  if (!error) {
    endpoints.emplace_back(address, url.port);
    co_return endpoints;
  }
  boost::asio::ip::basic_resolver<tcp, boost::asio::io_context::executor_type> resolver(
      shared.loop.io.get_executor());
  const auto found = co_await resolver.async_resolve(url.host, std::to_string(url.port),
                                                     redirect_error(use_awaitable, error));
  if (error) {
    co_return fail(ErrorCode::kUnavailable,
                   "The host " + url.host + " cannot be found: " + error.message() + ".");
  }
  for (const auto& entry : found) endpoints.push_back(entry.endpoint());
  co_return endpoints;
}

// Beast's parser over what arrives: skips interim responses, hands a streamed body on.
class ResponseReader {
 public:
  enum class Step : std::uint8_t { kNeedMore, kDone };

  ResponseReader(ClientConnection::BodyRule rule, PieceSink sink, std::size_t max_body_bytes)
      : sink_(std::move(sink)), max_body_bytes_(max_body_bytes), rule_(rule) {
    restart();
  }

  // Takes what it understands from the front of `in`.
  Result<Step> feed(std::string& in) {
    for (;;) {
      boost::system::error_code error;
      std::size_t used = 0;
      if (!in.empty()) used = parser_->put(boost::asio::buffer(in), error);
      in.erase(0, used);
      const bool too_large = !streaming_ && parser_->get().body().size() > max_body_bytes_;
      if (error == http::error::body_limit || too_large) {
        return fail(ErrorCode::kPayloadTooLarge, "The response is larger than is taken.");
      }
      if (error && error != http::error::need_more) return malformed();
      if (parser_->is_header_done()) {
        const unsigned status = parser_->get().result_int();
        if (status / 100 == 1 && status != 101) {
          if (++interim_ > kMaxInterim) return malformed();
          restart();
          continue;
        }
        if (!hand_on(status)) return Step::kDone;
        if (parser_->is_done()) return Step::kDone;
      }
      if (used == 0 || in.empty() || error) return Step::kNeedMore;
    }
  }

  // The peer closed: whether that is the end of the body.
  bool ends_here() {
    if (!parser_->got_some()) return false;
    boost::system::error_code error;
    parser_->put_eof(error);
    return !error && parser_->is_done();
  }

  bool streaming() const { return streaming_; }
  bool keeps_alive() const { return parser_->is_done() && parser_->get().keep_alive(); }

  net::Response response() {
    net::Response response;
    response.status = static_cast<int>(parser_->get().result_int());
    for (const auto& field : parser_->get()) {
      response.headers.add(field.name_string(), std::string(field.value()));
    }
    if (!streaming_) response.body = std::move(parser_->get().body());
    return response;
  }

 private:
  static std::unexpected<Error> malformed() {
    return fail(ErrorCode::kUnavailable, "The server does not answer in HTTP.");
  }

  void restart() {
    parser_.emplace();
    parser_->header_limit(kMaxResponseHeaderBytes);
    parser_->eager(true);
    parser_->skip(rule_ == ClientConnection::BodyRule::kNone);
    parser_->body_limit(sink_ ? boost::optional<std::uint64_t>() : max_body_bytes_);
  }

  // False when the receiver wants no more.
  bool hand_on(unsigned status) {
    if (!sink_ || status / 100 != 2) return true;
    streaming_ = true;
    std::string& body = parser_->get().body();
    const bool more = body.empty() || sink_(body);
    body.clear();
    return more;
  }

  std::optional<http::response_parser<http::string_body>> parser_;
  PieceSink sink_;
  std::uint64_t max_body_bytes_;
  int interim_ = 0;
  ClientConnection::BodyRule rule_;
  bool streaming_ = false;
};

}  // namespace

Timestamp SteadyClock::wall() const {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<microseconds>(now).count()};
}

Instant SteadyClock::now() const {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<microseconds>(now).count()};
}

ClientShared::ClientShared(boost::asio::io_context& io, net::ClientOptions client_options)
    : options(std::move(client_options)),
      loop(io, clock, std::min(options.connect_deadline, options.response_deadline)) {}

ClientConnection::ClientConnection(std::shared_ptr<ClientShared> shared, Socket socket)
    : Peer(Stream(std::move(socket))), shared_(std::move(shared)) {
  shared_->loop.roster.enter(*this);
}

Task<Result<std::unique_ptr<ClientConnection>>> ClientConnection::connect(
    std::shared_ptr<ClientShared> shared, net::Url url) {
  CO_TRY(const std::vector<tcp::endpoint> endpoints, co_await resolve(*shared, url));
  const Instant deadline = shared->clock.now() + shared->options.connect_deadline;
  co_return co_await connect_to(std::move(shared), std::move(url), endpoints, deadline);
}

Task<Result<std::unique_ptr<ClientConnection>>> ClientConnection::connect_to(
    std::shared_ptr<ClientShared> shared, net::Url url, std::vector<tcp::endpoint> endpoints,
    Instant deadline) {
  Error last{ErrorCode::kUnavailable, "The host " + url.host + " has no address.", {}};
  for (const tcp::endpoint& endpoint : endpoints) {
    Socket socket(shared->loop.io.get_executor());
    boost::system::error_code error;
    socket.open(endpoint.protocol(), error);
    if (error) continue;  // for example no IPv6 here
    std::unique_ptr<ClientConnection> made(new ClientConnection(shared, std::move(socket)));
    made->stream_->set_deadline(deadline);
    const auto opened = co_await made->open(endpoint, url);
    made->stream_->clear_deadline();
    if (opened) co_return made;
    last = opened.error();
    if (made->stream_->expired()) {
      co_return fail(ErrorCode::kTimeout, "Connecting to " + authority(url) + " took too long.");
    }
  }
  co_return fail(std::move(last));
}

Task<Result<void>> ClientConnection::open(const tcp::endpoint& endpoint, const net::Url& url) {
  boost::system::error_code error;
  co_await stream_->socket().async_connect(endpoint, redirect_error(use_awaitable, error));
  if (error) {
    co_return fail(ErrorCode::kUnavailable,
                   "Cannot connect to " + authority(url) + ": " + error.message() + ".");
  }
  if (url.scheme != "https" && url.scheme != "wss") co_return Result<void>{};
  co_return co_await secure(url);
}

Task<Result<void>> ClientConnection::secure(const net::Url& url) {
  if (!in_.empty()) {
    co_return fail(ErrorCode::kUnavailable, "The server spoke on before TLS had begun.");
  }
  if (limit_ != Instant::never()) stream_->set_deadline(limit_);
  if (!shared_->tls) {
    CO_TRY(shared_->tls, make_client_context(shared_->options.ca_file));
  }
  CO_TRY_VOID(stream_->start_tls(make_client_ssl(shared_->tls.get(), url.host)));
  if (co_await stream_->handshake()) co_return Result<void>{};
  const long verified = SSL_get_verify_result(stream_->ssl());
  co_return fail(ErrorCode::kUnavailable,
                 "TLS with " + authority(url) + " failed: " +
                     (verified != X509_V_OK ? X509_verify_cert_error_string(verified)
                                            : "the peers found no common ground") +
                     ".");
}

Task<bool> ClientConnection::fill() {
  for (;;) {
    const IoResult result = stream_->try_read(shared_->loop.scratch);
    if (result.io == Io::kDone) {
      heard_ = true;
      in_.append(shared_->loop.scratch.data(), result.bytes);
      co_return true;
    }
    ended_ = result.io == Io::kEnd;
    if (result.io != Io::kWantRead && result.io != Io::kWantWrite) co_return false;
    if (!co_await stream_->wait(result.io)) co_return false;
  }
}

Error ClientConnection::broken() const {
  if (stream_->expired()) return {ErrorCode::kTimeout, "The server took too long to answer.", {}};
  return {ErrorCode::kUnavailable, "The connection broke before the answer was complete.", {}};
}

Task<Result<net::Response>> ClientConnection::exchange(std::string text, BodyRule rule,
                                                       PieceSink sink) {
  const net::ClientOptions& options = shared_->options;
  heard_ = false;
  keep_alive_ = false;
  const auto deadline = [&] {
    return std::min(shared_->clock.now() + options.response_deadline, limit_);
  };
  // Under a limit a slow receiver earns no time.
  const std::size_t rate = limit_ == Instant::never() ? kMinSendRate : SIZE_MAX;
  if (!co_await stream_->write(text, deadline(), rate)) co_return fail(broken());
  stream_->set_deadline(deadline());

  ResponseReader reader(rule, std::move(sink), options.max_response_bytes);
  for (;;) {
    CO_TRY(const ResponseReader::Step step, reader.feed(in_));
    if (step == ResponseReader::Step::kDone) break;
    if (reader.streaming()) stream_->set_deadline(limit_);
    if (co_await fill()) continue;
    if (!ended_ || stream_->expired() || !reader.ends_here()) co_return fail(broken());
    break;
  }
  stream_->clear_deadline();
  keep_alive_ = reader.keeps_alive() && in_.empty() && !ended_;
  co_return reader.response();
}

Task<Result<std::string>> ClientConnection::read_line(std::size_t max_bytes) {
  stream_->set_deadline(limit_);
  std::size_t end = in_.find('\n');
  while (end == std::string::npos) {
    if (in_.size() > max_bytes) break;
    if (!co_await fill()) co_return fail(broken());
    end = in_.find('\n');
  }
  if (end > max_bytes) co_return fail(ErrorCode::kUnavailable, "The server's line is too long.");
  std::string line = in_.substr(0, end);
  in_.erase(0, end + 1);
  if (line.ends_with('\r')) line.pop_back();
  co_return line;
}

Task<Result<void>> ClientConnection::send(std::string_view text) {
  if (!co_await stream_->write(text, limit_, SIZE_MAX)) co_return fail(broken());
  co_return Result<void>{};
}

std::string ClientConnection::local_address() {
  boost::system::error_code error;
  const auto endpoint = stream_->socket().local_endpoint(error);
  return error ? std::string("127.0.0.1") : endpoint.address().to_string();
}

bool ClientConnection::is_reusable() {
  if (!keep_alive_ || !stream_->is_open() || stream_->expired()) return false;
  return stream_->try_read(shared_->loop.scratch).io == Io::kWantRead;
}

void ClientConnection::park(Instant until) {
  parked_until_ = until;
}

Stream ClientConnection::release_stream() {
  leave();
  Stream stream = std::move(*stream_);
  stream_.reset();
  return stream;
}

Result<std::string> render_request(const net::Request& request, const net::Url& url) {
  const bool plain_method =
      !request.method.empty() &&
      std::ranges::all_of(request.method, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!plain_method || !is_writable(request.headers)) {
    return fail(ErrorCode::kInvalidRequest, "The method or a header cannot be sent.");
  }
  std::string out = request.method + " " + url.target + " HTTP/1.1\r\n";
  if (request.headers.find("Host") == nullptr) out += "Host: " + authority(url) + "\r\n";
  for (const net::Header& field : request.headers.all()) {
    if (is_framing(field.name)) continue;
    out += field.name + ": " + field.value + "\r\n";
  }
  const bool says_length = !request.body.empty() || request.method == "POST" ||
                           request.method == "PUT" || request.method == "PATCH";
  if (says_length) out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  out += "\r\n";
  out += request.body;
  return out;
}

}  // namespace personas::net_beast
