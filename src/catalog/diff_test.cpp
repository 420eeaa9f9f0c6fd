#include "personas/catalog/diff.hpp"

#include <gtest/gtest.h>

#include "personas/codec/json.hpp"

namespace personas::catalog {
namespace {

std::string shown(const std::vector<DiffLine>& lines) {
  std::string out;
  for (const auto& line : lines) {
    constexpr std::string_view kMarks = " +-~";
    out += kMarks[static_cast<std::size_t>(line.op)];
    out += line.text + "\n";
  }
  return out;
}

boost::json::object object(std::string_view json) {
  return codec::parse_json(json)->as_object();
}

std::string names(const std::vector<FieldChange>& changes) {
  std::string out;
  for (const auto& change : changes) {
    out += change.field + ": " + change.before.text + " → " + change.after.text + "\n";
  }
  return out;
}

TEST(DiffLines, ShowsWhatWasTakenOutAndPutInWhereItHappened) {
  EXPECT_EQ(shown(diff_lines("a\nb\nc\n", "a\nB\nc\nd\n")), " a\n-b\n+B\n c\n+d\n");
}

TEST(DiffLines, MovedLinesKeepTheLongestCommonPart) {
  EXPECT_EQ(shown(diff_lines("one\ntwo\nthree\nfour", "two\nthree\none\nfour")),
            "-one\n two\n three\n+one\n four\n");
}

TEST(DiffLines, EqualLinesFarFromAChangeAreLeftOut) {
  std::string before, after;
  for (int i = 0; i < 20; ++i) {
    before += std::to_string(i) + "\n";
    after += i == 10 ? "ten\n" : std::to_string(i) + "\n";
  }
  EXPECT_EQ(shown(diff_lines(before, after)), "~\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n~\n");
}

TEST(DiffLines, HugeTextsCountAsReplaced) {
  std::string before, after;
  for (std::size_t i = 0; i <= kMaxComparedLines; ++i) {
    before += "a" + std::to_string(i) + "\n";
    after += "b" + std::to_string(i) + "\n";
  }
  EXPECT_EQ(diff_lines(before, after).size(), 2 * (kMaxComparedLines + 1));
}

TEST(DiffObjects, NamesMembersOfObjectsAndLeavesEqualOnesOut) {
  EXPECT_EQ(names(diff_objects(object(R"({"a":1,"retry":{"max":3,"times":2},"x":"y"})"),
                               object(R"({"a":1,"retry":{"max":5,"times":2},"n":[1]})"))),
            "retry.max: 3 → 5\nn: null → [1]\nx: \"y\" → null\n");
}

TEST(DiffObjects, LooksIntoStructuredPromptsWhateverTheirSpelling) {
  const auto changes = diff_objects(
      object(R"({"structuredPrompt":"{\"identity\":\"a\",\"instructions\":\"one\\ntwo\"}"})"),
      object(R"({"structuredPrompt":"{ \"instructions\":\"one\\n2\", \"identity\":\"a\" }"})"));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes.front().field, "structuredPrompt.instructions");
  ASSERT_TRUE(changes.front().lines);
  EXPECT_EQ(shown(*changes.front().lines), " one\n-two\n+2\n");
}

TEST(DiffObjects, CustomSectionsGoByTheirTitles) {
  EXPECT_EQ(names(diff_objects(
                object(R"({"structuredPrompt":{"customSections":[{"title":"Tone","content":"x"},
                           {"title":"Style","content":"s"}]}})"),
                object(R"({"structuredPrompt":{"customSections":[{"title":"Style","content":"s"},
                           {"title":"Tone","content":"y"}]}})"))),
            "structuredPrompt.customSections.Tone: \"x\" → \"y\"\n");
}

TEST(DiffObjects, EqualValuesDoNotDiffer) {
  EXPECT_TRUE(diff_objects(object(R"({"a":null,"b":{}})"), object(R"({"b":{}})")).empty());
}

}  // namespace
}  // namespace personas::catalog
