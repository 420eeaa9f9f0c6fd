#include "http_connection.hpp"

#include <charconv>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <fmt/format.h>

namespace personas::bench {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kLength = "\r\nContent-Length: ";

int number_at(std::string_view text, std::size_t at) {
  int value = 0;
  std::from_chars(text.data() + at, text.data() + text.size(), value);
  return value;
}

}  // namespace

Result<void> HttpConnection::connect(std::uint16_t port, OnAnswer on_answer) {
  using boost::asio::ip::tcp;
  on_answer_ = std::move(on_answer);
  boost::system::error_code error;
  socket_.connect(tcp::endpoint(boost::asio::ip::address_v4::loopback(), port), error);
  if (!error) socket_.set_option(tcp::no_delay(true), error);
  if (!error) socket_.non_blocking(true, error);
  if (error) return fail(ErrorCode::kUnavailable, "Cannot connect: " + error.message() + ".");
  read();
  return {};
}

void HttpConnection::send(std::string_view request) {
  busy_ = true;
  boost::system::error_code error;
  // A request is far smaller than the socket's buffer, which is empty: it is taken whole.
  const std::size_t sent = socket_.write_some(boost::asio::buffer(request), error);
  if (error || sent != request.size()) {
    socket_.shutdown(Socket::shutdown_both, error);  // the read ends and reports it
  }
}

void HttpConnection::read() {
  socket_.async_read_some(boost::asio::buffer(buffer_.data() + filled_, buffer_.size() - filled_),
                          [this](const boost::system::error_code& error, std::size_t bytes) {
                            if (error == boost::asio::error::operation_aborted)
                              return;  // it is gone
                            if (error) return broken();
                            take(bytes);
                          });
}

void HttpConnection::take(std::size_t bytes) {
  filled_ += bytes;
  const std::string_view text(buffer_.data(), filled_);
  const auto head_end = text.find(kHeadEnd);
  if (head_end == std::string_view::npos) {
    return filled_ == buffer_.size() ? broken() : read();
  }
  const auto length_at = text.substr(0, head_end + 2).find(kLength);
  const int length =
      length_at == std::string_view::npos ? 0 : number_at(text, length_at + kLength.size());
  const std::size_t body_at = head_end + kHeadEnd.size();
  const std::size_t end = body_at + static_cast<std::size_t>(length);
  if (end > buffer_.size()) return broken();
  if (filled_ < end) return read();
  busy_ = false;
  filled_ = 0;
  on_answer_(number_at(text, 9), text.substr(body_at, static_cast<std::size_t>(length)));
  read();
}

void HttpConnection::broken() {
  busy_ = false;
  filled_ = 0;
  boost::system::error_code ignored;
  socket_.close(ignored);
  on_answer_(kBroken, {});
}

std::string post_request(std::string_view path, std::string_view key, std::string_view body) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\n"
      "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      path, key, body.size(), body);
}

}  // namespace personas::bench
