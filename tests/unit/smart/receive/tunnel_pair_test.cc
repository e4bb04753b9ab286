// Both ends of a tunnel, as this library has them, together.
#include <gtest/gtest.h>

#include "lib/smart/receive/tunnel_client.h"
#include "lib/smart/tunnel/tunnel_grantor.h"

namespace linecast::smart {
namespace {

constexpr TimeNs kSecond = kNsPerSecond;
constexpr Ipv4 kGroup = 0xef010203;
constexpr FarEnd kHop{0xc0000201, kDefaultPort};

LeaseTable::Settings leases_of(uint32_t tunnels) {
  return {.tunnels = tunnels,
          .ports = {{.tunnels = 10, .rate_bps = 1'000'000'000}},
          .port_of_interface = {0},
          .channel_rates_bps = {10'000'000}};
}

class TunnelPair {
 public:
  explicit TunnelPair(uint32_t tunnels) : leases(leases_of(tunnels), grantor_counters) {}

  void run_for(TimeNs span) {
    const TimeNs end = now + span;
    while (client.next_due() <= end) {
      now = std::max(now, client.next_due());
      while (const auto message = client.take_due(now)) exchange(*message);
    }
    now = end;
    leases.expire(now, 10);
  }
  bool leased() const { return leases.holds({peer, 0}); }

  TimeNs now = 100 * kSecond;
  TunnelPeer peer{0xc6336414, 40000};
  Random random{1};
  TunnelClientCounters client_counters;
  TunnelCounters grantor_counters;
  TunnelClient client{kHop, kGroup, kDefaultPort, random, client_counters};
  LeaseTable leases;

 private:
  void exchange(const TunnelClient::Message& message) {
    TunnelAnswer answer;
    const auto proved = grantor_.screen(
        now, {.command = message.command, .request = message.body, .from = peer, .to = kHop.address}, answer);
    if (proved) grantor_.decide(now, *proved, {}, answer);
    Split split;
    if (answer.size == 0) return;
    ASSERT_EQ(split_message(answer.view(), split), WireFault::kNone);
    TunnelRequest challenge;
    TunnelGrant grant;
    if (split.header.command == static_cast<uint8_t>(TunnellingCommand::kChallenge)) {
      ASSERT_TRUE(decode(split.body, challenge));
      client.take_challenge(now, challenge);
    } else {
      ASSERT_TRUE(decode(split.body, grant));
      client.take_grant(now, grant);
    }
  }

  crypto::Manager manager_;
  TunnelCookies cookies_{manager_, 0, {1}};
  TunnelGrantor grantor_{{}, cookies_, leases, grantor_counters};
};

TEST(TunnelPairTest, ALeaseStandsAsLongAsItIsWanted) {
  TunnelPair pair(10);
  pair.client.open(pair.now);
  pair.run_for(0);
  EXPECT_TRUE(pair.client.granted() && pair.leased());
  for (int i = 0; i < 100; ++i) {
    pair.run_for(10 * kSecond);
    ASSERT_TRUE(pair.client.granted() && pair.leased()) << i;
  }
  EXPECT_EQ(pair.grantor_counters.get(TunnelCounter::kGranted), 1u) << "cookies that expire end nothing";
  EXPECT_EQ(pair.client_counters.get(TunnelClientCounter::kUnexpected), 0u);
  EXPECT_GT(pair.client_counters.get(TunnelClientCounter::kChallenges), 5u);
  pair.client.close(pair.now);
  pair.run_for(0);
  EXPECT_FALSE(pair.leased());
  EXPECT_EQ(pair.grantor_counters.get(TunnelCounter::kLeft), 1u);
}

TEST(TunnelPairTest, LeavesThoughItsCookieHasExpired) {
  TunnelPair pair(10);
  pair.client.open(pair.now);
  pair.run_for(0);
  // The cookie of 100 s is void from 180 s on, and the renewal of 175 s was the last.
  pair.run_for(89 * kSecond);
  ASSERT_TRUE(pair.leased());
  const uint64_t before = pair.client_counters.get(TunnelClientCounter::kChallenges);
  ASSERT_EQ(before, 1u);
  pair.client.close(pair.now);
  pair.run_for(0);
  EXPECT_EQ(pair.client_counters.get(TunnelClientCounter::kChallenges), before + 1);
  EXPECT_FALSE(pair.leased());
}

TEST(TunnelPairTest, AnotherPortOutsideANatGetsATunnelOfItsOwn) {
  TunnelPair pair(10);
  pair.client.open(pair.now);
  pair.run_for(0);
  const TunnelPeer before = pair.peer;
  pair.peer.port = 41000;
  pair.run_for(16 * kSecond);
  EXPECT_TRUE(pair.client.granted() && pair.leased());
  EXPECT_TRUE(pair.leases.holds({before, 0})) << "until it expires";
  for (int i = 0; i < 6; ++i) pair.run_for(10 * kSecond);
  EXPECT_FALSE(pair.leases.holds({before, 0}));
}

TEST(TunnelPairTest, ARefusalIsTaken) {
  TunnelPair pair(0);
  pair.client.open(pair.now);
  pair.run_for(0);
  EXPECT_FALSE(pair.client.granted() || pair.leased());
  EXPECT_EQ(pair.client_counters.get(TunnelClientCounter::kRefused), 1u);
  EXPECT_EQ(pair.grantor_counters.get(TunnelCounter::kTableFull), 1u);
}

}  // namespace
}  // namespace linecast::smart
