#include "stream.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <sys/socket.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>

namespace personas::net_beast {
namespace {

using boost::asio::ip::tcp;

// OpenSSL's own socket BIO writes with write(2), which raises SIGPIPE when the peer is gone. This
// one differs from it only in MSG_NOSIGNAL.
int descriptor_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

int bio_result(BIO* bio, ssize_t moved, int retry_flag) {
  BIO_clear_retry_flags(bio);
  if (moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
    BIO_set_flags(bio, retry_flag | BIO_FLAGS_SHOULD_RETRY);
  }
  return static_cast<int>(moved);
}

int bio_write(BIO* bio, const char* data, int size) {
  return bio_result(bio,
                    ::send(descriptor_of(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL),
                    BIO_FLAGS_WRITE);
}

int bio_read(BIO* bio, char* data, int size) {
  return bio_result(bio, ::recv(descriptor_of(bio), data, static_cast<std::size_t>(size), 0),
                    BIO_FLAGS_READ);
}

long bio_ctrl(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD* socket_bio_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "quiet socket");
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_ctrl(made, bio_ctrl);
    return made;
  }();
  return method;
}

IoResult plain_result(ssize_t moved, Io want) {
  if (moved > 0) return {Io::kDone, static_cast<std::size_t>(moved)};
  if (moved == 0) return {Io::kEnd, 0};
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {want, 0};
  return {Io::kBroken, 0};
}

}  // namespace

Stream::Stream(Socket socket) : socket_(std::move(socket)) {
  boost::system::error_code ignored;
  if (!socket_.is_open()) return;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
}

Stream::~Stream() = default;

Result<void> Stream::start_tls(SslPtr ssl) {
  BIO* bio = BIO_new(socket_bio_method());
  if (ssl == nullptr || bio == nullptr) return fail(ErrorCode::kInternal, "TLS cannot start.");
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket_.native_handle())));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);
  ssl_ = std::move(ssl);
  return {};
}

IoResult Stream::tls_result(int returned, std::size_t bytes) {
  if (returned == 1) return {Io::kDone, bytes};
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
      return {Io::kWantRead, 0};
    case SSL_ERROR_WANT_WRITE:
      return {Io::kWantWrite, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {Io::kEnd, 0};
    default:
      tls_usable_ = false;
      return {Io::kBroken, 0};
  }
}

IoResult Stream::try_read(std::span<char> into) {
  if (!socket_.is_open()) return {};
  if (!ssl_) {
    return plain_result(::recv(socket_.native_handle(), into.data(), into.size(), 0),
                        Io::kWantRead);
  }
  ERR_clear_error();
  std::size_t bytes = 0;
  const int returned = SSL_read_ex(ssl_.get(), into.data(), into.size(), &bytes);
  return tls_result(returned, bytes);
}

IoResult Stream::try_write(std::string_view bytes) {
  if (!socket_.is_open()) return {};
  if (bytes.empty()) return {Io::kDone, 0};
  if (!ssl_) {
    return plain_result(::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                        Io::kWantWrite);
  }
  ERR_clear_error();
  std::size_t written = 0;
  const int returned = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written);
  return tls_result(returned, written);
}

Io Stream::try_handshake() {
  if (!socket_.is_open()) return Io::kBroken;
  ERR_clear_error();
  const Io io = tls_result(SSL_do_handshake(ssl_.get()), 0).io;
  tls_usable_ = io == Io::kDone;
  return io;
}

Task<bool> Stream::wait(Io want) {
  if (!socket_.is_open() || expired_) co_return false;
  boost::system::error_code error;
  co_await socket_.async_wait(
      want == Io::kWantWrite ? tcp::socket::wait_write : tcp::socket::wait_read,
      boost::asio::redirect_error(boost::asio::use_awaitable, error));
  co_return !error && !expired_ && socket_.is_open();
}

Task<bool> Stream::handshake() {
  for (;;) {
    const Io io = try_handshake();
    if (io == Io::kDone) co_return true;
    if (io != Io::kWantRead && io != Io::kWantWrite) co_return false;
    if (!co_await wait(io)) co_return false;
  }
}

Task<bool> Stream::write(std::string_view bytes, Instant deadline, std::size_t min_rate) {
  std::size_t taken = 0;
  std::optional<std::size_t> buffered;  // what the kernel took before the peer had to read
  while (taken < bytes.size()) {
    const IoResult result = try_write(bytes.substr(taken));
    if (result.io == Io::kDone) {
      taken += result.bytes;
    } else if (result.io == Io::kWantRead || result.io == Io::kWantWrite) {
      if (!buffered) buffered = taken;
      const std::size_t read = taken - *buffered;
      const std::size_t earned = read * 1'000'000 / std::max<std::size_t>(min_rate, 1);
      set_deadline(deadline + Duration(static_cast<std::int64_t>(earned)));
      const bool ready = co_await wait(result.io);
      clear_deadline();
      if (!ready) co_return false;
    } else {
      co_return false;
    }
  }
  co_return true;
}

void Stream::expire_if_due(Instant now) {
  if (now < deadline_) return;
  clear_deadline();
  expired_ = true;
  cancel();
}

void Stream::cancel() {
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void Stream::shutdown_send() {
  if (!socket_.is_open()) return;
  if (ssl_ && tls_usable_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void Stream::close() {
  boost::system::error_code ignored;
  if (socket_.is_open() && ssl_ && tls_usable_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    tls_usable_ = false;
  }
  socket_.close(ignored);
}

}  // namespace personas::net_beast
