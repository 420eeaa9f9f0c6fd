#include "personas/operations/page_cursor.hpp"

#include <gtest/gtest.h>

namespace personas::operations {
namespace {

const TenantId kTenant("ten_a");

TEST(PageCursors, ComeBackAsTheIdTheyHold) {
  const PageCursors cursors(Secret(std::string(32, 'k')));
  const auto cursor = cursors.encode(kTenant, "listPersonas", "per_1");
  EXPECT_EQ(cursors.decode(kTenant, "listPersonas", cursor), "per_1");
  EXPECT_EQ(cursor, cursors.encode(kTenant, "listPersonas", "per_1"));
}

TEST(PageCursors, AreRefusedElsewhereAndWhenChanged) {
  const PageCursors cursors(Secret(std::string(32, 'k')));
  const auto cursor = cursors.encode(kTenant, "listPersonas", "per_1");
  EXPECT_FALSE(cursors.decode(TenantId("ten_b"), "listPersonas", cursor));
  EXPECT_FALSE(cursors.decode(kTenant, "listEvents", cursor));
  EXPECT_FALSE(PageCursors(Secret("other")).decode(kTenant, "listPersonas", cursor));
  EXPECT_FALSE(cursors.decode(kTenant, "listPersonas", "per_1"));
  EXPECT_FALSE(cursors.decode(kTenant, "listPersonas", ""));
  for (std::size_t i = 0; i < cursor.size(); ++i) {
    auto changed = cursor;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(cursors.decode(kTenant, "listPersonas", changed)) << changed;
  }
}

}  // namespace
}  // namespace personas::operations
