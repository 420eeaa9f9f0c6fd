// One TCP connection, plain or TLS, as non-blocking reads and writes plus waiting.
//
// The socket's descriptor is given to OpenSSL directly: an idle TLS connection then costs about
// 17 KB instead of the 73 KB of asio::ssl::stream, and an idle plain one no buffer at all, because
// nothing is allocated before there are bytes to read. Used from the executor's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <openssl/ssl.h>

#include "personas/async/task.hpp"
#include "personas/base/error.hpp"
#include "personas/base/time.hpp"

namespace personas::net_beast {

// Bound to io_context's own executor: no type erasure in the hot path.
using Socket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

enum class Io : std::uint8_t { kDone, kWantRead, kWantWrite, kEnd, kBroken };

struct IoResult {
  Io io = Io::kBroken;
  std::size_t bytes = 0;
};

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;

class Stream {
 public:
  explicit Stream(Socket socket);
  Stream(Stream&&) = default;
  Stream& operator=(Stream&&) = delete;
  ~Stream();

  // Continue inside TLS; handshake() must follow.
  Result<void> start_tls(SslPtr ssl);
  bool over_tls() const { return ssl_ != nullptr; }

  // Never block. kDone moved at least one byte. kWantRead/kWantWrite: wait for that, then again.
  IoResult try_read(std::span<char> into);
  IoResult try_write(std::string_view bytes);
  Io try_handshake();

  // Until the socket is ready; false when it was cancelled, expired or closed. At most one wait per
  // direction.
  Task<bool> wait(Io want);
  // The same with a callback, for sessions that are no coroutine.
  template <class Callback>
  void when_ready(Io want, Callback callback) {
    using boost::asio::ip::tcp;
    socket_.async_wait(want == Io::kWantWrite ? tcp::socket::wait_write : tcp::socket::wait_read,
                       std::move(callback));
  }

  Task<bool> handshake();
  // All of `bytes`; false when the peer is gone or `deadline` passed. The deadline grows with what
  // the peer took, at `min_rate` bytes per second, so that a large answer may take its time and a
  // peer that takes a byte now and then may not.
  Task<bool> write(std::string_view bytes, Instant deadline, std::size_t min_rate);

  // Deadlines are checked by the roster's sweep: cheaper than a timer per operation.
  void set_deadline(Instant deadline) { deadline_ = deadline; }
  void clear_deadline() { deadline_ = Instant::never(); }
  void expire_if_due(Instant now);
  bool expired() const { return expired_; }
  void clear_expired() { expired_ = false; }

  void cancel();         // pending waits end
  void shutdown_send();  // tells the peer that nothing more comes
  void close();          // pending waits end
  bool is_open() const { return socket_.is_open(); }
  Socket& socket() { return socket_; }
  SSL* ssl() { return ssl_.get(); }

 private:
  IoResult tls_result(int returned, std::size_t bytes);

  Socket socket_;
  SslPtr ssl_;
  Instant deadline_ = Instant::never();
  bool expired_ = false;
  bool tls_usable_ = false;  // the handshake is done and TLS has not failed
};

}  // namespace personas::net_beast
