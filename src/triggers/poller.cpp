#include "personas/triggers/poller.hpp"

#include <memory>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "personas/base/bytes.hpp"

namespace personas::triggers {

namespace asio = boost::asio;
using store::Transaction;

namespace {

net::Request request_of(const Look& look, const std::string& user_agent) {
  net::Request request;
  request.method = "GET";
  request.target = look.plan.config.url.value_or("");
  request.headers.set("Accept", "*/*");
  request.headers.set("User-Agent", user_agent);
  // Without a cursor the whole answer is wanted, whatever an earlier config has seen.
  if (!look.state.cursor) return request;
  if (look.state.etag) request.headers.set("If-None-Match", *look.state.etag);
  if (look.state.last_modified) {
    request.headers.set("If-Modified-Since", *look.state.last_modified);
  }
  return request;
}

std::string shortened(std::string_view text) {
  constexpr std::size_t kMost = 200;
  return to_valid_utf8(text.substr(0, kMost));
}

}  // namespace

Result<Looked> read_answer(Result<net::Response> response) {
  if (!response) {
    if (response.error().code != ErrorCode::kPayloadTooLarge) return fail(response.error());
    return fail(
        ErrorCode::kPayloadTooLarge,
        fmt::format("The answer is larger than the {} bytes that are looked at", kMaxPolledBytes));
  }
  const int status = response->status;
  Looked looked{.etag = to_valid_utf8(response->headers.get("ETag")),
                .last_modified = to_valid_utf8(response->headers.get("Last-Modified"))};
  if (status == 304) {
    looked.not_modified = true;
    return looked;
  }
  if (status >= 300 && status < 400) {
    return fail(ErrorCode::kUnprocessable,
                fmt::format("The URL answers {} and leads to '{}'; redirects are not followed, so "
                            "give the trigger the last URL",
                            status, shortened(response->headers.get("Location"))));
  }
  if (status < 200 || status >= 300) {
    return fail(ErrorCode::kUnavailable, fmt::format("The URL answers {}", status));
  }
  looked.text = std::move(response->body);
  return looked;
}

Poller::Poller(Parts parts) : parts_(std::move(parts)), done_(parts_.executor) {}

void Poller::begin(Look look) {
  ++running_;
  asio::co_spawn(parts_.executor, take(std::move(look)), [this](const std::exception_ptr& failure) {
    ended();
    if (failure) std::rethrow_exception(failure);
  });
}

void Poller::ended() {
  --running_;
  if (running_ == 0) done_.cancel();
  if (!stopping_ && tell_) tell_();
}

Task<void> Poller::take(Look look) {
  if (stopping_) co_return;
  auto request = request_of(look, parts_.user_agent);
  auto response = co_await parts_.client.send(std::move(request));
  // What was cut short by stop() is no failure of the other side.
  if (stopping_) co_return;
  const auto looked = read_answer(std::move(response));
  auto written = co_await write_down(look, looked);
  if (!written && !info(written.error().code).retryable) {
    // It cannot be fired, and will not be the next time: counted, so that it pauses in the end.
    parts_.on_trouble(written.error());
    const Result<Looked> trouble =
        fail(ErrorCode::kInternal, "It could not be fired: " + written.error().message);
    written = co_await write_down(look, trouble);
  }
  // Else the lease runs out, and it is looked at again.
  if (!written) parts_.on_trouble(written.error());
}

Task<Result<void>> Poller::write_down(const Look& look, const Result<Looked>& looked) {
  const Timestamp now = parts_.clock.wall();
  auto after = std::make_shared<AfterCommit>();
  auto operation = [this, &look, &looked, now, after](Transaction& tx) -> Result<void> {
    after->clear();
    TRY_VOID(finish_look(tx, parts_.ports, look, looked, now, *after));
    return {};
  };
  CO_TRY_VOID(co_await parts_.store.write(std::move(operation)));
  for (const auto& action : *after) action();
  co_return Result<void>();
}

Task<void> Poller::stop() {
  stopping_ = true;
  parts_.client.cut();
  boost::system::error_code ignored;
  while (running_ > 0) {
    co_await done_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

}  // namespace personas::triggers
