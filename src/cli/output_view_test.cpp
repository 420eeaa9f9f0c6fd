#include "output_view.hpp"

#include "test_world.hpp"

namespace personas::cli {
namespace {

constexpr std::string_view kStreamJson =
    R"({"type":"system","subtype":"init","session_id":"s1","tools":[],"model":"opus"})"
    "\n"
    R"({"type":"assistant","message":{"model":"opus","content":[{"type":"text",)"
    R"("text":"Hello\n{\"user_message\": {\"content\": \"Done it\"}}"},)"
    R"({"type":"tool_use","id":"t1","name":"Bash","input":{"command":"ls"}}]}})"
    "\n"
    R"({"type":"result","subtype":"success","is_error":false,"duration_ms":5,"num_turns":1,)"
    R"("result":"Hello","session_id":"s1","total_cost_usd":0.1,"usage":{}})"
    "\n";

TEST(OutputView, ShowsTheWordsOfStreamJsonAndItsToolCallsBeside) {
  for (std::size_t cut = 0; cut <= kStreamJson.size(); ++cut) {
    StringTerminal terminal;
    OutputView view(terminal);
    view.feed(OutputStream::kStdout, 1, kStreamJson.substr(0, cut));
    view.feed(OutputStream::kStdout, 1, kStreamJson.substr(cut));
    view.finish();
    ASSERT_EQ(terminal.output, "Hello\n") << "cut at " << cut;
    ASSERT_NE(terminal.errors.find("message (info): Done it\n"), std::string::npos);
    ASSERT_NE(terminal.errors.find("Bash"), std::string::npos);
  }
}

TEST(OutputView, ShowsPlainTextAsItIs) {
  StringTerminal terminal;
  OutputView view(terminal);
  view.feed(OutputStream::kStdout, 1, "Hello ");
  view.feed(OutputStream::kStdout, 1, "world\n{\"emit_event\": {\"type\": \"a.b\"}}\n{not json}\n");
  view.finish();
  EXPECT_EQ(terminal.output, "Hello world\n{not json}\n");
  EXPECT_EQ(terminal.errors, "event: a.b\n");
}

TEST(OutputView, TextThatOnlyBeginsLikeJsonIsShown) {
  StringTerminal terminal;
  OutputView view(terminal);
  view.feed(OutputStream::kStdout, 1, "{\"ty");
  view.finish();
  EXPECT_EQ(terminal.output, "{\"ty\n");
}

TEST(OutputView, NeutralisesEscapeSequences) {
  StringTerminal terminal;
  OutputView view(terminal);
  view.feed(OutputStream::kStdout, 1,
            "a\x1b[2J\x1b]0;owned\x07"
            "b\tc\xC2\x9B"
            "d\r\n");
  view.feed(OutputStream::kStderr, 1, "e\x1b[31mf\n");
  view.feed(OutputStream::kStderr, 1, "last");
  view.finish();
  EXPECT_EQ(terminal.output, "ab\tcd\n");
  EXPECT_EQ(terminal.errors, "ef\nlast\n");
}

TEST(OutputView, ANewAttemptBeginsAfresh) {
  StringTerminal terminal;
  OutputView view(terminal);
  view.feed(OutputStream::kStdout, 1, "half a li");
  view.feed(OutputStream::kStdout, 2, kStreamJson);
  view.finish();
  EXPECT_EQ(terminal.output, "half a li\nHello\n");
}

}  // namespace
}  // namespace personas::cli
