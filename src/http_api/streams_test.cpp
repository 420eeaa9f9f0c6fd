// Server-sent events.
#include "personas/operations/streams.hpp"

#include "personas/execution/attempt_store.hpp"
#include "personas/execution/claim.hpp"

#include "test_api.hpp"

namespace personas::http_api {
namespace {

using testing::HasSubstr;

struct Event {
  std::string id;
  std::string type;
  bj::object data;
  bool operator==(const Event&) const = default;
};

std::vector<Event> events_in(std::string_view text) {
  std::vector<Event> events;
  while (!text.empty()) {
    const auto end = text.find("\n\n");
    std::string_view block = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 2);
    Event event;
    while (!block.empty()) {
      const auto line = block.substr(0, block.find('\n'));
      block.remove_prefix(std::min(line.size() + 1, block.size()));
      if (line.starts_with("id: ")) event.id = line.substr(4);
      if (line.starts_with("event: ")) event.type = line.substr(7);
      if (line.starts_with("data: ")) event.data = codec::parse_json(line.substr(6))->as_object();
    }
    if (!event.type.empty()) events.push_back(std::move(event));
  }
  return events;
}

class StreamsApi : public ApiTest {
 protected:
  void run_to_the_end(const std::string& id, int lines) {
    write([&](store::Transaction& tx) -> Result<int> {
      TRY(const auto run, execution::claim(tx, {.tenant = default_tenant(),
                                                .id = ExecutionId(id),
                                                .attempt = 1,
                                                .worker = WorkerId("wrk_1"),
                                                .worker_instance = {},
                                                .node = NodeId("node_1"),
                                                .now = clock_.wall()}));
      return run ? 0 : 1;
    });
    for (int i = 1; i <= lines; ++i) append(id, i, i == lines);
  }
  void append(const std::string& id, int seq, bool last) {
    execution::AppendRequest request;
    request.tenant = default_tenant();
    request.id = ExecutionId(id);
    request.attempt = 1;
    request.expected_seq = seq - 1;
    request.now = clock_.wall();
    execution::FrameEntry line;
    line.seq = seq;
    line.text = {"stdout", fmt::format("line \"{}\"\n", seq)};
    line.turn.emplace();
    line.turn->attempt = 1;
    line.turn->turn = 1;
    line.turn->text = fmt::format("said \"{}\"", seq);
    if (!with_turns) line.turn.reset();
    request.frames.push_back(std::move(line));
    if (last) {
      request.end.emplace();
      request.end->status = ExecutionStatus::kCompleted;
      request.end_seq = seq + 1;
    }
    write([&](store::Transaction& tx) -> Result<int> {
      TRY(const auto outcome, execution::append(tx, request));
      EXPECT_TRUE(outcome.accepted);
      return 0;
    });
  }
  bool with_turns = false;
  // Reads a stream until it ends by itself.
  std::vector<Event> read_all(std::string_view target, std::vector<net::Header> headers = {}) {
    auto response = raw(request("GET", target, {}, std::move(headers), kTeamKey));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.headers.get("Content-Type"), "text/event-stream");
    const auto out = start(response);
    run_until([&] { return out->ended; });
    return events_in(out->text);
  }
  static std::string text_of(const std::vector<Event>& events) {
    std::string text;
    for (const auto& event : events) {
      if (event.type == "execution.output") text += std::string(event.data.at("chunk").as_string());
    }
    return text;
  }
};

TEST_F(StreamsApi, ATurnIsToldWithWhatItIs) {
  with_turns = true;
  const auto id = execute(make_persona("a"));
  run_to_the_end(id, 2);
  std::vector<Event> turns;
  for (const auto& event : read_all("/api/executions/" + id + "/stream")) {
    if (event.type == "execution.turn") turns.push_back(event);
  }
  ASSERT_EQ(turns.size(), 2U);
  // As it is now, not as it was when the record was written.
  EXPECT_EQ(turns[0].data.at("text").as_string(), "said \"2\"");
  EXPECT_EQ(turns[0].data.at("executionId").as_string(), id);
  EXPECT_EQ(turns[0].data.at("turn").as_int64(), 1);
  EXPECT_TRUE(turns[0].data.contains("at"));
}

TEST_F(StreamsApi, AnExecutionIsFollowedLiveToItsEnd) {
  const auto id = execute(make_persona("a"));
  auto response = raw(request("GET", "/api/executions/" + id + "/stream", {}, {}, kTeamKey));
  const auto out = start(response);
  run_until([&] { return events_in(out->text).size() == 1; });
  EXPECT_FALSE(out->ended);
  run_to_the_end(id, 2);
  run_until([&] { return out->ended; });
  const auto events = events_in(out->text);
  ASSERT_EQ(events.size(), 5U);
  EXPECT_EQ(events[0].type, "execution.queued");
  EXPECT_EQ(events[1].data.at("status").as_string(), "running");
  EXPECT_EQ(events[2].data.at("stream").as_string(), "stdout");
  EXPECT_EQ(text_of(events), "line \"1\"\nline \"2\"\n");
  EXPECT_EQ(events[4].type, "execution.status");
  EXPECT_EQ(events[4].data.at("status").as_string(), "completed");
  for (const auto& event : events) {
    EXPECT_TRUE(event.data.contains("at"));
    EXPECT_EQ(event.data.at("executionId").as_string(), id);
  }
}

TEST_F(StreamsApi, IsResumableAfterEveryEvent) {
  const auto id = execute(make_persona("a"));
  run_to_the_end(id, 3);
  const auto path = "/api/executions/" + id + "/stream";
  const auto whole = read_all(path);
  ASSERT_EQ(whole.size(), 6U);
  EXPECT_EQ(read_all(path), whole);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const std::vector<Event> rest(whole.begin() + static_cast<long>(i) + 1, whole.end());
    EXPECT_EQ(read_all(path, {{"Last-Event-ID", whole[i].id}}), rest) << i;
    EXPECT_EQ(read_all(path + "?cursor=" + whole[i].id), rest) << i;
  }
}

TEST_F(StreamsApi, CursorsThatAreNoneAreRefused) {
  const auto path = "/api/executions/" + execute(make_persona("a")) + "/stream";
  const auto in_header = send("GET", path, {}, {{"Last-Event-ID", "nonsense"}});
  EXPECT_EQ(in_header.status, 400);
  EXPECT_THAT(in_header.at("fields"), HasSubstr("header.Last-Event-ID"));
  EXPECT_EQ(get(path + "?cursor=nonsense").status, 400);
  EXPECT_EQ(get("/api/executions/exe_none/stream").status, 404);
  const auto theirs = cursors_.encode(TenantId("ten_other"), {1});
  EXPECT_EQ(get(path + "?cursor=" + theirs).status, 400);
}

TEST_F(StreamsApi, TheTenantsStreamBeginsNowAndShowsOnlyItsOwn) {
  make_persona("before");
  auto response = raw(request("GET", "/v1/events", {}, {}, kTeamKey));
  const auto out = start(response);
  send("POST", "/api/personas", R"({"name":"theirs"})", {}, kOtherKey);
  make_persona("ours");
  run_until([&] { return !events_in(out->text).empty(); });
  const auto events = events_in(out->text);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].type, "persona.created");
  EXPECT_EQ(events[0].data.at("name").as_string(), "ours");
  feed_.close();
  run_until([&] { return out->ended; });
}

TEST_F(StreamsApi, TheTenantsStreamCanBeFilteredAndReadFromTheStart) {
  const auto persona = make_persona("a");
  const auto id = execute(persona);
  run_to_the_end(id, 1);
  const auto target = "/v1/events?cursor=start&types=execution.*&executionId=" + id;
  auto response = raw(request("GET", target, {}, {}, kTeamKey));
  const auto out = start(response);
  run_until([&] { return events_in(out->text).size() >= 4; });
  std::vector<std::string> types;
  for (const auto& event : events_in(out->text)) types.push_back(event.type);
  EXPECT_THAT(types, testing::ElementsAre("execution.queued", "execution.status",
                                          "execution.output", "execution.status"));
  EXPECT_EQ(get("/v1/events?types=nothing.at.all").status, 400);
  EXPECT_EQ(get("/v1/events?types=,").status, 400);
}

TEST_F(StreamsApi, EndsWhenTheClientIsGone) {
  const auto id = execute(make_persona("a"));
  auto response = raw(request("GET", "/api/executions/" + id + "/stream", {}, {}, kTeamKey));
  const auto out = start(response);
  run_until([&] { return !out->text.empty(); });
  out->close();
  run_to_the_end(id, 1);
  run_until([&] { return out->ended; });
}

}  // namespace
}  // namespace personas::http_api
