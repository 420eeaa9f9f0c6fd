#include "format.hpp"

#include "test_world.hpp"

namespace personas::cli {
namespace {

Table example() {
  Table table({"ID", "STATUS", "PROMPT"});
  table.add({{"a"}, {"completed", Paint::kGreen}, {"a long prompt that does not fit"}});
  table.add({{"bbb"}, {"–"}, {"two\nlines"}});
  return table;
}

TEST(Table, AlignsColumnsAndCutsNothingForAPipe) {
  StringTerminal terminal;
  EXPECT_EQ(example().render(terminal),
            "ID   STATUS     PROMPT\n"
            "a    completed  a long prompt that does not fit\n"
            "bbb  –          two lines\n");
}

TEST(Table, TheLastColumnTakesWhatTheTerminalLeaves) {
  StringTerminal terminal;
  terminal.columns = 32;
  EXPECT_EQ(example().render(terminal),
            "ID   STATUS     PROMPT\n"
            "a    completed  a long prompt t…\n"
            "bbb  –          two lines\n");
  terminal.columns = 5;  // nothing sensible fits: the line wraps, the text stays readable
  EXPECT_NE(example().render(terminal).find("a long prom…"), std::string::npos);
}

TEST(Table, ColoursDoNotCountAsWidth) {
  StringTerminal terminal;
  terminal.shown_colours = Colours::kOn;
  EXPECT_NE(example().render(terminal).find("\x1b[32mcompleted\x1b[0m  a long"), std::string::npos);
}

TEST(Table, WideAndCombiningCharactersKeepTheColumns) {
  EXPECT_EQ(display_width("日本"), 4U);
  EXPECT_EQ(display_width("e\xCC\x81"), 1U);
  EXPECT_EQ(cut("日本語", 5), "日本…");
  EXPECT_EQ(cut("日本語", 4), "日…");
  EXPECT_EQ(cut("abc", 3), "abc");
  EXPECT_EQ(cut("abc", 0), "");
}

TEST(Table, EscapeSequencesInValuesAreRemoved) {
  StringTerminal terminal;
  Table table({"A"});
  table.add({{"x\x1b]0;title\x07y\x1b[2Jz"}});
  EXPECT_EQ(table.render(terminal), "A\nxyz\n");
}

TEST(Colours, AreForPeopleWhoDidNotRefuseThem) {
  EXPECT_EQ(decide_colours(Attached::kTerminal, "", "xterm"), Colours::kOn);
  EXPECT_EQ(decide_colours(Attached::kTerminal, "1", "xterm"), Colours::kOff);
  EXPECT_EQ(decide_colours(Attached::kTerminal, "", "dumb"), Colours::kOff);
  EXPECT_EQ(decide_colours(Attached::kOther, "", "xterm"), Colours::kOff);
}

TEST(Colours, DoNotLeakIntoTheNextLine) {
  StringTerminal terminal;
  terminal.shown_colours = Colours::kOn;
  EXPECT_EQ(paint(terminal, Paint::kRed, "a\n"), "\x1b[31ma\x1b[0m\n");
}

TEST(Durations, AreShort) {
  EXPECT_EQ(age(seconds(59)), "59s");
  EXPECT_EQ(age(minutes(61)), "1h");
  EXPECT_EQ(age(hours(49)), "2d");
  EXPECT_EQ(age(-seconds(3)), "0s");
  EXPECT_EQ(long_duration(milliseconds(840)), "840 ms");
  EXPECT_EQ(long_duration(milliseconds(3'240)), "3.2 s");
  EXPECT_EQ(long_duration(seconds(245)), "4m 05s");
  EXPECT_EQ(long_duration(minutes(127)), "2h 07m");
}

TEST(Table, ShowsTheEndsOfIdsWhereThereIsNoRoomForWholeOnes) {
  StringTerminal terminal;
  terminal.columns = 40;
  Table table({"ID", "STATUS", "TEXT"});
  table.add({{"exe_01m7z521yp2wb0axkj5db7kp6r"}, {"running"}, {"Look around the house"}});
  EXPECT_EQ(table.render(terminal),
            "ID        STATUS   TEXT\n5db7kp6r  running  Look around the house\n");
  terminal.columns = 80;
  EXPECT_NE(table.render(terminal).find("exe_01m7z521yp2wb0axkj5db7kp6r"), std::string::npos);
}

}  // namespace
}  // namespace personas::cli
