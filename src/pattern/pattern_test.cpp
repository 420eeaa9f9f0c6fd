#include "personas/pattern/pattern.hpp"

#include <chrono>
#include <regex>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/base/clock.hpp"

namespace personas::pattern {
namespace {

using testing::HasSubstr;

bool matches(std::string_view pattern, std::string_view text) {
  const auto compiled = Pattern::compile(pattern);
  EXPECT_TRUE(compiled) << pattern << ": " << compiled.error().message;
  return compiled && compiled->search(text).found;
}
std::string problem(std::string_view pattern) {
  const auto compiled = Pattern::compile(pattern);
  return compiled ? "none" : compiled.error().message;
}

TEST(Pattern, FindsWhatItDescribesAnywhere) {
  EXPECT_TRUE(matches("issue #\\d+", "closed issue #42 today"));
  EXPECT_FALSE(matches("issue #\\d+", "closed issue # today"));
  EXPECT_TRUE(matches("^done\\.?$", "first\ndone.\nlast"));
  EXPECT_FALSE(matches("^done$", "not done yet"));
  EXPECT_TRUE(matches("(cat|dog)s? (and|or) \\w+", "dogs and birds"));
  EXPECT_TRUE(matches("a{2,3}b", "xaaab"));
  EXPECT_FALSE(matches("^a{2,3}b", "aaaab"));
  EXPECT_TRUE(matches("x{3}", "xxx"));
  EXPECT_TRUE(matches("a{2,}$", "aaaaa"));
  EXPECT_TRUE(matches("[^aeiou\\d]{3}", "a1xyz"));
  EXPECT_TRUE(matches("[]a-]", "]"));
  EXPECT_TRUE(matches("\\bcat\\b", "a cat."));
  EXPECT_FALSE(matches("\\bcat\\b", "concatenate"));
  EXPECT_TRUE(matches("(?i)hello [A-Z]+", "HeLLo world"));
  EXPECT_FALSE(matches("hello", "HELLO"));
  EXPECT_TRUE(matches("", "anything"));
  EXPECT_TRUE(matches("(|a)b", "b"));
  EXPECT_TRUE(matches("(a*)*b", "aab"));
  EXPECT_TRUE(matches("\\S\\s\\D\\W", "a b."));
  EXPECT_TRUE(matches("a\\.b\\n", "a.b\n"));
}

TEST(Pattern, ReadsCodePointsNotBytes) {
  EXPECT_TRUE(matches("^gr.n$", "grün"));
  EXPECT_TRUE(matches("^[ä-ü]+$", "öü"));
  EXPECT_FALSE(matches("^..$", "ü"));
  EXPECT_TRUE(matches("b",
                      "a\xFF"
                      "b"));
}

TEST(Pattern, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(problem("(a"), HasSubstr("character 3: a ( without its )"));
  EXPECT_THAT(problem("a)"), HasSubstr("a ) without its ("));
  EXPECT_THAT(problem("[a"), HasSubstr("a [ without its ]"));
  EXPECT_THAT(problem("*a"), HasSubstr("nothing to repeat"));
  EXPECT_THAT(problem("a**"), HasSubstr("a repetition of a repetition"));
  EXPECT_THAT(problem("a{3,2}"), HasSubstr("n above m"));
  EXPECT_THAT(problem("a{5000}"), HasSubstr("at most 1000"));
  EXPECT_THAT(problem("(a{1000}){1000}"), HasSubstr("too long"));
  EXPECT_THAT(problem("(?=a)"), HasSubstr("supported"));
  EXPECT_THAT(problem("\\q"), HasSubstr("unknown escape"));
  EXPECT_THAT(problem("\\1"), HasSubstr("unknown escape"));
  EXPECT_THAT(problem("a\\"), HasSubstr("at the end"));
  EXPECT_THAT(problem("[z-a]"), HasSubstr("before its start"));
  EXPECT_THAT(problem(std::string(60, '(') + std::string(60, ')')), HasSubstr("too deeply"));
  EXPECT_THAT(problem(std::string(2'000, 'a')), HasSubstr("more than 1000 bytes"));
}

TEST(Pattern, TakesLinearTimeWhereBacktrackingWouldNotEnd) {
  const std::string text(20'000, 'a');
  EXPECT_FALSE(matches("(a|a)*(a|a)*(a|a)*b", text));
  EXPECT_FALSE(matches("(a+)+$x", text));
}

TEST(Pattern, GivesUpInsteadOfBlocking) {
  const auto pattern = Pattern::compile(".{0,900}x.{0,900}y");
  ASSERT_TRUE(pattern) << pattern.error().message;
  const auto match = pattern->search(std::string(2'000'000, 'x'));
  EXPECT_FALSE(match.found);
  EXPECT_TRUE(match.gave_up);
}

// Against std::regex, on small patterns and texts of a random grammar.
TEST(Pattern, AgreesWithAnotherImplementation) {
  SeededRandom random(42);
  const auto part = [&random]() -> std::string {
    static constexpr const char* kParts[] = {"a",    "b",      "c",    ".",   "[ab]",
                                             "[^a]", "(a|bc)", "(ab)", "(b|)"};
    static constexpr const char* kCounts[] = {"", "", "", "*", "+", "?", "{2}", "{1,2}", "{2,}"};
    return std::string(kParts[random.below(9)]) + kCounts[random.below(9)];
  };
  for (int i = 0; i < 3'000; ++i) {
    std::string pattern;
    for (std::uint64_t k = random.below(4) + 1; k > 0; --k) pattern += part();
    if (random.below(3) == 0) pattern += "|" + part();
    std::string text;
    for (std::uint64_t k = random.below(8); k > 0; --k) {
      text += static_cast<char>('a' + random.below(3));
    }
    EXPECT_EQ(matches(pattern, text), std::regex_search(text, std::regex(pattern)))
        << pattern << " on " << text << " (seed 42, round " << i << ")";
  }
}

}  // namespace
}  // namespace personas::pattern
