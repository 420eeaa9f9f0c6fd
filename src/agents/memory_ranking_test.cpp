#include "personas/agents/memory_ranking.hpp"

#include <gtest/gtest.h>

namespace personas::agents {
namespace {

constexpr Timestamp kNow{1'800'000'000'000'000};

Memory memory(std::string id, std::string title, std::string content, std::int64_t importance) {
  Memory m;
  m.id = MemoryId(std::move(id));
  m.title = std::move(title);
  m.content = std::move(content);
  m.importance = importance;
  m.created_at = kNow - hours(24);
  return m;
}

std::vector<std::string> ids(const std::vector<Memory>& memories) {
  std::vector<std::string> all;
  for (const auto& m : memories) all.push_back(m.id.str());
  return all;
}

using Ids = std::vector<std::string>;

TEST(MemoryRanking, WithoutSharedWordsImportanceDecides) {
  const auto best =
      relevant_memories({memory("a", "Tea", "Green.", 2), memory("b", "Jam", "Red", 9),
                         memory("c", "Salt", "White", 5)},
                        "Compile the kernel", {}, kNow);
  EXPECT_EQ(ids(best), (Ids{"b", "c", "a"}));
}

TEST(MemoryRanking, ARareSharedWordBeatsAnyImportance) {
  std::vector<Memory> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(memory("m" + std::to_string(i), "Note " + std::to_string(i), "Something.", 10));
  }
  all.push_back(memory("x", "Note", "The invoice ACME-7731 was paid twice.", 1));
  const auto best = relevant_memories(all, "What about ACME-7731?", {.count = 3}, kNow);
  ASSERT_EQ(best.size(), 3U);
  EXPECT_EQ(best[0].id.str(), "x");
}

TEST(MemoryRanking, WordsMatchByTheirBeginningAndWithoutCase) {
  const auto best = relevant_memories({memory("a", "Lunch", "At noon", 9),
                                       memory("b", "Deployment window", "Fridays are closed", 1)},
                                      "please DEPLOY the service", {}, kNow);
  EXPECT_EQ(ids(best), (Ids{"b", "a"}));
}

TEST(MemoryRanking, AWordThatAllHaveDecidesLittle) {
  std::vector<Memory> all;
  for (int i = 0; i < 50; ++i) all.push_back(memory("m" + std::to_string(i), "report", "", 3));
  all.push_back(memory("special", "report for Bolzano", "", 3));
  const auto best = relevant_memories(all, "the report of Bolzano", {.count = 1}, kNow);
  EXPECT_EQ(ids(best), (Ids{"special"}));
}

TEST(MemoryRanking, TheBudgetHoldsAndSmallerOnesStillFit) {
  const auto best = relevant_memories(
      {memory("big", "b", std::string(3'000, 'x'), 10),
       memory("huge", "h", std::string(100'000, 'y'), 9), memory("small", "s", "z", 1)},
      "", {.count = 10, .bytes = 3'500}, kNow);
  EXPECT_EQ(ids(best), (Ids{"big", "small"}));
}

TEST(MemoryRanking, TheNewerOneWinsATie) {
  auto older = memory("a", "same", "text", 5);
  older.created_at = kNow - hours(24 * 400);
  const auto best = relevant_memories({older, memory("b", "same", "text", 5)}, "", {}, kNow);
  EXPECT_EQ(ids(best), (Ids{"b", "a"}));
}

}  // namespace
}  // namespace personas::agents
