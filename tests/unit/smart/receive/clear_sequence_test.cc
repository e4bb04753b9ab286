#include "lib/smart/receive/clear_sequence.h"

#include <gtest/gtest.h>

namespace linecast::smart {
namespace {

using Verdict = ClearSequence::Verdict;

TEST(ClearSequence, CountsOnThroughWraps) {
  ClearSequence clear;
  const auto first = clear.place(65000);
  ASSERT_EQ(first.verdict, Verdict::kStart);
  EXPECT_EQ(first.sequence & 0xffff, 65000u);
  for (uint32_t i = 1; i < 200'000; ++i) {
    const auto place = clear.place(static_cast<uint16_t>(65000 + i));
    ASSERT_EQ(place.verdict, Verdict::kPlaced);
    ASSERT_EQ(place.sequence, first.sequence + i);
  }
}

TEST(ClearSequence, TakesReorderedOnesAndGapsNearby) {
  ClearSequence clear;
  const uint64_t first = clear.place(10).sequence;
  EXPECT_EQ(clear.place(9).sequence, first - 1);
  EXPECT_EQ(clear.place(10 + 16384).sequence, first + 16384);
  EXPECT_EQ(clear.place(10 + 1).sequence, first + 1);
  EXPECT_EQ(clear.place(10 + 16384 + 1).sequence, first + 16385) << "the highest counts, not the last";
}

TEST(ClearSequence, BelievesAJumpAtTheThirdInARow) {
  for (const uint16_t jump : {uint16_t{16385}, uint16_t{32768}, uint16_t{49000}}) {
    ClearSequence clear;
    const uint64_t first = clear.place(10).sequence;
    const auto number = static_cast<uint16_t>(10 + jump);
    const auto one = clear.place(number);
    EXPECT_EQ(one.verdict, Verdict::kDoubtful) << jump;
    EXPECT_TRUE(one.row_begins);
    EXPECT_EQ(clear.place(number).verdict, Verdict::kDoubtful) << "a second copy does not help";
    EXPECT_EQ(clear.place(11).sequence, first + 1) << "the old run goes on meanwhile";
    const auto two = clear.place(static_cast<uint16_t>(number + 1));
    EXPECT_EQ(two.verdict, Verdict::kDoubtful);
    EXPECT_FALSE(two.row_begins);
    const auto three = clear.place(static_cast<uint16_t>(number + 2));
    ASSERT_EQ(three.verdict, Verdict::kJump);
    EXPECT_EQ(three.sequence & 0xffff, static_cast<uint16_t>(number + 2));
    EXPECT_GT(three.sequence - 2, first + 65536) << "runs never overlap";
    EXPECT_EQ(clear.place(static_cast<uint16_t>(number + 3)).sequence, three.sequence + 1);
  }
}

TEST(ClearSequence, ARowMustHaveNoGap) {
  ClearSequence clear;
  clear.place(0);
  for (uint16_t n = 20000; n < 20100; n += 2) {
    const auto place = clear.place(n);
    EXPECT_EQ(place.verdict, Verdict::kDoubtful);
    EXPECT_TRUE(place.row_begins);
  }
}

TEST(ClearSequence, AnExpectedStartIsBelievedAtOnce) {
  ClearSequence clear;
  const uint64_t first = clear.place(100).sequence;
  clear.expect_start();
  const auto place = clear.place(101);  // near, yet of a new run
  ASSERT_EQ(place.verdict, Verdict::kStart);
  EXPECT_GT(place.sequence, first + 65536);
  EXPECT_EQ(clear.place(102).verdict, Verdict::kPlaced);
}

TEST(ClearSequence, HeartbeatsMoveItButNeverFar) {
  ClearSequence clear;
  const auto begin = clear.place_near(499);
  ASSERT_EQ(begin.verdict, Verdict::kStart);
  EXPECT_EQ(clear.place(500).sequence, begin.sequence + 1);
  EXPECT_EQ(clear.place_near(510).sequence, begin.sequence + 11);
  EXPECT_EQ(clear.place_near(510 + 16385).verdict, Verdict::kDoubtful);
  EXPECT_EQ(clear.place(511).sequence, begin.sequence + 12);
}

}  // namespace
}  // namespace linecast::smart
