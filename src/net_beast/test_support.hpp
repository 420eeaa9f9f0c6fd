// What the tests of this module share: a real server on a free port in a thread of its own, and a
// blocking raw socket to talk to it byte by byte.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "personas/base/clock.hpp"
#include "personas/net/server.hpp"
#include "personas/net_beast/server.hpp"

namespace personas::net_beast {

class RealClock final : public Clock {
 public:
  Timestamp wall() const override {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<microseconds>(now).count()};
  }
  Instant now() const override {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<microseconds>(now).count()};
  }
};

// An io_context that one thread runs until the end of the test.
class LoopThread {
 public:
  LoopThread() : work_(boost::asio::make_work_guard(io)), thread_([this] { io.run(); }) {}
  ~LoopThread() { stop(); }
  void stop() {
    io.stop();
    if (thread_.joinable()) thread_.join();
  }
  // Runs a coroutine there and waits for its value.
  template <class T>
  T run(Task<T> task) {
    return boost::asio::co_spawn(io, std::move(task), boost::asio::use_future).get();
  }
  void call(std::function<void()> function) {
    std::promise<void> done;
    boost::asio::post(io, [&] {
      function();
      done.set_value();
    });
    done.get_future().get();
  }

  boost::asio::io_context io{1};

 private:
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
};

net::Response plain_error(const Error& error);

class TestServer {
 public:
  explicit TestServer(net::Handler handler, net::ServerOptions options = {},
                      net::UpgradeHandler upgrade = {});
  ~TestServer();
  std::uint16_t port() const { return port_; }
  net::ServerStats stats() const { return server_->stats(); }
  void drain(Duration deadline);
  LoopThread& loop() { return loop_; }

 private:
  RealClock clock_;
  LoopThread loop_;
  std::unique_ptr<net::Server> server_;
  std::uint16_t port_ = 0;
};

struct RawResponse {
  int status = 0;  // 0: the connection ended without one
  std::string head;
  std::string body;
};

// Blocking, with a receive timeout so that a failing test ends.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer_bytes = 0);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool send(std::string_view bytes);  // false when the peer is gone
  RawResponse response();             // one, sized or chunked
  std::string read_some();            // "" at the end or on timeout
  std::string read_to_end();
  std::string read_exactly(std::size_t bytes);
  bool at_end();  // waits for the peer's close; false when bytes or the timeout came instead
  void shutdown_send();
  void close();
  int descriptor() const { return fd_; }

 private:
  int fd_ = -1;
  std::string buffered_;
  bool ended_ = false;
};

// Spins on the real thing until `holds`, at most five seconds.
bool eventually(const std::function<bool()>& holds);

// PEM files of a fresh self-signed certificate for "localhost" and 127.0.0.1; removed at the end.
class TestCertificate {
 public:
  TestCertificate();
  ~TestCertificate();
  const std::string& certificate() const { return certificate_; }
  const std::string& key() const { return key_; }

 private:
  std::string certificate_;
  std::string key_;
};

}  // namespace personas::net_beast
