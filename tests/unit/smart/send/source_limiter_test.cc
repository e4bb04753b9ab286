#include "lib/smart/send/source_limiter.h"

#include <gtest/gtest.h>

namespace linecast::smart {
namespace {

TEST(SourceLimiter, LimitsEachAddressAndChannelByItself) {
  SourceLimiter limiter(100, 10);
  EXPECT_TRUE(limiter.admit(0, 1, 0, 10));
  EXPECT_FALSE(limiter.admit(0, 1, 0, 1));
  EXPECT_TRUE(limiter.admit(0, 2, 0, 10));
  EXPECT_TRUE(limiter.admit(0, 1, 1, 10));
  EXPECT_FALSE(limiter.admit(9 * kNsPerMs, 1, 0, 1));
  EXPECT_TRUE(limiter.admit(11 * kNsPerMs, 1, 0, 1));
}

TEST(SourceLimiter, TakesAllOrNothing) {
  SourceLimiter limiter(100, 10);
  EXPECT_FALSE(limiter.admit(0, 1, 0, 11));
  EXPECT_TRUE(limiter.admit(0, 1, 0, 10));
}

// A flood of addresses fills every bucket: together they get what the table gives, and no more.
TEST(SourceLimiter, AFloodOfAddressesGetsNoMoreThanTheTableHolds) {
  SourceLimiter limiter(100, 10);
  uint64_t admitted = 0;
  for (uint32_t source = 0; source < 1'000'000; ++source) admitted += limiter.admit(0, source, 0, 1) ? 1 : 0;
  EXPECT_EQ(admitted, 4096u * 10);
}

}  // namespace
}  // namespace linecast::smart
