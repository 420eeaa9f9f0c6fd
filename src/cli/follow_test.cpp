#include "follow.hpp"

#include "test_world.hpp"

namespace personas::cli {
namespace {

const std::string kStream = "GET /api/executions/" + kExecutionId + "/stream";
const std::string kExecution = "GET /api/executions/" + kExecutionId;

std::string event(std::string_view type, int id, std::string_view data) {
  return fmt::format("id: c{}\nevent: {}\ndata: {}\n\n", id, type, data);
}
std::string output(int id, std::string_view text) {
  std::string chunk;
  codec::append_json_string(text, chunk);
  return event("execution.output", id,
               fmt::format(R"({{"attempt":1,"stream":"stdout","chunk":{}}})", chunk));
}
std::string status(int id, std::string_view name) {
  return event("execution.status", id,
               fmt::format(R"({{"status":"{}","attempt":1,"workerId":"wrk_1"}})", name));
}

int follow(World& world, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"logs", kExecutionId, "-f"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return world.run(arguments);
}

TEST(Follow, ShowsOutputLiveAndThenHowItWent) {
  World world;
  world.server.answer(kStream,
                      {.pieces = {event("execution.queued", 1, "{}"), status(2, "running"),
                                  output(3, "Hel"), output(4, "lo\n"), status(5, "completed")}});
  world.server.answer(
      kExecution, execution_json("completed", R"(,"durationMs":3200,"costUsd":0.0123,"outcome":)"
                                              R"({"accomplished":true,"summary":"Said it"})"));
  EXPECT_EQ(follow(world), kExitDone);
  EXPECT_EQ(world.terminal.output, "Hello\n");
  EXPECT_EQ(world.terminal.errors,
            "queued\nrunning on wrk_1\n"
            "completed in 3.2 s, $0.0123 (" +
                kExecutionId + ")\naccomplished: Said it\n");
  EXPECT_EQ(world.server.requests.front().headers.get("Accept"), "text/event-stream");
}

TEST(Follow, ResumesAfterTheLastEventWhenTheConnectionBreaks) {
  World world;
  world.server.answer(
      kStream, {.pieces = {output(1, "one\n"), output(2, "two\n"), "id: c3\nda"}, .refuses = true});
  world.server.answer(kStream, {.refuses = true});
  world.server.answer(kStream, {.pieces = {output(3, "three\n"), status(4, "completed")}});
  world.server.answer(kExecution, execution_json("running"));
  world.server.answer(kExecution, {.refuses = true});
  world.server.answer(kExecution, execution_json("completed"));
  EXPECT_EQ(follow(world), kExitDone) << world.terminal.errors;
  EXPECT_EQ(world.terminal.output, "one\ntwo\nthree\n");
  std::vector<std::string> resumed_after;
  for (const auto& request : world.server.requests) {
    if (request.target.ends_with("/stream")) {
      resumed_after.emplace_back(request.headers.get("Last-Event-ID"));
    }
  }
  EXPECT_EQ(resumed_after, (std::vector<std::string>{"", "c2", "c2"}));
  EXPECT_EQ(world.pauses, 2);
}

TEST(Follow, EndsWhenTheServerEndedTheStreamOfAFinishedExecution) {
  World world;
  world.server.answer(kStream, {.pieces = {output(1, "x\n")}});
  world.server.answer(kExecution, execution_json("cancelled"));
  EXPECT_EQ(follow(world), kExitCancelled);
}

TEST(Follow, GivesUpAfterAMinuteAndSaysHowToGoOn) {
  World world;
  world.server.answer(kStream, {.pieces = {output(1, "x\n")}, .refuses = true});
  world.server.answer(kStream, {.refuses = true});
  world.server.answer(kExecution, {.refuses = true});
  EXPECT_EQ(follow(world), 69);
  EXPECT_EQ(world.pauses, kMaxFruitlessTries);
  EXPECT_NE(world.terminal.errors.find("personas logs " + kExecutionId + " --follow"),
            std::string::npos)
      << world.terminal.errors;
}

TEST(Follow, AnUnknownExecutionIsNotFollowed) {
  World world;
  EXPECT_EQ(follow(world), 66);
  EXPECT_EQ(world.pauses, 0);
}

TEST(Follow, TheExitCodeIsTheOutcome) {
  const auto code = [](const std::string& execution) {
    World world;
    world.server.answer(kStream, {.pieces = {status(1, "completed")}});
    world.server.answer(kExecution, execution);
    return follow(world);
  };
  EXPECT_EQ(code(execution_json("completed")), kExitDone);
  EXPECT_EQ(
      code(execution_json("completed", R"(,"outcome":{"accomplished":false,"summary":"No"})")),
      kExitNotAccomplished);
  EXPECT_EQ(code(execution_json("failed")), kExitFailed);
  EXPECT_EQ(code(execution_json("cancelled")), kExitCancelled);
}

TEST(Follow, AFailureComesWithItsCure) {
  World world;
  world.server.answer(kStream, {.pieces = {status(1, "failed")}});
  world.server.answer(kExecution,
                      execution_json("failed", R"(,"failureReason":"timeout","errorMessage":)"
                                               R"("5 minutes","whatToDo":"Raise timeoutMs.")"));
  follow(world);
  EXPECT_NE(
      world.terminal.errors.find("reason: timeout: 5 minutes\nwhat to do: Raise timeoutMs.\n"),
      std::string::npos)
      << world.terminal.errors;
}

TEST(Follow, AnnouncesReviewsAndRetries) {
  World world;
  world.server.answer(
      kStream,
      {.pieces = {status(1, "running"),
                  event("review.requested", 2,
                        R"({"reviewId":"rev_1","title":"Delete?","severity":"high"})"),
                  event("execution.status", 3,
                        R"({"status":"queued","attempt":1,"failureReason":"worker_lost"})"),
                  event("execution.progress", 4, R"({"stage":"tool","message":"Bash"})"),
                  status(5, "completed")}});
  world.server.answer(kExecution, execution_json("completed"));
  follow(world);
  const auto& errors = world.terminal.errors;
  EXPECT_NE(errors.find("review (high): Delete?"), std::string::npos) << errors;
  EXPECT_NE(errors.find("personas approve rev_1"), std::string::npos) << errors;
  EXPECT_NE(errors.find("attempt 1 ended (worker_lost); it is tried again"), std::string::npos);
  EXPECT_NE(errors.find("tool: Bash"), std::string::npos) << errors;
}

TEST(Follow, PrintsEventsAsJsonLinesForPrograms) {
  World world;
  world.server.answer(kStream, {.pieces = {output(1, "x"), status(2, "completed")}});
  world.server.answer(kExecution, execution_json("completed"));
  EXPECT_EQ(follow(world, {"--json"}), kExitDone);
  EXPECT_TRUE(world.terminal.output.starts_with(
      R"({"event":"execution.output","id":"c1","data":{"attempt":1,"stream":"stdout","chunk":"x"}})"
      "\n"))
      << world.terminal.output;
  EXPECT_EQ(world.terminal.errors, "");
}

}  // namespace
}  // namespace personas::cli
