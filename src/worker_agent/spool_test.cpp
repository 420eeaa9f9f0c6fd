#include "personas/worker_agent/spool.hpp"

#include <gtest/gtest.h>

namespace personas::worker_agent {
namespace {

TEST(Spool, CountsFramesFromOneAndBytesWithTheirOverhead) {
  Spool spool;
  EXPECT_EQ(spool.next_seq(), 1);
  spool.push("abc");
  spool.push("de");
  EXPECT_EQ(spool.last_seq(), 2);
  EXPECT_EQ(spool.bytes(), 5 + 2 * kFrameOverhead);
}

TEST(Spool, TrimmingForgetsUpToASeqAndNeverReusesOne) {
  Spool spool;
  for (int i = 0; i < 4; ++i) spool.push("x");
  EXPECT_EQ(spool.trim(2), 2 * (1 + kFrameOverhead));
  EXPECT_EQ(spool.frames().front().seq, 3);
  EXPECT_EQ(spool.trim(2), 0u);
  spool.trim(4);
  EXPECT_EQ(spool.bytes(), 0u);
  EXPECT_EQ(spool.trimmed_to(), 4);
  EXPECT_EQ(spool.next_seq(), 5);
}

}  // namespace
}  // namespace personas::worker_agent
