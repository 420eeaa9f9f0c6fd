#include "personas/base/redactor.hpp"

#include <gtest/gtest.h>

namespace personas {
namespace {

std::shared_ptr<const Redactor> sample() {
  std::vector<NamedSecret> secrets;
  secrets.push_back({"SHORT", Secret("abc")});
  secrets.push_back({"TOKEN", Secret("sk-ant-12345")});
  secrets.push_back({"LONGER", Secret("sk-ant-12345-67890")});
  return std::make_shared<const Redactor>(std::move(secrets));
}

TEST(Redactor, MasksExactValuesLongestFirst) {
  EXPECT_EQ(sample()->redact("a sk-ant-12345-67890 b sk-ant-12345."),
            "a [redacted:LONGER] b [redacted:TOKEN].");
  EXPECT_EQ(sample()->redact("abc is too short to mask"), "abc is too short to mask");
}

TEST(StreamRedactor, SplitAtEveryByteGivesTheSameText) {
  const std::string text = "x sk-ant-1234 sk-ant-12345-67890sk-ant-12345 sk-ant-12345";
  const std::string expected = sample()->redact(text);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    StreamRedactor stream(sample());
    std::string out = stream.push(text.substr(0, cut));
    out += stream.push(text.substr(cut));
    out += stream.finish();
    EXPECT_EQ(out, expected) << cut;
  }
  StreamRedactor stream(sample());
  std::string out;
  for (const char c : text) out += stream.push(std::string_view(&c, 1));
  EXPECT_EQ(out + stream.finish(), expected);
}

TEST(StreamRedactor, HoldsBackOnlyWhatCouldBeginAValue) {
  StreamRedactor stream(sample());
  EXPECT_EQ(stream.push("hello s"), "hello ");
  EXPECT_TRUE(stream.holds_back());
  EXPECT_EQ(stream.push("un"), "sun");
  EXPECT_FALSE(stream.holds_back());
}

TEST(Redactor, AnEmptyOnePassesEverything) {
  EXPECT_EQ(Redactor().redact("anything"), "anything");
}

}  // namespace
}  // namespace personas
