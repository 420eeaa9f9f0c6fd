#include "test_world.hpp"

namespace personas::cli {
namespace {

const std::string kPersonas = "GET /api/personas?limit=500";
const std::string kFull = "GET /api/executions/" + kExecutionId + "?output=full";
const std::string kOne = "GET /api/executions/" + kExecutionId;

World with_demo() {
  World world;
  world.server.answer(kPersonas, std::string(kDemoPersonas));
  world.server.answer(
      "POST /api/execute",
      {.status = 202, .body = R"({"executionId":")" + kExecutionId + R"(","status":"queued"})"});
  return world;
}

TEST(Run, QueuesAndSaysHowToWatch) {
  World world = with_demo();
  EXPECT_EQ(world.run({"run", "demo", "Say hello"}), 0) << world.terminal.errors;
  EXPECT_EQ(world.terminal.output, kExecutionId + "\n");
  EXPECT_NE(world.terminal.errors.find("personas logs " + kExecutionId + " --follow"),
            std::string::npos);
  EXPECT_EQ(world.server.body_of("POST /api/execute"),
            R"({"prompt":"Say hello","personaId":"per_1"})");
}

TEST(Run, PassesItsOptionsOn) {
  World world = with_demo();
  world.files["in.json"] = "{\"mr\": 4}";
  world.files["-"] = "From a pipe";
  EXPECT_EQ(world.run({"run", "per_2", "-", "--input", "@in.json", "--priority", "-5", "--timeout",
                       "5m", "--json"}),
            0);
  EXPECT_EQ(world.server.body_of("POST /api/execute"),
            R"({"prompt":"From a pipe","inputData":{"mr":4},"priority":-5,"timeoutMs":300000,)"
            R"("personaId":"per_2"})");
  EXPECT_TRUE(world.terminal.output.starts_with("{\"executionId\""));
  EXPECT_EQ(world.terminal.errors, "");
}

TEST(Run, WaitsForTheEndAndShowsIt) {
  World world = with_demo();
  world.server.answer("POST /api/execute?wait=30000ms",
                      {.status = 202, .body = R"({"executionId":")" + kExecutionId + "\"}"});
  world.server.answer(kOne, execution_json("running"));
  world.server.answer(kOne, execution_json("completed"));
  world.server.answer(kFull, execution_json("completed", R"(,"output":"Hello\n")"));
  EXPECT_EQ(world.run({"run", "demo", "x", "--wait", "60s"}), 0) << world.terminal.errors;
  EXPECT_EQ(world.terminal.output, "Hello\n");
  EXPECT_EQ(world.pauses, 1);
}

TEST(Run, StopsWaitingAfterTheTimeGiven) {
  World world = with_demo();
  world.server.answer("POST /api/execute?wait=2000ms",
                      {.status = 202, .body = R"({"executionId":")" + kExecutionId + "\"}"});
  world.server.answer(kOne, execution_json("queued"));
  world.server.answer(kFull, execution_json("queued", R"(,"waitingFor":"a free worker")"));
  EXPECT_EQ(world.run({"run", "demo", "x", "--wait", "2s"}), 75);
  EXPECT_EQ(world.pauses, 2);
  EXPECT_NE(world.terminal.errors.find("waiting for: a free worker"), std::string::npos);
}

TEST(Run, SuggestsThePersonaThatWasMeant) {
  World world = with_demo();
  EXPECT_EQ(world.run({"run", "dmeo", "x"}), 66);
  EXPECT_EQ(world.terminal.errors, "error: There is no persona \"dmeo\"; did you mean \"demo\"?\n");
}

TEST(Run, TakesANameAsItIsTypedInHaste) {
  World world = with_demo();
  EXPECT_EQ(world.run({"run", "DEMO", "x", "--timeout", "soon"}), 64);
  world.server.answer("POST /api/execute",
                      {.status = 202, .body = R"({"executionId":")" + kExecutionId + "\"}"});
  EXPECT_EQ(world.run({"run", "Demo", "x"}), 0) << world.terminal.errors;
}

TEST(Run, RefusesWrongOptionsBeforeAskingTheServer) {
  World world;
  EXPECT_EQ(world.run({"run", "demo", "x", "--input", "{"}), 64);
  EXPECT_EQ(world.run({"run", "demo", "x", "--timeout", "soon"}), 64);
  EXPECT_EQ(world.run({"run", "demo", "x", "--wait", "soon"}), 64);
  EXPECT_EQ(world.run({"run"}), kExitUsage);
  EXPECT_EQ(world.run({"run", "demo", "x", "--nonsense"}), kExitUsage);
  EXPECT_TRUE(world.server.requests.empty());
  EXPECT_NE(world.terminal.errors.find("--timeout: expected a duration"), std::string::npos);
}

TEST(Errors, ARefusedConnectionSaysHowToStartTheServer) {
  World world;
  world.server.is_down = true;
  EXPECT_EQ(world.run({"ls"}), 69);
  EXPECT_EQ(world.terminal.errors,
            "error: Nothing answers at http://server (Connection refused). Is it running? Start it "
            "with: personas up\n");
}

TEST(Errors, AWrongKeySaysWhereTheKeyComesFrom) {
  World world;
  world.server.answer("GET /api/status",
                      {.status = 401, .body = R"({"detail":"A valid key is needed"})"});
  EXPECT_EQ(world.run({"status"}), 77);
  EXPECT_EQ(world.terminal.errors,
            "error: A valid key is needed. The key comes from TEAM_API_KEY or data/team.key\n");
}

TEST(Errors, AnAnswerThatIsNoProblemDocumentIsStillAnError) {
  World world;
  CannedServer::Answer busy{.status = 503, .body = "<html>\x1b[2J"};
  busy.headers.set("Retry-After", "7");
  world.server.answer("GET /api/status", busy);
  EXPECT_EQ(world.run({"status"}), 69);
  EXPECT_EQ(world.terminal.errors,
            "error: http://server answered with HTTP status 503. Try again in 7 s\n");
}

TEST(Ls, ListsExecutionsWithTheNamesOfPersonas) {
  World world = with_demo();
  world.server.answer(
      "GET /api/executions?limit=50",
      "[" +
          execution_json("completed", R"(,"durationMs":900,"costUsd":0.5,"outcome":)"
                                      R"({"accomplished":false,"summary":""})") +
          "," + execution_json("queued", R"(,"waitingFor":"a worker")") + "]");
  EXPECT_EQ(world.run({"ls"}), 0) << world.terminal.errors;
  EXPECT_EQ(world.terminal.output,
            "ID                              PERSONA  STATUS            AGE  TOOK    COST     "
            "PROMPT\n" +
                kExecutionId + "  demo     not accomplished  0s   900 ms  $0.5000  Say hello\n" +
                kExecutionId +
                "  demo     queued            0s   –       –        [a worker] Say "
                "hello\n");
}

TEST(Ls, FiltersBySendingOnlyWhatTheServerKnows) {
  World world = with_demo();
  world.server.answer("GET /api/executions?limit=5&personaId=per_1&status=failed", "[]");
  EXPECT_EQ(
      world.run({"ls", "executions", "--persona", "demo", "--status", "failed", "--limit", "5"}), 0)
      << world.terminal.errors;
  EXPECT_EQ(world.terminal.output, "");
  EXPECT_NE(world.terminal.errors.find("no executions"), std::string::npos);

  world.server.answer("GET /api/events?limit=50",
                      R"([{"id":"evt_1","eventType":"a","sourceType":"api","status":"failed"},
                          {"id":"evt_2","eventType":"b","sourceType":"api",
                           "status":"delivered"}])");
  EXPECT_EQ(world.run({"ls", "events", "--status", "failed"}), 0);
  EXPECT_NE(world.terminal.output.find("evt_1"), std::string::npos);
  EXPECT_EQ(world.terminal.output.find("evt_2"), std::string::npos);
}

TEST(Ls, ShowsEveryKind) {
  World world = with_demo();
  world.server.answer("GET /api/personas?limit=50", std::string(kDemoPersonas));
  world.server.answer("GET /api/tool-definitions?limit=50",
                      R"([{"id":"tool_1","name":"mail","description":"Reads"}])");
  world.server.answer("GET /api/messages?limit=50",
                      R"([{"id":"msg_1","personaId":"per_1","title":"T","content":"Body",
                           "contentType":"warning"}])");
  world.server.answer(
      "GET /api/reviews/pending?limit=50",
      R"([{"id":"rev_1","personaId":"per_1","title":"Delete?","severity":"high"}])");
  world.server.answer("GET /api/personas/per_1/memories?limit=50",
                      R"([{"id":"mem_1","title":"When","content":"At 9"}])");
  EXPECT_EQ(world.run({"ls", "personas"}), 0);
  EXPECT_EQ(world.run({"ls", "tools"}), 0);
  EXPECT_EQ(world.run({"ls", "messages"}), 0);
  EXPECT_EQ(world.run({"ls", "reviews"}), 0);
  EXPECT_EQ(world.run({"ls", "memories", "--persona", "demo"}), 0);
  const auto& out = world.terminal.output;
  for (const auto* text : {"Reviewer", "mail", "T: Body", "Delete?", "When: At 9"}) {
    EXPECT_NE(out.find(text), std::string::npos) << text << "\n" << out << world.terminal.errors;
  }
  EXPECT_EQ(world.run({"ls", "memories"}), 64);
  EXPECT_EQ(world.run({"ls", "personas", "--status", "x"}), 64);
  EXPECT_EQ(world.run({"ls", "nonsense"}), kExitUsage);
}

TEST(Ls, ShowsNextPageHintAndRawJson) {
  World world = with_demo();
  CannedServer::Answer page{.body = "[" + execution_json("running") + "]"};
  page.headers.set("X-Next-Cursor", "c");
  world.server.answer("GET /api/executions?limit=1", page);
  EXPECT_EQ(world.run({"ls", "--limit", "1"}), 0);
  EXPECT_NE(world.terminal.errors.find("there are more"), std::string::npos);
  world.terminal.output.clear();
  EXPECT_EQ(world.run({"ls", "--limit", "1", "--json"}), 0);
  EXPECT_EQ(world.terminal.output, page.body + "\n");
}

TEST(Personas, AreFoundOnLaterPagesToo) {
  World world = with_demo();
  CannedServer::Answer first{.body = R"([{"id":"per_0","name":"other"}])"};
  first.headers.set("X-Next-Cursor", "a+b");
  World paged;
  paged.server.answer(kPersonas, first);
  paged.server.answer("GET /api/personas?limit=500&cursor=a%2Bb", std::string(kDemoPersonas));
  paged.server.answer("POST /api/execute", R"({"executionId":")" + kExecutionId + "\"}");
  EXPECT_EQ(paged.run({"run", "demo", "x"}), 0) << paged.terminal.errors;
}

TEST(Logs, ShowsTheWholeOutputOfAnAbbreviatedId) {
  World world;
  world.server.answer("GET /api/executions?limit=200", "[" + execution_json("completed") + "]");
  world.server.answer(kFull, execution_json("completed", R"(,"output":"Hi\u001b[2J\n")"));
  EXPECT_EQ(world.run({"logs", "abc"}), 0) << world.terminal.errors;
  EXPECT_EQ(world.terminal.output, "Hi\n");
  world.server.answer("GET /api/executions?limit=1", "[" + execution_json("completed") + "]");
  EXPECT_EQ(world.run({"logs", "last", "--raw"}), 0);
  EXPECT_EQ(world.terminal.output, "Hi\nHi\x1b[2J\n");
  world.terminal.attached_to = Attached::kTerminal;
  EXPECT_EQ(world.run({"logs", "last", "--raw"}), 0);
  EXPECT_EQ(world.terminal.output, "Hi\nHi\x1b[2J\nHi\n");
}

TEST(Logs, AnAmbiguousIdIsRefused) {
  World world;
  world.server.answer("GET /api/executions?limit=200",
                      R"([{"id":"exe_1a","status":"queued"},{"id":"exe_2a","status":"queued"}])");
  EXPECT_EQ(world.run({"logs", "a"}), 64);
  EXPECT_NE(world.terminal.errors.find("stands for 2 executions"), std::string::npos);
  EXPECT_EQ(world.run({"logs", "../x"}), 64);
}

TEST(Cancel, SaysWhatBecameOfIt) {
  for (const auto& [status, text] :
       std::map<std::string, std::string>{{"cancelled", " is cancelled\n"},
                                          {"running", " is being cancelled\n"},
                                          {"completed", " was already over: completed\n"}}) {
    World world;
    world.server.answer("POST /api/executions/" + kExecutionId + "/cancel", "{}");
    world.server.answer(kOne, execution_json(status));
    EXPECT_EQ(world.run({"cancel", kExecutionId}), 0);
    EXPECT_EQ(world.terminal.output, kExecutionId + text);
  }
}

TEST(Status, ShowsWorkersAndWhatWaits) {
  World world;
  world.server.answer(
      "GET /api/status",
      R"({"status":"ok","queue":{"queued":2,"running":1},"workers":[{"workerId":"wrk_1",
          "state":"busy","slots":2,"usedSlots":1,"sandbox":"none","capabilities":["claude"]}]})");
  world.server.answer("GET /api/executions?limit=20&status=queued",
                      "[" + execution_json("queued", R"(,"waitingFor":"a worker with gpu")") + "]");
  EXPECT_EQ(world.run({"status"}), 0) << world.terminal.errors;
  const auto& out = world.terminal.output;
  for (const auto* text : {"queue: queued 2, running 1", "wrk_1", "1/2", "a worker with gpu"}) {
    EXPECT_NE(out.find(text), std::string::npos) << text << "\n" << out;
  }
}

TEST(Reviews, AreAnswered) {
  World world;
  world.server.answer("GET /api/reviews/pending?limit=500",
                      R"([{"id":"rev_1x","executionId":"exe_9","title":"Delete?"}])");
  world.server.answer("POST /api/executions/exe_9/reviews/rev_1x/respond", "{}");
  EXPECT_EQ(world.run({"approve", "1x", "but keep one"}), 0) << world.terminal.errors;
  EXPECT_EQ(world.terminal.output, "approved: Delete?\n");
  EXPECT_EQ(world.server.body_of("POST /api/executions/exe_9/reviews/rev_1x/respond"),
            R"({"decision":"approved","message":"but keep one"})");
  EXPECT_EQ(world.run({"reject", "rev_1x"}), 0);
  EXPECT_EQ(world.run({"reject", "rev_2"}), 66);
  EXPECT_NE(world.terminal.errors.find("personas reviews"), std::string::npos);
}

}  // namespace
}  // namespace personas::cli
