#include "lib/smart/send/quiet_control.h"

#include <gtest/gtest.h>

namespace linecast::smart {
namespace {

constexpr TimeNs kStep = 20 * kNsPerMs;

TEST(QuietBySize, FollowsTheRoundTripAndTheLogarithmOfTheSize) {
  const struct {
    uint64_t size;
    TimeNs round_trip_ms;
    int quiet;
  } rows[] = {
      {9, 1, 3},           {9, 50, 9},          {6, 50, 8},            // 2.6, 130 and 113 ms
      {100, 50, 9},        {10'000, 50, 10},    {1'000'000, 50, 11},   // 227, 413 and 600 ms
      {1'000'000, 85, 11}, {1'000'000, 86, 12}, {1'000'000, 170, 12},  // 1020 and 1032 ms
      {9, 2000, 14},       {100, 2000, 14},                            // at most 8.19 s
  };
  for (const auto& row : rows)
    EXPECT_EQ(quiet_by_size(row.size, row.round_trip_ms * kNsPerMs), row.quiet)
        << row.size << " receivers, " << row.round_trip_ms << " ms";
}

class Quiet : public testing::Test {
 protected:
  // Runs for `seconds`, with so many accepted and repeated sequences at every step.
  uint8_t run(double seconds, uint32_t accepted, uint32_t repeated, uint64_t size = 4) {
    const auto steps = static_cast<int>(seconds * kNsPerSecond / kStep);
    for (int k = 0; k < steps; ++k) {
      quiet_.count(accepted, repeated);
      quiet_.update(now_ += kStep, size, 10 * kNsPerMs);
    }
    return quiet_.quiet();
  }

  static constexpr TimeNs kWindowNs = kNsPerSecond;
  QuietControl quiet_{std::nullopt, kWindowNs};
  TimeNs now_ = kNsPerSecond;
};

TEST_F(Quiet, FollowsTheGroup) {
  EXPECT_EQ(quiet_.quiet(), 0);
  EXPECT_EQ(run(1, 0, 0, 100), 7);  // 45 ms
  EXPECT_EQ(run(1, 0, 0, 5), 0);
}

TEST_F(Quiet, DoesNotFlipAroundTheLimitOfSmallGroups) {
  EXPECT_EQ(run(1, 0, 0, 0), 0);
  EXPECT_EQ(run(1, 0, 0, 8), 0);
  EXPECT_EQ(run(1, 0, 0, 9), 6);  // 26 ms
  for (const uint64_t size : {8, 7, 6}) EXPECT_GT(run(1, 0, 0, size), 0) << size;
  EXPECT_EQ(run(1, 0, 0, 5), 0);
  for (const uint64_t size : {6, 7, 8}) EXPECT_EQ(run(1, 0, 0, size), 0) << size;
}

TEST_F(Quiet, RisesWhileALossDrawsMoreThanTenRequestsAndFallsAgain) {
  EXPECT_EQ(run(5, 1, 9), 0);  // ten requests for a loss
  const uint8_t some = run(0.5, 1, 10);
  EXPECT_GT(some, 0);
  EXPECT_LT(some, 6);  // step by step
  EXPECT_GT(run(2, 1, 10), some);
  run(2, 1, 7);
  const uint8_t held = quiet_.quiet();
  EXPECT_EQ(run(100, 1, 7), held);  // fewer, but not yet half as many
  EXPECT_EQ(run(9, 1, 3), held);
  EXPECT_LT(run(5, 1, 3), held);
  EXPECT_EQ(run(200, 0, 0), 0);
}

TEST_F(Quiet, LeavesTimeToAskSeveralTimesWhateverTheLoad) {
  EXPECT_EQ(run(300, 1, 1000), 7);  // 64 ms, of a window of 1000
  const uint8_t by_size = quiet_by_size(1'000'000, 10 * kNsPerMs);
  ASSERT_GT(by_size, 7);
  EXPECT_EQ(run(300, 1, 1000, 1'000'000), by_size);
  // Nor does a load that the field could not lower any further take for ever to be forgotten.
  EXPECT_EQ(run(200, 0, 0), 0);
}

TEST(QuietOfAWindow, LongestAndShortest) {
  const struct {
    TimeNs window_ms;
    int quiet;
  } rows[] = {{10, 1}, {8, 1}, {7, 0}, {60'000, 13}, {1'000'000, 14}};
  for (const auto& row : rows) {
    QuietControl quiet(std::nullopt, row.window_ms * kNsPerMs);
    for (TimeNs now = 0; now < 300 * kNsPerSecond; now += kStep) {
      quiet.count(1, 1000);
      quiet.update(now, 1, kNsPerMs);
    }
    EXPECT_EQ(quiet.quiet(), row.quiet) << row.window_ms << " ms";
  }
}

TEST_F(Quiet, RepeatsOfWhatWasAcceptedBeforeCountToo) {
  EXPECT_EQ(run(1, 0, 1), 0);
  EXPECT_GT(run(1, 0, 20), 0);
}

TEST(FixedQuiet, Stays) {
  for (const uint8_t fixed : {0, 5, 15}) {
    QuietControl quiet(fixed, kNsPerSecond);
    EXPECT_EQ(quiet.quiet(), fixed);
    for (TimeNs now = 0; now < kNsPerSecond; now += kStep) {
      quiet.count(1, 1000);
      EXPECT_EQ(quiet.update(now, 1'000'000, 50 * kNsPerMs), fixed);
    }
    EXPECT_EQ(quiet.quiet(), fixed);
  }
}

}  // namespace
}  // namespace linecast::smart
