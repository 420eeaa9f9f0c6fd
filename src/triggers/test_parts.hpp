// What a test of the scheduler moves: where events go, an alarm, and the web.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "personas/async/alarm.hpp"
#include "personas/async/timer.hpp"
#include "personas/net/guarded_client.hpp"
#include "personas/store/event_sink.hpp"

namespace personas::triggers {

using store::AfterCommit;
using store::Transaction;

// Stores the events, and fails for those of a given type.
class Sink final : public store::EventSink {
 public:
  Result<store::Published> publish(Transaction& tx, const TenantId& tenant,
                                   const store::NewEvent& event, AfterCommit& after) override {
    if (event.event.event_type == poison) return fail(ErrorCode::kInternal, "poisoned");
    auto published = plain_.publish(tx, tenant, event, after);
    after.push_back([this, key = event.dedupe_key] { told.push_back(key); });
    return published;
  }
  std::string poison = "none";
  std::vector<std::string> told;  // after the commit

 private:
  store::RecordedEvents plain_;
};

// Rings when the test says so.
class ManualAlarm final : public Alarm {
 public:
  void set(std::optional<Timestamp> at, std::function<void()> ring) override {
    at_ = at;
    ring_ = std::move(ring);
  }
  std::optional<Timestamp> at() const { return at_; }
  bool is_set() const { return static_cast<bool>(ring_); }
  void ring() { std::exchange(ring_, {})(); }

 private:
  std::optional<Timestamp> at_;
  std::function<void()> ring_;
};

// The web as polls see it: answers in the order in which they were put, the last one again and
// again. While it hangs, requests wait until they are cut.
class Web final : public net::GuardedClient {
 public:
  explicit Web(const boost::asio::any_io_executor& executor) : hanging_(executor) {}

  void answer(net::Response response) { answers_.push_back(std::move(response)); }
  void answer(int status, std::string body = {}, std::string etag = {}) {
    net::Response response;
    response.status = status;
    response.body = std::move(body);
    if (!etag.empty()) response.headers.set("ETag", std::move(etag));
    answer(std::move(response));
  }
  void fail_with(Error error) { answers_.emplace_back(fail(std::move(error))); }

  Task<Result<net::Response>> send(net::Request request) override {
    asked.push_back(std::move(request));
    boost::system::error_code ignored;
    ++waiting;
    while (hangs) {
      co_await hanging_.async_wait(
          boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
    --waiting;
    if (answers_.empty()) co_return fail(ErrorCode::kUnavailable, "nothing is there");
    auto next = answers_.front();
    if (answers_.size() > 1) answers_.pop_front();
    co_return next;
  }
  Task<Result<net::Response>> stream(net::Request request,
                                     std::function<bool(std::string_view)>) override {
    return send(std::move(request));
  }
  Task<Result<std::shared_ptr<net::WebSocket>>> connect_websocket(
      std::string, net::Headers, std::shared_ptr<net::WebSocketListener>) override {
    co_return fail(ErrorCode::kForbidden, "none");
  }
  void cut() override { go_on(); }
  void go_on() {
    hangs = false;
    hanging_.cancel();
  }

  std::vector<net::Request> asked;
  bool hangs = false;
  std::size_t waiting = 0;

 private:
  std::deque<Result<net::Response>> answers_;
  Timer hanging_;
};

}  // namespace personas::triggers
