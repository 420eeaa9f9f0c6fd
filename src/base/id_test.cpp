#include "personas/base/id.hpp"

#include <gtest/gtest.h>

namespace personas {
namespace {

TEST(Id, SortsByTimeAndCarriesItsPrefix) {
  SeededRandom random(1);
  const auto early = ExecutionId::make(Timestamp{1'000'000'000}, random);
  const auto late = ExecutionId::make(Timestamp{1'000'001'000}, random);
  EXPECT_LT(early, late);
  EXPECT_TRUE(early.str().starts_with("exe_"));
  EXPECT_EQ(early.str().size(), 30u);
  EXPECT_TRUE(is_valid_id(early.str()));
}

TEST(Id, AcceptsClientIdsAndRefusesPathTricks) {
  EXPECT_TRUE(PersonaId::parse("6f1c0a2e-93d1-4c55-9b1e-0d9f3a6f7c11"));
  for (const std::string_view bad : {"", "..", "a/b", "a b", "a%2f", "\xC3\xBC"}) {
    EXPECT_FALSE(PersonaId::parse(bad)) << bad;
  }
  EXPECT_FALSE(PersonaId::parse(std::string(65, 'a')));
}

TEST(Random, BelowStaysBelowAndASeedRepeats) {
  SeededRandom a(7), b(7);
  for (int i = 0; i < 1000; ++i) {
    const auto value = a.below(10);
    EXPECT_LT(value, 10u);
    EXPECT_EQ(value, b.below(10));
  }
}

}  // namespace
}  // namespace personas
