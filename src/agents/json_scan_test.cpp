#include "json_scan.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/agents/stream.hpp"

namespace personas::agents::json {
namespace {

using testing::ElementsAre;

bool is_complete(std::string_view text) {
  Walk walk(text);
  while (walk.next()) {
  }
  return walk.complete();
}

TEST(JsonScan, FindsMembersAsTheyStand) {
  const auto found = members(R"( {"a" : 1.5e3 , "b":{"a":[1,"}"]},"c":"x\"y","d":null,"a":2} )",
                             std::array<std::string_view, 5>{"a", "b", "c", "d", "e"});
  EXPECT_THAT(found, ElementsAre("", "", "", "", ""));  // a raw value has no blanks around it
  const auto trimmed = members(R"({"a" : 1.5e3 , "b":{"a":[1,"}"]},"c":"x\"y","d":null,"a":2})",
                               std::array<std::string_view, 5>{"a", "b", "c", "d", "e"});
  EXPECT_THAT(trimmed, ElementsAre("2", R"({"a":[1,"}"]})", R"("x\"y")", "null", ""));
  EXPECT_EQ(member(R"([{"a":1}])", "a"), "");
}

TEST(JsonScan, WalksElements) {
  std::vector<std::string_view> elements;
  Walk walk(R"([1, "a,b", [2,3], {"c":"]"}, true])");
  while (walk.next()) elements.push_back(walk.value());
  EXPECT_TRUE(walk.complete());
  EXPECT_THAT(elements, ElementsAre("1", R"("a,b")", "[2,3]", R"({"c":"]"})", "true"));
}

TEST(JsonScan, ABackslashBeforeAQuoteIsCounted) {
  EXPECT_EQ(member(R"({"a":"x\\","b":1})", "b"), "1");
  EXPECT_EQ(member(R"({"a":"x\\\",\"b\":2","b":1})", "b"), "1");
}

TEST(JsonScan, WhatIsNotJsonIsNotComplete) {
  for (const auto* text : {"{}", "[]", R"({"a":1})", R"({"a":[{}]} )"}) {
    EXPECT_TRUE(is_complete(text)) << text;
  }
  for (const auto* text :
       {"", "3", "{", "[", "{]", R"({"a"})", R"({"a":})", R"({"a":1,})", R"({"a":1 "b":2})",
        R"({"a":1}x)", R"({"a":[1})", R"({"a":"x)", R"({"a":nul})", R"({a:1})", "[1,]", "[1 2]",
        R"({"a":1}{"b":2})", R"({,"a":1})"}) {
    EXPECT_FALSE(is_complete(text)) << text;
  }
}

TEST(JsonScan, DepthHasALimit) {
  const auto nested = [](std::size_t depth) {
    return "[" + std::string(depth, '[') + std::string(depth, ']') + "]";
  };
  EXPECT_TRUE(is_complete(nested(kMaxStreamDepth)));
  EXPECT_FALSE(is_complete(nested(kMaxStreamDepth + 1)));
}

TEST(JsonScan, TextIsUnescaped) {
  EXPECT_EQ(text(R"("a\n\t\r\b\f\"\\\/\u00e4\ud83d\ude42")"), "a\n\t\r\b\f\"\\/ä🙂");
  EXPECT_EQ(text(R"("half \ud83d, other \ude42, odd \x \u12")"),
            "half \uFFFD, other \uFFFD, odd \uFFFD \uFFFD12");
  EXPECT_EQ(text("\"a\xFFz\""), "a\uFFFDz");
  EXPECT_EQ(text("17"), "");
  EXPECT_TRUE(text_is(R"("te\u0078t")", "text"));
  EXPECT_FALSE(text_is(R"("texts")", "text"));
}

TEST(JsonScan, TextIsCutBetweenCharacters) {
  EXPECT_EQ(text(R"("abc")", 2), "ab");
  EXPECT_EQ(text(R"("aäö")", 2), "a");
  EXPECT_EQ(text(R"("aäö")", 3), "aä");
  EXPECT_EQ(text(R"("a\u00e4b")", 2), "a");
  EXPECT_EQ(text(R"("a\nb")", 2), "a\n");
}

TEST(JsonScan, TextSizeIsThatOfTheText) {
  for (const auto* raw :
       {R"("")", R"("abc")", R"("a\n\"\\b")", R"("\u00e4\ud83d\ude42")", R"("\ud83d\u0041")"}) {
    EXPECT_EQ(text_size(raw), text(raw).size()) << raw;
  }
}

TEST(JsonScan, Numbers) {
  EXPECT_EQ(number("1.5e3"), 1500.0);
  EXPECT_EQ(integer("-42"), -42);
  EXPECT_EQ(integer("1e300"), std::nullopt);
  EXPECT_EQ(number("1e999"), std::nullopt);
  EXPECT_EQ(number("\"1\""), std::nullopt);
  EXPECT_EQ(number(""), std::nullopt);
}

}  // namespace
}  // namespace personas::agents::json
