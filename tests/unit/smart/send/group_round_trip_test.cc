#include "lib/smart/send/group_round_trip.h"

#include <gtest/gtest.h>

namespace linecast::smart {
namespace {

constexpr TimeNs kNow = 10'000 * kNsPerSecond;

// A JOIN after `held` from a receiver `round_trip` away.
bool join(GroupRoundTrip& group, TimeNs now, TimeNs round_trip, TimeNs held) {
  return group.add(now, hop_time_us(now - round_trip - held), static_cast<uint32_t>(held / kNsPerUs));
}

TEST(GroupRoundTrip, IsFiftyMillisecondsBeforeAnyJoin) {
  EXPECT_EQ(GroupRoundTrip().estimate(kNow), 50 * kNsPerMs);
}

TEST(GroupRoundTrip, TakesOffWhatTheReceiverHeld) {
  for (const TimeNs held : {TimeNs{0}, kNsPerMs, kNsPerSecond, 600 * kNsPerSecond}) {
    GroupRoundTrip group;
    EXPECT_TRUE(join(group, kNow, 20 * kNsPerMs, held));
    EXPECT_GE(group.estimate(kNow), 20 * kNsPerMs);
    EXPECT_LE(group.estimate(kNow), 20 * kNsPerMs * 9 / 8);
  }
}

TEST(GroupRoundTrip, IsNeverTooSmallNorAnEighthTooLargeOverItsRange) {
  for (TimeNs us = 1000; us <= 2'000'000; us += 1 + us / 50) {
    GroupRoundTrip group;
    EXPECT_TRUE(join(group, kNow, us * kNsPerUs, kNsPerMs));
    EXPECT_GE(group.estimate(kNow), us * kNsPerUs);
    EXPECT_LE(group.estimate(kNow), us * kNsPerUs * 9 / 8 + kNsPerUs);
  }
}

TEST(GroupRoundTrip, IsClamped) {
  GroupRoundTrip near, far;
  EXPECT_TRUE(join(near, kNow, 0, kNsPerMs));
  EXPECT_GE(near.estimate(kNow), GroupRoundTrip::kLeastNs);
  EXPECT_LE(near.estimate(kNow), GroupRoundTrip::kLeastNs * 9 / 8);
  EXPECT_TRUE(join(far, kNow, 9 * kNsPerSecond, 0));
  EXPECT_EQ(far.estimate(kNow), GroupRoundTrip::kMostNs);
}

TEST(GroupRoundTrip, IsThe95thPercentile) {
  for (const int far : {4, 5, 6}) {
    GroupRoundTrip group;
    for (int k = 0; k < 100; ++k) join(group, kNow, (k < far ? 500 : 10) * kNsPerMs, 0);
    if (far <= 5)
      EXPECT_LT(group.estimate(kNow), 12 * kNsPerMs) << far;
    else
      EXPECT_GE(group.estimate(kNow), 500 * kNsPerMs) << far;
  }
}

TEST(GroupRoundTrip, ForgetsAfterAMinute) {
  GroupRoundTrip group;
  join(group, kNow, 500 * kNsPerMs, 0);
  for (int k = 0; k < 60; ++k) EXPECT_GE(group.estimate(kNow + k * kNsPerSecond), 500 * kNsPerMs) << k;
  join(group, kNow + 80 * kNsPerSecond, 10 * kNsPerMs, 0);
  EXPECT_LT(group.estimate(kNow + 80 * kNsPerSecond), 12 * kNsPerMs);
  // And where JOINs go on coming, their generations' places are taken over.
  for (int k = 0; k < 1000; ++k) join(group, kNow + k * kNsPerSecond, 10 * kNsPerMs, 0);
  EXPECT_LT(group.estimate(kNow + 1000 * kNsPerSecond), 12 * kNsPerMs);
}

TEST(GroupRoundTrip, StaysWhereNobodyJoinsAnyMore) {
  GroupRoundTrip group;
  join(group, kNow, 10 * kNsPerMs, 0);
  const TimeNs estimate = group.estimate(kNow);
  EXPECT_EQ(group.estimate(kNow + 1000 * kNsPerSecond), estimate);
}

// One that runs 0.15 % faster than ours has held it for longer than it was away.
TEST(GroupRoundTrip, AllowsForOtherClocks) {
  GroupRoundTrip group;
  EXPECT_TRUE(group.add(kNow, hop_time_us(kNow - kNsPerSecond), 1'001'500));
  EXPECT_LE(group.estimate(kNow), 9 * kNsPerMs / 8);
  EXPECT_FALSE(group.add(kNow, hop_time_us(kNow - kNsPerSecond), 1'100'001));
}

TEST(GroupRoundTrip, TheWrapOfTheHopTimeDoesNotMatter) {
  for (TimeNs wrap : {TimeNs{1} << 32, TimeNs{7} << 32}) {
    const TimeNs now = wrap * kNsPerUs + 5 * kNsPerMs;  // echoed before, heard behind the wrap
    GroupRoundTrip group;
    EXPECT_TRUE(join(group, now, 20 * kNsPerMs, 2 * kNsPerMs));
    EXPECT_GE(group.estimate(now), 20 * kNsPerMs);
    EXPECT_LE(group.estimate(now), 23 * kNsPerMs);
  }
}

TEST(GroupRoundTrip, TakesNothingThatCannotBe) {
  GroupRoundTrip group;
  EXPECT_FALSE(group.add(kNow, hop_time_us(kNow - kNsPerMs), 101'001));  // held longer than it was away
  EXPECT_FALSE(group.add(kNow, hop_time_us(kNow + 101 * kNsPerMs), 0));  // of the future
  EXPECT_FALSE(group.add(kNow, hop_time_us(kNow), UINT32_MAX));
  EXPECT_FALSE(join(group, kNow, GroupRoundTrip::kImpossibleNs, kNsPerSecond));  // a replay
  EXPECT_EQ(group.estimate(kNow), GroupRoundTrip::kUnknownNs);
  EXPECT_TRUE(join(group, kNow, GroupRoundTrip::kImpossibleNs - kNsPerUs, kNsPerSecond));
}

}  // namespace
}  // namespace linecast::smart
