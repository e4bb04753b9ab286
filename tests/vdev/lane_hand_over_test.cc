// Frames that reach a lane which does not own their channel.
#include <gtest/gtest.h>

#include "lib/smart/trailer.h"
#include "tests/vdev/lane_bed.h"

namespace linecast {
namespace {

using app::ChannelCounter;
using app::LaneCounter;

constexpr TimeNs kStart = 10 * kNsPerSecond;

BedOptions two_lanes() {
  BedOptions options;
  options.channels = 2;
  options.lanes = 2;
  options.encrypted = false;
  return options;
}

void settle(LaneBed& bed) {
  bed.lane(0).poll(kStart);
  bed.lane(1).poll(kStart);
  bed.sent();
}

TEST(LaneHandOver, ADatagramGoesToTheLaneOfItsChannel) {
  LaneBed bed(two_lanes());
  settle(bed);
  bed.feed(feed_frame(0, ts_payload(7, 1)));
  bed.feed(feed_frame(1, ts_payload(7, 2)));
  bed.lane(0).poll(kStart + 1);
  EXPECT_EQ(bed.sent().size(), 1u);
  EXPECT_EQ(bed.count(LaneCounter::kHandedOver), 1u);
  bed.lane(1).poll(kStart + 1);
  const auto frames = bed.sent();
  ASSERT_EQ(frames.size(), 1u);
  const net::ParsedFrame out = net::parse_frame(frames[0], {});
  EXPECT_EQ(out.destination, LaneBed::output_group(1));
  const auto expected = ts_payload(7, 2);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), out.payload.begin() + 8, out.payload.end()));
}

TEST(LaneHandOver, ARequestIsAnsweredByTheLaneOfItsChannel) {
  LaneBed bed(two_lanes());
  settle(bed);
  bed.feed(feed_frame(1, ts_payload(7, 2)));
  bed.lane(0).poll(kStart + 1);
  bed.lane(1).poll(kStart + 1);
  bed.sent();
  smart::Replacement message;
  message.group = LaneBed::output_group(1);
  message.list.count = 1;
  message.list.pairs[0] = {2, 0};  // channel 1 begins with sequence 2
  std::vector<uint8_t> datagram(12);
  ASSERT_EQ(smart::encode(message, datagram), datagram.size());
  net::UdpFlow flow;
  flow.source = 0x0a010063;
  flow.destination = LaneBed::kOutAddress;
  flow.source_port = flow.destination_port = smart::kDefaultPort;
  bed.feed(udp_frame(flow, datagram), 1);
  bed.lane(0).poll(kStart + 2);
  EXPECT_TRUE(bed.sent().empty());
  bed.lane(1).poll(kStart + 2);
  EXPECT_EQ(bed.sent().size(), 2u);  // QUIET, repair
  EXPECT_EQ(bed.count(1, ChannelCounter::kRepairsSent), 1u);
}

TEST(LaneHandOver, AFullInboxDropsAndCountsAndLeaksNothing) {
  LaneBed bed(two_lanes());
  settle(bed);
  const unsigned before = bed.receive_pool().available();
  constexpr unsigned kFrames = 1200;  // the inbox holds 1023
  for (unsigned k = 0; k < kFrames; ++k) {
    bed.feed(feed_frame(1, ts_payload(7, 2)));
    bed.lane(0).poll(kStart + 1);
  }
  EXPECT_EQ(bed.count(LaneCounter::kInboxFull), kFrames - 1023);
  size_t sent = 0;
  for (unsigned k = 0; k < kFrames; ++k) {
    bed.lane(1).poll(kStart + 2);
    sent += bed.sent().size();
  }
  EXPECT_EQ(bed.count(1, ChannelCounter::kPacketsSent), 1023u);
  EXPECT_GE(sent, 1023u);
  EXPECT_EQ(bed.receive_pool().available(), before);
}

// Lane 1 polls the ports, lane 0 has their hosts.
BedOptions hosts_elsewhere() {
  BedOptions options;
  options.lanes = 2;
  options.polling_lane = 1;
  return options;
}

std::vector<uint8_t> arp_request(Ipv4 target) {
  std::vector<uint8_t> request{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 8, 6,  //
                               0,    1,    8,    0,    6,    4,    0, 1, 2, 0, 0, 0, 0, 9,  //
                               10,   0,    0,    9,    0,    0,    0, 0, 0, 0, 0, 0, 0, 0};
  store_be32(&request[38], target);
  return request;
}

TEST(LaneHandOver, AFullInboxHidesNeitherAQueryNorWhoAsksForUs) {
  LaneBed bed(hosts_elsewhere());
  TimeNs now = kStart;
  bed.lane(0).host(0).join(now, LaneBed::source_group(0), 0);
  const auto run_lane_0 = [&](TimeNs until) {
    for (; now < until; now += 10 * kNsPerMs) bed.lane(0).poll(now);
    bed.sent(0);
  };
  run_lane_0(kStart + 5 * kNsPerSecond);  // what it says of itself at the start
  const app::LaneHost& host = bed.lane(0).host(0);
  const uint64_t reports = host.igmp().count(igmp::HostCounter::kReportsSent);
  const uint64_t announcements = host.neighbors().count(net::ArpCounter::kAnnouncementsSent);
  constexpr unsigned kFlood = 300;  // the inbox holds 255
  for (unsigned k = 0; k < kFlood; ++k) {
    bed.feed(arp_request(LaneBed::kInAddress + 1));
    bed.lane(1).poll(now);
  }
  bed.feed(arp_request(LaneBed::kInAddress));
  bed.feed(general_query(igmp::Version::kV3));
  bed.lane(1).poll(now);
  EXPECT_EQ(bed.lane(1).counters().get(LaneCounter::kInboxFull), kFlood - 255 + 2);
  run_lane_0(now + 2 * kNsPerSecond);
  EXPECT_EQ(host.igmp().count(igmp::HostCounter::kReportsSent), reports + 1);
  EXPECT_EQ(host.neighbors().count(net::ArpCounter::kAnnouncementsSent), announcements + 1);
  run_lane_0(now + 10 * kNsPerSecond);
  EXPECT_EQ(host.igmp().count(igmp::HostCounter::kReportsSent), reports + 1) << "once";
}

TEST(LaneHandOver, WhatIsForAnInterfaceReachesTheLaneThatAnswersForIt) {
  LaneBed bed(hosts_elsewhere());
  const TimeNs now = 10 * kNsPerSecond;
  bed.lane(0).poll(now);
  bed.sent(0);
  bed.feed(arp_request(LaneBed::kInAddress));
  bed.feed(feed_frame(77, ts_payload(7, 1)));  // of no channel: nothing to hand over
  bed.lane(1).poll(now);
  EXPECT_TRUE(bed.sent(0).empty());
  bed.lane(0).poll(now);
  EXPECT_EQ(bed.sent(0).size(), 1u);
  EXPECT_EQ(bed.lane(1).counters().get(LaneCounter::kHandedOver), 1u);
  EXPECT_EQ(bed.lane(1).counters().get(LaneCounter::kNoFlow), 1u);
}

}  // namespace
}  // namespace linecast
