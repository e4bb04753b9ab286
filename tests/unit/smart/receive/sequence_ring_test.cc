#include "lib/smart/receive/sequence_ring.h"

#include <gtest/gtest.h>

namespace linecast::smart {
namespace {

TEST(SequenceRing, KeepsItsEntriesAsItGrows) {
  SequenceRing<uint64_t> ring(1024);
  ring.restart(1'000'003);  // so that growing splits the run at another place each time
  for (uint64_t s = 1'000'003; !ring.full(); ++s) {
    ring.push(s * 7);
    ASSERT_EQ(ring.front(), 1'000'003u * 7);
    ASSERT_EQ(ring[s], s * 7);
  }
  EXPECT_EQ(ring.size(), 1024u);
  for (uint64_t s = ring.begin(); s != ring.end(); ++s) ASSERT_EQ(ring[s], s * 7);
}

TEST(SequenceRing, GoesRound) {
  SequenceRing<uint64_t> ring(64);
  ring.restart(5);
  for (uint64_t s = 5; s < 1000; ++s) {
    if (ring.full()) ring.pop();
    ring.push(s);
    ASSERT_EQ(ring[s], s);
    ASSERT_EQ(ring.front(), ring.begin());
  }
  EXPECT_TRUE(ring.contains(999));
  EXPECT_FALSE(ring.contains(1000));
  EXPECT_TRUE(ring.contains(936));
  EXPECT_FALSE(ring.contains(935));
}

TEST(SequenceRing, GoesRoundInMemoryThatIsTakenOnce) {
  SequenceRing<uint64_t, Memory::kTakenOnce> ring(64);
  ring.restart(5);
  for (uint64_t s = 5; s < 1000; ++s) {
    if (ring.full()) ring.pop();
    ring.push(s);
    ASSERT_EQ(ring[s], s);
    ASSERT_EQ(ring.front(), ring.begin());
  }
  EXPECT_EQ(ring.size(), 64u);
}

TEST(SequenceRing, RestartEmpties) {
  SequenceRing<int> ring(4);
  ring.push(1);
  ring.restart(100);
  EXPECT_TRUE(ring.empty());
  ring.push(2);
  EXPECT_EQ(ring[100], 2);
}

}  // namespace
}  // namespace linecast::smart
