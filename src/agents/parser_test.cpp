#include "personas/agents/parser.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/agents/protocols.hpp"

namespace personas::agents {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Outcome {
  std::vector<std::string> effects;  // "index key payload"
  ProtocolCounters counters;
  bool operator==(const Outcome&) const = default;
};

Outcome parse_chunks(const std::vector<std::string_view>& chunks) {
  ProtocolParser parser;
  std::vector<IndexedEffect> effects;
  for (const auto chunk : chunks) parser.feed(chunk, effects);
  parser.end_block(effects);
  Outcome outcome{{}, parser.counters()};
  for (const auto& [index, effect] : effects) {
    outcome.effects.push_back(std::to_string(index) + " " + std::string(key_of(effect)) + " " +
                              payload_of(effect));
  }
  return outcome;
}

Outcome parse(std::string_view text) {
  return parse_chunks({text});
}

std::vector<std::string> contents(std::string_view text) {
  ProtocolParser parser;
  std::vector<IndexedEffect> effects;
  parser.feed(text, effects);
  parser.end_block(effects);
  std::vector<std::string> result;
  for (const auto& entry : effects) {
    if (const auto* message = std::get_if<UserMessage>(&entry.effect)) {
      result.push_back(message->content);
    } else {
      result.emplace_back(key_of(entry.effect));
    }
  }
  return result;
}

constexpr std::string_view kMixedText = R"(I begin { here.
{"user_message": {"content": "brace } and \"quote\" and \\ ünïcode 🙂"}}
  - {"user_message": {"content": "listed"}}
12. {"user_message": {"content": "numbered"}}
```json
{
  "agent_memory": {
    "title": "T",
    "content": "multi } { line",
    "tags": ["a", "b"]
  }
}
```
void broken() {
{
  int x = 5;
{"a": {"b": [
{"user_message": {"content": "after an open object"}}
> {"user_message": {"content": "quoted from somebody else"}}
Look: {"user_message": {"content": "inside a sentence"}}
{"user_message": {"content": "trailing words"}} as I said
{"user_message": {"title": "no content"}}
{"user_message": {"content": "bad string
{"note": 1, "emit_event": {"type": "t"}, "outcome_assessment": {"accomplished": false}}
{"user_message": "bare"}
{"plain": "object"}
{"user_message": {"content": "last, without a line end"}})";

TEST(ProtocolParser, FindsWholeObjectsAmongProse) {
  EXPECT_THAT(contents(kMixedText),
              ElementsAre("brace } and \"quote\" and \\ ünïcode 🙂", "listed", "numbered",
                          "agent_memory", "after an open object", "emit_event",
                          "outcome_assessment", "bare", "last, without a line end"));
  const auto outcome = parse(kMixedText);
  EXPECT_EQ(outcome.counters.recognised, 9U);
  EXPECT_EQ(outcome.counters.malformed, 3U);  // trailing words, no content, bad string
}

TEST(ProtocolParser, AnySplitInTwoGivesTheSameEffects) {
  const auto whole = parse(kMixedText);
  for (std::size_t cut = 0; cut <= kMixedText.size(); ++cut) {
    ASSERT_EQ(parse_chunks({kMixedText.substr(0, cut), kMixedText.substr(cut)}), whole) << cut;
  }
}

TEST(ProtocolParser, ByteByByteGivesTheSameEffects) {
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < kMixedText.size(); ++i) bytes.push_back(kMixedText.substr(i, 1));
  EXPECT_EQ(parse_chunks(bytes), parse(kMixedText));
}

TEST(ProtocolParser, WindowsLineEndsAreTaken) {
  EXPECT_THAT(contents("{\"user_message\":\r\n {\"content\": \"a\"}\r\n}\r\n"), ElementsAre("a"));
}

TEST(ProtocolParser, AnObjectCutOffByTheEndIsPlainTextAndItsLinesAreStillSearched) {
  const auto text = R"({"user_message": {"content": "x", "more": [
{"user_message": {"content": "inner line"}})";
  EXPECT_THAT(contents(text), ElementsAre("inner line"));
  EXPECT_EQ(parse(text).counters.malformed, 1U);
}

TEST(ProtocolParser, AnEndedBlockEndsTheLineAndTheObject) {
  ProtocolParser parser;
  std::vector<IndexedEffect> effects;
  parser.feed("{\"user_message\": ", effects);
  parser.end_block(effects);
  parser.feed("\"not joined\"}\n", effects);
  EXPECT_THAT(effects, IsEmpty());
  parser.feed("{\"user_message\": \"a\"}", effects);
  parser.end_block(effects);
  ASSERT_EQ(effects.size(), 1U);
  EXPECT_EQ(effects[0].index, 0U);
}

TEST(ProtocolParser, DuplicateKeysAndInvalidUtf8AreMalformed) {
  EXPECT_EQ(parse(R"({"user_message": {"content": "a", "content": "b"}})").counters.malformed, 1U);
  EXPECT_EQ(parse("{\"user_message\": {\"content\": \"\xff\"}}").counters.malformed, 1U);
}

TEST(ProtocolParser, AnObjectOverTheLimitIsPlainTextHoweverItIsCut) {
  const std::string big = R"({"user_message": {"content": ")" +
                          std::string(kMaxProtocolBytes, 'x') + "\"}}\n" +
                          R"({"user_message": {"content": "next"}})" + "\n";
  const auto whole = parse(big);
  EXPECT_EQ(whole.effects.size(), 1U);
  EXPECT_EQ(whole.counters.malformed, 1U);
  for (const std::size_t step : {1'000UL, 65'536UL, kMaxProtocolBytes, kMaxProtocolBytes + 29}) {
    std::vector<std::string_view> chunks;
    for (std::size_t i = 0; i < big.size(); i += step) {
      chunks.push_back(std::string_view(big).substr(i, step));
    }
    EXPECT_EQ(parse_chunks(chunks), whole) << step;
  }
}

TEST(ProtocolParser, AnOpenObjectOverTheLimitDoesNotSwallowWhatFollows) {
  std::string text = "{\"user_message\": {\"list\": [\n";
  while (text.size() < kMaxProtocolBytes) text += "{\"filler\": \"0123456789\"},\n";
  text += "{\"user_message\": {\"content\": \"found\"}}\n";
  const auto whole = parse(text);
  EXPECT_EQ(whole.effects.size(), 1U);
  EXPECT_EQ(whole.counters.malformed, 1U);
  std::vector<std::string_view> chunks;
  for (std::size_t i = 0; i < text.size(); i += 777) {
    chunks.push_back(std::string_view(text).substr(i, 777));
  }
  EXPECT_EQ(parse_chunks(chunks), whole);
}

TEST(ProtocolParser, DeepNestingIsRefused) {
  std::string text = R"({"emit_event": {"type": "t", "data": )";
  text += std::string(kMaxProtocolDepth, '[') + std::string(kMaxProtocolDepth, ']') + "}}";
  const auto outcome = parse(text);
  EXPECT_THAT(outcome.effects, IsEmpty());
  EXPECT_EQ(outcome.counters.malformed, 1U);
}

TEST(ProtocolParser, EffectsPastTheLimitAreCountedOnly) {
  std::string text;
  for (std::size_t i = 0; i < kMaxEffects + 3; ++i) text += "{\"user_message\": \"x\"}\n";
  const auto outcome = parse(text);
  EXPECT_EQ(outcome.effects.size(), kMaxEffects);
  EXPECT_EQ(outcome.counters.over_limit, 3U);
}

}  // namespace
}  // namespace personas::agents
