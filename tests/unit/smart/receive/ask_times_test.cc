#include "lib/smart/receive/ask_times.h"

#include <gtest/gtest.h>

namespace linecast::smart {
namespace {

constexpr TimeNs kMs = kNsPerMs;
constexpr TimeNs kDeadline = 1000 * kMs;
constexpr double kLatest = 0.999999999;  // the luck of who waits longest

AskTimes at(TimeNs now, TimeNs round_trip, TimeNs window, double u = kLatest) {
  return {.now = now, .round_trip_ns = round_trip, .answer_ns = round_trip, .back_off = {window, 20, u}};
}

TEST(AskTimes, WithoutAWindowAtOnceAndAgainAfterTwoRoundTrips) {
  const AskTimes times = at(5 * kMs, 50 * kMs, 0);
  EXPECT_EQ(times.first(5 * kMs, kDeadline), 5 * kMs);
  EXPECT_EQ(times.again(kDeadline, 0), 105 * kMs);
  EXPECT_EQ(times.held(300 * kMs, kDeadline), 300 * kMs);
}

TEST(AskTimes, EachPauseIsTwiceAsLongUpToTheLongest) {
  AskTimes times = at(5 * kMs, 10 * kMs, 0);
  times.longest_pause_ns = 60 * kMs;
  const TimeNs pauses[] = {20, 40, 60, 60};
  for (int k = 0; k < 4; ++k) EXPECT_EQ(times.again(kDeadline, k), (5 + pauses[k]) * kMs);
  EXPECT_EQ(times.again(kDeadline, 16), 65 * kMs);
  times.round_trip_ns = 50 * kMs;
  EXPECT_EQ(times.again(kDeadline, 3), 105 * kMs);
}

TEST(AskTimes, AgainOnlyWhereTheAnswerIsInTime) {
  EXPECT_EQ(at(849 * kMs, 50 * kMs, 0).again(kDeadline, 0), 949 * kMs);
  EXPECT_EQ(at(850 * kMs, 50 * kMs, 0).again(kDeadline, 0), kNever);
  AskTimes unknown = at(850 * kMs, 50 * kMs, 0);
  unknown.answer_ns = 0;  // may come at once
  EXPECT_EQ(unknown.again(kDeadline, 0), 950 * kMs);
}

TEST(AskTimes, TheWindowIsKeptWhereThereIsRoom) {
  const AskTimes times = at(0, 20 * kMs, 256 * kMs, 0.5);
  const TimeNs wait = BackOff{256 * kMs, 20, 0.5}.within(kNever);
  EXPECT_EQ(times.first(5 * kMs, kDeadline), 5 * kMs + wait);
  EXPECT_EQ(times.again(kDeadline, 0), 40 * kMs + wait);
  EXPECT_EQ(times.held(300 * kMs, kDeadline), 300 * kMs + wait) << "those held back do not ask all at once";
}

TEST(AskTimes, ALongWindowIsCutSoThatThereIsTimeForTwo) {
  const AskTimes first = at(0, 50 * kMs, 8192 * kMs);
  const TimeNs asked = first.first(5 * kMs, kDeadline);
  EXPECT_EQ(asked, (1000 - 3 * 50 - 1) * kMs);
  EXPECT_LE(at(asked, 50 * kMs, 8192 * kMs).again(kDeadline, 0), kDeadline - 50 * kMs);
}

TEST(AskTimes, AHoldEndsInTime) {
  EXPECT_EQ(at(10 * kMs, 50 * kMs, 0).held(5000 * kMs, kDeadline), 950 * kMs);
  // Early enough for the window to lie before the last moment, too.
  const AskTimes first = at(10 * kMs, 50 * kMs, 256 * kMs, 0);
  EXPECT_EQ(first.held(5000 * kMs, kDeadline), (950 - 256) * kMs);
  EXPECT_LE(at(10 * kMs, 50 * kMs, 256 * kMs).held(5000 * kMs, kDeadline), 950 * kMs);
  // Past the last moment: at once.
  EXPECT_EQ(at(970 * kMs, 50 * kMs, 0).held(5000 * kMs, kDeadline), 970 * kMs);
}

// A round trip of the group that is longer than the buffer must not make all ask at the same moment.
TEST(AskTimes, TheWindowIsNeverCutBelowHalfOfTheTime) {
  EXPECT_NEAR(static_cast<double>(at(0, 2000 * kMs, 8192 * kMs).first(0, kDeadline)), 500e6, 1e6);
  EXPECT_NEAR(static_cast<double>(at(0, 2000 * kMs, 8192 * kMs).held(700 * kMs, kDeadline)), 500e6, 1e6);
}

}  // namespace
}  // namespace linecast::smart
