#include "personas/operations/stream_socket.hpp"

#include <algorithm>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "journal_events.hpp"
#include "stream_requests.hpp"

namespace personas::operations {
namespace {

// How often what waits for a slow client is looked at, within the time it may be stuck.
constexpr int kLooksAtStuck = 30;

std::string quoted(std::string_view text) {
  std::string json;
  codec::append_json_string(text, json);
  return json;
}

std::string event_text(std::string_view subscription, const StreamEvent& event) {
  return fmt::format(R"({{"event":{{"subscription":{},"id":"{}","type":"{}","data":{}}}}})",
                     quoted(subscription), event.cursor, event.type, event.data);
}

std::string error_text(const Error& error, std::string_view about) {
  std::string fields;
  for (const auto& field : error.fields) {
    fields += fmt::format(R"({}{{"path":{},"message":{}}})", fields.empty() ? "" : ",",
                          quoted(field.path), quoted(field.message));
  }
  return fmt::format(R"({{"error":{{{}"code":"{}","message":{},"fields":[{}]}}}})",
                     about.empty() ? "" : fmt::format(R"("subscription":{},)", quoted(about)),
                     info(error.code).name, quoted(error.message), fields);
}

}  // namespace

struct StreamSocket::Piece {
  std::uint64_t number = 0;
  EventBatch batch;
};

struct StreamSocket::Round {
  std::vector<Piece> pieces;
  bool more = false;     // a subscription is behind
  std::size_t next = 0;  // who is read first in the next round
};

StreamSocket::StreamSocket(Services& services, TenantId tenant, Timing timing)
    : services_(services),
      tenant_(std::move(tenant)),
      timing_(timing),
      next_ping_(services.clock.now() + timing.ping),
      idle_since_(services.clock.now()) {}

// --- events --------------------------------------------------------------------------------------

Task<void> StreamSocket::run(std::shared_ptr<StreamSocket> self) {
  const auto executor = co_await boost::asio::this_coro::executor;
  Timer timer(executor);
  // Also when the coroutine is destroyed while it waits.
  struct Use {
    StreamSocket& socket;
    ~Use() {
      socket.timer_ = nullptr;
      socket.closed_ = true;
      socket.subscriptions_.clear();
      socket.socket_.reset();
    }
  };
  const Use use{*self};
  self->timer_ = &timer;
  co_await self->serve();
}

Task<void> StreamSocket::serve() {
  while (!closed_) {
    if (socket_->queued_bytes() > kMaxUnsent) {
      co_await wait_for_room();
      continue;
    }
    const auto seen = services_.feed.last();
    bool more = false;
    if (!subscriptions_.empty()) {
      // A copy: messages may change them while the store reads.
      const auto subscriptions = subscriptions_;
      const auto round = co_await services_.store.read(
          [&](store::Transaction& tx) { return read_round(subscriptions, tx); });
      if (closed_) co_return;
      if (!round) {
        co_return close(net::CloseCode::kInternal, "The journal cannot be read; try again.");
      }
      deliver(*round);
      more = round->more;
    }
    if (!more) co_await rest(seen);
  }
}

Result<StreamSocket::Round> StreamSocket::read_round(const std::vector<Subscription>& subscriptions,
                                                     store::Transaction& tx) const {
  Round round;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < subscriptions.size(); ++i) {
    const std::size_t index = (first_ + i) % subscriptions.size();
    if (bytes > kMaxPiece) {
      round.more = true;
      round.next = index;
      return round;
    }
    const auto& subscription = subscriptions[index];
    TRY(auto batch, read_events(services_, subscription.follow, kMaxPiece, tx));
    bytes += batch.bytes;
    round.more = round.more || batch.then == EventBatch::Then::kReadOn;
    round.pieces.push_back({subscription.number, std::move(batch)});
  }
  return round;
}

void StreamSocket::deliver(const Round& round) {
  first_ = round.next;
  for (const auto& piece : round.pieces) {
    const auto found = std::ranges::find(subscriptions_, piece.number, &Subscription::number);
    if (found == subscriptions_.end()) continue;  // ended while it was read
    for (const auto& event : piece.batch.events) {
      socket_->send(event_text(found->id, event));
    }
    found->follow.after = piece.batch.next;
  }
}

// Until the client has taken most of what waits for it.
Task<void> StreamSocket::wait_for_room() {
  waits_for_room_ = true;
  Instant moved = services_.clock.now();
  std::size_t before = socket_->queued_bytes();
  while (!closed_ && before > kMaxUnsent / 2) {
    timer_->expires_after(nudged_ ? Duration(0) : timing_.stuck / kLooksAtStuck);
    co_await wait_for_nudge();
    const Instant now = services_.clock.now();
    const std::size_t left = socket_->queued_bytes();
    if (left < before) moved = now;
    before = left;
    if (!closed_ && now - moved >= timing_.stuck) {
      close(net::CloseCode::kNotRead,
            "What was sent is not being read; subscribe again from your last cursors.");
    }
  }
  waits_for_room_ = false;
  // Nothing could be heard from a peer that was not read to its pong.
  heard_ = true;
  next_ping_ = services_.clock.now() + timing_.ping;
}

// Until a commit beyond `seen`, a message, or something is due.
Task<void> StreamSocket::rest(store::JournalPosition seen) {
  using boost::asio::experimental::awaitable_operators::operator||;
  if (!ping_or_close()) co_return;
  if (nudged_) {
    nudged_ = false;
    co_return;
  }
  const Instant now = services_.clock.now();
  Instant due = next_ping_;
  if (subscriptions_.empty()) due = std::min(due, idle_since_ + timing_.idle);
  timer_->expires_after(std::max(due - now, Duration(0)));
  if (subscriptions_.empty()) co_return co_await wait_for_nudge();
  auto commit = services_.feed.wait_beyond(seen, Timer::kNever);
  auto nudged = wait_for_nudge();
  const auto first = co_await (std::move(commit) || std::move(nudged));
  if (first.index() == 0 && std::get<0>(first) == store::JournalFeed::Wake::kClosed) {
    closed_ = true;  // the server stops, and tells the client
  }
}

Task<void> StreamSocket::wait_for_nudge() {
  co_await timer_->async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  nudged_ = false;
}

void StreamSocket::nudge() {
  nudged_ = true;
  if (timer_ != nullptr) timer_->expires_after(Duration(0));
}

// Whether the connection goes on.
bool StreamSocket::ping_or_close() {
  const Instant now = services_.clock.now();
  if (subscriptions_.empty() && now - idle_since_ >= timing_.idle) {
    close(net::CloseCode::kNormal, "There was no subscription for too long.");
    return false;
  }
  if (now < next_ping_) return true;
  if (!heard_ && socket_->queued_bytes() == 0) {
    close(net::CloseCode::kPolicyViolation, "Pings are not answered.");
    return false;
  }
  heard_ = false;
  next_ping_ = now + timing_.ping;
  socket_->ping();
  return true;
}

void StreamSocket::close(net::CloseCode code, std::string reason) {
  closed_ = true;
  socket_->close(code, std::move(reason));
}

// --- messages ------------------------------------------------------------------------------------

void StreamSocket::on_pong() {
  heard_ = true;
}

void StreamSocket::on_sent() {
  if (waits_for_room_) nudge();
}

void StreamSocket::on_close(net::CloseCode, std::string_view) {
  closed_ = true;
  nudge();
}

void StreamSocket::on_message(std::string_view text) {
  if (closed_) return;
  std::string about;
  const auto done = handle(text, about);
  if (!done) reply(error_text(done.error(), about));
}

void StreamSocket::reply(std::string text) {
  if (socket_->queued_bytes() > kMaxUnsent + kMaxPiece + kMaxUnsentReplies) {
    return close(net::CloseCode::kPolicyViolation, "Answers are asked for and not read.");
  }
  socket_->send(std::move(text));
}

Result<void> StreamSocket::handle(std::string_view text, std::string& about) {
  TRY(const auto request,
      codec::parse<StreamRequest>(text, {}, {.max_bytes = kMaxStreamRequest, .max_depth = 8}));
  if (request.subscribe.has_value() == request.unsubscribe.has_value()) {
    return fail(ErrorCode::kInvalidRequest, "A message is either a subscribe or an unsubscribe");
  }
  if (request.subscribe) {
    about = request.subscribe->id;
    return subscribe(*request.subscribe);
  }
  about = request.unsubscribe->id;
  return unsubscribe(about);
}

Result<void> StreamSocket::subscribe(const SubscribeRequest& request) {
  if (std::ranges::find(subscriptions_, request.id, &Subscription::id) != subscriptions_.end()) {
    return fail(ErrorCode::kConflict, "There is a subscription of this id; unsubscribe it first",
                {{"/subscribe/id", "is in use"}});
  }
  if (subscriptions_.size() >= kMaxSubscriptions) {
    return fail(ErrorCode::kConflict,
                fmt::format("A connection has at most {} subscriptions", kMaxSubscriptions));
  }
  Follow follow{.tenant = tenant_, .after = services_.store.last_position()};
  if (request.persona_id) follow.persona_id = request.persona_id->str();
  if (request.execution_id) follow.execution_id = request.execution_id->str();
  for (std::size_t i = 0; i < request.types.size(); ++i) {
    if (add_types(request.types[i], follow.types)) continue;
    const auto why = fmt::format("'{}' is no record type", request.types[i]);
    return fail(ErrorCode::kInvalidRequest, why, {{fmt::format("/subscribe/types/{}", i), why}});
  }
  std::ranges::sort(follow.types);
  follow.types.erase(std::ranges::unique(follow.types).begin(), follow.types.end());
  if (request.cursor == "start") {
    follow.after = {};
  } else if (request.cursor) {
    auto position = services_.cursors.decode(tenant_, *request.cursor);
    if (!position) {
      return fail(ErrorCode::kInvalidRequest, position.error().message,
                  {{"/subscribe/cursor", position.error().message}});
    }
    follow.after = *position;
  }
  reply(fmt::format(R"({{"subscribed":{{"id":{},"cursor":"{}"}}}})", quoted(request.id),
                    services_.cursors.encode(tenant_, follow.after)));
  subscriptions_.push_back({request.id, ++last_number_, std::move(follow)});
  nudge();
  return {};
}

Result<void> StreamSocket::unsubscribe(const std::string& id) {
  if (std::erase_if(subscriptions_, [&](const auto& one) { return one.id == id; }) == 0) {
    return fail(ErrorCode::kNotFound, "There is no subscription of this id");
  }
  if (subscriptions_.empty()) idle_since_ = services_.clock.now();
  reply(fmt::format(R"({{"unsubscribed":{{"id":{}}}}})", quoted(id)));
  nudge();
  return {};
}

}  // namespace personas::operations
