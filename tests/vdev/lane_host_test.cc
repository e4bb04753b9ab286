// What a port answers for itself.
#include <gtest/gtest.h>

#include "lib/net/arp.h"
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
  EXPECT_EQ(reply.sender_mac, bed.in_mac());
  EXPECT_EQ(bed.count(app::LaneCounter::kArpAnswered), 1u);
  EXPECT_EQ(bed.count(app::LaneCounter::kArpIgnored), 1u);
}

size_t igmp_frames(const std::vector<std::vector<uint8_t>>& frames) {
  size_t n = 0;
  for (const auto& frame : frames) n += net::parse_frame(frame, {}).kind == net::FrameKind::kIgmp;
  return n;
}

TEST(LaneHost, AnnouncesItselfReportsItsJoinsAndLeaves) {
  LaneBed bed(BedOptions{});
  bed.lane().host(0).join(kStart, LaneBed::source_group(0), 0);
  bed.lane().start();
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
  // IGMPv3 general query, Max Resp Time 1 s, with Router Alert.
  std::vector<uint8_t> query{1,    0,    0x5e, 0,  0, 1, 2,    0, 0, 0,   0, 9, 8,  0,  //
                             0x46, 0xc0, 0,    36, 0, 0, 0,    0, 1, 2,   0, 0, 10, 0,
                             0,    9,    224,  0,  0, 1, 0x94, 4, 0, 0,  //
                             0x11, 10,   0,    0,  0, 0, 0,    0, 2, 125, 0, 0};
  const auto checksum = [&](size_t from, size_t size, size_t at) {
    uint32_t sum = 0;
    for (size_t i = from; i < from + size; i += 2) sum += load_be16(&query[i]);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    store_be16(&query[at], static_cast<uint16_t>(~sum));
  };
  checksum(14, 24, 24);
  checksum(38, 12, 40);
  bed.feed(query, 0);
  size_t reports = 0;
  for (TimeNs now = kStart + 3 * kNsPerSecond; now < kStart + 5 * kNsPerSecond; now += 10 * kNsPerMs) {
    bed.lane().poll(now);
    reports += igmp_frames(bed.sent(0));
  }
  EXPECT_EQ(reports, 1u);
}

}  // namespace
}  // namespace linecast
