#include "interrupt.hpp"

#include "test_world.hpp"

namespace personas::cli {
namespace {

using Do = Interrupt::Do;

TEST(Interrupt, AsksAPersonAndDoesWhatTheySay) {
  for (const auto& [key, meant] :
       std::map<char, Do>{{'d', Do::kDetach}, {'c', Do::kCancel}, {'x', Do::kGoOn}}) {
    Interrupt interrupt(Answers::kSomebody);
    EXPECT_EQ(interrupt.take(Happening::kKey, key), Do::kNothing) << "before it is asked";
    EXPECT_EQ(interrupt.take(Happening::kInterrupt, 0), Do::kAsk);
    EXPECT_TRUE(interrupt.is_asking());
    EXPECT_EQ(interrupt.take(Happening::kTick, 0), Do::kNothing);
    EXPECT_EQ(interrupt.take(Happening::kKey, key), meant);
    EXPECT_FALSE(interrupt.is_asking());
  }
}

TEST(Interrupt, TwiceMeansDetach) {
  Interrupt interrupt(Answers::kSomebody);
  EXPECT_EQ(interrupt.take(Happening::kInterrupt, 0), Do::kAsk);
  EXPECT_EQ(interrupt.take(Happening::kInterrupt, 0), Do::kDetach);
}

TEST(Interrupt, WithNobodyToAskItMeansDetach) {
  Interrupt interrupt(Answers::kNobody);
  EXPECT_EQ(interrupt.take(Happening::kInterrupt, 0), Do::kDetach);
}

const std::string kStream = "GET /api/executions/" + kExecutionId + "/stream";
std::string status(std::string_view name) {
  return fmt::format("event: execution.status\ndata: {{\"status\":\"{}\",\"attempt\":1}}\n\n",
                     name);
}

TEST(FollowInterrupted, DetachingHasAnExitCodeOfItsOwnAndSaysHowToComeBack) {
  World world;
  FakeAttention attention;
  world.attention = &attention;
  world.server.answer(kStream, {.pieces = {status("running"), status("completed")},
                                .before_piece = [&](std::size_t piece) {
                                  if (piece == 1) attention.fire(Happening::kInterrupt);
                                }});
  EXPECT_EQ(world.run({"logs", kExecutionId, "-f"}), kExitDetached);
  EXPECT_EQ(attention.left_with, kExitDetached);
  EXPECT_NE(world.terminal.errors.find("personas logs " + kExecutionId + " --follow"),
            std::string::npos);
  EXPECT_FALSE(attention.listener) << "the terminal is given back";
}

TEST(FollowInterrupted, CancellingIsFollowedToItsEnd) {
  World world;
  FakeAttention attention;
  attention.who = Answers::kSomebody;
  world.attention = &attention;
  world.terminal.movable = Cursor::kMovable;
  world.server.answer(
      kStream,
      {.pieces = {status("running"), status("cancelled")}, .before_piece = [&](std::size_t piece) {
         if (piece != 1) return;
         attention.fire(Happening::kInterrupt);
         EXPECT_NE(world.terminal.errors.find("d(etach)"), std::string::npos);
         attention.fire(Happening::kKey, 'c');
       }});
  world.server.answer("POST /api/executions/" + kExecutionId + "/cancel", "{}");
  world.server.answer("GET /api/executions/" + kExecutionId, execution_json("cancelled"));
  EXPECT_EQ(world.run({"logs", kExecutionId, "-f"}), kExitCancelled);
  EXPECT_EQ(world.server.body_of("POST /api/executions/" + kExecutionId + "/cancel"), "");
}

}  // namespace
}  // namespace personas::cli
