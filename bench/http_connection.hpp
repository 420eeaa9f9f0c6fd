// One keep-alive HTTP connection with one request under way at most, made to cost little: requests
// are texts made by the caller, of a response only status, Content-Length and body are read.
// Not a general client. It lives as long as the loop runs its callbacks; loop's thread only.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "personas/base/error.hpp"

namespace personas::bench {

inline constexpr int kBroken = 0;  // the status of a connection that ended

class HttpConnection {
 public:
  // The status (or kBroken) and the body. May send the next request.
  using OnAnswer = std::function<void(int status, std::string_view body)>;

  explicit HttpConnection(boost::asio::io_context& io) : socket_(io.get_executor()) {}
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  Result<void> connect(std::uint16_t port, OnAnswer on_answer);
  void send(std::string_view request);
  bool busy() const { return busy_; }

 private:
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp,
                                                  boost::asio::io_context::executor_type>;
  void read();
  void take(std::size_t bytes);
  void broken();

  Socket socket_;
  OnAnswer on_answer_;
  std::array<char, 256 * 1024> buffer_{};  // the largest answer: that of a full batch of events
  std::size_t filled_ = 0;
  bool busy_ = false;
};

// A POST with a JSON body.
std::string post_request(std::string_view path, std::string_view key, std::string_view body);

}  // namespace personas::bench
