#include "personas/async/background.hpp"

#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace personas {

namespace asio = boost::asio;

Background::Background(const asio::any_io_executor& executor) : timer_(executor) {}

void Background::run(Task<void> loop) {
  running_ = true;
  ended_ = std::make_unique<Timer>(timer_.get_executor());
  asio::co_spawn(timer_.get_executor(), std::move(loop), [this](const std::exception_ptr& failure) {
    running_ = false;
    ended_->cancel();
    if (failure) std::rethrow_exception(failure);
  });
}

Task<void> Background::rest(Duration time) {
  if (stopping_) co_return;
  timer_.expires_after(time);
  boost::system::error_code ignored;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

Task<void> Background::rest_until(Alarm& alarm, std::optional<Timestamp> moment) {
  alarm.set(moment, [this] { wake(); });
  co_await rest();
  alarm.set(std::nullopt, {});
}

Task<void> Background::stop() {
  stopping_ = true;
  timer_.cancel();
  if (!running_) co_return;
  boost::system::error_code ignored;
  co_await ended_->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace personas
