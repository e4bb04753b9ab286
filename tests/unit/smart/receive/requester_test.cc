#include "lib/smart/receive/requester.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <bit>
#include <set>
#include <utility>

namespace linecast::smart {
namespace {

constexpr TimeNs kMs = kNsPerMs;
constexpr Ipv4 kHop = 0x0a000001;

class RequesterTest : public testing::Test {
 protected:
  void arrive(TimeNs now, uint64_t sequence, uint8_t quiet = 0) {
    requester.arrived(now, sequence, requester.heard(now, kHop, quiet));
  }
  // The sequences that are asked for at `now`.
  std::vector<uint64_t> ask(TimeNs now) {
    std::vector<uint64_t> out;
    requester.ask(now, [&](Ipv4 hop, const PairList& pairs) {
      EXPECT_EQ(hop, kHop);
      for (const SequencePair& pair : pairs.view())
        for (unsigned i = 0; i <= 16; ++i)
          if (i == 0 || (pair.mask >> (i - 1) & 1) != 0) out.push_back(pair.sequence + i);
    });
    return out;
  }

  Random random{1};
  ReceiveCounters counters;
  std::set<uint64_t> asked_;
  Requester requester{{}, random, counters};
};

using Sequences = std::vector<uint64_t>;

TEST_F(RequesterTest, AsksForAGapAfterTheToleranceAndAgainTwoRoundTripsLater) {
  requester.start(100);
  arrive(0, 100);
  arrive(0, 103);
  EXPECT_EQ(requester.next_due(), 5 * kMs);
  EXPECT_EQ(ask(5 * kMs - 1), Sequences{});
  EXPECT_EQ(ask(5 * kMs), (Sequences{101, 102}));
  EXPECT_EQ(requester.next_due(), 105 * kMs);
  arrive(105 * kMs, 101);
  EXPECT_EQ(ask(105 * kMs), Sequences{102});
}

TEST_F(RequesterTest, AsksNothingBetweenTwoRuns) {
  requester.start(100);
  arrive(0, 103);
  requester.stop();
  EXPECT_EQ(requester.next_due(), kNever);
  EXPECT_EQ(ask(500 * kMs), Sequences{});
  requester.start(7);
  arrive(500 * kMs, 8);
  EXPECT_EQ(ask(505 * kMs), Sequences{7});
}

SenderStatus status_of(uint16_t round_trip_ms, uint8_t log2_group_size) {
  SenderStatus status;
  status.round_trip_ms = round_trip_ms;
  status.log2_group_size = log2_group_size;
  return status;
}

Quiet quiet_of(uint16_t duration_ms, const std::vector<SequencePair>& pairs = {}) {
  Quiet quiet;
  quiet.duration_ms = duration_ms;
  for (const SequencePair& pair : pairs) quiet.list.pairs[quiet.list.count++] = pair;
  return quiet;
}

// A group of a million whose QUIET field is the longest: yet each asks in time for an answer, and again.
TEST_F(RequesterTest, TheLongestQuietFieldStillLeavesTimeForTwoRequests) {
  for (int i = 0; i < 1000; ++i) {
    Requester one({}, random, counters);
    const Hop* hop = one.heard(0, kHop, 14);
    one.take_status(status_of(50, 20), *one.hops().find(kHop));
    one.start(100);
    one.arrived(0, 101, hop);
    std::vector<TimeNs> asked;
    for (TimeNs at = one.next_due(); at != kNever; at = one.next_due())
      one.ask(at, [&](Ipv4, const PairList&) { asked.push_back(at); });
    ASSERT_GE(asked.size(), 2u);
    EXPECT_GE(asked[0], 5 * kMs);
    EXPECT_LE(asked[0], (1000 - 50 - 100) * kMs);
    EXPECT_GE(asked[1], asked[0] + 100 * kMs);
    EXPECT_LE(asked.back(), (1000 - 50) * kMs);
  }
}

TEST_F(RequesterTest, AGroupThatWasHeldBackDoesNotAskAllAtOnce) {
  TimeNs earliest = kNever, latest = 0;
  uint64_t soon = 0;
  for (int i = 0; i < 1000; ++i) {
    Requester one({}, random, counters);
    Hop& hop = *one.heard(0, kHop, 9);  // 256 ms
    one.take_status(status_of(20, 20), hop);
    one.start(100);
    one.arrived(0, 101, &hop);
    one.take_quiet(kMs, quiet_of(0, {{100, 0}}), hop);
    TimeNs asked = kNever;
    for (TimeNs at = one.next_due(); asked == kNever; at = one.next_due())
      one.ask(at, [&](Ipv4, const PairList&) { asked = at; });
    earliest = std::min(earliest, asked);
    latest = std::max(latest, asked);
    soon += asked < 141 * kMs;
  }
  EXPECT_GE(earliest, 41 * kMs) << "two round trips after QUIET";
  EXPECT_LE(latest, 514 * kMs);
  EXPECT_GT(latest, 250 * kMs);
  EXPECT_LT(soon, 10u) << "few are early, and speak for all";
}

TEST_F(RequesterTest, QuietOfTheWholeGroupTakesHalfOfAPacketsTime) {
  requester.start(100);
  arrive(0, 101);
  Hop& hop = *requester.hops().find(kHop);
  for (TimeNs now = 0; now < 500 * kMs; now += kMs) {  // QUIET of 65 s a thousand times a second
    requester.take_quiet(now, quiet_of(65'000), hop);
    ASSERT_EQ(ask(now), Sequences{});
  }
  size_t asked = 0;
  for (TimeNs now = 500 * kMs; now < 1000 * kMs; now += kMs) {
    requester.take_quiet(now, quiet_of(65'000), hop);
    asked += ask(now).size();
  }
  EXPECT_EQ(asked, 5u);
}

TEST_F(RequesterTest, QuietThatNamesASequenceAgainAndAgainDoesNotSilenceForGood) {
  requester.start(100);
  arrive(0, 101);
  Hop& hop = *requester.hops().find(kHop);
  requester.take_status(status_of(50, 0), hop);
  size_t asked = 0;
  for (TimeNs now = 0; now < 1000 * kMs; now += kMs) {
    requester.take_quiet(now, quiet_of(65'000, {{100, 0xffff}}), hop);
    asked += ask(now).size();
  }
  EXPECT_EQ(asked, 1u) << "as late as an answer can be in time";
}

// Whoever gets one packet in is a hop, and can say of itself that its answers take no time, or say nothing.
TEST_F(RequesterTest, QuietOfAnotherHopLeavesTimeForTheAnswerOfTheSlowest) {
  for (const bool tells : {false, true}) {
    Requester one({}, random, counters);
    one.start(100);
    one.heard(0, kHop + 1, 0);
    Hop& other = *one.hops().find(kHop + 1);
    if (tells) one.take_status(status_of(1, 0), other);
    one.arrived(0, 101, one.heard(1, kHop, 0));
    one.take_status(status_of(80, 0), *one.hops().find(kHop));
    std::vector<TimeNs> asked;
    for (TimeNs now = 0; now < 1000 * kMs; now += kMs) {
      one.take_quiet(now, quiet_of(65'000, {{100, 0xffff}}), other);
      one.ask(now, [&](Ipv4, const PairList&) { asked.push_back(now); });
    }
    ASSERT_EQ(asked.size(), 1u);
    EXPECT_EQ(asked[0], 920 * kMs);
  }
}

// On a clear channel anybody can make up the JOINs that it comes from; and before the first SENDER_STATUS it
// is a guess.
TEST_F(RequesterTest, WhateverTheRoundTripIsSaidToBeThereIsTimeToAskThreeTimes) {
  for (const TimeNs buffer : {50 * kMs, 100 * kMs, 300 * kMs, 1000 * kMs})
    for (const uint16_t told_ms : {0, 170, 2000, 65'535}) {  // 0: nothing
      Requester one({.buffer_ns = buffer}, random, counters);
      one.start(100);
      if (told_ms > 0) one.take_status(status_of(told_ms, 0), *one.heard(0, kHop, 0));
      one.arrived(0, 101, one.heard(0, kHop, 0));
      std::vector<TimeNs> asked;
      for (TimeNs at = one.next_due(); at != kNever; at = one.next_due())
        one.ask(at, [&](Ipv4, const PairList&) { asked.push_back(at); });
      ASSERT_GE(asked.size(), 3u) << buffer / kMs << " ms, told " << told_ms << " ms";
      EXPECT_LE(asked[2], buffer - buffer / 6);
    }
}

// Four round trips without a repair or a QUIET that names something: another hop is asked, if there is one.
TEST_F(RequesterTest, AHopThatAnswersNothingIsLeftForAnother) {
  enum class Answer { kNothing, kRepair, kQuiet };
  for (const Answer answer : {Answer::kNothing, Answer::kRepair, Answer::kQuiet}) {
    Requester one({}, random, counters);
    one.start(100);
    std::vector<Ipv4> asked;
    for (TimeNs now = 0; now < 900 * kMs; now += kMs) {
      one.heard(now, kHop, 0);
      one.heard(now - kMs, kHop + 1, 0);  // its data is older, so it is not the one to be asked
      one.arrived(now, 100 + 2 * static_cast<uint64_t>(now / kMs), one.hops().find(kHop));  // half is lost
      one.ask(now, [&](Ipv4 hop, const PairList& pairs) {
        asked.push_back(hop);
        if (hop != kHop) return;
        if (answer == Answer::kRepair) Requester::answered(one.hops().find(hop));
        if (answer == Answer::kQuiet) {
          Quiet quiet = quiet_of(0);
          quiet.list = pairs;
          one.take_quiet(now, quiet, *one.hops().find(hop));
        }
      });
    }
    EXPECT_EQ(asked.front(), kHop);
    EXPECT_EQ(std::ranges::count(asked, kHop + 1) > 0, answer == Answer::kNothing);
  }
}

TEST_F(RequesterTest, QuietFifteenIsForbiddenWhateverTheTime) {
  requester.start(100);
  arrive(0, 101, 15);
  for (TimeNs now = 0; now < 1000 * kMs; now += kMs) ASSERT_EQ(ask(now), Sequences{});
}

// Packets that waited for their key are told by the time of their arrival.
TEST_F(RequesterTest, APacketThatHadToWaitMakesNoHopSilent) {
  requester.start(100);
  arrive(10'000 * kMs, 102);
  arrive(6'000 * kMs, 100);
  EXPECT_EQ(ask(10'005 * kMs), Sequences{101});
}

TEST_F(RequesterTest, NothingIsAskedForAfterItsDeadline) {
  requester.start(100);
  arrive(0, 101);
  EXPECT_EQ(ask(1000 * kMs), Sequences{});
  EXPECT_EQ(requester.next_due(), kNever);
}

TEST_F(RequesterTest, OneRoundIsBoundedAndTheNextIsAMillisecondLater) {
  requester.start(100);
  arrive(0, 5000);
  EXPECT_EQ(ask(5 * kMs).size(), Requester::kMaxAskedAtOnce);
  EXPECT_EQ(requester.next_due(), 6 * kMs);
  EXPECT_EQ(ask(5 * kMs + 1), Sequences{});
  EXPECT_EQ(ask(6 * kMs).size(), Requester::kMaxAskedAtOnce);
}

TEST_F(RequesterTest, OnANearNetworkItAsksMoreSeldomEachTime) {
  requester.start(100);
  requester.take_status(status_of(2, 0), *requester.heard(0, kHop, 0));
  arrive(0, 101);
  std::vector<TimeNs> asked;  // in ms
  for (TimeNs now = 0; now < 300 * kMs; now += kMs)
    if (!ask(now).empty()) asked.push_back(now / kMs);
  EXPECT_EQ(asked, (std::vector<TimeNs>{5, 9, 17, 33, 65, 128, 191, 254}));
}

// A heartbeat can be made up on a clear channel, and on a near network everything is asked for every 2 ms.
TEST_F(RequesterTest, WhatNeverComesIsNotAskedForWithoutEnd) {
  constexpr uint64_t kWindow = LossDetector::Limits{}.window, kAhead = 16'000;
  for (const bool packets_come : {false, true}) {
    Requester one({}, random, counters);
    one.start(100);
    one.take_status(status_of(1, 0), *one.heard(0, kHop, 0));
    one.reveal(0, 100 + kAhead, one.heard(0, kHop, 0));
    size_t asked = 0;
    TimeNs now = 0;
    for (uint64_t k = 0; now < 1000 * kMs; now += kMs, ++k) {
      one.ask(now, [&](Ipv4, const PairList& pairs) {
        for (const SequencePair& pair : pairs.view())
          asked += 1 + static_cast<size_t>(std::popcount(pair.mask));
      });
      if (packets_come) one.arrived(now, 100 + k, one.heard(now, kHop, 0));
    }
    EXPECT_GE(asked, kAhead) << "each once";
    EXPECT_LE(asked, kWindow + (packets_come ? 1000 * Requester::kAskedAPacket : 0));
    one.ask(now, [](Ipv4, const PairList&) { FAIL(); });
    EXPECT_EQ(one.next_due(), kNever) << "and nothing is looked after once it is too late";
  }
}

// Half of the packets and of their repairs are lost, after a pause that has used up what was saved up.
TEST_F(RequesterTest, WhoLosesHalfMayAskForAllOfItAgainAndAgain) {
  requester.start(100);
  requester.take_status(status_of(10, 0), *requester.heard(0, kHop, 0));
  TimeNs now = 0;
  arrive(now, 100 + LossDetector::Limits{}.window);
  std::vector<uint64_t> repairs;
  uint64_t next = 101 + LossDetector::Limits{}.window, given_up = next;
  for (; now < 3000 * kMs; now += kMs) {
    for (const uint64_t sequence : std::exchange(repairs, {})) arrive(now, sequence);
    for (int k = 0; k < 10; ++k, ++next)
      if (random.unit() < 0.5) arrive(now, next);
    for (const uint64_t sequence : ask(now)) {
      if (random.unit() < 0.5) repairs.push_back(sequence);
      if (sequence >= given_up) asked_.insert(sequence);
    }
  }
  const uint64_t due = next - 200;  // of the last ones some are still to be asked for
  size_t missing = 0;
  for (uint64_t sequence = given_up; sequence < due; ++sequence) missing += asked_.count(sequence);
  EXPECT_NEAR(static_cast<double>(missing) / static_cast<double>(due - given_up), 0.5, 0.02);
}

TEST_F(RequesterTest, TheSequenceWraps) {
  requester.start(65'530);
  arrive(0, 65'540);
  EXPECT_EQ(ask(5 * kMs),
            (Sequences{65'530, 65'531, 65'532, 65'533, 65'534, 65'535, 65'536, 65'537, 65'538, 65'539}));
  requester.take_quiet(6 * kMs, quiet_of(300, {{65'535, 1}}), *requester.hops().find(kHop));
  EXPECT_EQ(ask(105 * kMs).size(), 8u) << "65535 and 65536 were named";
}

// A simulation holds a million.
TEST_F(RequesterTest, IsSmallWithSmallSettings) {
  const Requester::Settings settings{.limits = {.window = 64, .max_timers = 8}};
  const size_t before = mallinfo2().uordblks;
  const auto small = std::make_unique<Requester>(settings, random, counters);
  small->start(1);
  small->arrived(0, 4, small->heard(0, kHop, 0));
  EXPECT_LT(mallinfo2().uordblks - before, 1024u);
}

}  // namespace
}  // namespace linecast::smart
