#include "lib/smart/receive/tunnel_client.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lib/net/checksum.h"
#include "tests/unit/smart/receive/inner_packet.h"

namespace linecast::smart {
namespace {

constexpr TimeNs kMs = kNsPerMs, kSecond = kNsPerSecond;
constexpr Ipv4 kGroup = 0xef010203;
using Cookie = std::array<uint8_t, 16>;

class TunnelClientTest : public testing::Test {
 protected:
  struct Sent {
    TimeNs when;
    TunnellingCommand command;
    Cookie cookie;
  };
  // Runs the clock, and gives what was sent.
  std::vector<Sent> run_until(TimeNs end) {
    std::vector<Sent> sent;
    while (client.next_due() <= end) {
      now = std::max(now, client.next_due());
      const auto message = client.take_due(now);
      if (!message) continue;
      EXPECT_EQ(message->body.group, group);
      EXPECT_EQ(message->body.endpoint, 0u) << "where the datagram comes from, so that NAT is no obstacle";
      sent.push_back({now, message->command, message->body.cookie});
      if (sent.size() > 1000) {
        ADD_FAILURE() << "it sends without end";
        break;
      }
    }
    now = std::max(now, end);
    return sent;
  }
  std::vector<Sent> run_for(TimeNs span) { return run_until(now + span); }
  std::vector<TimeNs> times(const std::vector<Sent>& sent, TimeNs from) const {
    std::vector<TimeNs> out;
    out.reserve(sent.size());
    for (const Sent& s : sent) out.push_back((s.when - from) / kMs);
    return out;
  }
  void challenge(uint8_t cookie) { client.take_challenge(now, {group, 0x0a000001, {cookie}}); }
  TunnelClient::Answer grant(uint8_t cookie, uint16_t lease_s = 60, uint16_t reason = 0) {
    return client.take_grant(now, {group, 0x0a000001, lease_s, reason, {cookie}});
  }
  void open_and_grant() {
    client.open(now);
    run_for(0);
    challenge(7);
    run_for(0);
    EXPECT_EQ(grant(7), TunnelClient::Answer::kGranted);
  }
  uint64_t count(TunnelClientCounter c) const { return counters.get(c); }

  TimeNs now = 100 * kSecond;
  Ipv4 group = kGroup;  // that it asks for
  Random random{1};
  TunnelClientCounters counters;
  TunnelClient client{{0x0a000009, 47100}, kGroup, 47100, random, counters};
};

TEST_F(TunnelClientTest, SaysNothingUntilItIsOpened) {
  EXPECT_EQ(client.next_due(), kNever);
  client.close(now);
  EXPECT_EQ(client.next_due(), kNever);
}

TEST_F(TunnelClientTest, AsksWithoutACookieThenWithTheOneOfTheChallenge) {
  client.open(now);
  auto sent = run_for(0);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].command, TunnellingCommand::kRequest);
  EXPECT_EQ(sent[0].cookie, Cookie{});
  now += 20 * kMs;
  challenge(7);
  sent = run_for(0);
  ASSERT_EQ(sent.size(), 1u) << "at once";
  EXPECT_EQ(sent[0].cookie, Cookie{7});
  EXPECT_FALSE(client.granted());
  EXPECT_EQ(grant(7), TunnelClient::Answer::kGranted);
  EXPECT_TRUE(client.granted());
}

TEST_F(TunnelClientTest, AsksAgainAfter250MsDoublingUpToFourSeconds) {
  client.open(now);
  const TimeNs begin = now;
  EXPECT_EQ(times(run_for(17 * kSecond), begin),
            (std::vector<TimeNs>{0, 250, 750, 1750, 3750, 7750, 11'750, 15'750}));
}

TEST_F(TunnelClientTest, RenewsEach15SecondsWithTheLastCookie) {
  open_and_grant();
  for (int i = 0; i < 4; ++i) {
    const TimeNs granted = now;
    const auto sent = run_for(15 * kSecond);
    ASSERT_EQ(times(sent, granted), std::vector<TimeNs>{15'000});
    EXPECT_EQ(sent[0].cookie, Cookie{7});
    EXPECT_EQ(grant(7), TunnelClient::Answer::kGranted);
  }
  EXPECT_EQ(count(TunnelClientCounter::kExpired), 0u);
}

TEST_F(TunnelClientTest, WhenTheStreamMovesItAsksForTheNewGroupAndTakesBoth) {
  open_and_grant();
  now += kSecond;
  group = kGroup + 1;
  client.follow(now, {group, 47200});
  const auto comes = [&](Ipv4 to, uint16_t port) {
    return client.take_data(now, inner_packet({.destination = to, .port = port})).has_value();
  };
  EXPECT_TRUE(comes(kGroup, 47100)) << "it is granted still";
  const auto sent = run_for(0);
  ASSERT_EQ(sent.size(), 1u) << "at once";
  EXPECT_EQ(sent[0].cookie, Cookie{}) << "that of the other group is not good";
  challenge(8);
  run_for(0);
  EXPECT_EQ(grant(8), TunnelClient::Answer::kGranted);
  EXPECT_TRUE(comes(kGroup, 47100));
  EXPECT_TRUE(comes(group, 47200));
  EXPECT_FALSE(comes(group, 47100));
  EXPECT_FALSE(comes(kGroup + 2, 47200));
  EXPECT_EQ(client.place(), (GroupPlace{group, 47200}));
}

TEST_F(TunnelClientTest, WhereTheFarEndDoesNotCarryTheNewGroupItStaysWithTheOld) {
  open_and_grant();
  group = kGroup + 1;
  client.follow(now, {group, 47200});
  run_for(0);
  challenge(8);
  run_for(0);
  EXPECT_EQ(grant(8, 0, 1), TunnelClient::Answer::kIgnored);
  EXPECT_TRUE(client.granted()) << "what it had it has";
  EXPECT_EQ(count(TunnelClientCounter::kRefused), 0u);
  group = kGroup;
  EXPECT_EQ(run_for(0).size(), 1u);
  challenge(9);
  run_for(0);
  EXPECT_EQ(grant(9), TunnelClient::Answer::kGranted);
  EXPECT_EQ(client.place(), (GroupPlace{kGroup, 47100}));
  EXPECT_EQ(grant(9, 0, 1), TunnelClient::Answer::kIgnored) << "nothing is asked";
  // Another refusal is one.
  group = kGroup + 2;
  client.follow(now, {group, 47100});
  run_for(0);
  challenge(10);
  run_for(0);
  EXPECT_EQ(grant(10, 0, 2), TunnelClient::Answer::kRefused);
}

TEST_F(TunnelClientTest, WhereTheFarEndStartsAnewAtTheConfiguredGroupItIsAskedForThat) {
  const auto asked = [this](uint8_t cookie) {
    run_for(0);
    challenge(cookie);
    run_for(0);
  };
  open_and_grant();
  group = kGroup + 1;
  client.follow(now, {group, 47200});
  asked(8);
  EXPECT_EQ(grant(8), TunnelClient::Answer::kGranted);
  run_for(15 * kSecond);  // the renewal
  EXPECT_EQ(grant(8, 0, 1), TunnelClient::Answer::kIgnored);
  EXPECT_EQ(count(TunnelClientCounter::kRefused), 0u);
  group = kGroup;
  asked(9);
  // It is at neither for a while.
  EXPECT_EQ(grant(9, 0, 1), TunnelClient::Answer::kRefused);
  now = client.refused_until();
  asked(10);
  EXPECT_EQ(grant(10, 0, 1), TunnelClient::Answer::kIgnored);
  group = kGroup + 1;
  asked(11);
  EXPECT_EQ(grant(11, 0, 1), TunnelClient::Answer::kIgnored);
  group = kGroup;
  asked(12);
  EXPECT_EQ(grant(12, 0, 1), TunnelClient::Answer::kRefused) << "then it rests";
  EXPECT_TRUE(run_until(client.refused_until() - 1).empty());
  now = client.refused_until();
  asked(13);
  EXPECT_EQ(grant(13), TunnelClient::Answer::kGranted);
  EXPECT_EQ(client.place(), (GroupPlace{kGroup, 47100}));
  EXPECT_TRUE(client.take_data(now, inner_packet({.destination = kGroup, .port = 47100})));
}

TEST_F(TunnelClientTest, AClosedOneFollowsWithoutAWord) {
  client.follow(now, {kGroup + 1, 47100});
  EXPECT_EQ(client.next_due(), kNever);
  group = kGroup + 1;
  client.open(now);
  EXPECT_EQ(run_for(0).size(), 1u);
}

TEST_F(TunnelClientTest, RenewsAShortLeaseSooner) {
  client.open(now);
  run_for(0);
  challenge(7);
  run_for(0);
  grant(7, 8);
  EXPECT_EQ(client.next_due(), now + 2 * kSecond);
}

TEST_F(TunnelClientTest, AnExpiredCookieDrawsAChallengeAndEndsNothing) {
  open_and_grant();
  run_for(15 * kSecond);
  challenge(8);
  EXPECT_TRUE(client.granted());
  const auto sent = run_for(0);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].cookie, Cookie{8});
  EXPECT_EQ(grant(8), TunnelClient::Answer::kGranted);
  EXPECT_EQ(count(TunnelClientCounter::kGrants), 2u);
}

TEST_F(TunnelClientTest, ALeaseEndsWhereNoRenewalIsAnsweredAndIsAskedForAgain) {
  open_and_grant();
  const TimeNs granted = now;
  const auto sent = run_for(59 * kSecond);
  EXPECT_GT(sent.size(), 10u);
  EXPECT_TRUE(client.granted());
  run_until(granted + 60 * kSecond);
  EXPECT_FALSE(client.granted());
  EXPECT_EQ(count(TunnelClientCounter::kExpired), 1u);
  EXPECT_FALSE(run_for(5 * kSecond).empty());
}

TEST_F(TunnelClientTest, WhereItIsRefusedItWaits5To30Seconds) {
  TimeNs least = kNever, most = 0;
  for (int i = 0; i < 200; ++i) {
    client.open(now);
    run_until(std::max(now, client.next_due()));
    challenge(1);
    run_for(0);
    EXPECT_EQ(grant(1, 0, 2), TunnelClient::Answer::kRefused);
    const TimeNs wait = client.refused_until() - now;
    least = std::min(least, wait);
    most = std::max(most, wait);
    EXPECT_EQ(client.next_due(), client.refused_until());
    client.close(now);
    EXPECT_EQ(client.next_due(), kNever) << "there is nothing to leave";
    client.open(now);
    EXPECT_TRUE(run_for(wait - 1).empty()) << "nor by another try";
    EXPECT_EQ(run_for(1).size(), 1u);
    client.close(now);
    now += 60 * kSecond;
    run_for(0);
  }
  EXPECT_GE(least, 5 * kSecond);
  EXPECT_LT(least, 6 * kSecond);
  EXPECT_LT(most, 30 * kSecond);
  EXPECT_GT(most, 29 * kSecond);
}

TEST_F(TunnelClientTest, ARefusedRenewalEndsTheLease) {
  open_and_grant();
  run_for(15 * kSecond);
  EXPECT_EQ(grant(7, 0, 2), TunnelClient::Answer::kRefused);
  EXPECT_FALSE(client.granted());
  EXPECT_FALSE(client.take_data(now, inner_packet({.destination = kGroup}))) << "the lease is over";
}

TEST_F(TunnelClientTest, LeavesWithTheCookieAndAgainWhereDataGoesOn) {
  open_and_grant();
  client.close(now);
  auto sent = run_for(0);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].command, TunnellingCommand::kLeave);
  EXPECT_EQ(sent[0].cookie, Cookie{7});
  EXPECT_TRUE(run_for(10 * kSecond).empty()) << "it is not answered";
  const TimeNs begin = now;
  std::vector<Sent> again;
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(client.take_data(now, inner_packet({.destination = kGroup})))
        << "within the lease it is good";
    const auto more = run_for(100 * kMs);
    again.insert(again.end(), more.begin(), more.end());
  }
  EXPECT_EQ(times(again, begin), (std::vector<TimeNs>{0, 500, 1500}));
  EXPECT_EQ(count(TunnelClientCounter::kAfterLeave), 20u);
  now += 60 * kSecond;
  EXPECT_FALSE(client.take_data(now, inner_packet({.destination = kGroup})));
  EXPECT_EQ(count(TunnelClientCounter::kNotGranted), 1u);
}

TEST_F(TunnelClientTest, AChallengedLeaveIsSaidAgain) {
  open_and_grant();
  client.close(now);
  run_for(0);
  challenge(9);
  const auto sent = run_for(0);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].command, TunnellingCommand::kLeave);
  EXPECT_EQ(sent[0].cookie, Cookie{9});
  EXPECT_EQ(grant(9), TunnelClient::Answer::kIgnored);
}

TEST_F(TunnelClientTest, LeavesWhereAGrantMayBeOnItsWay) {
  client.open(now);
  run_for(0);
  client.close(now);
  EXPECT_TRUE(run_for(kSecond).empty()) << "without a cookie nothing can have been granted";
  client.open(now);
  run_for(0);
  challenge(3);
  run_for(0);
  client.close(now);
  const auto sent = run_for(0);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].command, TunnellingCommand::kLeave);
}

TEST_F(TunnelClientTest, BelievesNoAnswerThatItDidNotAskFor) {
  challenge(1);
  grant(1);
  EXPECT_EQ(count(TunnelClientCounter::kUnexpected), 2u);
  client.open(now);
  run_for(0);
  EXPECT_EQ(grant(0), TunnelClient::Answer::kIgnored) << "nothing is granted without a cookie";
  EXPECT_EQ(grant(1), TunnelClient::Answer::kIgnored);
  EXPECT_EQ(count(TunnelClientCounter::kWrongCookie), 2u);
  client.take_challenge(now, {kGroup + 1, 0, {1}});
  client.take_grant(now, {kGroup + 1, 0, 60, 0, {1}});
  EXPECT_EQ(count(TunnelClientCounter::kWrongGroup), 2u);
  challenge(0);  // that is none
  EXPECT_EQ(count(TunnelClientCounter::kUnexpected), 3u);
  challenge(2);
  challenge(3);
  EXPECT_EQ(count(TunnelClientCounter::kUnexpected), 4u) << "one answer to each";
  run_for(0);
  EXPECT_EQ(grant(3), TunnelClient::Answer::kIgnored);
  EXPECT_EQ(grant(2), TunnelClient::Answer::kGranted);
  EXPECT_EQ(grant(2), TunnelClient::Answer::kIgnored) << "a copy";
}

TEST_F(TunnelClientTest, ChallengesWithoutEndDrawAFewMessagesOnly) {
  client.open(now);
  size_t sent = 0;
  for (int i = 0; i < 1000; ++i) {
    sent += run_for(kMs).size();
    challenge(static_cast<uint8_t>(i));
  }
  // Three of its own accord in a second, and kMaxEchoes after each.
  EXPECT_LE(sent, 3 * (1 + TunnelClient::kMaxEchoes));
  EXPECT_GT(count(TunnelClientCounter::kUnexpected), 900u);
}

TEST_F(TunnelClientTest, WhatItTakesOutOfATunnel) {
  const auto with = [](size_t at, uint8_t value) {
    return [=](std::vector<uint8_t>& packet) { packet[at] = value; };
  };
  const struct {
    const char* what;
    InnerPacket packet;
    std::function<void(std::vector<uint8_t>&)> damage;
    std::optional<TunnelClientCounter> fault;
  } rows[] = {
      {"data", {}, {}, {}},
      {"nothing in it", {.payload = {}}, {}, {}},
      {"no UDP checksum", {.udp_checksum = false}, {}, {}},
      {"do not fragment", {.fragment = 0x4000}, {}, {}},
      {"first fragment", {.fragment = 0x2000}, {}, TunnelClientCounter::kInnerFragment},
      {"last fragment", {.fragment = 0x0010}, {}, TunnelClientCounter::kInnerFragment},
      {"options", {.option_words = 1}, {}, TunnelClientCounter::kInnerOptions},
      {"TCP", {.protocol = 6}, {}, TunnelClientCounter::kInnerNotUdp},
      {"ICMP", {.protocol = 1}, {}, TunnelClientCounter::kInnerNotUdp},
      {"another group", {.destination = kGroup + 1}, {}, TunnelClientCounter::kInnerElsewhere},
      {"another port", {.port = 47101}, {}, TunnelClientCounter::kInnerElsewhere},
      {"a tunnel message", {.payload = {0, 0xc5, 0, 4}}, {}, TunnelClientCounter::kInnerNested},
      {"a source that no host has", {.source = 0x7f000001}, {}, TunnelClientCounter::kInnerMalformed},
      {"a group as its source", {.source = kGroup}, {}, TunnelClientCounter::kInnerMalformed},
      {"IPv6", {}, with(0, 0x65), TunnelClientCounter::kInnerMalformed},
      {"a header too short", {}, with(0, 0x44), TunnelClientCounter::kInnerMalformed},
      {"a wrong header checksum", {}, with(10, 0), TunnelClientCounter::kInnerMalformed},
      {"a wrong UDP checksum", {}, with(28, 0x55), TunnelClientCounter::kInnerMalformed},
      {"a UDP length too long", {}, with(25, 200), TunnelClientCounter::kInnerMalformed},
      {"a UDP length too short", {}, with(25, 7), TunnelClientCounter::kInnerMalformed},
      {"bytes behind it",
       {},
       [](auto& packet) { packet.push_back(0); },
       TunnelClientCounter::kInnerMalformed},
      {"its end cut", {}, [](auto& packet) { packet.pop_back(); }, TunnelClientCounter::kInnerMalformed},
      {"a header only", {}, [](auto& packet) { packet.resize(20); }, TunnelClientCounter::kInnerMalformed},
      {"nothing", {}, [](auto& packet) { packet.clear(); }, TunnelClientCounter::kInnerMalformed},
  };
  open_and_grant();
  for (const auto& row : rows) {
    std::vector<uint8_t> packet = inner_packet(row.packet);
    if (row.damage) row.damage(packet);
    const uint64_t before = row.fault ? count(*row.fault) : count(TunnelClientCounter::kData);
    const auto datagram = client.take_data(now, packet);
    EXPECT_EQ(datagram.has_value(), !row.fault) << row.what;
    EXPECT_EQ(row.fault ? count(*row.fault) : count(TunnelClientCounter::kData), before + 1) << row.what;
    EXPECT_TRUE(!datagram || std::ranges::equal(*datagram, row.packet.payload)) << row.what;
  }
}

TEST_F(TunnelClientTest, TakesNoDataBeforeItIsGranted) {
  EXPECT_FALSE(client.take_data(now, inner_packet({})));
  client.open(now);
  run_for(0);
  EXPECT_FALSE(client.take_data(now, inner_packet({})));
  EXPECT_EQ(count(TunnelClientCounter::kNotGranted), 2u);
}

}  // namespace
}  // namespace linecast::smart
