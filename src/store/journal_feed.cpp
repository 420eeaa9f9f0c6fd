#include "personas/store/journal_feed.hpp"

#include <algorithm>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "personas/async/timer.hpp"

namespace personas::store {

namespace asio = boost::asio;

struct JournalFeed::Waiter {
  Waiter(asio::any_io_executor executor, JournalPosition beyond, Duration timeout)
      : position(beyond), timer(executor, timeout) {}

  // From any thread. Ends the wait also when it has not begun yet, which a cancel() would miss.
  static void wake(const std::shared_ptr<Waiter>& waiter) {
    asio::post(waiter->timer.get_executor(),
               [waiter] { waiter->timer.expires_after(Duration::zero()); });
  }

  JournalPosition position;
  Timer timer;
};

Task<JournalFeed::Wake> JournalFeed::wait_beyond(JournalPosition position, Duration timeout) {
  const auto executor = co_await asio::this_coro::executor;
  auto waiter = std::make_shared<Waiter>(executor, position, timeout);
  // Leaves the list also when the coroutine is destroyed while it waits.
  struct Registration {
    JournalFeed& feed;
    const std::shared_ptr<Waiter>& waiter;
    ~Registration() {
      const std::lock_guard lock(feed.mutex_);
      std::erase(feed.waiters_, waiter);
    }
  };
  {
    const std::lock_guard lock(mutex_);
    if (closed_) co_return Wake::kClosed;
    if (last_ > position) co_return Wake::kAdvanced;
    waiters_.push_back(waiter);
  }
  const Registration registration{*this, waiter};
  co_await waiter->timer.async_wait(asio::as_tuple(asio::use_awaitable));
  const std::lock_guard lock(mutex_);
  if (closed_) co_return Wake::kClosed;
  co_return last_ > position ? Wake::kAdvanced : Wake::kTimeout;
}

void JournalFeed::advance(JournalPosition position) {
  std::vector<std::shared_ptr<Waiter>> woken;
  {
    const std::lock_guard lock(mutex_);
    last_ = std::max(last_, position);
    const auto beyond = [this](const auto& waiter) { return waiter->position < last_; };
    std::ranges::copy_if(waiters_, std::back_inserter(woken), beyond);
    std::erase_if(waiters_, beyond);
  }
  for (const auto& waiter : woken) Waiter::wake(waiter);
}

void JournalFeed::close() {
  std::vector<std::shared_ptr<Waiter>> woken;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    woken.swap(waiters_);
  }
  for (const auto& waiter : woken) Waiter::wake(waiter);
}

JournalPosition JournalFeed::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

}  // namespace personas::store
