#include "lib/smart/receive/usage_reporter.h"

#include <gtest/gtest.h>

#include <tuple>

namespace linecast::smart {
namespace {

constexpr TimeNs kSecond = kNsPerSecond;
constexpr Ipv4 kGroup = 0xef010203, kReceiver = 0xc6336414, kHop = 0x0a000001, kOther = 0x0a000002;

SenderStatus status(uint16_t window_s, uint32_t hop_time_us = 0, uint64_t start_number = 1) {
  SenderStatus m;
  m.report_window_s = window_s;
  m.hop_time_us = hop_time_us;
  m.start_number = start_number;
  return m;
}

class UsageReporterTest : public testing::Test {
 protected:
  // The JOINs until `end`, with a SENDER_STATUS each second.
  std::vector<TimeNs> joins(TimeNs end, uint16_t window_s) {
    std::vector<TimeNs> at;
    for (TimeNs now = 0; now < end; now += kSecond) {
      reporter.take_status(now, kHop, status(window_s));
      while (reporter.next_due() < now + kSecond) {
        const TimeNs due = reporter.next_due();
        if (reporter.join(due)) at.push_back(due);
      }
    }
    return at;
  }

  Random random{1};
  UsageReporter reporter{kGroup, kReceiver, random};
};

TEST_F(UsageReporterTest, SaysNothingBeforeAStatus) {
  EXPECT_EQ(reporter.next_due(), kNever);
  EXPECT_FALSE(reporter.join(100 * kSecond));
  EXPECT_FALSE(reporter.leave(100 * kSecond));
}

TEST_F(UsageReporterTest, EchoesTheHopsTimeAndCounts) {
  reporter.take_status(10 * kSecond, kHop, status(0, 111));
  reporter.take_status(70 * kSecond, kHop, status(0, 123'456'789));
  const auto join = reporter.join(70 * kSecond + 2'500 * kNsPerUs);
  ASSERT_TRUE(join);
  EXPECT_EQ(reporter.hop(), kHop);
  EXPECT_EQ(join->group, kGroup);
  EXPECT_EQ(join->receiver, kReceiver);
  ASSERT_TRUE(join->detail);
  EXPECT_EQ(join->detail->echoed_hop_time_us, 123'456'789u);
  EXPECT_EQ(join->detail->held_us, 2'500u);
  EXPECT_EQ(join->detail->watched_s, 60u);
  EXPECT_EQ(join->detail->receivers, 1u);
}

TEST_F(UsageReporterTest, IsHastenedByWhatHasChangedButNotOutOfTheWindow) {
  for (const auto& [window_s, least, most] : {std::tuple{1, 1, 3}, std::tuple{100, 50, 150}}) {
    UsageReporter one(kGroup, kReceiver, random);
    TimeNs now = 0;
    one.take_status(now, kHop, status(static_cast<uint16_t>(window_s)));
    now = one.next_due();
    one.take_status(now, kHop, status(static_cast<uint16_t>(window_s)));
    ASSERT_TRUE(one.join(now));
    const TimeNs planned = one.next_due();
    one.hasten(now);
    EXPECT_GE(one.next_due(), now + std::min(least * kSecond, planned - now));
    EXPECT_LE(one.next_due(), now + most * kSecond);
    EXPECT_LE(one.next_due(), planned) << "never later";
  }
  UsageReporter none(kGroup, kReceiver, random);
  none.hasten(0);
  EXPECT_EQ(none.next_due(), kNever) << "no hop is known";
}

TEST_F(UsageReporterTest, TheFirstIsSpreadOverTheWindow) {
  std::vector<TimeNs> first;
  for (int i = 0; i < 1000; ++i) {
    UsageReporter one(kGroup, kReceiver, random);
    one.take_status(5 * kSecond, kHop, status(100));
    first.push_back(one.next_due() - 5 * kSecond);
  }
  EXPECT_LT(std::ranges::max(first), 100 * kSecond);
  EXPECT_GT(std::ranges::max(first), 95 * kSecond);
  EXPECT_LT(std::ranges::min(first), 5 * kSecond);
  const auto early = std::ranges::count_if(first, [](TimeNs t) { return t < 50 * kSecond; });
  EXPECT_NEAR(static_cast<double>(early), 500, 60);
}

TEST_F(UsageReporterTest, RefreshesEachMinuteOrSo) {
  const std::vector<TimeNs> at = joins(6000 * kSecond, 1);
  ASSERT_NEAR(static_cast<double>(at.size()), 100, 12);
  EXPECT_LT(at[0], kSecond);
  for (size_t i = 1; i < at.size(); ++i) {
    EXPECT_GE(at[i] - at[i - 1], 30 * kSecond);
    EXPECT_LE(at[i] - at[i - 1], 90 * kSecond);
  }
}

TEST_F(UsageReporterTest, RefreshesAsSeldomAsAGreatGroupNeeds) {
  const std::vector<TimeNs> at = joins(60'000 * kSecond, 600);
  EXPECT_LT(at[0], 600 * kSecond);
  for (size_t i = 1; i < at.size(); ++i) {
    EXPECT_GE(at[i] - at[i - 1], 300 * kSecond);
    EXPECT_LE(at[i] - at[i - 1], 900 * kSecond);
  }
}

TEST_F(UsageReporterTest, ALongWindowOfOnceDoesNotSilenceItForLong) {
  reporter.take_status(0, kHop, status(65'535));
  EXPECT_LE(reporter.next_due(), 3600 * kSecond);
  reporter.take_status(kSecond, kHop, status(1));
  EXPECT_LE(reporter.next_due(), 2 * kSecond);
  ASSERT_TRUE(reporter.join(2 * kSecond));
  reporter.take_status(3 * kSecond, kHop, status(3600));
  reporter.take_status(3 * kSecond, kHop, status(1));
  EXPECT_LE(reporter.next_due(), 93 * kSecond);
}

TEST_F(UsageReporterTest, WaitsForASilentHopToComeBack) {
  reporter.take_status(0, kHop, status(1));
  ASSERT_TRUE(reporter.join(kSecond));
  EXPECT_FALSE(reporter.join(reporter.next_due())) << "silent for half a minute and more";
  EXPECT_EQ(reporter.next_due(), kNever);
  reporter.take_status(500 * kSecond, kHop, status(1));
  EXPECT_LE(reporter.next_due(), 501 * kSecond);
}

TEST_F(UsageReporterTest, AnotherHopIsToldOnlyWhenTheFirstIsSilent) {
  reporter.take_status(0, kHop, status(1));
  ASSERT_TRUE(reporter.join(kSecond));
  reporter.take_status(2 * kSecond, kOther, status(1));
  EXPECT_EQ(reporter.hop(), kHop);
  EXPECT_GT(reporter.next_due(), 30 * kSecond);
  reporter.take_status(4 * kSecond, kOther, status(1));
  EXPECT_EQ(reporter.hop(), kOther);
  EXPECT_LE(reporter.next_due(), 5 * kSecond);
}

TEST_F(UsageReporterTest, ANewStartOfTheHopIsToldAnew) {
  reporter.take_status(0, kHop, status(1, 0, 1));
  ASSERT_TRUE(reporter.join(kSecond));
  reporter.take_status(2 * kSecond, kHop, status(1, 0, 2));
  EXPECT_LE(reporter.next_due(), 3 * kSecond);
}

TEST_F(UsageReporterTest, LeavesWithoutAJoinToo) {
  reporter.take_status(0, kHop, status(100, 7));
  const auto leave = reporter.leave(2 * kSecond);
  ASSERT_TRUE(leave && leave->detail);
  EXPECT_EQ(leave->detail->echoed_hop_time_us, 7u);
  EXPECT_EQ(leave->detail->held_us, 2'000'000u);
}

}  // namespace
}  // namespace linecast::smart
