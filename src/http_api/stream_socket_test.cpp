// Several subscriptions over one WebSocket, without the socket.
#include "personas/operations/stream_socket.hpp"

#include <deque>

#include "personas/net/websocket.hpp"

#include "test_api.hpp"

namespace personas::http_api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The connection's end: keeps what was sent; what the client has not read counts as queued.
class FakeSocket final : public net::WebSocket {
 public:
  void send(std::string text) override {
    if (!reads) unread += text.size();
    sent.push_back(std::move(text));
  }
  void ping() override { ++pings; }
  void close(net::CloseCode code, std::string reason) override {
    if (closed) return;
    closed = code;
    close_reason = std::move(reason);
  }
  std::size_t queued_bytes() const override { return unread; }
  const std::string& remote_address() const override { return address; }

  std::vector<bj::object> of(std::string_view kind) const {
    std::vector<bj::object> found;
    for (const auto& text : sent) {
      const auto message = codec::parse_json(text);
      EXPECT_TRUE(message) << text;
      if (!message) continue;
      if (const auto* body = message->as_object().if_contains(kind)) {
        found.push_back(body->as_object());
      }
    }
    return found;
  }
  std::vector<std::string> events(std::string_view subscription) const {
    std::vector<std::string> types;
    for (const auto& event : of("event")) {
      if (event.at("subscription").as_string() == subscription) {
        types.emplace_back(event.at("type").as_string());
      }
    }
    return types;
  }

  std::vector<std::string> sent;
  std::size_t unread = 0;
  bool reads = true;
  int pings = 0;
  std::optional<net::CloseCode> closed;
  std::string close_reason;
  std::string address = "127.0.0.1";
};

class StreamSocketApi : public ApiTest {
 protected:
  explicit StreamSocketApi(operations::StreamSocket::Timing timing = {})
      : ApiTest({.stream_timing = timing}) {}
  ~StreamSocketApi() override { hang_up(); }

  Result<net::UpgradeDecision> ask(std::vector<net::Header> headers,
                                   std::string_view target = "/v1/stream",
                                   std::string_view key = {}) {
    return api_->upgrade(request("GET", target, {}, std::move(headers), key));
  }

  void open(std::string_view key = kTeamKey) {
    auto decision = ask({}, "/v1/stream", key);
    ASSERT_TRUE(decision) << decision.error().describe();
    decision_ = std::move(*decision);
    socket_ = std::make_shared<FakeSocket>();
    decision_.attach(socket_);
    ended_ = false;
    boost::asio::co_spawn(context_, decision_.run(socket_),
                          [this](const std::exception_ptr& thrown) {
                            EXPECT_EQ(thrown, nullptr);
                            ended_ = true;
                          });
  }
  void say(std::string_view text) { decision_.listener->on_message(text); }
  void hang_up() {
    if (!decision_.listener || ended_) return;
    decision_.listener->on_close(net::CloseCode::kAbnormal, "");
    run_until([this] { return ended_; });
  }
  std::string last_error() {
    const auto errors = socket_->of("error");
    return errors.empty() ? "none" : codec::serialize(errors.back());
  }
  void subscribe(std::string_view more) {
    const auto before = socket_->sent.size();
    say(fmt::format(R"({{"subscribe":{{{}}}}})", more));
    ASSERT_GT(socket_->sent.size(), before);
    EXPECT_THAT(socket_->sent[before], HasSubstr("subscribed"));
  }

  net::UpgradeDecision decision_;
  std::shared_ptr<FakeSocket> socket_;
  bool ended_ = false;
};

TEST_F(StreamSocketApi, TakesTheKeyFromTheHeaderOrTheSubprotocolAndNeverFromTheQuery) {
  EXPECT_TRUE(ask({}, "/v1/stream", kTeamKey));
  const auto by_protocol =
      ask({{"Sec-WebSocket-Protocol", fmt::format("personas.bearer.{}, personas.v1", kTeamKey)}});
  ASSERT_TRUE(by_protocol);
  EXPECT_EQ(by_protocol->subprotocol, "personas.v1");
  const auto alone = fmt::format("personas.bearer.{}", kTeamKey);
  EXPECT_EQ(ask({{"Sec-WebSocket-Protocol", alone}})->subprotocol, alone);
  EXPECT_EQ(ask({}, "/v1/stream", kTeamKey)->subprotocol, "");

  const auto code = [&](auto&&... arguments) {
    const auto decision = ask(arguments...);
    return decision ? "none" : std::string(info(decision.error().code).name);
  };
  using Headers = std::vector<net::Header>;
  EXPECT_EQ(code(Headers{}), "unauthorized");
  EXPECT_EQ(code(Headers{{"Sec-WebSocket-Protocol", "personas.bearer.wrong"}}), "unauthorized");
  EXPECT_EQ(code(Headers{}, fmt::format("/v1/stream?token={}", kTeamKey)), "unauthorized");
  EXPECT_EQ(code(Headers{}, "/v1/stream?types=x", kTeamKey), "invalid_request");
  EXPECT_EQ(code(Headers{}, "/v1/stream", kPowerlessKey), "forbidden");
  EXPECT_EQ(code(Headers{}, "/v1/events", kTeamKey), "not_found");
  EXPECT_EQ(code(Headers{}, "/nothing", kTeamKey), "not_found");
  EXPECT_THAT(get("/v1/stream").at("detail"), HasSubstr("Open a WebSocket"));
}

TEST_F(StreamSocketApi, SeveralSubscriptionsSeeWhatTheyAskForAndOnlyTheTenantsOwn) {
  const auto persona = make_persona("before");
  open();
  subscribe(R"("id":"all")");
  subscribe(R"("id":"personas","types":["persona.*"],"cursor":"start")");
  subscribe(fmt::format(R"("id":"of one","personaId":"{}")", persona));
  send("POST", "/api/personas", R"({"name":"theirs"})", {}, kOtherKey);
  execute(persona);
  make_persona("after");
  run_until([&] { return socket_->events("all").size() >= 2; });
  run_until([&] { return socket_->events("personas").size() >= 2; });
  run_until([&] { return !socket_->events("of one").empty(); });
  EXPECT_THAT(socket_->events("all"), ElementsAre("execution.queued", "persona.created"));
  EXPECT_THAT(socket_->events("personas"), ElementsAre("persona.created", "persona.created"));
  EXPECT_THAT(socket_->events("of one"), ElementsAre("execution.queued"));
  // Subscriptions are read in turn, so the last event may be another one's.
  bj::object event;
  for (const auto& one : socket_->of("event")) {
    if (one.at("subscription").as_string() == "personas") event = one;
  }
  EXPECT_EQ(event.at("data").as_object().at("name").as_string(), "after");
  EXPECT_TRUE(event.at("data").as_object().contains("at"));
}

TEST_F(StreamSocketApi, ASubscriptionGoesOnBehindItsCursorWithoutGapOrRepetition) {
  open();
  subscribe(R"("id":"a")");
  for (int i = 0; i < 300; ++i) make_persona(fmt::format("p{}", i));
  run_until([&] { return socket_->events("a").size() == 300; });
  const auto whole = socket_->of("event");
  const auto begin = std::string(socket_->of("subscribed")[0].at("cursor").as_string());
  hang_up();
  for (const std::size_t seen : {0UL, 1UL, 150UL, 299UL, 300UL}) {
    open();
    const auto cursor = seen == 0 ? begin : std::string(whole[seen - 1].at("id").as_string());
    subscribe(fmt::format(R"("id":"a","cursor":"{}")", cursor));
    const auto marker = make_persona(fmt::format("marker{}", seen));
    const auto reached = [&] {
      const auto events = socket_->of("event");
      return !events.empty() && events.back().at("data").as_object().at("id") == bj::string(marker);
    };
    run_until(reached);
    const auto rest = socket_->of("event");
    ASSERT_GE(rest.size(), 300 - seen);
    for (std::size_t i = seen; i < 300; ++i) EXPECT_EQ(rest[i - seen], whole[i]);
    hang_up();
  }
}

TEST_F(StreamSocketApi, AnswersWhatItCannotDoAndGoesOn) {
  open();
  say("nonsense");
  EXPECT_THAT(last_error(), HasSubstr("malformed_json"));
  say("{}");
  EXPECT_THAT(last_error(), HasSubstr("either a subscribe or an unsubscribe"));
  say(R"({"subscribe":{"id":"a","type":["x"]}})");
  EXPECT_THAT(last_error(), HasSubstr("/subscribe/type"));
  say(R"({"subscribe":{"id":"a","types":["execution.*","none.such"]}})");
  EXPECT_THAT(last_error(), HasSubstr("/subscribe/types/1"));
  EXPECT_THAT(last_error(), HasSubstr(R"("subscription":"a")"));
  say(R"({"subscribe":{"id":"a","cursor":"nonsense"}})");
  EXPECT_THAT(last_error(), HasSubstr("/subscribe/cursor"));
  const auto theirs = cursors_.encode(TenantId("ten_other"), {1});
  say(fmt::format(R"({{"subscribe":{{"id":"a","cursor":"{}"}}}})", theirs));
  EXPECT_THAT(last_error(), HasSubstr("/subscribe/cursor"));
  say(R"({"unsubscribe":{"id":"a"}})");
  EXPECT_THAT(last_error(), HasSubstr("not_found"));
  say(std::string(operations::kMaxStreamRequest, ' ') + "{}");
  EXPECT_THAT(last_error(), HasSubstr("payload_too_large"));
  subscribe(R"("id":"a")");
  say(R"({"subscribe":{"id":"a"}})");
  EXPECT_THAT(last_error(), HasSubstr("conflict"));
  for (std::size_t i = 1; i < operations::kMaxSubscriptions; ++i) {
    subscribe(fmt::format(R"("id":"s{}")", i));
  }
  say(R"({"subscribe":{"id":"one more"}})");
  EXPECT_THAT(last_error(), HasSubstr("at most 50"));
  EXPECT_FALSE(socket_->closed);
  make_persona("x");
  run_until([&] { return socket_->of("event").size() == operations::kMaxSubscriptions; });
}

TEST_F(StreamSocketApi, WhatIsUnsubscribedIsSilent) {
  open();
  subscribe(R"("id":"a")");
  subscribe(R"("id":"b")");
  say(R"({"unsubscribe":{"id":"a"}})");
  EXPECT_EQ(socket_->of("unsubscribed").size(), 1U);
  make_persona("x");
  run_until([&] { return socket_->events("b").size() == 1; });
  EXPECT_THAT(socket_->events("a"), ElementsAre());
}

TEST_F(StreamSocketApi, RestsWhileTheClientDoesNotReadAndThenGoesOn) {
  open();
  socket_->reads = false;
  subscribe(R"("id":"a")");
  for (int i = 0; i < 60; ++i) {
    post("/api/personas", fmt::format(R"({{"name":"p{}"}})", i));
  }
  socket_->unread = operations::kMaxUnsent + 1;
  const auto before = socket_->sent.size();
  for (int i = 60; i < 90; ++i) make_persona(fmt::format("p{}", i));
  run_until([&] { return context_.poll_one() == 0; });
  EXPECT_LE(socket_->events("a").size(), 60U);
  EXPECT_LE(socket_->sent.size(), std::max<std::size_t>(before, 61));
  socket_->unread = 0;
  socket_->reads = true;
  decision_.listener->on_sent();
  run_until([&] { return socket_->events("a").size() == 90; });
}

TEST_F(StreamSocketApi, EndsWithTheFeed) {
  open();
  subscribe(R"("id":"a")");
  run_until([&] { return context_.poll_one() == 0; });
  feed_.close();
  run_until([&] { return ended_; });
}

class HastyStreamSocket : public StreamSocketApi {
 protected:
  HastyStreamSocket()
      : StreamSocketApi(
            {.ping = milliseconds(20), .idle = milliseconds(60), .stuck = milliseconds(100)}) {}
  // Real timers and a clock by hand: time passes as the timers would have it.
  void let_time_pass(const std::function<bool()>& ready) {
    run_until([&] {
      clock_.advance(milliseconds(5));
      return ready();
    });
  }
};

TEST_F(HastyStreamSocket, PingsAndLeavesWhoDoesNotAnswer) {
  open();
  subscribe(R"("id":"a")");
  let_time_pass([&] {
    if (socket_->pings < 3) decision_.listener->on_pong();
    return socket_->closed.has_value();
  });
  EXPECT_GE(socket_->pings, 3);
  EXPECT_EQ(socket_->closed, net::CloseCode::kPolicyViolation);
  let_time_pass([&] { return ended_; });
}

TEST_F(HastyStreamSocket, LeavesWhoHasNoSubscription) {
  open();
  let_time_pass([&] {
    decision_.listener->on_pong();
    return ended_;
  });
  EXPECT_EQ(socket_->closed, net::CloseCode::kNormal);
}

TEST_F(HastyStreamSocket, ClosesWithItsOwnCodeWhenNothingIsTaken) {
  open();
  subscribe(R"("id":"a")");
  socket_->unread = operations::kMaxUnsent + 1;
  make_persona("x");
  let_time_pass([&] { return ended_; });
  EXPECT_EQ(socket_->closed, net::CloseCode::kNotRead);
  EXPECT_THAT(socket_->close_reason, HasSubstr("last cursors"));
  EXPECT_THAT(socket_->events("a"), ElementsAre());
}

}  // namespace
}  // namespace personas::http_api
