// Following the journal over a WebSocket: several subscriptions on one connection.
//
//   {"subscribe":{"id":"a","types":["execution.*"],"executionId":"exe_…","cursor":"…"}}
//   {"unsubscribe":{"id":"a"}}
//     {"subscribed":{"id":"a","cursor":"…"}}   {"unsubscribed":{"id":"a"}}
//     {"event":{"subscription":"a","id":"<cursor>","type":"execution.output","data":{…}}}
//     {"error":{"subscription":"a","code":"…","message":"…","fields":[…]}}
//
// Each subscription is a position in the journal. One coroutine reads on for all of them when a
// commit or a message of the client wakes it, and rests while more than kMaxUnsent waits for the
// client: what a slow client costs is bounded, and whatever ends a connection, each subscription
// goes on behind the cursor of its last event. Everything runs on the connection's executor, which
// is one thread. docs/streams.md is for clients.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "personas/async/timer.hpp"
#include "personas/net/websocket.hpp"
#include "personas/operations/operation.hpp"
#include "personas/operations/streams.hpp"

namespace personas::operations {

// Id of the operation whose path takes the upgrade.
inline constexpr std::string_view kStreamSocket = "streamSocket";

inline constexpr std::size_t kMaxSubscriptions = 50;         // of one connection
inline constexpr std::size_t kMaxStreamRequest = 16 * 1024;  // bytes of a client's message
inline constexpr std::size_t kMaxUnsent = 1024 * 1024;       // then reading rests
inline constexpr std::size_t kMaxUnsentReplies = 64 * 1024;  // more beyond that: 1008

// SubscribeRequest and the others are in stream_requests.hpp.
struct SubscribeRequest;

class StreamSocket final : public net::WebSocketListener,
                           public std::enable_shared_from_this<StreamSocket> {
 public:
  struct Timing {
    Duration ping = seconds(20);   // a peer that is silent from one to the next has gone
    Duration idle = seconds(60);   // without a subscription
    Duration stuck = seconds(60);  // without the client taking a byte of what waits for it
  };

  StreamSocket(Services& services, TenantId tenant, Timing timing);

  // Takes messages from now on.
  void attach(std::shared_ptr<net::WebSocket> socket) { socket_ = std::move(socket); }
  // Sends events until the connection or the feed is closed.
  static Task<void> run(std::shared_ptr<StreamSocket> self);

  void on_message(std::string_view text) override;
  void on_pong() override;
  void on_sent() override;
  void on_close(net::CloseCode code, std::string_view reason) override;

 private:
  struct Subscription {
    std::string id;
    std::uint64_t number;  // tells a new one from an earlier one of the same id
    Follow follow;
  };
  struct Piece;  // what one read gave for one subscription
  struct Round;

  Task<void> serve();
  Result<Round> read_round(const std::vector<Subscription>& subscriptions,
                           store::Transaction& tx) const;
  void deliver(const Round& round);
  Task<void> wait_for_room();
  Task<void> rest(store::JournalPosition seen);
  Task<void> wait_for_nudge();
  void nudge();

  Result<void> handle(std::string_view text, std::string& about);
  Result<void> subscribe(const SubscribeRequest& request);
  Result<void> unsubscribe(const std::string& id);
  bool ping_or_close();
  void close(net::CloseCode code, std::string reason);
  void reply(std::string text);

  Services& services_;
  const TenantId tenant_;
  const Timing timing_;
  std::shared_ptr<net::WebSocket> socket_;
  std::vector<Subscription> subscriptions_;
  std::uint64_t last_number_ = 0;
  std::size_t first_ = 0;  // whose turn it is to be read first

  Timer* timer_ = nullptr;  // of run(), while it runs
  bool nudged_ = false;
  bool waits_for_room_ = false;
  bool closed_ = false;
  Instant next_ping_;
  Instant idle_since_;
  bool heard_ = true;  // since the last ping
};

}  // namespace personas::operations
