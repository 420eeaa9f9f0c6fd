#include "status_line.hpp"

#include "test_world.hpp"

namespace personas::cli {
namespace {

// What a terminal of this width shows of what was written: rows, the last one being where the
// cursor stands. Knows what the status line uses.
std::vector<std::string> rows_of(std::string_view written) {
  std::vector<std::string> rows{""};
  for (std::size_t i = 0; i < written.size(); ++i) {
    if (written[i] == '\n') {
      rows.emplace_back();
    } else if (written[i] == '\r') {
      EXPECT_EQ(written.substr(i, 2), "\r\x1b");
    } else if (written.substr(i).starts_with("\x1b[J")) {
      rows.back().clear();
      i += 2;
    } else {
      rows.back() += written[i];
    }
  }
  return rows;
}

StringTerminal live_terminal(std::size_t columns = 40) {
  StringTerminal terminal;
  terminal.columns = columns;
  terminal.movable = Cursor::kMovable;
  return terminal;
}

TEST(StatusLine, StandsBelowEverythingAndLeavesNothingBehind) {
  StringTerminal terminal = live_terminal();
  {
    StatusLine line(terminal);
    line.out("one\n");
    line.show({{"working", Paint::kNone}});
    EXPECT_EQ(rows_of(terminal.both), (std::vector<std::string>{"one", "working"}));
    line.err("two\n");
    EXPECT_EQ(rows_of(terminal.both), (std::vector<std::string>{"one", "two", "working"}));
  }
  EXPECT_EQ(rows_of(terminal.both), (std::vector<std::string>{"one", "two", ""}));
}

TEST(StatusLine, WaitsForTheEndOfALine) {
  StringTerminal terminal = live_terminal();
  StatusLine line(terminal);
  line.show({{"working", Paint::kNone}});
  line.out("half");
  EXPECT_EQ(rows_of(terminal.both), (std::vector<std::string>{"half"}));
  line.show({{"still working", Paint::kNone}});
  EXPECT_EQ(rows_of(terminal.both), (std::vector<std::string>{"half"}));
  line.out(" a line\n");
  EXPECT_EQ(rows_of(terminal.both), (std::vector<std::string>{"half a line", "still working"}));
}

TEST(StatusLine, IsCutToTheWidthWithoutTheLastColumn) {
  StringTerminal terminal = live_terminal(10);
  StatusLine line(terminal);
  line.show({{"日本", Paint::kNone}, {"abcdefgh", Paint::kNone}, {"ij", Paint::kNone}});
  EXPECT_EQ(terminal.both, "日本abcd…");
}

TEST(StatusLine, IsTakenBackWholeWhenTheWindowHasBecomeNarrower) {
  StringTerminal terminal = live_terminal(40);
  StatusLine line(terminal);
  line.show({{std::string(35, 'x'), Paint::kNone}});
  terminal.both.clear();
  terminal.columns = 10;  // 35 columns are four rows now, the cursor stands in the last
  line.show({{"short", Paint::kNone}});
  EXPECT_EQ(terminal.both, "\r\x1b[3A\x1b[Jshort");
}

TEST(StatusLine, IsNotDrawnAgainWhenNothingChanged) {
  StringTerminal terminal = live_terminal();
  StatusLine line(terminal);
  line.show({{"working", Paint::kNone}});
  terminal.both.clear();
  line.show({{"working", Paint::kNone}});
  EXPECT_EQ(terminal.both, "");
}

TEST(StatusLine, DoesNotExistInAPipe) {
  StringTerminal terminal;
  StatusLine line(terminal);
  line.show({{"working", Paint::kNone}});
  line.out("one\n");
  line.err("two\n");
  EXPECT_EQ(terminal.both, "one\ntwo\n");
}

}  // namespace
}  // namespace personas::cli
