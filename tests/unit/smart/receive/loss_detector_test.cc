#include "lib/smart/receive/loss_detector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "lib/base/random.h"

namespace linecast::smart {
namespace {

constexpr TimeNs kMs = kNsPerMs;
constexpr TimeNs kDeadline = 1000 * kMs;
constexpr TimeNs kDue = 5 * kMs;
constexpr TimeNs kAgain = 100 * kMs;

class LossDetectorTest : public testing::Test {
 protected:
  // What is to be asked for at `now`; asked again 100 ms later, answered after 50 ms.
  std::vector<uint64_t> collect(TimeNs now, size_t most = 2048) {
    std::vector<uint64_t> out(most);
    out.resize(detector.collect(times(now), out));
    return out;
  }
  static AskTimes times(TimeNs now) {
    return {.now = now, .round_trip_ns = kAgain / 2, .answer_ns = 50 * kMs, .back_off = {}};
  }
  void arrive(uint64_t sequence, TimeNs now = 0) { detector.arrived(sequence, now + kDue, now + kDeadline); }
  static std::vector<uint64_t> range(uint64_t first, uint64_t last) {
    std::vector<uint64_t> out(last - first + 1);
    std::iota(out.begin(), out.end(), first);
    return out;
  }

  ReceiveCounters counters;
  LossDetector detector{{}, counters};
};

using Sequences = std::vector<uint64_t>;

TEST_F(LossDetectorTest, InOrderNothingIsEverDue) {
  detector.start(100);
  for (uint64_t s = 100; s < 100'000; ++s) arrive(s);
  EXPECT_EQ(detector.next(), 100'000u);
  EXPECT_EQ(detector.next_due(), kNever);
}

TEST_F(LossDetectorTest, AGapIsDueAfterTheToleranceAndNotBefore) {
  detector.start(100);
  arrive(100);
  arrive(103);
  EXPECT_EQ(detector.next_due(), kDue);
  EXPECT_EQ(collect(kDue - 1), Sequences{});
  EXPECT_EQ(collect(kDue), (Sequences{101, 102}));
  EXPECT_EQ(collect(kDue), Sequences{});
}

TEST_F(LossDetectorTest, ReorderedWithinTheToleranceAsksNothing) {
  detector.start(0);
  for (const uint64_t s : {2, 0, 1, 5, 4, 3, 6}) arrive(s);
  EXPECT_EQ(collect(kDue), Sequences{});
  EXPECT_EQ(detector.next_due(), kNever);
}

TEST_F(LossDetectorTest, WhatIsStillMissingIsAskedForAgain) {
  detector.start(0);
  arrive(5);
  EXPECT_EQ(collect(kDue), range(0, 4));
  arrive(2, kDue + 1);
  arrive(0, kDue + 1);
  EXPECT_EQ(collect(kDue + kAgain - 1), Sequences{});
  EXPECT_EQ(collect(kDue + kAgain), (Sequences{1, 3, 4}));
}

TEST_F(LossDetectorTest, IsNotAskedForAgainWhereTheAnswerWouldBeLate) {
  detector.start(0);
  arrive(1);
  size_t asked = 0;
  while (detector.next_due() != kNever) asked += collect(detector.next_due()).size();
  EXPECT_EQ(asked, 10u);  // at 5, 105, .. 905 ms: the answer to the last comes at 955
}

TEST_F(LossDetectorTest, IsAskedForOnceEvenWhereTimeIsShort) {
  detector.start(0);
  detector.arrived(1, kDue, 20 * kMs);  // less than a round trip
  EXPECT_EQ(collect(kDue), Sequences{0});
  detector.arrived(3, kDue, 20 * kMs);
  EXPECT_EQ(collect(20 * kMs), Sequences{}) << "but not past the deadline";
}

TEST_F(LossDetectorTest, AHeartbeatRevealsTheTail) {
  detector.start(10);
  arrive(10);
  detector.reveal(14, kDue, kDeadline);
  EXPECT_EQ(detector.next(), 14u);
  EXPECT_EQ(collect(kDue), range(11, 13));
  detector.reveal(14, kDue, kDeadline);
  detector.reveal(12, kDue, kDeadline);
  EXPECT_EQ(collect(kDue), Sequences{});
}

TEST_F(LossDetectorTest, HeldBackUntilThen) {
  detector.start(0);
  arrive(10);
  detector.hold(Sequences{3, 4, 5, 77}, 40 * kMs, 40 * kMs, times(0));
  EXPECT_EQ(collect(kDue), (Sequences{0, 1, 2, 6, 7, 8, 9}));
  EXPECT_EQ(detector.next_due(), 40 * kMs);
  EXPECT_EQ(collect(40 * kMs), range(3, 5));
  EXPECT_EQ(collect(kDue + kAgain), (Sequences{0, 1, 2, 6, 7, 8, 9}));
  EXPECT_EQ(collect(40 * kMs + kAgain), range(3, 5));
}

TEST_F(LossDetectorTest, AHoldNeverBringsARequestForward) {
  detector.start(0);
  arrive(1);
  EXPECT_EQ(collect(kDue), Sequences{0});
  detector.hold(Sequences{0}, kDue + 10 * kMs, kDue + 10 * kMs, times(kDue));
  EXPECT_EQ(collect(kDue + 10 * kMs), Sequences{});
  EXPECT_EQ(collect(kDue + kAgain), Sequences{0});
}

TEST_F(LossDetectorTest, HeldBackNoLongerThanAnAnswerTakes) {
  detector.start(0);
  arrive(1);
  detector.hold(Sequences{0}, kDeadline + 500 * kMs, kDeadline + 500 * kMs, times(0));
  EXPECT_EQ(collect(kDue), Sequences{});
  EXPECT_EQ(detector.next_due(), kDeadline - 50 * kMs);
  EXPECT_EQ(collect(kDeadline - 50 * kMs), Sequences{0});
  EXPECT_EQ(detector.next_due(), kNever);
}

TEST_F(LossDetectorTest, WhoAskedIsHeldBackForLess) {
  detector.start(0);
  arrive(2);
  arrive(4, 10 * kMs);
  EXPECT_EQ(collect(kDue), (Sequences{0, 1}));
  detector.hold(Sequences{1, 3}, 130 * kMs, 80 * kMs, times(10 * kMs));
  EXPECT_EQ(collect(kDue + kAgain), (Sequences{0, 1})) << "which were due later than that anyway";
  EXPECT_EQ(collect(130 * kMs), Sequences{3});
}

TEST_F(LossDetectorTest, HoldsLeaveTimersToNewGaps) {
  LossDetector small({.window = 1024, .max_timers = 8}, counters);
  small.start(0);
  small.arrived(900, kDue, kDeadline);
  for (uint64_t s = 0; s < 900; s += 100) small.hold(Sequences{s}, 40 * kMs, 40 * kMs, times(0));
  EXPECT_EQ(small.timers(), 6u);
  Sequences out(1024);
  EXPECT_EQ(small.collect(times(kDue), out), 895u) << "five are held, four were too many to hold";
  EXPECT_EQ(counters.get(ReceiveCounter::kRequestOverflow), 0u);
}

TEST_F(LossDetectorTest, WhatIsHeldFarApartCostsNoLook) {
  detector.start(0);
  arrive(10'000);
  detector.hold(Sequences{0, 5000, 1, 9999}, 40 * kMs, 40 * kMs, times(0));
  EXPECT_EQ(detector.timers(), 1u + 4u) << "a timer each, not one that spans all";
}

TEST_F(LossDetectorTest, TheGroupsQuietPutsOffWhatIsDue) {
  detector.start(0);
  arrive(1);
  AskTimes quiet = times(kDue);
  quiet.quiet_until = 300 * kMs;
  quiet.quiet_spares_ns = 500 * kMs;
  Sequences out(10);
  EXPECT_EQ(detector.collect(quiet, out), 0u);
  EXPECT_EQ(detector.next_due(), 300 * kMs);
  quiet.now = 300 * kMs;
  quiet.quiet_until = 900 * kMs;
  EXPECT_EQ(detector.collect(quiet, out), 0u);
  EXPECT_EQ(detector.next_due(), 500 * kMs) << "but spares the half of its time";
  quiet.now = 500 * kMs;
  EXPECT_EQ(detector.collect(quiet, out), 1u);
}

TEST_F(LossDetectorTest, ABurstOfThousandsIsGivenOutInParts) {
  detector.start(0);
  arrive(5000);
  Sequences all;
  for (int round = 0; round < 5; ++round) {
    const Sequences part = collect(kDue + round, 1088);
    EXPECT_EQ(part.size(), std::min<size_t>(1088, 5000 - all.size()));
    all.insert(all.end(), part.begin(), part.end());
  }
  EXPECT_EQ(all, range(0, 4999));
  EXPECT_LT(detector.timers(), 10u);
}

TEST_F(LossDetectorTest, StartForgets) {
  detector.start(0);
  arrive(10);
  detector.start(1'000'000);
  EXPECT_EQ(detector.next_due(), kNever);
  EXPECT_EQ(detector.next(), 1'000'000u);
  arrive(1'000'001);
  EXPECT_EQ(collect(kDue), Sequences{1'000'000});
}

TEST_F(LossDetectorTest, GapsAreBoundedAndCounted) {
  LossDetector small({.window = 1024, .max_timers = 8}, counters);
  small.start(0);
  for (uint64_t s = 1; s < 40; s += 2) small.arrived(s, kDue, kDeadline);
  EXPECT_EQ(small.timers(), 8u);
  EXPECT_EQ(counters.get(ReceiveCounter::kRequestOverflow), 20u - 8u);
  Sequences out(100);
  EXPECT_EQ(small.collect(times(kDue), out), 8u);
}

TEST_F(LossDetectorTest, TheWindowIsBoundedAndCounted) {
  LossDetector small({.window = 64, .max_timers = 8}, counters);
  small.start(0);
  small.arrived(100, kDue, kDeadline);
  EXPECT_EQ(counters.get(ReceiveCounter::kRequestOverflow), 101u - 64u);
  Sequences out(100);
  EXPECT_EQ(small.collect(times(kDue), out), 63u);
  EXPECT_EQ(out[0], 37u);
}

// Against a plain model: every missing sequence is asked for at its time, and none that has come.
TEST_F(LossDetectorTest, RandomLossAndOrder) {
  Random random(7);
  std::vector<bool> there(20'000, false);
  detector.start(0);
  uint64_t sent = 0;
  std::vector<uint64_t> late;
  for (TimeNs now = 0; now < 2000 * kMs; now += kMs / 2) {
    for (int i = 0; i < 5 && sent < there.size(); ++i, ++sent) {
      if (random.unit() < 0.3) {
        if (random.unit() < 0.5) late.push_back(sent);
        continue;
      }
      there[sent] = true;
      arrive(sent, now);
    }
    while (!late.empty() && random.unit() < 0.8) {
      std::swap(late[random.below(late.size())], late.back());
      if (late.back() < detector.next()) there[late.back()] = true;
      if (there[late.back()]) arrive(late.back(), now);
      late.pop_back();
    }
    for (const uint64_t s : collect(now)) ASSERT_FALSE(there[s]) << s;
    ASSERT_GT(detector.next_due(), now);
  }
  EXPECT_EQ(counters.get(ReceiveCounter::kRequestOverflow), 0u);
}

}  // namespace
}  // namespace linecast::smart
