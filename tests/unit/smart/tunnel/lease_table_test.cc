#include "lib/smart/tunnel/lease_table.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/smart/tunnel/tunnel_list.h"

namespace linecast::smart {
namespace {

using Granted = LeaseTable::Granted;
using Left = LeaseTable::Left;

constexpr TimeNs kSecond = kNsPerSecond;
constexpr Ipv4 kAddress = 0x0a000001;
constexpr LeaseHolder kHolder{.receiver = 7, .opened = false};

// Interfaces 0 and 1 are on port 0, interface 2 is on port 1.
LeaseTable::Settings settings() {
  return {.tunnels = 10,
          .tunnels_of_a_peer = 10,
          .ports = {{.tunnels = 10, .rate_bps = 1'000'000'000}, {.tunnels = 10, .rate_bps = 1'000'000'000}},
          .port_of_interface = {0, 0, 1},
          .channel_rates_bps = {8'000'000, 20'000'000, 5'000'000},
          .seed = 0x123456789abcdef};
}

LeaseKey key(Ipv4 address, uint16_t port = 40000, uint16_t channel = 0) { return {{address, port}, channel}; }

class Leases : public testing::Test {
 protected:
  std::vector<uint16_t> changed(LeaseTable& table) {
    std::vector<uint16_t> channels;
    for (uint16_t channel; table.next_changed(channel);) channels.push_back(channel);
    return channels;
  }
  static uint16_t interface_of_first(const LeaseTable& table) {
    const TunnelList list(table, 0);
    return list.view()[0].way.interface;
  }
  uint64_t count(TunnelCounter counter) const { return counters_.get(counter); }

  TunnelCounters counters_;
};

using Channels = std::vector<uint16_t>;

TEST_F(Leases, AreTheirPeersPortsAndChannels) {
  LeaseTable table(settings(), counters_);
  for (const LeaseKey& each :
       {key(kAddress), key(kAddress + 1), key(kAddress, 40001), key(kAddress, 40000, 1)})
    EXPECT_EQ(table.grant(0, each, {0}, kHolder), Granted::kNew);
  EXPECT_EQ(table.grant(kSecond, key(kAddress), {0}, kHolder), Granted::kRenewed);
  EXPECT_EQ(table.size(), 4u);
  EXPECT_EQ(table.tunnels_of(0), 3u);
  EXPECT_EQ(table.tunnels_of(1), 1u);
  EXPECT_TRUE(table.holds(key(kAddress, 40001)));
  EXPECT_FALSE(table.holds(key(kAddress, 40001, 1)));
  EXPECT_EQ(table.leave(key(kAddress), kHolder), Left::kLeft);
  EXPECT_FALSE(table.holds(key(kAddress)));
  EXPECT_TRUE(table.holds(key(kAddress, 40000, 1)));
  EXPECT_EQ(table.leave(key(kAddress), kHolder), Left::kUnknown);
  EXPECT_EQ(count(TunnelCounter::kGranted), 4u);
  EXPECT_EQ(count(TunnelCounter::kRenewed), 1u);
  EXPECT_EQ(count(TunnelCounter::kLeft), 1u);
  EXPECT_EQ(count(TunnelCounter::kLeaveUnknown), 1u);
}

TEST_F(Leases, SayWhatThereIsToKnow) {
  LeaseTable table(settings(), counters_);
  table.grant(5 * kSecond, key(kAddress, 40000, 1), {2}, {.receiver = 42, .opened = false});
  table.grant(20 * kSecond, key(kAddress, 40000, 1), {2}, {.receiver = 42, .opened = true});
  int seen = 0;
  table.for_each(1, [&](const LeaseTable::Lease& lease) {
    ++seen;
    EXPECT_EQ(lease.key.peer, (TunnelPeer{kAddress, 40000}));
    EXPECT_EQ(lease.key.channel, 1);
    EXPECT_EQ(lease.way.interface, 2);
    EXPECT_EQ(lease.holder.receiver, 42u);
    EXPECT_TRUE(lease.holder.opened);
    EXPECT_EQ(lease.since_ns, 5 * kSecond);
    EXPECT_EQ(lease.until_ns, 80 * kSecond);
  });
  EXPECT_EQ(seen, 1);
}

TEST_F(Leases, EndAfterAMinuteOldestRenewalFirst) {
  LeaseTable table(settings(), counters_);
  for (uint32_t k = 0; k < 5; ++k) table.grant(k * kSecond, key(kAddress + k), {0}, kHolder);
  table.grant(10 * kSecond, key(kAddress + 1), {0}, kHolder);
  EXPECT_EQ(table.expire(60 * kSecond - 1, 100), 0u);
  EXPECT_EQ(table.expire(60 * kSecond, 100), 1u);
  EXPECT_FALSE(table.holds(key(kAddress)));
  EXPECT_EQ(table.expire(64 * kSecond, 2), 2u);  // bounded
  EXPECT_FALSE(table.holds(key(kAddress + 2)));
  EXPECT_FALSE(table.holds(key(kAddress + 3)));
  EXPECT_TRUE(table.holds(key(kAddress + 4)));
  EXPECT_EQ(table.expire(64 * kSecond, 2), 1u);
  EXPECT_TRUE(table.holds(key(kAddress + 1)));  // renewed
  EXPECT_EQ(table.expire(70 * kSecond, 2), 1u);
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.rate_on(0), 0u);
  EXPECT_EQ(count(TunnelCounter::kExpired), 5u);
}

TEST_F(Leases, ThatAreOverButNotYetEndedAreRenewed) {
  LeaseTable table(settings(), counters_);
  table.grant(0, key(kAddress), {0}, kHolder);
  EXPECT_EQ(table.grant(61 * kSecond, key(kAddress), {0}, kHolder), Granted::kRenewed);
  EXPECT_EQ(table.expire(120 * kSecond, 9), 0u);
}

TEST_F(Leases, AreNotEndedEarlyByAClockThatStepsBack) {
  LeaseTable table(settings(), counters_);
  table.grant(100 * kSecond, key(kAddress), {0}, kHolder);
  table.grant(1 * kSecond, key(kAddress + 1), {0}, kHolder);
  table.for_each(0, [](const LeaseTable::Lease& lease) { EXPECT_EQ(lease.until_ns, 160 * kSecond); });
  EXPECT_EQ(table.expire(159 * kSecond, 9), 0u);
  EXPECT_EQ(table.expire(160 * kSecond, 9), 2u);
}

TEST_F(Leases, AreRefusedBeyondEachLimitAndCountedByIt) {
  LeaseTable::Settings limits = settings();
  limits.tunnels = 6;
  limits.tunnels_of_a_peer = 3;
  limits.ports = {{.tunnels = 4, .rate_bps = 1'000'000'000}, {.tunnels = 10, .rate_bps = 30'000'000}};
  LeaseTable table(limits, counters_);
  for (uint16_t port = 1; port <= 3; ++port)
    EXPECT_EQ(table.grant(0, key(kAddress, port), {0}, kHolder), Granted::kNew);
  EXPECT_EQ(table.grant(0, key(kAddress, 4), {0}, kHolder), Granted::kPeerFull);
  EXPECT_EQ(table.grant(0, key(kAddress, 1), {0}, kHolder), Granted::kRenewed);  // always
  EXPECT_EQ(table.grant(0, key(kAddress + 1), {1}, kHolder), Granted::kNew);
  EXPECT_EQ(table.grant(0, key(kAddress + 2), {0}, kHolder), Granted::kPortFull);
  EXPECT_EQ(table.grant(0, key(kAddress + 2, 1, 1), {2}, kHolder), Granted::kNew);  // 20 of 30 Mbit/s
  EXPECT_EQ(table.grant(0, key(kAddress + 3, 1, 1), {2}, kHolder), Granted::kPortRateFull);  // another 20
  EXPECT_EQ(table.grant(0, key(kAddress + 3, 1, 2), {2}, kHolder), Granted::kNew);           // 5
  EXPECT_EQ(table.grant(0, key(kAddress + 4, 1, 2), {2}, kHolder), Granted::kTableFull);
  EXPECT_EQ(table.rate_on(0), 32'000'000u);
  EXPECT_EQ(table.rate_on(1), 25'000'000u);
  EXPECT_EQ(table.tunnels_on(0), 4u);
  EXPECT_EQ(table.tunnels_on(1), 2u);
  for (const TunnelCounter counter : {TunnelCounter::kPeerFull, TunnelCounter::kPortFull,
                                      TunnelCounter::kPortRateFull, TunnelCounter::kTableFull})
    EXPECT_EQ(count(counter), 1u) << static_cast<int>(counter);

  // Whoever goes makes room of each kind.
  table.leave(key(kAddress, 2), kHolder);
  EXPECT_EQ(table.grant(0, key(kAddress, 4), {0}, kHolder), Granted::kNew);
  table.leave(key(kAddress + 2, 1, 1), kHolder);
  EXPECT_EQ(table.grant(0, key(kAddress + 3, 1, 1), {2}, kHolder), Granted::kNew);
  EXPECT_EQ(table.rate_on(1), 25'000'000u);
}

// More addresses come and go than the table has room for at a time.
TEST_F(Leases, OfPeersThatWentMakeRoomForOthers) {
  LeaseTable table(settings(), counters_);
  for (uint32_t k = 0; k < 100; ++k) {
    ASSERT_EQ(table.grant(0, key(kAddress + k), {0}, kHolder), Granted::kNew);
    ASSERT_EQ(table.leave(key(kAddress + k), kHolder), Left::kLeft);
  }
}

TEST_F(Leases, ARateExactlyAtThePortsLimitFits) {
  LeaseTable::Settings limits = settings();
  limits.ports[0].rate_bps = 8'000'000;
  LeaseTable table(limits, counters_);
  EXPECT_EQ(table.grant(0, key(kAddress), {0}, kHolder), Granted::kNew);
  EXPECT_EQ(table.grant(0, key(kAddress + 1), {0}, kHolder), Granted::kPortRateFull);
}

TEST_F(Leases, MoveToTheInterfaceThatTheirPeerAsksBy) {
  LeaseTable::Settings limits = settings();
  limits.ports[1].tunnels = 1;
  limits.ports[0].tunnels = 1;
  LeaseTable table(limits, counters_);
  table.grant(0, key(kAddress), {0}, kHolder);
  changed(table);
  EXPECT_EQ(table.grant(kSecond, key(kAddress), {1}, kHolder), Granted::kRenewed);  // the same, full port
  EXPECT_EQ(changed(table), Channels{0});
  EXPECT_EQ(interface_of_first(table), 1);
  EXPECT_EQ(table.grant(kSecond, key(kAddress), {2}, kHolder), Granted::kRenewed);
  EXPECT_EQ(changed(table), Channels{0});
  EXPECT_EQ(interface_of_first(table), 2);
  EXPECT_EQ(table.tunnels_on(0), 0u);
  EXPECT_EQ(table.tunnels_on(1), 1u);
  EXPECT_EQ(table.rate_on(1), 8'000'000u);
  EXPECT_EQ(table.rate_on(0), 0u);

  // No room there: the lease stays what and where it was, and its time goes on.
  table.grant(2 * kSecond, key(kAddress + 1), {0}, kHolder);
  changed(table);
  EXPECT_EQ(table.grant(10 * kSecond, key(kAddress + 1), {2}, kHolder), Granted::kPortFull);
  EXPECT_TRUE(changed(table).empty());
  EXPECT_TRUE(table.holds(key(kAddress + 1)));
  EXPECT_EQ(table.tunnels_on(0), 1u);
  EXPECT_EQ(table.expire(62 * kSecond, 9), 2u);
}

TEST_F(Leases, FollowTheMacThatTheLastRequestCameFrom) {
  constexpr std::array<uint8_t, 6> kFirst{2, 0, 0, 0, 0, 1}, kOtherMac{2, 0, 0, 0, 0, 2};
  LeaseTable table(settings(), counters_);
  table.grant(0, key(kAddress), {0, kFirst}, kHolder);
  changed(table);
  table.grant(kSecond, key(kAddress), {0, kFirst}, kHolder);
  EXPECT_TRUE(changed(table).empty());
  table.grant(kSecond, key(kAddress), {0, kOtherMac}, kHolder);
  EXPECT_EQ(changed(table), Channels{0});
  const TunnelList list(table, 0);
  EXPECT_EQ(list.view()[0].way.mac, kOtherMac);
}

TEST_F(Leases, AreEndedByTheirHolderOnlyAndByNoReplay) {
  constexpr LeaseHolder kBefore{.receiver = 7, .opened = false}, kSince{.receiver = 7, .opened = true},
      kOther{.receiver = 8, .opened = true};
  const struct {
    std::vector<LeaseHolder> asked;
    LeaseHolder leaves;
    Left left;
  } rows[] = {
      {{kBefore}, kBefore, Left::kLeft},
      {{kBefore}, kSince, Left::kLeft},
      {{kBefore, kSince}, kSince, Left::kLeft},
      {{kBefore, kSince}, kBefore, Left::kRefused},           // recorded before
      {{kBefore, kSince, kBefore}, kBefore, Left::kRefused},  // and so was the request
      {{kSince}, kOther, Left::kRefused},
      {{kBefore}, {}, Left::kRefused},
      {{kSince, {.receiver = 8}}, {.receiver = 8}, Left::kLeft},  // another one has the address now
      {{{}}, {}, Left::kLeft},                                    // a clear channel
  };
  for (const auto& row : rows) {
    LeaseTable table(settings(), counters_);
    for (const LeaseHolder& holder : row.asked) table.grant(0, key(kAddress), {0}, holder);
    EXPECT_EQ(table.leave(key(kAddress), row.leaves), row.left) << &row - rows;
    EXPECT_EQ(table.holds(key(kAddress)), row.left != Left::kLeft);
  }
  EXPECT_EQ(count(TunnelCounter::kLeaveRefused), 4u);
}

TEST_F(Leases, ChannelsThatChangedAreNamedOnceInOrder) {
  LeaseTable table(settings(), counters_);
  EXPECT_TRUE(changed(table).empty());
  table.grant(0, key(kAddress, 1, 2), {0}, kHolder);
  table.grant(0, key(kAddress, 1, 0), {0}, kHolder);
  table.grant(0, key(kAddress, 2, 2), {0}, kHolder);
  EXPECT_EQ(changed(table), (Channels{2, 0}));
  EXPECT_TRUE(changed(table).empty());
  table.grant(kSecond, key(kAddress, 1, 2), {0}, kHolder);  // a renewal changes nothing
  EXPECT_TRUE(changed(table).empty());
  table.grant(kSecond, key(kAddress, 1, 1), {0}, kHolder);
  uint16_t channel = 99;
  ASSERT_TRUE(table.next_changed(channel));
  EXPECT_EQ(channel, 1);
  table.leave(key(kAddress, 1, 1), kHolder);  // again, after it was taken off
  table.expire(60 * kSecond, 9);
  EXPECT_EQ(changed(table), (Channels{1, 0, 2}));
}

TEST_F(Leases, EndFromHere) {
  LeaseTable table(settings(), counters_);
  for (uint16_t port = 1; port <= 3; ++port) table.grant(0, key(kAddress, port, 1), {0}, kHolder);
  table.grant(0, key(kAddress, 1, 2), {0}, kHolder);
  table.end(key(kAddress, 3, 1));
  table.end(key(kAddress, 9, 1));  // none
  EXPECT_EQ(table.tunnels_of(1), 2u);
  table.end_channel(1);
  table.end_channel(0);  // none
  EXPECT_EQ(table.tunnels_of(1), 0u);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(count(TunnelCounter::kEnded), 3u);
  EXPECT_EQ(table.rate_on(0), 5'000'000u);
}

TEST_F(Leases, ARateThatChangesHoldsForThoseThatStandToo) {
  LeaseTable table(settings(), counters_);
  table.grant(0, key(kAddress), {0}, kHolder);
  table.grant(0, key(kAddress + 1), {2}, kHolder);
  table.grant(0, key(kAddress + 1, 1, 1), {2}, kHolder);
  table.set_rate(0, 990'000'000);
  EXPECT_EQ(table.rate_on(0), 990'000'000u);
  EXPECT_EQ(table.rate_on(1), 1'010'000'000u);  // beyond the limit, and stays
  EXPECT_EQ(table.grant(0, key(kAddress + 2, 1, 2), {2}, kHolder), Granted::kPortRateFull);
  EXPECT_EQ(table.grant(0, key(kAddress + 2, 1, 2), {0}, kHolder), Granted::kNew);
  table.leave(key(kAddress + 1), kHolder);
  EXPECT_EQ(table.rate_on(1), 20'000'000u);
}

TEST_F(Leases, OfAnInterfaceWhosePortHasNoLimitsAreAnError) {
  LeaseTable::Settings wrong = settings();
  wrong.port_of_interface.push_back(2);
  EXPECT_THROW(LeaseTable(wrong, counters_), Error);
}

TEST_F(Leases, ListsForLanesAreSortedAndStayAsTheyWere) {
  LeaseTable table(settings(), counters_);
  table.grant(0, key(kAddress + 2), {1}, kHolder);
  table.grant(0, key(kAddress, 40001), {2}, kHolder);
  table.grant(0, key(kAddress, 40000), {0}, kHolder);
  table.grant(0, key(kAddress, 50000, 1), {0}, kHolder);
  const TunnelList list(table, 0);
  table.end_channel(0);
  ASSERT_EQ(list.view().size(), 3u);
  EXPECT_EQ(list.view()[0].peer, (TunnelPeer{kAddress, 40000}));
  EXPECT_EQ(list.view()[1].peer, (TunnelPeer{kAddress, 40001}));
  EXPECT_EQ(list.view()[1].way.interface, 2);
  EXPECT_EQ(list.view()[2].peer, (TunnelPeer{kAddress + 2, 40000}));
  EXPECT_TRUE(list.holds({kAddress, 40001}));
  EXPECT_FALSE(list.holds({kAddress, 50000}));
  EXPECT_FALSE(list.holds({kAddress + 1, 40000}));
  const TunnelList none(table, 0);
  EXPECT_TRUE(none.view().empty());
  EXPECT_FALSE(TunnelList().holds({kAddress, 40000}));
}

// Ten thousand over two hundred channels, renewed in another order than they came, then let go.
TEST_F(Leases, TenThousandStandAndExpireInTheOrderOfTheirRenewal) {
  LeaseTable::Settings many = settings();
  many.tunnels = 10'000;
  many.ports[0] = {.tunnels = 10'000, .rate_bps = 200'000'000'000};
  many.channel_rates_bps.assign(200, 8'000'000);
  LeaseTable table(many, counters_);
  std::vector<LeaseKey> keys;
  for (uint32_t k = 0; k < 10'000; ++k)
    keys.push_back(key(kAddress + k / 8, static_cast<uint16_t>(k), static_cast<uint16_t>(k % 200)));
  for (const LeaseKey& each : keys) ASSERT_EQ(table.grant(0, each, {0}, kHolder), Granted::kNew);
  EXPECT_EQ(table.grant(0, key(1), {0}, kHolder), Granted::kTableFull);
  EXPECT_EQ(changed(table).size(), 200u);
  Random random(3);
  for (size_t i = keys.size() - 1; i > 0; --i) std::swap(keys[i], keys[random.below(i + 1)]);
  for (size_t i = 0; i < keys.size(); ++i)
    ASSERT_EQ(table.grant(30 * kSecond + static_cast<TimeNs>(i), keys[i], {0}, kHolder), Granted::kRenewed);
  EXPECT_TRUE(changed(table).empty());
  EXPECT_EQ(table.rate_on(0), 80'000'000'000u);
  for (uint16_t channel = 0; channel < 200; ++channel) {
    const TunnelList list(table, channel);
    ASSERT_EQ(list.view().size(), 50u);
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    ASSERT_EQ(table.expire(90 * kSecond + static_cast<TimeNs>(i), 1'000), 1u);
    ASSERT_FALSE(table.holds(keys[i]));
  }
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.tunnels_on(0), 0u);
  // All of it is there again.
  for (const LeaseKey& each : keys) ASSERT_EQ(table.grant(200 * kSecond, each, {0}, kHolder), Granted::kNew);
}

// Against the plainest table there could be.
TEST_F(Leases, AreThoseOfAMapWhateverHappens) {
  LeaseTable::Settings limits = settings();
  limits.tunnels = 40;
  limits.tunnels_of_a_peer = 6;
  limits.ports = {{.tunnels = 25, .rate_bps = 300'000'000}, {.tunnels = 30, .rate_bps = 100'000'000}};
  LeaseTable table(limits, counters_);
  struct Held {
    uint16_t interface;
    TimeNs until;
  };
  std::map<std::tuple<uint16_t, Ipv4, uint16_t>, Held> expected;  // by channel, address, port
  Random random(4);
  TimeNs now = 0;
  std::set<Granted> outcomes;
  std::map<uint16_t, std::map<TunnelPeer, uint16_t>> lists;  // as lanes were given them
  for (int step = 0; step < 6'000; ++step) {
    const auto channel = static_cast<uint16_t>(random.below(3));
    const auto interface = static_cast<uint16_t>(random.below(3));
    const LeaseKey each = key(kAddress + static_cast<uint32_t>(random.below(8)),
                              static_cast<uint16_t>(1 + random.below(5)), channel);
    const std::tuple id{channel, each.peer.address, each.peer.port};
    const uint64_t action = random.below(20);
    if (action < 14) {
      const Granted granted = table.grant(now, each, {interface}, kHolder);
      outcomes.insert(granted);
      ASSERT_FALSE(granted == Granted::kNew && expected.contains(id));
      ASSERT_FALSE(granted == Granted::kRenewed && !expected.contains(id));
      if (granted == Granted::kNew || granted == Granted::kRenewed)
        expected[id] = {interface, now + LeaseTable::kLeaseNs};
    } else if (action < 17) {
      ASSERT_EQ(table.leave(each, kHolder), expected.erase(id) == 1 ? Left::kLeft : Left::kUnknown);
    } else if (action == 17 && random.below(20) == 0) {
      table.end_channel(channel);
      std::erase_if(expected, [&](const auto& held) { return std::get<0>(held.first) == channel; });
    } else {
      now += static_cast<TimeNs>(random.below(10)) * kSecond;
      const size_t over = std::erase_if(expected, [&](const auto& held) { return held.second.until <= now; });
      ASSERT_EQ(table.expire(now, 1'000), over);
    }
    ASSERT_EQ(table.size(), expected.size());
    std::map<Ipv4, uint32_t> peers;
    std::array<uint32_t, 2> tunnels{};
    std::array<uint64_t, 2> rates{};
    std::map<uint16_t, std::map<TunnelPeer, uint16_t>> wanted;
    for (const auto& [held, lease] : expected) {
      const size_t port = limits.port_of_interface[lease.interface];
      ++peers[std::get<1>(held)];
      ++tunnels[port];
      rates[port] += limits.channel_rates_bps[std::get<0>(held)];
      wanted[std::get<0>(held)][{std::get<1>(held), std::get<2>(held)}] = lease.interface;
    }
    ASSERT_LE(expected.size(), limits.tunnels);
    for (const auto& [peer, number] : peers) ASSERT_LE(number, limits.tunnels_of_a_peer);
    for (uint16_t port = 0; port < 2; ++port) {
      ASSERT_LE(tunnels[port], limits.ports[port].tunnels);
      ASSERT_LE(rates[port], limits.ports[port].rate_bps);
      ASSERT_EQ(table.tunnels_on(port), tunnels[port]);
      ASSERT_EQ(table.rate_on(port), rates[port]);
    }
    for (const uint16_t which : changed(table)) {
      lists[which].clear();
      const TunnelList list(table, which);
      for (const TunnelDestination& to : list.view()) lists[which][to.peer] = to.way.interface;
    }
    for (uint16_t which = 0; which < 3; ++which) ASSERT_EQ(lists[which], wanted[which]) << step;
  }
  EXPECT_EQ(outcomes.size(), 6u);  // every limit was met
}

}  // namespace
}  // namespace linecast::smart
