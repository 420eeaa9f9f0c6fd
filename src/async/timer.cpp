#include "personas/async/timer.hpp"

#include <unordered_map>
#include <vector>

#include <boost/asio/append.hpp>
#include <boost/asio/post.hpp>

namespace personas {

namespace asio = boost::asio;

// What a context's timers wait for; without a source, real time. It owns the handlers that wait, as
// a context owns all that is under way in it: they go when it is shut down.
class TimeOfContext final : public asio::execution_context::service {
 public:
  using key_type = TimeOfContext;
  static const asio::execution_context::id id;

  explicit TimeOfContext(asio::execution_context& context) : service(context) {}
  void shutdown() override {
    // Destroying a handler may destroy timers.
    const auto gone = std::exchange(waiting, {});
  }

  TimeSource* source = nullptr;
  std::unordered_map<const Timer*, std::vector<Timer::Handler>> waiting;
};
const asio::execution_context::id TimeOfContext::id;

namespace {

asio::steady_timer::time_point real_time(Duration wait) {
  if (wait == Timer::kNever) return asio::steady_timer::time_point::max();
  return asio::steady_timer::clock_type::now() + wait;
}

}  // namespace

void use_time_source(asio::execution_context& context, TimeSource& source) {
  asio::use_service<TimeOfContext>(context).source = &source;
}

Timer::Timer(const asio::any_io_executor& executor, Duration wait) : executor_(executor) {
  auto& context = asio::query(executor, asio::execution::context);
  if (asio::has_service<TimeOfContext>(context)) {
    context_ = &asio::use_service<TimeOfContext>(context);
  }
  if (context_ == nullptr || context_->source == nullptr) {
    real_.emplace(executor, real_time(wait));
  } else {
    expires_after(wait);
  }
}

Timer::~Timer() {
  if (!real_) cancel();
}

void Timer::expires_after(Duration wait) {
  if (real_) {
    real_->expires_at(real_time(wait));
    return;
  }
  cancel();
  is_due_ = wait <= Duration::zero();
  if (is_due_ || wait == kNever) return;
  number_ = context_->source->start(wait, [this] {
    number_ = 0;
    is_due_ = true;
    complete_all({});
  });
}

void Timer::cancel() {
  if (real_) {
    real_->cancel();
    return;
  }
  if (number_ != 0) context_->source->stop(std::exchange(number_, 0));
  complete_all(asio::error::operation_aborted);
}

void Timer::wait(Handler handler) {
  context_->waiting[this].push_back(std::move(handler));
  if (is_due_) complete_all({});
}

void Timer::complete_all(boost::system::error_code error) {
  auto waiting = context_->waiting.extract(this);
  if (waiting.empty()) return;
  for (auto& handler : waiting.mapped()) {
    asio::post(executor_, asio::append(std::move(handler), error));
  }
}

}  // namespace personas
