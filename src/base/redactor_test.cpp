#include "personas/base/redactor.hpp"

#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "personas/base/bytes.hpp"

namespace personas {
namespace {

std::shared_ptr<const Redactor> sample() {
  std::vector<NamedSecret> secrets;
  secrets.push_back({"SHORT", Secret("abc")});
  secrets.push_back({"TOKEN", Secret("sk-ant-12345")});
  secrets.push_back({"LONGER", Secret("sk-ant-12345-67890")});
  return std::make_shared<const Redactor>(secrets);
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

std::shared_ptr<const Redactor> masking(std::vector<std::string> values) {
  std::vector<NamedSecret> secrets;
  for (auto& value : values) {
    secrets.push_back({fmt::format("S{}", secrets.size()), Secret(std::move(value))});
  }
  return std::make_shared<const Redactor>(secrets);
}

TEST(Redactor, MasksBase64ThatIsBrokenIntoLines) {
  const std::string token =
      "sk-ant-oat01-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-AbCdEfGhIjKlMnOpQrStUv";
  const auto redactor = masking({token});
  const std::string text = to_base64(as_bytes("TOKEN=" + token + "\nNEXT=1\n"));
  for (const std::string line_break :
       {"\n", "\r\n", "\\n", "\\\\n", "\\\\\\\\r\\\\\\\\n", "\n    "}) {
    for (std::size_t column = 1; column < text.size(); ++column) {
      const std::string broken = text.substr(0, column) + line_break + text.substr(column);
      const std::string masked = redactor->redact(broken);
      ASSERT_TRUE(masked.contains("[redacted:S0]")) << broken;
      // At most the first characters in front of an early break are left.
      ASSERT_LT(masked.size(), 60 + line_break.size()) << masked;
    }
  }
}

TEST(Redactor, MasksValuesThatOverlapAsOne) {
  const auto redactor = masking({"abcdefgh", "efghijkl"});
  EXPECT_EQ(redactor->redact("abcdefghijkl."), "[redacted:S0].");
  EXPECT_EQ(masking({"aaaaaa"})->redact(std::string(100, 'a') + "b"), "[redacted:S0]b");
}

TEST(Redactor, HoldsLittleOfAValueThatRepeatsForEver) {
  StreamRedactor stream(masking({"aaaaaa"}));
  std::string out;
  for (int i = 0; i < 1000; ++i) out += stream.push(std::string(1000, 'a'));
  EXPECT_EQ(out, "");
  EXPECT_EQ(stream.finish(), "[redacted:S0]");
}

TEST(Redactor, LeavesWhatIsNamedAsNoSecret) {
  std::vector<NamedSecret> secrets;
  secrets.push_back({"URL", Secret("https://git.example"), Masked::kNo});
  EXPECT_TRUE(Redactor(secrets).empty());
}

TEST(Redactor, SaysWhereATextMayBeCut) {
  const auto found = sample()->find("ab sk-ant-12345. sk-");
  EXPECT_EQ(found.settled, 17);
  EXPECT_TRUE(found.may_cut_at(3));
  EXPECT_FALSE(found.may_cut_at(4));
  EXPECT_TRUE(found.may_cut_at(15));
  EXPECT_FALSE(found.may_cut_at(18));
}

// Random values, written in random ways, in random text, cut at random places.
class Masking : public testing::Test {
 protected:
  std::size_t below(std::size_t bound) { return random_() % bound; }
  std::string any(std::size_t length, std::string_view alphabet) {
    std::string text;
    while (text.size() < length) text += alphabet[below(alphabet.size())];
    return text;
  }
  std::string value() {
    constexpr std::string_view kAlphabet =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_+/=.:;\"\\\n\t !$%&";
    return any(8 + below(60), kAlphabet);
  }
  std::string written(const std::string& value) {
    const std::string around = any(below(4), "xyz");
    switch (below(6)) {
      case 0:
        return value;
      case 1:
        return to_base64(as_bytes(around + value + around));
      case 2:
        return to_base64url(as_bytes(around + value + around));
      case 3:
        return to_hex(as_bytes(around + value));
      case 4:
        return percent(value);
      default:
        return json(json(value));
    }
  }
  static std::string json(const std::string& value) {
    std::string out;
    for (const char c : value) {
      if (c == '"' || c == '\\') out += '\\';
      if (c == '\n' || c == '\t') {
        out += c == '\n' ? "\\n" : "\\t";
      } else {
        out += c;
      }
    }
    return out;
  }
  static std::string percent(const std::string& value) {
    std::string out;
    for (const char c : value) {
      const bool plain =
          std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
      out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
  }

  const unsigned seed_ = std::random_device{}();
  std::mt19937 random_{seed_};
};

TEST_F(Masking, LeavesNoFormOfAValueHoweverTheStreamIsCut) {
  SCOPED_TRACE(fmt::format("seed {}", seed_));
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> values;
    for (std::size_t i = 0; i <= below(4); ++i) values.push_back(value());
    const auto redactor = masking(values);
    std::string text;
    std::vector<std::string> leaks;
    for (int i = 0; i < 12; ++i) {
      leaks.push_back(written(values[below(values.size())]));
      // Text that begins like a value, and one that does not.
      text += values[below(values.size())].substr(0, below(8)) + any(below(20), " abcS0=\n\\\"");
      text += leaks.back();
    }
    const std::string expected = redactor->redact(text);
    for (const auto& leak : leaks) {
      // The edges of base64 hold bits of the text around the value.
      ASSERT_FALSE(expected.contains(leak)) << leak << "\n" << expected;
      if (leak.size() >= 16) {
        ASSERT_FALSE(expected.contains(leak.substr(4, leak.size() - 8))) << leak << "\n"
                                                                         << expected;
      }
    }
    StreamRedactor stream(redactor);
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = std::min(1 + below(9), text.size() - at);
      out += stream.push(text.substr(at, size));
      at += size;
    }
    ASSERT_EQ(out + stream.finish(), expected);
  }
}

TEST(Redactor, AnEmptyOnePassesEverything) {
  EXPECT_EQ(Redactor().redact("anything"), "anything");
}

}  // namespace
}  // namespace personas
