#include "lib/smart/send/repair_engine.h"

#include <gtest/gtest.h>

#include <numeric>

#include "lib/base/error.h"

namespace linecast::smart {
namespace {

constexpr TimeNs kRoundTrip = 50 * kNsPerMs;
constexpr TimeNs kLongestLock = 500 * kNsPerMs;
constexpr KeptSequences kHundred{37, 101};  // 64 kept
constexpr uint64_t kFrame = 1400;
constexpr uint64_t kLargest = 100'000;

PairList pairs(std::initializer_list<SequencePair> list) {
  PairList out;
  for (const SequencePair& pair : list) out.pairs[out.count++] = pair;
  return out;
}

RepairTarget receiver(Ipv4 address, uint16_t port = 47100) { return {address, port, {2, 0, 0, 0, 0, 1}}; }

class Engine : public testing::Test {
 protected:
  explicit Engine(bool always_unicast = false, uint64_t budget = 100)
      : engine_(settings(always_unicast, budget)) {}

  // budget: of so many of the largest repairs, a second and at once.
  static RepairEngine::Settings settings(bool always_unicast, uint64_t budget) {
    RepairEngine::Settings settings;
    settings.window = 64;
    settings.budget_bytes_a_second = budget * kLargest;
    settings.budget_burst_bytes = budget * kLargest;
    settings.largest_bytes = kLargest;
    settings.longest_lock_ns = kLongestLock;
    settings.always_unicast = always_unicast;
    return settings;
  }
  RepairEngine::Outcome ask(TimeNs now, std::initializer_list<SequencePair> list,
                            const RepairTarget& from = {}) {
    return engine_.request(now, kRoundTrip, kept_, pairs(list), from, share_, quiet_);
  }
  RepairEngine::Taken take(TimeNs now, uint64_t bytes = kFrame) {
    return engine_.take(
        now, kept_, [bytes](uint64_t) { return bytes; }, repair_);
  }
  // All that is to be sent now.
  std::vector<uint64_t> take_all(TimeNs now, uint64_t bytes = kFrame, size_t most = SIZE_MAX) {
    std::vector<uint64_t> sequences;
    RepairEngine::Taken taken;
    while (sequences.size() < most && (taken = take(now, bytes)) != RepairEngine::Taken::kNothing)
      if (taken == RepairEngine::Taken::kRepair) sequences.push_back(repair_.sequence);
    return sequences;
  }
  std::vector<uint16_t> quiet() const {
    std::vector<uint16_t> named;
    for (const SequencePair& pair : quiet_.view()) {
      named.push_back(pair.sequence);
      for (int bit = 0; bit < 16; ++bit)
        if (pair.mask >> bit & 1) named.push_back(static_cast<uint16_t>(pair.sequence + 1 + bit));
    }
    return named;
  }

  RepairEngine engine_;
  KeptSequences kept_ = kHundred;
  PairList quiet_;
  RepairEngine::Repair repair_;
  size_t left_ = 0;  // pending
  SourceShare share_;
};

class TightEngine : public Engine {
 protected:
  TightEngine() : Engine(false, 10) {}
};

using Sequences = std::vector<uint64_t>;
using Named = std::vector<uint16_t>;

// A repeater's stream may begin anew below what is pending.
TEST_F(Engine, WhatIsAheadOfTheStreamIsNotKept) {
  EXPECT_EQ(ask(0, {{90, 0}}).accepted, 1u);
  kept_ = {1, 50};
  EXPECT_EQ(take(0), RepairEngine::Taken::kTooOld);
  EXPECT_EQ(take(0), RepairEngine::Taken::kNothing);
}

TEST_F(Engine, RepairsEachSequenceOnceARoundTripHoweverManyAsk) {
  EXPECT_EQ(ask(0, {{40, 0}}).accepted, 1u);
  for (int k = 0; k < 1000; ++k) EXPECT_EQ(ask(1, {{40, 0}}, {}).repeated, 1u);  // pending
  EXPECT_EQ(take_all(10), Sequences{40});
  for (int k = 0; k < 1000; ++k) EXPECT_EQ(ask(11, {{40, 0}}).repeated, 1u);  // lingering
  EXPECT_EQ(ask(10 + kRoundTrip - 1, {{40, 0}}).repeated, 1u);
  EXPECT_EQ(take_all(10 + kRoundTrip - 1), Sequences{});
  EXPECT_EQ(ask(10 + kRoundTrip, {{40, 0}}).accepted,
            1u);  // a round trip after it left, not after it was asked for
  EXPECT_EQ(take_all(10 + kRoundTrip), Sequences{40});
}

TEST_F(Engine, EachRepairLocksItsSequenceForTwiceAsLongUpToTheLongest) {
  const auto repaired_at = [&](TimeNs round_trip, TimeNs end) {
    engine_ = RepairEngine(settings(false, 100));
    std::vector<TimeNs> times;  // in ms
    for (TimeNs now = 0; now < end; now += kNsPerMs) {
      engine_.request(now, round_trip, kept_, pairs({{40, 0}}), {}, share_, quiet_);
      if (!take_all(now).empty()) times.push_back(now / kNsPerMs);
    }
    return times;
  };
  EXPECT_EQ(repaired_at(kRoundTrip, 2500 * kNsPerMs),
            (std::vector<TimeNs>{0, 50, 150, 350, 750, 1250, 1750, 2250}));
  EXPECT_EQ(repaired_at(700 * kNsPerMs, 2500 * kNsPerMs), (std::vector<TimeNs>{0, 700, 1400, 2100}));
  // The next sequence of the place begins anew.
  take_all(0);
  kept_ = {41, 105};
  TimeNs now = 3000 * kNsPerMs;
  EXPECT_EQ(ask(now, {{104, 0}}).accepted, 1u);
  EXPECT_EQ(take_all(now), Sequences{104});
  EXPECT_EQ(ask(now += kRoundTrip, {{104, 0}}).accepted, 1u);
}

TEST_F(Engine, WhatWasSentLateIsLockedForARoundTrip) {
  engine_.sent_late(0, 80);
  EXPECT_EQ(ask(kRoundTrip - 1, {{80, 1}}).repeated, 1u);
  EXPECT_EQ(take_all(kRoundTrip - 1), std::vector<uint64_t>{81}) << "of this one alone";
  EXPECT_EQ(ask(kRoundTrip, {{80, 0}}).accepted, 1u);
  engine_.sent_late(kRoundTrip, 80);
  EXPECT_EQ(take_all(kRoundTrip), std::vector<uint64_t>{80}) << "it stood in the queue already";
}

TEST_F(Engine, AnswersInTheOrderOfAsking) {
  ask(0, {{90, 0b101}, {50, 0}});
  ask(1, {{91, 0b1}});
  EXPECT_EQ(take_all(2), (Sequences{90, 91, 93, 50, 92}));
}

TEST_F(Engine, TellsWhatWasNotSentAndWhatIsNoLongerKept) {
  const RepairEngine::Outcome outcome = ask(0, {{35, 0b11}, {100, 0xffff}, {101, 0}});
  EXPECT_EQ(outcome.too_old, 2u);
  EXPECT_EQ(outcome.not_sent, 17u);
  EXPECT_EQ(outcome.accepted, 2u);  // 37 and 100
  EXPECT_EQ(outcome.repeated, 0u);
  EXPECT_EQ(outcome.sum(), 21u);
  EXPECT_EQ(take_all(0), (Sequences{37, 100}));
}

TEST_F(Engine, HasNothingBeforeTheFirstPacket) {
  kept_ = {65535, 65535};
  EXPECT_EQ(ask(0, {{65535, 0b1}}).not_sent, 2u);
  EXPECT_EQ(ask(0, {{65534, 0}}).too_old, 1u);
  EXPECT_EQ(engine_.pending(), 0u);
}

TEST_F(Engine, KnowsSequencesAcrossTheWrapOf16Bits) {
  kept_ = {65536 * 3 - 32, 65536 * 3 + 32};
  EXPECT_EQ(ask(0, {{65535, 0b11}}).accepted, 3u);
  EXPECT_EQ(take_all(0), (Sequences{65536 * 3 - 1, 65536 * 3, 65536 * 3 + 1}));
  EXPECT_EQ(quiet(), (Named{65535, 0, 1}));
}

TEST_F(Engine, QuietNamesExactlyWhatThisRequestHasCaused) {
  ask(0, {{50, 0b1000'0000'0000'0001}});
  EXPECT_EQ(quiet(), (Named{50, 51, 66}));
  ask(1, {{48, 0b1111}, {66, 0}, {99, 0b111}});
  EXPECT_EQ(quiet(), (Named{48, 49, 52, 99, 100}));  // not 50, 51, 66, nor 101 and 102
  EXPECT_EQ(quiet_.count, 2u);
  ask(2, {{48, 0b1111}});
  EXPECT_EQ(quiet_.count, 0u);
}

TEST_F(Engine, TheLargestRequestFillsQuietAndQueueAndNoMore) {
  PairList all;
  for (uint16_t k = 0; k < kMaxPairs; ++k) all.pairs[all.count++] = {static_cast<uint16_t>(37 + k), 0xffff};
  const RepairEngine::Outcome outcome = engine_.request(0, kRoundTrip, kept_, all, {}, share_, quiet_);
  EXPECT_EQ(outcome.sum(), 17 * kMaxPairs);
  EXPECT_EQ(outcome.accepted, 64u);
  EXPECT_EQ(engine_.pending(), 64u);
  EXPECT_LE(quiet_.count, kMaxPairs);
  Named expected(64);
  std::iota(expected.begin(), expected.end(), uint16_t{37});
  EXPECT_EQ(quiet(), expected);
}

TEST_F(Engine, AFullQueueOfSequencesThatHaveGoneTakesTheNewOnes) {
  for (uint16_t k = 0; k < 64; ++k) ask(0, {{static_cast<uint16_t>(37 + k), 0}});
  EXPECT_EQ(engine_.pending(), 64u);
  kept_ = {37 + 64, 101 + 64};  // none of them is kept any more, and their places are others'
  for (uint16_t k = 0; k < 32; ++k) EXPECT_EQ(ask(1, {{static_cast<uint16_t>(101 + k), 0}}).accepted, 1u);
  EXPECT_EQ(engine_.pending(), 64u);  // each place once
  Sequences repaired;
  unsigned too_old = 0;
  RepairEngine::Taken taken;
  while ((taken = take(2)) != RepairEngine::Taken::kNothing) {
    if (taken == RepairEngine::Taken::kRepair) repaired.push_back(repair_.sequence);
    if (taken == RepairEngine::Taken::kTooOld) ++too_old;
  }
  Sequences expected(32);
  std::iota(expected.begin(), expected.end(), 101);
  EXPECT_EQ(repaired, expected);
  EXPECT_EQ(too_old, 32u);
}

TEST_F(Engine, APlaceForgetsTheSequenceThatItHadBefore) {
  ask(0, {{40, 0}});
  EXPECT_EQ(take_all(0), Sequences{40});
  kept_ = {41, 105};
  EXPECT_EQ(ask(1, {{104, 0}}).accepted, 1u);  // 40 + 64: the same place, still lingering
  EXPECT_EQ(take_all(1), Sequences{104});
}

TEST_F(TightEngine, WhatTheBudgetRefusesIsNotNamedAndIsFreeToBeAskedForAgain) {
  ask(0, {{40, 0b1'1111'1111}});  // ten, of the largest size
  EXPECT_EQ(take_all(0, kLargest).size(), 10u);
  const RepairEngine::Outcome outcome = ask(1, {{60, 0}, {50, 0b111}});
  EXPECT_EQ(outcome.accepted, 0u);
  EXPECT_EQ(outcome.over_budget, 5u);
  EXPECT_EQ(outcome.sum(), 5u);
  EXPECT_EQ(quiet_.count, 0u);
  EXPECT_EQ(engine_.pending(), 0u);
  EXPECT_EQ(ask(2, {{40, 0}}).repeated, 1u);
  const TimeNs later = kNsPerSecond * 2 / 10;  // a fifth of the budget
  EXPECT_EQ(ask(later, {{60, 0}, {50, 0b111}}).accepted, 2u);
  EXPECT_EQ(quiet(), (Named{60, 50}));
  EXPECT_EQ(take_all(later, kLargest), (Sequences{60, 50}));
}

// Else receivers wait for what QUIET has promised, and it never comes.
TEST_F(TightEngine, WhatIsNamedIsRepairedWithinTheBudgetHoweverLargeItIs) {
  for (const uint64_t bytes : {uint64_t{1}, kFrame, kLargest}) {
    engine_ = RepairEngine(settings(false, 10));
    uint64_t sent = 0;
    for (TimeNs now = 0; now < 3 * kNsPerSecond; now += 7 * kNsPerMs) {
      const auto first = static_cast<uint16_t>(37 + now / kNsPerMs % 60);
      const RepairEngine::Outcome outcome = ask(now, {{first, 0b111}});
      ASSERT_EQ(quiet().size(), outcome.accepted);
      // Some of them, so that others wait; and in the end all.
      const size_t repaired = take_all(now, bytes, 2).size();
      ASSERT_EQ(repaired, std::min<size_t>(2, outcome.accepted + left_));
      sent += repaired * bytes;
      ASSERT_LE(sent, 10 * kLargest + 10 * kLargest / 1000 * static_cast<uint64_t>(now / kNsPerMs));
      left_ = engine_.pending();
    }
    EXPECT_EQ(take_all(4 * kNsPerSecond, bytes).size(), left_);
    left_ = 0;
  }
}

TEST_F(TightEngine, TheBudgetIsChargedWithWhatRepairsTake) {
  size_t repaired = 0;
  for (uint16_t k = 37; k < 97; ++k) {
    ask(0, {{k, 0}});
    repaired += take_all(0, kLargest / 4).size();
  }
  EXPECT_EQ(repaired, 37u);  // not ten: 40, but for what the largest one might have taken
}

// Of small packets the QUIETs may be more than the repairs.
TEST_F(TightEngine, QuietIsChargedAndNeverTakesWhatARepairWasPromised) {
  constexpr uint64_t kQuiet = kLargest * 2, kBudget = 10 * kLargest;
  RepairEngine::Settings tight = settings(false, 10);
  tight.quiet_bytes = kQuiet;
  const auto begin = [&] { engine_ = RepairEngine(tight); };
  begin();  // a QUIET for each: 3, 6 and 9
  for (uint16_t k = 0; k < 5; ++k) {
    EXPECT_EQ(ask(0, {{static_cast<uint16_t>(40 + k), 0}}).accepted, k < 3 ? 1u : 0u);
    EXPECT_EQ(take_all(0, kLargest).size(), k < 3 ? 1u : 0u);
  }
  begin();  // one for all: 3 may need one each; after that 10 - 2 - 3 are left, and 5 - 2 - 1
  EXPECT_EQ(ask(0, {{40, 0b1'1111'1111}}).accepted, 3u);
  EXPECT_EQ(take_all(0, kLargest).size(), 3u);
  EXPECT_EQ(ask(0, {{50, 0b1}}).accepted, 1u);
  EXPECT_EQ(take_all(0, kLargest).size(), 1u);
  EXPECT_EQ(ask(0, {{60, 0}}).accepted, 0u);
  // Each further pair takes four bytes: these two leave room for one more, but for those.
  begin();
  EXPECT_EQ(ask(0, {{40, 0}, {60, 0}}).accepted, 2u);  // 2 + 2 repairs and 4 bytes
  take_all(0, kLargest);
  EXPECT_EQ(ask(0, {{50, 0}}).accepted, 1u);
  EXPECT_EQ(take_all(0, kLargest - 4).size(), 1u);  // 3 left
  EXPECT_EQ(ask(0, {{55, 0}}).accepted, 1u);
  begin();
  EXPECT_EQ(ask(0, {{40, 0}, {60, 0}}).accepted, 2u);
  take_all(0, kLargest);
  EXPECT_EQ(ask(0, {{50, 0}}).accepted, 1u);
  EXPECT_EQ(take_all(0, kLargest - 3).size(), 1u);
  EXPECT_EQ(ask(0, {{55, 0}}).accepted, 0u);
  // Over time, with others pending and repairs turned over to the group meanwhile.
  begin();
  uint64_t spent = 0;
  for (TimeNs now = 0; now < 20 * kNsPerSecond; now += 7 * kNsPerMs) {
    const auto first = static_cast<uint16_t>(37 + now / kNsPerMs % 60);
    ask(now, {{first, 0b111}, {static_cast<uint16_t>(first + 7), 0}}, receiver(now / kNsPerMs % 2 + 1));
    if (quiet_.count > 0) spent += kQuiet + 4 * (quiet_.count - 1);
    const size_t before = engine_.pending();
    const size_t repaired = take_all(now, kLargest, 1).size();
    ASSERT_EQ(repaired, std::min<size_t>(1, before));
    spent += repaired * kLargest;
    ASSERT_LE(spent, kBudget + kBudget / 1000 * static_cast<uint64_t>(now / kNsPerMs));
  }
  EXPECT_GT(spent, 15 * kBudget);
}

// What one source draws once it has had its share, while others ask for little or for nothing.
TEST_F(TightEngine, WhoHasHadItsShareLeavesAQuarterToOthers) {
  const auto ask_as = [&](SourceShare& share, TimeNs now, std::initializer_list<SequencePair> list) {
    const RepairEngine::Outcome outcome =
        engine_.request(now, kRoundTrip, kept_, pairs(list), {}, share, quiet_);
    take_all(now, kLargest);
    return outcome;
  };
  RepairEngine::Settings shared = settings(false, 10);
  shared.left_to_others_bytes = shared.budget_burst_bytes / 4;
  engine_ = RepairEngine(shared);
  SourceShare greedy, modest;
  RepairEngine::Outcome outcome = ask_as(greedy, 0, {{40, 0xffff}});
  EXPECT_EQ(outcome.accepted, 7u) << "of ten, as 2.5 are left to others";
  EXPECT_EQ(outcome.over_share, 10u);
  EXPECT_EQ(outcome.over_budget, 0u);
  EXPECT_EQ(outcome.sum(), 17u);
  EXPECT_EQ(ask_as(modest, 1, {{60, 0b1}}).accepted, 2u);
  EXPECT_EQ(ask_as(modest, 1, {{70, 0}}).accepted, 1u);
  EXPECT_EQ(ask_as(modest, 1, {{80, 0}}).over_budget, 1u);
  // Others take all that grows: nothing for who has had its share. Ten a second do.
  SourceShare others[20];
  unsigned drawn = 0, greedy_drawn = 0;
  TimeNs now = kNsPerSecond;
  const auto run = [&](bool with_others) {
    drawn = greedy_drawn = 0;
    for (const TimeNs end = now + 2 * kNsPerSecond; now < end; now += 10 * kNsPerMs) {
      kept_ = {kept_.first + 2, kept_.next + 2};
      const auto low = static_cast<uint16_t>(kept_.first);
      greedy_drawn += ask_as(greedy, now, {{static_cast<uint16_t>(low + 30), 0xffff}}).accepted;
      if (with_others)
        drawn +=
            ask_as(others[now / (10 * kNsPerMs) % 20], now, {{static_cast<uint16_t>(low + 10), 0}}).accepted;
    }
  };
  run(false);
  EXPECT_GE(greedy_drawn, 20u);  // alone, it has all that grows
  EXPECT_LE(greedy_drawn, 28u);
  run(true);
  EXPECT_GE(drawn, 18u);
  EXPECT_LE(greedy_drawn, 6u) << "its share at most";
}

TEST_F(TightEngine, AShareIsForgottenAfterASecondOrTwo) {
  SourceShare share;
  for (int k = 0; k < 1000; ++k) share.charge(0, kNsPerSecond);
  EXPECT_TRUE(share.is_exceeded(kNsPerSecond - 1));
  EXPECT_FALSE(share.is_exceeded(kNsPerSecond));
  share.charge(5 * kNsPerSecond, kNsPerSecond);
  EXPECT_FALSE(share.is_exceeded(5 * kNsPerSecond)) << "what was not used is not saved up beyond a second";
  share.charge(5 * kNsPerSecond, 1);
  EXPECT_TRUE(share.is_exceeded(5 * kNsPerSecond));
}

TEST_F(TightEngine, NoBudgetIsNoRepair) {
  RepairEngine none({.window = 64, .largest_bytes = 1});
  PairList quiet;
  const RepairEngine::Outcome outcome =
      none.request(0, kRoundTrip, kept_, pairs({{40, 0}}), {}, share_, quiet);
  EXPECT_EQ(outcome.over_budget, 1u);
  EXPECT_EQ(quiet.count, 0u);
  EXPECT_EQ(none.pending(), 0u);
}

TEST_F(Engine, RefusesAWindowThatIsNone) {
  EXPECT_THROW(RepairEngine({.window = 0}), Error);
  EXPECT_THROW(RepairEngine({.window = 65}), Error);
  EXPECT_THROW(RepairEngine({.window = 1 << 17}), Error);
}

TEST_F(Engine, ByUnicastTheGroupIsNotHeldBack) {
  EXPECT_EQ(ask(0, {{40, 0b1}}, receiver(1)).accepted, 2u);
  EXPECT_EQ(quiet_.count, 0u);
  EXPECT_EQ(take(0), RepairEngine::Taken::kRepair);
  EXPECT_EQ(repair_.target.address, 1u);
  EXPECT_EQ(repair_.target.port, 47100u);
  EXPECT_EQ(repair_.target.mac[0], 2u);
}

TEST_F(Engine, ASecondRequesterMakesAPendingRepairTheGroups) {
  ask(0, {{40, 0b1}}, receiver(1));
  EXPECT_EQ(ask(1, {{40, 0}}, receiver(1)).repeated, 1u);
  EXPECT_EQ(ask(1, {{40, 0}}, receiver(2)).accepted, 1u);
  EXPECT_EQ(quiet(), Named{40});
  EXPECT_EQ(ask(1, {{40, 0}}, receiver(3)).repeated, 1u);
  EXPECT_EQ(take(2), RepairEngine::Taken::kRepair);
  EXPECT_EQ(repair_.sequence, 40u);
  EXPECT_TRUE(repair_.target.is_group());
  EXPECT_EQ(take(2), RepairEngine::Taken::kRepair);
  EXPECT_EQ(repair_.sequence, 41u);
  EXPECT_EQ(repair_.target.address, 1u);
  EXPECT_EQ(take(2), RepairEngine::Taken::kNothing);  // once only
}

TEST_F(Engine, ASecondRequesterWithinTheRoundTripDrawsARepairToTheGroup) {
  ask(0, {{40, 0}}, receiver(1));
  take_all(0);
  EXPECT_EQ(ask(1, {{40, 0}}, receiver(1)).repeated, 1u);
  EXPECT_EQ(ask(1, {{40, 0}}, receiver(1, 47101)).accepted, 1u);  // another behind the same address
  EXPECT_EQ(quiet(), Named{40});
  EXPECT_EQ(take(2), RepairEngine::Taken::kRepair);
  EXPECT_TRUE(repair_.target.is_group());
  for (Ipv4 k = 1; k < 5; ++k) EXPECT_EQ(ask(3, {{40, 0}}, receiver(k)).repeated, 1u);
  EXPECT_EQ(ask(3, {{40, 0}}).repeated, 1u);
  EXPECT_EQ(ask(2 + 2 * kRoundTrip, {{40, 0}}, receiver(3)).accepted, 1u);  // the second repair's lock
  EXPECT_EQ(quiet_.count, 0u);
  EXPECT_EQ(take(2 + 2 * kRoundTrip), RepairEngine::Taken::kRepair);
  EXPECT_EQ(repair_.target.address, 3u);
}

TEST_F(TightEngine, ASecondRepairThatTheBudgetRefusesDoesNotMakeTheFirstForgotten) {
  ask(0, {{40, 0b1'1111'1111}}, receiver(1));
  take_all(0, kLargest);
  EXPECT_EQ(ask(1, {{40, 0}}, receiver(2)).over_budget, 1u);
  EXPECT_EQ(quiet_.count, 0u);
  EXPECT_EQ(ask(2, {{40, 0}}, receiver(1)).repeated, 1u);
}

TEST_F(Engine, WhoMayNotHaveUnicastMakesItTheGroups) {
  ask(0, {{40, 0}}, receiver(1));
  EXPECT_EQ(ask(1, {{40, 0}}).accepted, 1u);
  EXPECT_EQ(quiet(), Named{40});
  EXPECT_EQ(take(2), RepairEngine::Taken::kRepair);
  EXPECT_TRUE(repair_.target.is_group());
}

class UnicastEngine : public Engine {
 protected:
  UnicastEngine() : Engine(true) {}
};

TEST_F(UnicastEngine, EveryRequesterHasARepairOfItsOwn) {
  ask(0, {{40, 0}}, receiver(1));
  EXPECT_EQ(ask(0, {{40, 0}}, receiver(2)).repeated, 1u);  // asks again
  EXPECT_EQ(take(1), RepairEngine::Taken::kRepair);
  EXPECT_EQ(repair_.target.address, 1u);
  EXPECT_EQ(ask(2, {{40, 0}}, receiver(1)).repeated, 1u);
  EXPECT_EQ(ask(2, {{40, 0}}, receiver(2)).accepted, 1u);
  EXPECT_EQ(quiet_.count, 0u);
  EXPECT_EQ(take(3), RepairEngine::Taken::kRepair);
  EXPECT_EQ(repair_.target.address, 2u);
  EXPECT_EQ(ask(4, {{40, 0}}).accepted, 1u);  // from outside of the prefixes
  EXPECT_EQ(quiet(), Named{40});
  EXPECT_EQ(take(5), RepairEngine::Taken::kRepair);
  EXPECT_TRUE(repair_.target.is_group());
  EXPECT_EQ(ask(6, {{40, 0}}, receiver(3)).repeated, 1u);
}

}  // namespace
}  // namespace linecast::smart
