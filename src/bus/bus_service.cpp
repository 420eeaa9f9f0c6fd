#include "personas/bus/bus_service.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace personas::bus {

namespace asio = boost::asio;

struct BusService::Shared {
  BusService* service;
};

BusService::BusService(asio::any_io_executor executor, store::Store& store, Clock& clock, Bus& bus,
                       std::function<void(const Error&)> on_trouble)
    : executor_(std::move(executor)),
      store_(store),
      clock_(clock),
      bus_(bus),
      on_trouble_(std::move(on_trouble)),
      timer_(executor_),
      shared_(std::make_shared<Shared>(this)) {}

BusService::~BusService() {
  shared_->service = nullptr;
}

void BusService::due(Timestamp at) {
  asio::post(executor_, [shared = shared_, at] {
    BusService* self = shared->service;
    if (self == nullptr || (self->next_ && *self->next_ <= at)) return;
    self->next_ = at;
    self->timer_.cancel();
  });
}

Task<Result<std::optional<Timestamp>>> BusService::step() {
  struct Done {
    std::optional<Timestamp> next;
    store::AfterCommit after;
  };
  const Timestamp now = clock_.wall();
  auto operation = [this, now](store::Transaction& tx) -> Result<Done> {
    Done done;
    TRY(const auto events, due_events(tx, now, kEventsAtOnce));
    for (const auto& event : events.events) {
      TRY_VOID(bus_.retry(tx, event.tenant, event.id, Bus::Asked::kByTime, done.after));
    }
    TRY(const auto window, bus_.close_windows(tx, now, done.after));
    done.next = events.next;
    if (window && (!done.next || *window < *done.next)) done.next = window;
    return done;
  };
  CO_TRY(auto done, co_await store_.write(std::move(operation)));
  for (const auto& action : done.after) action();
  co_return done.next;
}

Task<void> BusService::wait_for(Duration time) {
  if (stopping_) co_return;
  timer_.expires_after(time);
  boost::system::error_code ignored;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

Task<void> BusService::loop() {
  Duration trouble = kFirstTroublePause;
  next_ = clock_.wall();
  while (!stopping_) {
    const Timestamp now = clock_.wall();
    if (!next_ || *next_ > now) {
      co_await wait_for(next_ ? *next_ - now : Timer::kNever);
      continue;
    }
    next_.reset();  // what is told from here on is not forgotten
    const auto next = co_await step();
    if (!next) {
      on_trouble_(next.error());
      co_await wait_for(trouble);
      trouble = std::min(trouble * 2, kLongestTroublePause);
      next_ = clock_.wall();
      continue;
    }
    trouble = kFirstTroublePause;
    if (*next && (!next_ || **next < *next_)) next_ = *next;
  }
}

void BusService::run() {
  running_ = true;
  ended_ = std::make_unique<Timer>(executor_);
  asio::co_spawn(executor_, loop(), [this](const std::exception_ptr& failure) {
    running_ = false;
    ended_->cancel();
    if (failure) std::rethrow_exception(failure);
  });
}

Task<void> BusService::stop() {
  stopping_ = true;
  timer_.cancel();
  if (!running_) co_return;
  boost::system::error_code ignored;
  co_await ended_->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace personas::bus
