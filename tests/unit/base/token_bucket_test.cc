#include "lib/base/token_bucket.h"

#include <gtest/gtest.h>

namespace linecast {
namespace {

TEST(TokenBucket, HoldsItsDepthAndNoMore) {
  TokenBucket bucket(10, 5);
  EXPECT_TRUE(bucket.take(0, 5));
  EXPECT_FALSE(bucket.take(0, 1));
  EXPECT_TRUE(bucket.take(100 * kNsPerMs, 1));
  EXPECT_FALSE(bucket.take(100 * kNsPerMs, 1));
  EXPECT_TRUE(bucket.take(3600 * kNsPerSecond, 5));
  EXPECT_FALSE(bucket.take(3600 * kNsPerSecond, 1));
}

TEST(TokenBucket, TakesAllOrNothing) {
  TokenBucket bucket(1, 4);
  EXPECT_FALSE(bucket.take(0, 5));
  EXPECT_TRUE(bucket.take(0, 4));
}

TEST(TokenBucket, TellsWhatItHoldsAndKeepsIt) {
  TokenBucket bucket(10, 5);
  EXPECT_TRUE(bucket.take(0, 4));
  for (int k = 0; k < 3; ++k) EXPECT_TRUE(bucket.holds(0, 1));
  EXPECT_FALSE(bucket.holds(0, 2));
  EXPECT_TRUE(bucket.holds(100 * kNsPerMs, 2));
  EXPECT_TRUE(bucket.take(100 * kNsPerMs, 2));
}

TEST(TokenBucket, TimeThatStepsBackGivesNothing) {
  TokenBucket bucket(10, 1);
  EXPECT_TRUE(bucket.take(kNsPerSecond, 1));
  EXPECT_FALSE(bucket.take(0, 1));
  EXPECT_FALSE(bucket.take(kNsPerSecond, 1));
}

}  // namespace
}  // namespace linecast
