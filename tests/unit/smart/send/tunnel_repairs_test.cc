#include "lib/smart/send/tunnel_repairs.h"

#include <gtest/gtest.h>

namespace linecast::smart {
namespace {

constexpr TimeNs kRoundTrip = 50 * kNsPerMs;
constexpr KeptSequences kKept{101, 201};
constexpr RepairTarget kOne{.address = 1, .port = 1}, kOther{.address = 1, .port = 2};

TunnelRepairs::Settings settings() {
  return {.budget_bytes_a_second = 1'000'000,
          .budget_burst_bytes = 1'000'000,
          .largest_bytes = 1'000,
          .longest_lock_ns = 200 * kNsPerMs};
}

class Repairs : public testing::Test {
 protected:
  TunnelRepairs::Outcome ask(TimeNs now, std::vector<SequencePair> pairs, const RepairTarget& from = kOne,
                             size_t tunnels = 1) {
    PairList list;
    for (const SequencePair& pair : pairs) list.pairs[list.count++] = pair;
    return repairs_.request(now, kRoundTrip, kKept, list, from, shares_.of(from.port, 0), tunnels);
  }
  // Takes all that wait, each of `bytes`.
  std::vector<uint64_t> take(TimeNs now, uint64_t bytes = 1'000, size_t tunnels = 1) {
    std::vector<uint64_t> sequences;
    RepairEngine::Repair repair;
    while (repairs_.take(repair)) {
      sequences.push_back(repair.sequence);
      repairs_.charge(now, bytes, tunnels);
    }
    return sequences;
  }

  TunnelRepairs repairs_{settings()};
  SourceShares shares_;
};

TEST_F(Repairs, GoToTheOneWhoAsksInTheOrderAskedFor) {
  EXPECT_EQ(ask(0, {{110, 0b101}}).accepted, 3u);
  EXPECT_EQ(ask(0, {{110, 0}}, kOther).accepted, 1u);
  EXPECT_EQ(repairs_.pending(), 4u);
  RepairEngine::Repair repair;
  const std::pair<uint64_t, RepairTarget> kExpected[] = {
      {110, kOne}, {111, kOne}, {113, kOne}, {110, kOther}};
  for (const auto& [sequence, target] : kExpected) {
    ASSERT_TRUE(repairs_.take(repair));
    EXPECT_EQ(repair.sequence, sequence);
    EXPECT_TRUE(repair.target.is(target));
  }
  EXPECT_FALSE(repairs_.take(repair));
}

TEST_F(Repairs, AreOfWhatIsKeptOnly) {
  const auto outcome = ask(0, {{100, 0b1}, {200, 0b1}});
  EXPECT_EQ(outcome.too_old, 1u);
  EXPECT_EQ(outcome.not_sent, 1u);
  EXPECT_EQ(outcome.accepted, 2u);
  EXPECT_EQ(take(0), (std::vector<uint64_t>{101, 200}));
}

TEST_F(Repairs, LockASequenceForTheirTunnelTwiceAsLongEachTime) {
  TimeNs now = 0;
  for (const TimeNs lock : {50, 100, 200, 200}) {
    EXPECT_EQ(ask(now, {{110, 0}}).accepted, 1u) << lock;
    take(now);
    now += lock * kNsPerMs;
    EXPECT_EQ(ask(now - 1, {{110, 0}}).repeated, 1u) << lock;
  }
  EXPECT_EQ(ask(now - 1, {{110, 0}}, kOther).accepted, 1u);
}

TEST_F(Repairs, TakeNoMoreThanAShareOfAllTunnelsRates) {
  for (const size_t tunnels : {1, 3}) {
    repairs_.adjust(settings());
    size_t accepted = 0, refused = 0;
    for (uint16_t k = 0; k < 4000; ++k) {  // each of another tunnel, so that none has had its share
      const auto outcome = ask(0, {{static_cast<uint16_t>(101 + k % 100), 0}},
                               {.address = static_cast<Ipv4>(1000 * tunnels), .port = k}, tunnels);
      accepted += outcome.accepted;
      refused += outcome.over_budget + outcome.over_share;
      take(0, 1'000, tunnels);
    }
    EXPECT_EQ(accepted, 1000 * tunnels);
    EXPECT_EQ(refused, 4000 - accepted);
  }
}

TEST_F(Repairs, LeaveTheLastQuarterToOthers) {
  const auto ask_2000_times = [&](uint16_t who) {
    RepairEngine::Outcome all;
    for (Ipv4 k = 0; k < 2000; ++k) {
      const auto outcome = ask(0, {{101, 0}}, {.address = 1 + k, .port = who}, 2);
      all.accepted += outcome.accepted;
      all.over_share += outcome.over_share;
      all.over_budget += outcome.over_budget;
      take(0, 1'000, 2);
    }
    return all;
  };
  // Two tunnels' budgets are 2000 repairs at once.
  const RepairEngine::Outcome one = ask_2000_times(9);
  EXPECT_EQ(one.accepted, 1500u);
  EXPECT_EQ(one.over_share, 500u);
  const RepairEngine::Outcome other = ask_2000_times(10);
  EXPECT_EQ(other.accepted, 500u);
  EXPECT_EQ(other.over_budget, 1500u);
}

TEST_F(Repairs, WaitInABoundedQueue) {
  TunnelRepairs::Settings plenty = settings();
  plenty.budget_bytes_a_second = plenty.budget_burst_bytes = 1'000'000'000;
  repairs_.adjust(plenty);
  uint32_t accepted = 0, full = 0;
  for (uint16_t k = 0; k < 50; ++k) {
    const auto outcome = ask(0, {{101, 0xffff}, {118, 0xffff}, {135, 0xffff}, {152, 0xffff}, {169, 0xffff}},
                             {.address = 5, .port = k});
    accepted += outcome.accepted;
    full += outcome.queue_full;
  }
  EXPECT_EQ(accepted, TunnelRepairs::kQueueRoom);
  EXPECT_EQ(accepted + full, 50u * 85);
  EXPECT_EQ(take(0).size(), TunnelRepairs::kQueueRoom);
}

// All that is kept, again and again, draws 500 repairs a second; a tunnel's own budget is 50.
TEST_F(Repairs, OfOneTunnelAreBoundedWhateverOthersLeave) {
  TunnelRepairs::Settings small = settings();
  small.budget_bytes_a_second = 50'000;
  repairs_.adjust(small);
  TimeNs now = 0;
  const auto ask_for = [&](TimeNs span, const RepairTarget& who) {
    uint64_t accepted = 0;
    for (const TimeNs end = now + span; now < end; now += kNsPerMs) {
      const auto first = static_cast<uint16_t>(101 + now / kNsPerMs % 10 * 10);
      accepted += ask(now, {{first, 0x1ff}}, who, 100).accepted;
      take(now, 1'000, 100);
    }
    return accepted;
  };
  const uint64_t most = 4 * 50 * (10 + 2);
  EXPECT_NEAR(static_cast<double>(ask_for(10 * kNsPerSecond, kOne)), most, 2);
  EXPECT_GE(ask_for(kNsPerSecond, kOther), 400u) << "another's is its own";
}

}  // namespace
}  // namespace linecast::smart
