// Neighbours found, kept and given up, over time.
#include <gmock/gmock.h>

#include "lib/base/error.h"
#include "tests/unit/net/neighbors_bed.h"

namespace linecast::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using enum ArpCounter;

TEST(Neighbors, LinkUpAnnouncesTwiceTwoSecondsApart) {
  NeighborsBed bed;
  EXPECT_EQ(bed.neighbors.next_due(), kNever);
  bed.neighbors.link_up(5 * kSecond);
  EXPECT_THAT(bed.run_until(60 * kSecond), ElementsAre("5: all: announcement", "7: all: announcement"));
  EXPECT_EQ(bed.count(kAnnouncementsSent), 2u);
  bed.neighbors.link_up(61 * kSecond);
  EXPECT_THAT(bed.poll(61 * kSecond), ElementsAre("all: announcement"));
  bed.neighbors.link_up(62 * kSecond);
  EXPECT_THAT(bed.run_until(90 * kSecond), ElementsAre("62: all: announcement", "64: all: announcement"));
}

TEST(Neighbors, PollSendsNothingBeforeItIsDue) {
  NeighborsBed bed;
  bed.neighbors.link_up(5 * kSecond);
  EXPECT_THAT(bed.poll(5 * kSecond - 1), IsEmpty());
  EXPECT_THAT(bed.poll(5 * kSecond), ElementsAre("all: announcement"));
  EXPECT_THAT(bed.poll(7 * kSecond - 1), IsEmpty());
}

TEST(Neighbors, ResolvesByAskingAllAndKeepsTheAnswer) {
  NeighborsBed bed;
  EXPECT_EQ(bed.neighbors.resolve(0, kPeer), std::nullopt);
  EXPECT_EQ(bed.neighbors.resolve(0, kPeer), std::nullopt);
  EXPECT_EQ(bed.count(kUnresolved), 2u);
  EXPECT_THAT(bed.poll(0), ElementsAre("all: who has 10.0.0.9"));
  bed.hear_reply(kSecond / 2, kPeerMac, kPeer);
  EXPECT_EQ(bed.neighbors.resolve(kSecond / 2, kPeer), kPeerMac);
  EXPECT_THAT(bed.run_until(59 * kSecond), IsEmpty());
  EXPECT_EQ(bed.count(kRequestsSent), 1u);
  EXPECT_EQ(bed.count(kUnresolved), 2u);
}

TEST(Neighbors, AnyPacketOfTheAddressResolvesIt) {
  for (const uint16_t operation : {kArpRequest, kArpReply}) {
    NeighborsBed bed;
    bed.neighbors.resolve(0, kPeer);
    bed.neighbors.receive(0, arp_packet(operation, kPeerMac, kPeer, kPeer));  // an announcement
    EXPECT_EQ(bed.neighbors.resolve(0, kPeer), kPeerMac);
  }
}

TEST(Neighbors, AsksThreeTimesThenRestsTenSeconds) {
  NeighborsBed bed;
  bed.neighbors.resolve(0, kPeer);
  EXPECT_THAT(bed.run_until(3 * kSecond), ElementsAre("0: all: who has 10.0.0.9", "1: all: who has 10.0.0.9",
                                                      "2: all: who has 10.0.0.9"));
  EXPECT_EQ(bed.count(kUnreachable), 1u);
  EXPECT_EQ(bed.neighbors.resolve(3 * kSecond, kPeer), std::nullopt);
  EXPECT_EQ(bed.neighbors.resolve(12 * kSecond, kPeer), std::nullopt);
  EXPECT_EQ(bed.count(kUnresolved), 3u);
  EXPECT_THAT(bed.run_until(13 * kSecond), IsEmpty());
  EXPECT_EQ(bed.neighbors.next_due(), kNever) << "forgotten";
  bed.neighbors.resolve(13 * kSecond, kPeer);
  EXPECT_THAT(bed.poll(13 * kSecond), ElementsAre("all: who has 10.0.0.9"));
}

TEST(Neighbors, ASilentOneThatSpeaksUpIsTakenAtItsWord) {
  NeighborsBed bed;
  bed.neighbors.resolve(0, kPeer);
  bed.run_until(5 * kSecond);
  bed.neighbors.receive(5 * kSecond, arp_packet(kArpRequest, kPeerMac, kPeer, kPeer));
  EXPECT_EQ(bed.neighbors.resolve(5 * kSecond, kPeer), kPeerMac);
}

// RFC 826's merging: the first packet back to a host that has just asked for us is not lost.
TEST(Neighbors, WhoAsksForUsIsKnown) {
  NeighborsBed bed;
  bed.hear_request(0, kPeerMac, kPeer);
  EXPECT_EQ(bed.neighbors.resolve(0, kPeer), kPeerMac);
  EXPECT_THAT(bed.sent, ElementsAre("02aabbccddee: reply to 10.0.0.9"));
  EXPECT_EQ(bed.count(kUnresolved), 0u);
}

TEST(Neighbors, WhatIsFarAwayGoesToTheGateway) {
  NeighborsBed bed(kGateway);
  bed.hear_request(0, kOtherMac, kGateway);
  bed.hear_request(0, kPeerMac, kPeer);
  EXPECT_EQ(bed.neighbors.resolve(0, kFarAway), kOtherMac);
  EXPECT_EQ(bed.neighbors.resolve(0, 0x0a000109), kOtherMac) << "10.0.1.9: the next subnet";
  EXPECT_EQ(bed.neighbors.resolve(0, kGateway), kOtherMac);
  EXPECT_EQ(bed.neighbors.resolve(0, kPeer), kPeerMac);
}

TEST(Neighbors, NothingLeadsToWhatIsNoHost) {
  NeighborsBed bed(kGateway);
  uint64_t none = 0;
  for (const Ipv4 address : {0u, 1u, 0x7f000001u, 0xe0000001u, 0xefffffffu, 0xf0000001u, 0xffffffffu,
                             0x0a000000u, 0x0a0000ffu, kAddress}) {
    EXPECT_EQ(bed.neighbors.resolve(0, address), std::nullopt) << to_string(address);
    EXPECT_EQ(bed.count(kNoRoute), ++none) << to_string(address);
  }
  EXPECT_EQ(bed.neighbors.next_due(), kNever);
  NeighborsBed without_gateway;
  EXPECT_EQ(without_gateway.neighbors.resolve(0, kFarAway), std::nullopt);
  EXPECT_EQ(without_gateway.count(kNoRoute), 1u);
}

TEST(Neighbors, InASubnetOfTwoBothAreHosts) {  // RFC 3021
  NeighborsBed bed(0x0a000000, 31);
  bed.hear_request(0, kPeerMac, 0x0a000000);
  EXPECT_EQ(bed.neighbors.resolve(0, 0x0a000000), kPeerMac);
  EXPECT_EQ(bed.neighbors.resolve(0, kFarAway), kPeerMac);
}

TEST(Neighbors, AnOldOneInUseIsAskedByUnicastAndUsedMeanwhile) {
  NeighborsBed bed;
  bed.hear_request(0, kPeerMac, kPeer);
  bed.take();
  EXPECT_EQ(bed.neighbors.resolve(60 * kSecond - 1, kPeer), kPeerMac);
  EXPECT_THAT(bed.run_until(60 * kSecond), IsEmpty());
  EXPECT_EQ(bed.neighbors.resolve(60 * kSecond, kPeer), kPeerMac);
  EXPECT_THAT(bed.poll(60 * kSecond), ElementsAre("02aabbccddee: who has 10.0.0.9"));
  EXPECT_EQ(bed.neighbors.resolve(60 * kSecond, kPeer), kPeerMac);
  bed.hear_reply(60 * kSecond + 1, kPeerMac, kPeer);
  EXPECT_EQ(bed.neighbors.resolve(119 * kSecond, kPeer), kPeerMac);
  EXPECT_THAT(bed.run_until(120 * kSecond), IsEmpty());
}

TEST(Neighbors, AnOldOneThatIsGoneIsAskedForByBroadcastThenGivenUp) {
  NeighborsBed bed;
  bed.hear_request(0, kPeerMac, kPeer);
  bed.take();
  EXPECT_EQ(bed.neighbors.resolve(60 * kSecond, kPeer), kPeerMac);
  EXPECT_THAT(bed.run_until(62 * kSecond),
              ElementsAre("60: 02aabbccddee: who has 10.0.0.9", "61: 02aabbccddee: who has 10.0.0.9",
                          "62: 02aabbccddee: who has 10.0.0.9"));
  EXPECT_EQ(bed.neighbors.resolve(62 * kSecond, kPeer), kPeerMac);
  EXPECT_THAT(
      bed.run_until(66 * kSecond),
      ElementsAre("63: all: who has 10.0.0.9", "64: all: who has 10.0.0.9", "65: all: who has 10.0.0.9"));
  EXPECT_EQ(bed.neighbors.resolve(66 * kSecond, kPeer), std::nullopt);
  EXPECT_EQ(bed.count(kUnreachable), 1u);
  EXPECT_EQ(bed.neighbors.status().known, 0u);
}

TEST(Neighbors, AnUnusedOneIsForgotten) {
  NeighborsBed bed;
  bed.hear_request(0, kPeerMac, kPeer);
  bed.take();
  EXPECT_EQ(bed.neighbors.resolve(30 * kSecond, kPeer), kPeerMac);
  EXPECT_THAT(bed.run_until(30 * kSecond + Neighbors::kForgetNs - 1), IsEmpty());
  EXPECT_EQ(bed.neighbors.status().known, 1u);
  EXPECT_THAT(bed.run_until(30 * kSecond + Neighbors::kForgetNs), IsEmpty());
  EXPECT_EQ(bed.neighbors.status().known, 0u);
  EXPECT_EQ(bed.neighbors.next_due(), kNever);
}

TEST(Neighbors, TheGatewayIsAskedForAtOnceAndKept) {
  NeighborsBed bed(kGateway);
  bed.neighbors.link_up(0);
  EXPECT_THAT(bed.poll(0), ElementsAre("all: announcement", "all: who has 10.0.0.254"));
  bed.hear_reply(0, kPeerMac, kGateway);
  EXPECT_TRUE(bed.neighbors.status().gateway_known);
  EXPECT_THAT(bed.run_until(60 * kSecond),
              ElementsAre("2: all: announcement", "60: 02aabbccddee: who has 10.0.0.254"));
  bed.hear_reply(60 * kSecond, kPeerMac, kGateway);
  EXPECT_THAT(bed.run_until(119 * kSecond), IsEmpty());
}

TEST(Neighbors, ASilentGatewayIsAskedForEverMore) {
  NeighborsBed bed(kGateway);
  bed.neighbors.link_up(0);
  bed.run_until(2 * kSecond);
  EXPECT_THAT(bed.run_until(13 * kSecond), ElementsAre("13: all: who has 10.0.0.254"));
  EXPECT_EQ(bed.count(kUnreachable), 1u);
  bed.run_until(1300 * kSecond);
  EXPECT_EQ(bed.count(kUnreachable), 100u);
  EXPECT_FALSE(bed.neighbors.status().gateway_known);
}

TEST(Neighbors, MissedRequestsAreAnnouncedToOnceASecondHoweverManyTheyAre) {
  NeighborsBed bed;
  std::vector<std::string> all;
  for (TimeNs now = 0; now < 5 * kSecond; now += kSecond / 100) {
    for (std::string& frame : bed.run_until(now)) all.push_back(std::move(frame));
    bed.neighbors.request_missed(now);
  }
  EXPECT_THAT(all, ElementsAre("1: all: announcement", "2: all: announcement", "3: all: announcement",
                               "4: all: announcement"));
}

TEST(Neighbors, AnotherMacIsTakenUpAndCounted) {
  NeighborsBed bed;
  bed.hear_request(0, kPeerMac, kPeer);
  bed.hear_request(1, kPeerMac, kPeer);
  EXPECT_EQ(bed.count(kMacChanges), 0u);
  bed.neighbors.receive(2, arp_packet(kArpRequest, kOtherMac, kPeer, kPeer));
  EXPECT_EQ(bed.neighbors.resolve(2, kPeer), kOtherMac);
  EXPECT_EQ(bed.count(kMacChanges), 1u);
}

TEST(Neighbors, AfterALinkFlapWhatIsKnownIsAskedAgainWhenUsed) {
  NeighborsBed bed(kGateway);
  bed.hear_request(0, kOtherMac, kGateway);
  bed.hear_request(0, kPeerMac, kPeer);
  bed.neighbors.resolve(0, 0x0a000022);  // and one that is looked for: forgotten
  bed.take();
  bed.neighbors.link_up(kSecond);
  EXPECT_THAT(bed.poll(kSecond), ElementsAre("all: announcement", "02aabbccddff: who has 10.0.0.254"));
  EXPECT_EQ(bed.neighbors.resolve(kSecond, kPeer), kPeerMac);
  EXPECT_THAT(bed.poll(kSecond), ElementsAre("02aabbccddee: who has 10.0.0.9"));
}

TEST(Neighbors, ThoseInUseAreNotEvictedByWhoMerelyAsks) {
  NeighborsBed bed(0, 8);
  const Ipv4 first = 0x0a010001;
  for (Ipv4 i = 0; i < Neighbors::kCapacity; ++i) {
    bed.hear_request(0, kPeerMac, first + i);
    EXPECT_EQ(bed.neighbors.resolve(static_cast<TimeNs>(i), first + i), kPeerMac);
  }
  // That they ask for us as well makes them no idler.
  for (Ipv4 i = 0; i < Neighbors::kCapacity; ++i) bed.hear_reply(kSecond, kPeerMac, first + i);
  bed.hear_request(kSecond, kOtherMac, kPeer);
  EXPECT_EQ(bed.count(kTableFull), 1u);
  EXPECT_EQ(bed.count(kEvicted), 0u);
  EXPECT_EQ(bed.count(kAnswered), Neighbors::kCapacity + 1) << "answered all the same";
  // Whom we have to send to does: the one that was used least recently goes.
  EXPECT_EQ(bed.neighbors.resolve(kSecond, kPeer), std::nullopt);
  EXPECT_EQ(bed.count(kEvicted), 1u);
  EXPECT_EQ(bed.neighbors.resolve(kSecond, first + 1), kPeerMac);
  EXPECT_EQ(bed.neighbors.resolve(kSecond, first), std::nullopt) << "the second lookup of all";
  // A minute later an idle one makes room for whoever asks.
  bed.hear_request(kSecond + Neighbors::kInUseNs, kOtherMac, 0x0a020001);
  EXPECT_EQ(bed.neighbors.resolve(kSecond + Neighbors::kInUseNs, 0x0a020001), kOtherMac);
}

TEST(Neighbors, TheSilentMakeRoomFirst) {
  NeighborsBed bed(0, 8);
  const Ipv4 first = 0x0a010001;
  for (Ipv4 i = 0; i < Neighbors::kCapacity - 1; ++i) {
    bed.hear_request(0, kPeerMac, first + i);
    EXPECT_EQ(bed.neighbors.resolve(0, first + i), kPeerMac);
  }
  bed.neighbors.resolve(1, kPeer);  // which is used last, but silent
  bed.run_until(5 * kSecond);
  bed.neighbors.resolve(5 * kSecond, 0x0a020001);
  EXPECT_EQ(bed.count(kEvicted), 1u);
  for (Ipv4 i = 0; i < Neighbors::kCapacity - 1; ++i)
    EXPECT_EQ(bed.neighbors.resolve(5 * kSecond, first + i), kPeerMac);
}

TEST(Neighbors, ASweepOfForgedSourcesIsBoundedAndHarmsNobody) {
  NeighborsBed bed(kGateway, 8);
  bed.hear_request(0, kOtherMac, kGateway);
  bed.hear_request(0, kPeerMac, kPeer);
  bed.take();
  Ipv4 forged = 0x0a800001;
  for (TimeNs now = 0; now < 20 * kSecond; now += kSecond / 100) {
    EXPECT_EQ(bed.neighbors.resolve(now, kPeer), kPeerMac);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(bed.neighbors.resolve(now, forged++), std::nullopt);
    for (int i = 0; i < 10; ++i) {
      bed.neighbors.poll(now);
      EXPECT_LE(bed.sent.size(), Neighbors::kMaxFramesAPoll);
      bed.take();
    }
  }
  EXPECT_LE(bed.count(kRequestsSent), 21 * Neighbors::kMaxAsking);
  EXPECT_GT(bed.count(kTableFull), 0u);
  EXPECT_GT(bed.count(kEvicted), 0u) << "those that did not answer";
  EXPECT_EQ(bed.neighbors.resolve(20 * kSecond, kFarAway), kOtherMac);
}

TEST(Neighbors, ManyDueAtOnceAreSpreadOverPolls) {
  NeighborsBed bed(0, 8);
  for (Ipv4 i = 0; i < Neighbors::kMaxAsking; ++i) bed.neighbors.resolve(0, 0x0a010001 + i);
  EXPECT_EQ(bed.poll(0).size(), Neighbors::kMaxFramesAPoll);
  EXPECT_EQ(bed.neighbors.next_due(), 0);
  EXPECT_EQ(bed.poll(0).size(), Neighbors::kMaxFramesAPoll);
  EXPECT_EQ(bed.neighbors.next_due(), kSecond);
}

TEST(Neighbors, RefusesWhatCannotBe) {
  const auto make = [](const NeighborsConfig& config) { Neighbors(config, [](Bytes) {}); };
  EXPECT_NO_THROW(make({.mac = kMac, .address = kAddress, .prefix_length = 1}));
  EXPECT_THROW(make({.mac = kMac, .address = kAddress, .prefix_length = 0}), Error);
  EXPECT_THROW(make({.mac = kMac, .address = kAddress, .prefix_length = 32}), Error);
  EXPECT_THROW(make({.mac = kMac, .address = 0, .prefix_length = 24}), Error);
  for (const Ipv4 gateway : {kFarAway, kAddress, 0x0a000000u, 0x0a0000ffu})
    EXPECT_THROW(make({.mac = kMac, .address = kAddress, .prefix_length = 24, .gateway = gateway}), Error);
}

}  // namespace
}  // namespace linecast::net
