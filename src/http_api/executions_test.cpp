// Starting, watching and cancelling executions.
#include "personas/execution/attempt_store.hpp"
#include "personas/execution/claim.hpp"

#include "test_api.hpp"

namespace personas::http_api {
namespace {

using testing::HasSubstr;

class ExecutionsApi : public ApiTest {
 protected:
  // A worker takes it, writes one line and ends.
  void finish(const std::string& id) {
    write([&](store::Transaction& tx) { return claim(tx, id); });
    write([&](store::Transaction& tx) { return complete(tx, id); });
  }
  Result<int> claim(store::Transaction& tx, const std::string& id) {
    TRY(const auto run, execution::claim(tx, {.tenant = default_tenant(),
                                              .id = ExecutionId(id),
                                              .attempt = 1,
                                              .worker = WorkerId("wrk_1"),
                                              .worker_instance = {},
                                              .node = NodeId("node_1"),
                                              .now = clock_.wall()}));
    EXPECT_TRUE(run);
    return 0;
  }
  Result<int> complete(store::Transaction& tx, const std::string& id) {
    execution::AppendRequest request;
    request.tenant = default_tenant();
    request.id = ExecutionId(id);
    request.attempt = 1;
    request.now = clock_.wall();
    execution::FrameEntry line;
    line.seq = 1;
    line.text = {"stdout", "hello\n"};
    request.frames.push_back(std::move(line));
    for (int number = 1; number <= 3; ++number) {
      execution::FrameEntry turn;
      turn.seq = 1;
      turn.turn.emplace();
      turn.turn->attempt = 1;
      turn.turn->turn = number;
      turn.turn->text = fmt::format("turn {}", number);
      request.frames.push_back(std::move(turn));
    }
    request.end.emplace();
    request.end->status = ExecutionStatus::kCompleted;
    request.end_seq = 2;
    TRY(const auto outcome, execution::append(tx, request));
    EXPECT_TRUE(outcome.accepted);
    return 0;
  }
};

TEST_F(ExecutionsApi, ExecuteAnswersAtOnceAndTellsTheDispatcher) {
  const auto persona = make_persona("a");
  const auto answer = post(
      "/api/execute", fmt::format(R"({{"prompt":"Review the latest merge request","personaId":"{}",
                                       "timeoutMs":300000,"inputData":{{"a":[1]}},"priority":5}})",
                                  persona));
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.at("status"), "queued");
  ASSERT_EQ(executions_.queued.size(), 1U);
  EXPECT_EQ(executions_.queued[0].persona.str(), persona);
  const auto shown = get("/api/executions/" + answer.at("executionId"));
  EXPECT_EQ(shown.at("status"), "queued");
  EXPECT_EQ(shown.at("waitingFor"), "no worker is connected");
  EXPECT_EQ(shown.at("inputData"), R"({"a":[1]})");
  EXPECT_EQ(shown.at("source"), "api");
}

TEST_F(ExecutionsApi, TurnsAreListedInPages) {
  const auto id = execute(make_persona("a"));
  const auto turns = [&](const std::string& query) {
    return raw(request("GET", "/api/executions/" + id + "/turns" + query, {}, {}, kTeamKey));
  };
  EXPECT_EQ(turns("").body, "[]");
  finish(id);
  EXPECT_THAT(turns("").body, testing::AllOf(HasSubstr("turn 1"), HasSubstr("turn 3")));
  const auto first = turns("?limit=2");
  EXPECT_THAT(first.body, testing::AllOf(HasSubstr("turn 2"), testing::Not(HasSubstr("turn 3"))));
  const auto next = turns("?limit=2&cursor=" + std::string(first.headers.get("X-Next-Cursor")));
  EXPECT_THAT(next.body, testing::AllOf(HasSubstr("turn 3"), testing::Not(HasSubstr("turn 2"))));
  EXPECT_EQ(get("/api/executions/exe_none/turns").status, 404);
}

TEST_F(ExecutionsApi, RefusesWhatCannotRun) {
  EXPECT_EQ(post("/api/execute", R"({"prompt":"x","personaId":"per_none"})").status, 404);
  const auto persona = make_persona("a");
  send("PATCH", "/api/personas/" + persona, R"({"enabled":false})");
  const auto disabled =
      post("/api/execute", fmt::format(R"({{"prompt":"x","personaId":"{}"}})", persona));
  EXPECT_EQ(disabled.status, 422);
  EXPECT_EQ(post("/api/execute", R"({"prompt":""})").status, 400);
  EXPECT_EQ(post("/api/execute", R"({"prompt":"x","timeoutMs":1,"config":{"x":1}})").status, 400);
  for (const std::string_view wait : {"x", "6m", "-1", ""}) {
    const auto answer = post("/api/execute?wait=" + std::string(wait), R"({"prompt":"x"})");
    EXPECT_EQ(answer.status, 400) << wait;
    EXPECT_THAT(answer.at("fields"), HasSubstr("query.wait"));
  }
  EXPECT_TRUE(executions_.queued.empty());
  EXPECT_EQ(get("/api/executions").text, "[]");
}

TEST_F(ExecutionsApi, WaitAnswersWithTheEndWhenItComes) {
  std::optional<net::Response> response;
  boost::asio::co_spawn(
      context_,
      api_->handle(request("POST", "/api/execute?wait=60s", R"({"prompt":"x"})", {}, kTeamKey)),
      [&](const std::exception_ptr&, net::Response r) { response = std::move(r); });
  run_until([&] { return !executions_.queued.empty(); });
  EXPECT_FALSE(response);
  finish(executions_.queued[0].id.str());
  run_until([&] { return response.has_value(); });
  EXPECT_EQ(response->status, 200);
  EXPECT_THAT(response->body, HasSubstr(R"("status":"completed")"));
  EXPECT_THAT(response->body, HasSubstr(R"("output":"hello\n")"));
}

TEST_F(ExecutionsApi, WaitGivesUpInTime) {
  const auto answer = post("/api/execute?wait=20ms", R"({"prompt":"x"})");
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.at("status"), "queued");
}

TEST_F(ExecutionsApi, WaitEndsWhenTheServerStops) {
  std::optional<net::Response> response;
  boost::asio::co_spawn(
      context_,
      api_->handle(request("POST", "/api/execute?wait=60s", R"({"prompt":"x"})", {}, kTeamKey)),
      [&](const std::exception_ptr&, net::Response r) { response = std::move(r); });
  run_until([&] { return !executions_.queued.empty(); });
  feed_.close();
  run_until([&] { return response.has_value(); });
  EXPECT_EQ(response->status, 202);
}

TEST_F(ExecutionsApi, ShowsTheOutputAsAskedFor) {
  const auto id = execute(make_persona("a"));
  finish(id);
  const auto path = "/api/executions/" + id;
  const auto tail = get(path);
  EXPECT_EQ(tail.at("output"), "hello\n");
  EXPECT_EQ(tail.at("outputBytes"), "6");
  EXPECT_EQ(tail.object().at("attempts").as_array().size(), 1U);
  EXPECT_EQ(get(path + "?output=full").at("output"), "hello\n");
  EXPECT_EQ(get(path + "?output=none").at("output"), "null");
  EXPECT_EQ(get(path + "?output=some").status, 400);
}

TEST_F(ExecutionsApi, ListsFiltersAndPages) {
  const auto a = make_persona("a");
  const auto b = make_persona("b");
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(execute(a));
  ids.push_back(execute(b));
  finish(ids[0]);
  const auto ids_of = [](const Answer& answer) {
    std::vector<std::string> found;
    for (const auto& row : answer.json.as_array()) {
      found.emplace_back(row.as_object().at("id").as_string());
    }
    return found;
  };
  EXPECT_EQ(ids_of(get("/api/executions?limit=20")),
            (std::vector<std::string>{ids[3], ids[2], ids[1], ids[0]}));
  EXPECT_EQ(ids_of(get("/api/executions?personaId=" + a + "&status=completed&limit=10")),
            (std::vector<std::string>{ids[0]}));
  const auto path = "/api/personas/" + a + "/executions";
  const auto page = get(path + "?limit=2");
  EXPECT_EQ(ids_of(page), (std::vector<std::string>{ids[2], ids[1]}));
  const auto next = std::string(page.headers.get("X-Next-Cursor"));
  const auto last = get(path + "?limit=2&cursor=" + next);
  EXPECT_EQ(ids_of(last), (std::vector<std::string>{ids[0]}));
  EXPECT_EQ(last.headers.find("X-Next-Cursor"), nullptr);
  EXPECT_EQ(get("/api/executions?until=2020-01-01T00:00:00Z").text, "[]");
  EXPECT_EQ(send("GET", "/api/executions", {}, {}, kOtherKey).text, "[]");
}

TEST_F(ExecutionsApi, CancelsWhatWaitsAndLeavesWhatIsOver) {
  const auto id = execute(make_persona("a"));
  const auto path = "/api/executions/" + id + "/cancel";
  EXPECT_EQ(send("POST", path, {}, {}, kOtherKey).status, 404);
  const auto cancelled = post(path);
  EXPECT_EQ(cancelled.status, 200);
  EXPECT_EQ(cancelled.at("status"), "cancelled");
  EXPECT_EQ(executions_.cancelled, std::vector<std::string>{id});
  EXPECT_EQ(post(path).at("status"), "cancelled");
  EXPECT_EQ(executions_.cancelled.size(), 1U);
  EXPECT_EQ(post("/api/executions/exe_none/cancel").status, 404);
}

TEST_F(ExecutionsApi, NothingOfAnotherTenantCanBeSeen) {
  const auto id = execute(make_persona("a"));
  for (const std::string_view rest : {"", "/stream", "/reviews"}) {
    const auto answer = send("GET", "/api/executions/" + id + std::string(rest), {}, {}, kOtherKey);
    EXPECT_EQ(answer.status, 404) << rest;
  }
}

}  // namespace
}  // namespace personas::http_api
