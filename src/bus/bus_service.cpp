#include "personas/bus/bus_service.hpp"

#include <algorithm>

#include <boost/asio/post.hpp>

namespace personas::bus {

namespace asio = boost::asio;

struct BusService::Shared {
  BusService* service;
};

BusService::BusService(asio::any_io_executor executor, store::Store& store, Clock& clock,
                       Alarm& alarm, Bus& bus, std::function<void(const Error&)> on_trouble)
    : executor_(std::move(executor)),
      store_(store),
      clock_(clock),
      alarm_(alarm),
      bus_(bus),
      on_trouble_(std::move(on_trouble)),
      background_(executor_),
      shared_(std::make_shared<Shared>(this)) {}

BusService::~BusService() {
  shared_->service = nullptr;
}

void BusService::due(Timestamp at) {
  asio::post(executor_, [shared = shared_, at] {
    BusService* self = shared->service;
    if (self == nullptr || (self->next_ && *self->next_ <= at)) return;
    self->next_ = at;
    self->background_.wake();
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

Task<void> BusService::loop() {
  Duration trouble = kFirstTroublePause;
  next_ = clock_.wall();
  while (!background_.stopping()) {
    if (!next_ || *next_ > clock_.wall()) {
      co_await background_.rest_until(alarm_, next_);
      continue;
    }
    next_.reset();  // what is told from here on is not forgotten
    const auto next = co_await step();
    if (!next) {
      on_trouble_(next.error());
      co_await background_.rest(trouble);
      trouble = std::min(trouble * 2, kLongestTroublePause);
      next_ = clock_.wall();
      continue;
    }
    trouble = kFirstTroublePause;
    if (*next && (!next_ || **next < *next_)) next_ = *next;
  }
}

void BusService::run() {
  background_.run(loop());
}

Task<void> BusService::stop() {
  co_await background_.stop();
}

}  // namespace personas::bus
