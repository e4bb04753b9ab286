#include "lib/smart/send/asking_group.h"

#include <gtest/gtest.h>

namespace linecast::smart {
namespace {

constexpr TimeNs kStart = 100 * kNsPerSecond;
constexpr TimeNs kRoundTrip = 20 * kNsPerMs;
constexpr uint32_t kHeldUs = 300'000;

UsageReport report(TimeNs now, TimeNs round_trip = kRoundTrip, uint32_t receivers = 1) {
  return {1, 2, UsageDetail{hop_time_us(now - round_trip) - kHeldUs, kHeldUs, 60, receivers}};
}

PairList one_pair() {
  PairList list;
  list.pairs[list.count++] = {40, 0b1};
  return list;
}

class Asking : public testing::Test {
 protected:
  void join(int receivers) {
    for (int k = 0; k < receivers; ++k) ASSERT_TRUE(group_.join(kStart, report(kStart)));
  }

  AskingGroup group_{std::nullopt, kNsPerSecond};
};

TEST_F(Asking, NobodyIsAGroupThatMayAskAtOnce) {
  const SenderStatus status = group_.status(kStart);
  EXPECT_EQ(status.hop_time_us, hop_time_us(kStart));
  EXPECT_EQ(status.round_trip_ms, 50);
  EXPECT_EQ(status.report_window_s, 1);
  EXPECT_EQ(status.log2_group_size, 0);
  EXPECT_EQ(group_.update_quiet(kStart), 0);
  EXPECT_EQ(group_.round_trip_ns(), 50 * kNsPerMs);
}

TEST_F(Asking, StatusAndQuietFollowJoinsAndLeaves) {
  join(100);
  const SenderStatus status = group_.status(kStart);
  EXPECT_EQ(status.log2_group_size, 7);
  EXPECT_GE(status.round_trip_ms, 20);
  EXPECT_LE(status.round_trip_ms, 23);
  EXPECT_EQ(group_.size(), 100u);
  EXPECT_EQ(group_.update_quiet(kStart), 8);
  EXPECT_EQ(group_.quiet(), 8);
  for (int k = 0; k < 97; ++k) EXPECT_TRUE(group_.leave(kStart, report(kStart)));
  EXPECT_EQ(group_.status(kStart).log2_group_size, 2);
  EXPECT_EQ(group_.update_quiet(kStart + kNsPerSecond), 0);
}

TEST_F(Asking, AJoinIsOneThatAsksHoweverManyItClaims) {
  for (const uint32_t receivers : {0u, 1u, 1u << 24, UINT32_MAX})
    EXPECT_TRUE(group_.join(kStart, report(kStart, kRoundTrip, receivers)));
  const SenderStatus status = group_.status(kStart);
  EXPECT_EQ(status.log2_group_size, 2);
  EXPECT_EQ(status.report_window_s, 1);
  EXPECT_TRUE(group_.leave(kStart, report(kStart, kRoundTrip, UINT32_MAX)));
  group_.status(kStart);
  EXPECT_EQ(group_.size(), 3u);
}

TEST_F(Asking, ImpossibleEchoesAreRefused) {
  join(2);
  for (const TimeNs round_trip : {GroupRoundTrip::kImpossibleNs, -2 * GroupRoundTrip::kClockErrorNs}) {
    EXPECT_FALSE(group_.join(kStart, report(kStart, round_trip)));
    EXPECT_FALSE(group_.leave(kStart, report(kStart, round_trip)));
  }
  group_.status(kStart);
  EXPECT_EQ(group_.size(), 2u);
  // The short form echoes nothing.
  EXPECT_TRUE(group_.join(kStart, {1, 2, std::nullopt}));
  EXPECT_TRUE(group_.join(kStart, {1, 2, std::nullopt}));
  EXPECT_TRUE(group_.leave(kStart, {1, 2, std::nullopt}));
  EXPECT_LE(group_.status(kStart).round_trip_ms, 23);
  EXPECT_EQ(group_.size(), 3u);
}

TEST_F(Asking, ARoundTripLeavesTimeToAskThreeTimesWithinTheWindow) {
  for (int k = 0; k < 50; ++k) ASSERT_TRUE(group_.join(kStart, report(kStart, 1900 * kNsPerMs)));
  EXPECT_EQ(group_.status(kStart).round_trip_ms, 167);
  EXPECT_EQ(group_.round_trip_ns(), kNsPerSecond / 6);
  EXPECT_EQ(group_.quiet_for(one_pair()).duration_ms, 333);
  AskingGroup wide(std::nullopt, 12 * kNsPerSecond);
  for (int k = 0; k < 50; ++k) ASSERT_TRUE(wide.join(kStart, report(kStart, 1900 * kNsPerMs)));
  EXPECT_GE(wide.status(kStart).round_trip_ms, 1900);
  // Also before anything is known.
  EXPECT_EQ(AskingGroup(std::nullopt, 60 * kNsPerMs).round_trip_ns(), 10 * kNsPerMs);
  EXPECT_EQ(AskingGroup(std::nullopt, 10 * kNsPerMs).round_trip_ns(), 10 * kNsPerMs / 6);
  EXPECT_EQ(AskingGroup(std::nullopt, kNsPerMs).round_trip_ns(), kNsPerMs);
}

TEST_F(Asking, ManyRequestsForALossRaiseTheQuietField) {
  for (TimeNs now = kStart; now < kStart + 5 * kNsPerSecond; now += 20 * kNsPerMs) {
    group_.asked(now, {.accepted = 1, .repeated = 20});
    group_.update_quiet(now);
  }
  EXPECT_GT(group_.quiet(), 0);
}

TEST_F(Asking, TheGroupHoldsBackWhereTheBudgetRefuses) {
  EXPECT_FALSE(group_.asked(kStart, {.accepted = 3}));
  EXPECT_TRUE(group_.asked(kStart, {.accepted = 3, .over_budget = 1}));
  EXPECT_FALSE(group_.asked(kStart + AskingGroup::kHoldNs - 1, {.over_budget = 5})) << "it does already";
  // A refusal in that time is not remembered.
  EXPECT_FALSE(group_.asked(kStart + kNsPerSecond, {.accepted = 1}));
  EXPECT_TRUE(group_.asked(kStart + 2 * kNsPerSecond, {.over_budget = 1}));
  EXPECT_TRUE(group_.asked(kStart + 2 * kNsPerSecond + AskingGroup::kHoldNs, {.over_budget = 1}));
}

TEST_F(Asking, QuietLastsTwoRoundTripsForWhatItNamesAndItsTimeForAll) {
  EXPECT_EQ(group_.quiet_for(one_pair()).duration_ms, 100);
  EXPECT_EQ(group_.quiet_for({}).duration_ms, 100);
  join(1);
  group_.status(kStart);
  const Quiet quiet = group_.quiet_for(one_pair());
  EXPECT_GE(quiet.duration_ms, 40);
  EXPECT_LE(quiet.duration_ms, 46);
  ASSERT_EQ(quiet.list.count, 1u);
  EXPECT_EQ(quiet.list.pairs[0].sequence, 40);
  EXPECT_EQ(group_.quiet_for({}).duration_ms, 100);
}

TEST(FixedAsking, QuietStays) {
  AskingGroup group(3, kNsPerSecond);
  for (int k = 0; k < 100; ++k) group.join(kStart, report(kStart));
  group.status(kStart);
  EXPECT_EQ(group.update_quiet(kStart), 3);
}

}  // namespace
}  // namespace linecast::smart
