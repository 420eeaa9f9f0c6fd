#include <gtest/gtest.h>

#include "personas/settings/load.hpp"

namespace personas::settings {
namespace {

std::string value_of_line(std::string_view line) {
  const auto entries = parse_dot_env(line);
  EXPECT_TRUE(entries) << line;
  return entries && entries->size() == 1 ? entries->front().value : "(none)";
}

TEST(DotEnv, ReadsNamesAndValues) {
  const auto entries = parse_dot_env("# keys\nHTTP_PORT=3001\n\n  export WS_PORT = 8443\r\n");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ(entries->at(0).name, "HTTP_PORT");
  EXPECT_EQ(entries->at(0).value, "3001");
  EXPECT_EQ(entries->at(0).line, 2);
  EXPECT_EQ(entries->at(1).name, "WS_PORT");
  EXPECT_EQ(entries->at(1).value, "8443");
  EXPECT_EQ(entries->at(1).line, 4);
}

TEST(DotEnv, UnderstandsQuotesAndComments) {
  EXPECT_EQ(value_of_line("A='x # y \\n'  # why"), "x # y \\n");
  EXPECT_EQ(value_of_line("A=\"one\\ntwo \\\"q\\\" \\$\""), "one\ntwo \"q\" $");
  EXPECT_EQ(value_of_line("A=a#b # comment"), "a#b");
  EXPECT_EQ(value_of_line("A="), "");
  EXPECT_EQ(value_of_line("A= # nothing"), "");
  EXPECT_EQ(value_of_line("A=$HOME"), "$HOME");
  EXPECT_EQ(value_of_line("A=b=c"), "b=c");
}

TEST(DotEnv, NamesTheLineOfEveryMistake) {
  const auto entries = parse_dot_env("A=1\nnonsense\n2B=x\nC=\"open\nD='x' y\n");
  ASSERT_FALSE(entries);
  ASSERT_EQ(entries.error().fields.size(), 4U);
  EXPECT_EQ(entries.error().fields[0].path, ".env:2");
  EXPECT_EQ(entries.error().fields[1].path, ".env:3");
  EXPECT_EQ(entries.error().fields[2].path, ".env:4");
  EXPECT_EQ(entries.error().fields[3].path, ".env:5");
}

}  // namespace
}  // namespace personas::settings
