// What a port answers for itself.
#include <gtest/gtest.h>

#include "lib/net/arp.h"
#include "lib/net/checksum.h"
#include "tests/vdev/lane_bed.h"

namespace linecast {
namespace {

constexpr TimeNs kStart = 10 * kNsPerSecond;

std::vector<uint8_t> arp_request(Ipv4 target) {
  std::vector<uint8_t> frame{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 8, 6,  //
                             0,    1,    8,    0,    6,    4,    0, 1, 2, 0, 0, 0, 0, 9,  //
                             10,   0,    0,    9,    0,    0,    0, 0, 0, 0, 0, 0, 0, 0};
  store_be32(&frame[38], target);
  return frame;
}

TEST(LaneHost, AnswersArpForItsOwnAddressOnly) {
  LaneBed bed(BedOptions{});
  bed.lane().poll(kStart);
  bed.sent(0);
  bed.feed(arp_request(LaneBed::kInAddress), 0);
  bed.feed(arp_request(LaneBed::kInAddress + 1), 0);
  bed.lane().poll(kStart);
  const auto frames = bed.sent(0);
  ASSERT_EQ(frames.size(), 1u);
  net::ArpPacket reply;
  ASSERT_TRUE(net::decode_arp(Bytes(frames[0]).subspan(14), reply));
  EXPECT_EQ(reply.operation, 2);
  EXPECT_EQ(reply.sender, LaneBed::kInAddress);
  EXPECT_EQ(reply.sender_mac, LaneBed::kInMac);
  EXPECT_EQ(bed.lane().host(0).neighbors().count(net::ArpCounter::kAnswered), 1u);
}

// An echo request from 10.0.0.9 to the input port.
std::vector<uint8_t> echo_request(const net::Mac& to) {
  std::vector<uint8_t> frame{0,    0, 0, 0,  0,  0,  2, 0, 0,   0,   0,   9,  8,  0,                     //
                             0x45, 0, 0, 32, 0,  1,  0, 0, 64,  1,   0,   0,  10, 0, 0, 9, 10, 0, 0, 2,  //
                             8,    0, 0, 0,  12, 34, 0, 1, 'a', 'b', 'c', 'd'};
  std::copy(to.begin(), to.end(), frame.begin());
  store_be16(&frame[24], net::checksum_finish(net::checksum_add(Bytes(frame).subspan(14, 20))));
  store_be16(&frame[36], net::checksum_finish(net::checksum_add(Bytes(frame).subspan(34))));
  return frame;
}

TEST(LaneHost, AnswersAnEchoToTheMacThatArpGave) {
  LaneBed bed(BedOptions{});
  bed.lane().poll(kStart);
  bed.sent(0);
  bed.feed(arp_request(LaneBed::kInAddress), 0);
  bed.feed(echo_request(LaneBed::kInMac), 0);
  bed.lane().poll(kStart);
  const auto frames = bed.sent(0);
  ASSERT_EQ(frames.size(), 2u);
  const net::ParsedFrame reply = net::parse_frame(frames[1], {});
  ASSERT_EQ(reply.kind, net::FrameKind::kIcmp);
  EXPECT_TRUE(std::equal(frames[1].begin(), frames[1].begin() + 6, net::Mac{2, 0, 0, 0, 0, 9}.begin()));
  EXPECT_EQ(reply.source, LaneBed::kInAddress);
  EXPECT_EQ(reply.destination, 0x0a000009u);
  EXPECT_EQ(reply.payload[0], 0);
  EXPECT_EQ(std::string(reply.payload.begin() + 8, reply.payload.end()), "abcd");
}

TEST(LaneHost, AnswersAnEchoOfWhoNeverAskedForItsMac) {
  LaneBed bed(BedOptions{});
  bed.lane().poll(kStart);
  bed.sent(0);
  bed.feed(echo_request(LaneBed::kInMac), 0);
  bed.lane().poll(kStart);
  const auto frames = bed.sent(0);
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(net::parse_frame(frames[0], {}).kind, net::FrameKind::kIcmp);
  EXPECT_TRUE(std::equal(frames[0].begin(), frames[0].begin() + 6, net::Mac{2, 0, 0, 0, 0, 9}.begin()));
}

TEST(LaneHost, RefusesADatagramForNobodyButNotOneForAnotherAddress) {
  LaneBed bed(BedOptions{});
  bed.lane().poll(kStart);
  bed.feed(arp_request(LaneBed::kInAddress), 0);
  bed.lane().poll(kStart);
  bed.sent(0);
  net::UdpFlow flow;
  flow.destination_mac = LaneBed::kInMac;
  flow.source = 0x0a000009;
  flow.destination = LaneBed::kInAddress;
  flow.source_port = 4000;
  flow.destination_port = 9;
  bed.feed(udp_frame(flow, std::vector<uint8_t>(100)), 0);
  flow.destination = LaneBed::kInAddress + 1;
  bed.feed(udp_frame(flow, std::vector<uint8_t>(100)), 0);
  bed.lane().poll(kStart);
  const auto frames = bed.sent(0);
  ASSERT_EQ(frames.size(), 1u);
  const net::ParsedFrame refusal = net::parse_frame(frames[0], {});
  ASSERT_EQ(refusal.kind, net::FrameKind::kIcmp);
  EXPECT_EQ(refusal.payload[0], 3);  // destination unreachable
  EXPECT_EQ(refusal.payload[1], 3);  // port
  EXPECT_EQ(bed.count(app::LaneCounter::kNoFlow), 2u);
}

TEST(LaneHost, FloodsAreCutAndCounted) {
  LaneBed bed(BedOptions{});
  bed.lane().host(0).join(kStart, LaneBed::source_group(0), 0);
  bed.lane().poll(kStart);
  auto igmp = general_query(igmp::Version::kV2);
  igmp[38] = 0x16;  // a report, with a wrong checksum
  for (int i = 0; i < 6000; ++i) {
    bed.feed(arp_request(LaneBed::kInAddress + 1), 0);
    bed.feed(igmp, 0);
    if (i % 16 == 15) bed.lane().poll(kStart);
  }
  EXPECT_EQ(bed.count(app::LaneCounter::kArpLimited), 4000u);
  EXPECT_EQ(bed.count(app::LaneCounter::kIgmpLimited), 5500u);
  // What matters comes through the same flood.
  for (TimeNs now = kStart; now < kStart + 5 * kNsPerSecond; now += 10 * kNsPerMs) bed.lane().poll(now);
  bed.sent(0);
  TimeNs now = kStart + 5 * kNsPerSecond;
  size_t reports = 0, answers = 0;
  for (int i = 0; i < 200; ++i, now += 10 * kNsPerMs) {
    for (int k = 0; k < 100; ++k) {
      bed.feed(igmp, 0);
      bed.feed(arp_request(LaneBed::kInAddress + 1), 0);
    }
    if (i == 50) bed.feed(general_query(igmp::Version::kV3), 0);
    if (i == 50) bed.feed(arp_request(LaneBed::kInAddress), 0);
    for (int k = 0; k < 10; ++k) bed.lane().poll(now);
    for (const auto& frame : bed.sent(0)) {
      const net::FrameKind kind = net::parse_frame(frame, {}).kind;
      reports += kind == net::FrameKind::kIgmp;
      answers += kind == net::FrameKind::kArp;
    }
  }
  EXPECT_EQ(reports, 1u);
  EXPECT_EQ(answers, 1u);
}

TEST(LaneHost, AFloodOfQueriesHidesNone) {
  LaneBed bed(BedOptions{});
  bed.lane().host(0).join(kStart, LaneBed::source_group(0), 0);
  for (TimeNs now = kStart; now < kStart + 5 * kNsPerSecond; now += 10 * kNsPerMs) bed.lane().poll(now);
  bed.sent(0);
  auto other = general_query(igmp::Version::kV2);
  store_be32(&other[42], LaneBed::source_group(7));  // a group that is not joined
  store_be32(&other[30], LaneBed::source_group(7));
  store_be16(&other[24], 0);
  store_be16(&other[24], net::checksum_finish(net::checksum_add(Bytes(other).subspan(14, 24))));
  store_be16(&other[40], 0);
  store_be16(&other[40], net::checksum_finish(net::checksum_add(Bytes(other).subspan(38))));
  size_t reports = 0;
  for (TimeNs now = kStart + 5 * kNsPerSecond; now < kStart + 8 * kNsPerSecond; now += 10 * kNsPerMs) {
    for (int k = 0; k < 20; ++k) bed.feed(other, 0);
    bed.lane().poll(now);
    for (const auto& frame : bed.sent(0))
      reports += net::parse_frame(frame, {}).kind == net::FrameKind::kIgmp;
  }
  EXPECT_GT(bed.count(app::LaneCounter::kIgmpLimited), 1000u);
  EXPECT_GE(reports, 1u) << "what was dropped may have been for us";
  EXPECT_LE(reports, 6u);
}

TEST(LaneHost, IgmpIsTakenFromTheLinkOnly) {
  LaneBed bed(BedOptions{});
  bed.lane().host(0).join(kStart, LaneBed::source_group(0), 0);
  for (TimeNs now = kStart; now < kStart + 5 * kNsPerSecond; now += 10 * kNsPerMs) bed.lane().poll(now);
  bed.sent(0);
  auto unicast = general_query(igmp::Version::kV3);
  std::copy(LaneBed::kInMac.begin(), LaneBed::kInMac.end(), unicast.begin());
  bed.feed(unicast, 0);
  auto own = general_query(igmp::Version::kV3);
  store_be32(&own[26], LaneBed::kInAddress);
  store_be16(&own[24], 0);
  store_be16(&own[24], net::checksum_finish(net::checksum_add(Bytes(own).subspan(14, 24))));
  bed.feed(own, 0);
  auto foreign = echo_request({2, 0, 0, 0, 0, 0x77});
  bed.feed(foreign, 0);
  for (TimeNs now = kStart + 5 * kNsPerSecond; now < kStart + 8 * kNsPerSecond; now += 10 * kNsPerMs)
    bed.lane().poll(now);
  EXPECT_TRUE(bed.sent(0).empty());
  EXPECT_EQ(bed.count(app::LaneCounter::kIgmpUnicast), 1u);
  EXPECT_EQ(bed.count(app::LaneCounter::kIgmpOwnAddress), 1u);
  EXPECT_EQ(bed.count(app::LaneCounter::kForeignMac), 1u);
}

std::vector<uint8_t> query_to_us(igmp::Version version) {
  auto query = general_query(version);
  std::copy(LaneBed::kInMac.begin(), LaneBed::kInMac.end(), query.begin());
  store_be32(&query[30], LaneBed::kInAddress);
  store_be16(&query[24], 0);
  store_be16(&query[24], net::checksum_finish(net::checksum_add(Bytes(query).subspan(14, 24))));
  return query;
}

// RFC 3376, section 4.1.12.
TEST(LaneHost, AQueryToOurAddressIsAnsweredAndDecidesNothing) {
  LaneBed bed(BedOptions{});
  bed.lane().host(0).join(kStart, LaneBed::source_group(0), 0);
  for (TimeNs now = kStart; now < kStart + 5 * kNsPerSecond; now += 10 * kNsPerMs) bed.lane().poll(now);
  bed.sent(0);
  const auto query = query_to_us(igmp::Version::kV2);
  bed.feed(query, 0);
  unsigned v3_reports = 0;
  for (TimeNs now = kStart + 5 * kNsPerSecond; now < kStart + 16 * kNsPerSecond; now += 10 * kNsPerMs) {
    bed.lane().poll(now);
    for (const auto& frame : bed.sent(0)) {
      const net::ParsedFrame report = net::parse_frame(frame, {});
      v3_reports += report.kind == net::FrameKind::kIgmp && report.destination == igmp::kAllV3Routers;
    }
  }
  EXPECT_EQ(v3_reports, 1u) << "one answer, and still in version 3";
  EXPECT_EQ(bed.count(app::LaneCounter::kIgmpUnicast), 0u);
}

TEST(LaneHost, AFloodOfQueriesToOurAddressKeepsNoQuerierOut) {
  LaneBed bed(BedOptions{});
  bed.lane().host(0).join(kStart, LaneBed::source_group(0), 0);
  bed.lane().poll(kStart);
  for (int i = 0; i < 1000; ++i) {
    bed.feed(query_to_us(igmp::Version::kV3), 0);
    bed.lane().poll(kStart);
  }
  EXPECT_GT(bed.count(app::LaneCounter::kIgmpLimited), 900u);
  bed.sent(0);
  const uint64_t limited = bed.count(app::LaneCounter::kIgmpLimited);
  bed.feed(general_query(igmp::Version::kV2), 0);
  unsigned v2_reports = 0;
  for (TimeNs now = kStart; now < kStart + 2 * kNsPerSecond; now += 10 * kNsPerMs) {
    bed.lane().poll(now);
    for (const auto& frame : bed.sent(0))
      v2_reports += net::parse_frame(frame, {}).destination == LaneBed::source_group(0);
  }
  EXPECT_EQ(bed.count(app::LaneCounter::kIgmpLimited), limited);
  EXPECT_GE(v2_reports, 1u) << "the version of the link's querier is heard through it";
}

TEST(LaneHost, NoEchoForTheSubnetsBroadcastAddress) {
  LaneBed bed(BedOptions{});
  bed.lane().poll(kStart);
  bed.sent(0);
  for (const uint8_t host : {0, 255}) {
    auto frame = echo_request(LaneBed::kInMac);
    frame[29] = host;
    store_be16(&frame[24], 0);
    store_be16(&frame[24], net::checksum_finish(net::checksum_add(Bytes(frame).subspan(14, 20))));
    bed.feed(frame, 0);
  }
  bed.lane().poll(kStart);
  EXPECT_TRUE(bed.sent(0).empty());
}

TEST(LaneHost, AnnouncesItselfAgainWhenTheLinkComesUp) {
  LaneBed bed(BedOptions{});
  bed.lane().start(kStart);
  TimeNs now = kStart;
  for (; now < kStart + 10 * kNsPerSecond; now += 10 * kNsPerMs) bed.lane().poll(now);
  bed.sent(0);
  app::LaneCommand command;
  command.kind = app::LaneCommand::Kind::kLinkUp;
  command.index = 0;
  const uint64_t number = bed.lane().command(command);
  ASSERT_NE(number, 0u);
  EXPECT_FALSE(bed.lane().has_done(number));
  bed.lane().poll(now);
  bed.lane().poll(now + kNsPerMs);
  EXPECT_TRUE(bed.lane().has_done(number));
  bool announced = false;
  for (const auto& frame : bed.sent(0)) announced |= net::parse_frame(frame, {}).kind == net::FrameKind::kArp;
  EXPECT_TRUE(announced);
}

TEST(LaneHost, ItsIgmpTablesAreCopiedOutByPages) {
  LaneBed bed(BedOptions{});
  for (Ipv4 i = 0; i < 40; ++i) bed.lane().host(0).join(kStart, 0xef010100 + i, 0);
  app::IgmpPage page;
  app::LaneCommand command;
  command.kind = app::LaneCommand::Kind::kShowIgmp;
  command.page = &page;
  std::vector<Ipv4> groups;
  for (const size_t count : {size_t{32}, size_t{8}, size_t{0}}) {
    bed.lane().command(command);
    bed.lane().poll(kStart);
    EXPECT_EQ(page.joined_count, count);
    EXPECT_FALSE(page.has_querier);
    for (size_t i = 0; i < page.joined_count; ++i) groups.push_back(page.joined[i].group);
    page.from += app::IgmpPage::kRows;
  }
  ASSERT_EQ(groups.size(), 40u);
  for (Ipv4 i = 0; i < 40; ++i) EXPECT_EQ(groups[i], 0xef010100 + i);
}

TEST(LaneHost, APausedPortIsLeftAlone) {
  LaneBed bed(BedOptions{});
  bed.lane().poll(kStart);
  bed.sent();
  app::LaneCommand pause, resume;
  pause.kind = app::LaneCommand::Kind::kPausePort;
  resume.kind = app::LaneCommand::Kind::kResumePort;
  pause.index = resume.index = 1;
  bed.lane().command(pause);
  bed.feed(feed_frame(0, ts_payload(7, 1)), 0);
  bed.lane().poll(kStart);
  EXPECT_TRUE(bed.sent().empty());
  EXPECT_GE(bed.count(app::LaneCounter::kPortPaused), 1u);
  bed.lane().command(resume);
  bed.feed(feed_frame(0, ts_payload(7, 2)), 0);
  bed.lane().poll(kStart);
  EXPECT_EQ(bed.sent().size(), 1u);
}

TEST(LaneHost, AnEchoOfTheWholeMtuFitsItsPacket) {
  LaneBed bed(BedOptions{});
  bed.lane().poll(kStart);
  bed.sent(0);
  auto frame = echo_request(LaneBed::kInMac);
  frame.resize(net::kEthernetSize + LaneBed::kMtu, 0x5a);
  store_be16(&frame[16], LaneBed::kMtu);
  frame[24] = frame[25] = frame[36] = frame[37] = 0;
  store_be16(&frame[24], net::checksum_finish(net::checksum_add(Bytes(frame).subspan(14, 20))));
  store_be16(&frame[36], net::checksum_finish(net::checksum_add(Bytes(frame).subspan(34))));
  bed.feed(frame, 0);
  bed.lane().poll(kStart);
  const auto frames = bed.sent(0);  // which checks each packet's room
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames[0].size(), frame.size());
}

size_t igmp_frames(const std::vector<std::vector<uint8_t>>& frames) {
  size_t n = 0;
  for (const auto& frame : frames) n += net::parse_frame(frame, {}).kind == net::FrameKind::kIgmp;
  return n;
}

TEST(LaneHost, AnnouncesItselfReportsItsJoinsAndLeaves) {
  LaneBed bed(BedOptions{});
  bed.lane().host(0).join(kStart, LaneBed::source_group(0), 0);
  bed.lane().start(kStart);
  size_t reports = 0;
  bool announced = false;
  for (TimeNs now = kStart; now < kStart + 3 * kNsPerSecond; now += 10 * kNsPerMs) {
    bed.lane().poll(now);
    const auto frames = bed.sent(0);
    reports += igmp_frames(frames);
    for (const auto& frame : frames) announced |= net::parse_frame(frame, {}).kind == net::FrameKind::kArp;
  }
  EXPECT_EQ(reports, 2u);  // robustness
  EXPECT_TRUE(announced);
  bed.lane().finish(kStart + 3 * kNsPerSecond);
  EXPECT_GE(igmp_frames(bed.sent(0)), 1u);
}

TEST(LaneHost, AnswersAGeneralQuery) {
  LaneBed bed(BedOptions{});
  bed.lane().host(0).join(kStart, LaneBed::source_group(0), 0);
  for (TimeNs now = kStart; now < kStart + 3 * kNsPerSecond; now += 10 * kNsPerMs) bed.lane().poll(now);
  bed.sent(0);
  bed.feed(general_query(igmp::Version::kV3), 0);
  size_t reports = 0;
  for (TimeNs now = kStart + 3 * kNsPerSecond; now < kStart + 5 * kNsPerSecond; now += 10 * kNsPerMs) {
    bed.lane().poll(now);
    reports += igmp_frames(bed.sent(0));
  }
  EXPECT_EQ(reports, 1u);
}

}  // namespace
}  // namespace linecast
