// VLANs in and out, and the same bytes on the wire whatever the card does of them.
#include <gtest/gtest.h>

#include <algorithm>

#include "lib/net/arp.h"
#include "tests/vdev/lane_bed.h"

namespace linecast {
namespace {

constexpr TimeNs kStart = 10 * kNsPerSecond;

std::vector<uint8_t> tagged(std::vector<uint8_t> frame, uint16_t control) {
  frame.insert(frame.begin() + 12,
               {0x81, 0, static_cast<uint8_t>(control >> 8), static_cast<uint8_t>(control)});
  return frame;
}

// Asks for the first eight sequences of a clear channel.
std::vector<uint8_t> request_frame() {
  std::array<uint8_t, 64> datagram;
  smart::Replacement message{.group = LaneBed::output_group(0), .list = {}};
  message.list.pairs[message.list.count++] = {.sequence = 1, .mask = 0x7f};
  const size_t size = smart::encode(message, datagram);
  net::UdpFlow flow;
  flow.source = LaneBed::kOutAddress + 1;
  flow.destination = LaneBed::kOutAddress;
  flow.source_port = flow.destination_port = smart::kDefaultPort;
  return udp_frame(flow, Bytes(datagram).first(size));
}

// Of every frame that a bed sends by the output port in its first turns: data, repairs (of a clear channel),
// messages.
std::vector<std::vector<uint8_t>> output_of(const BedOptions& options) {
  LaneBed bed(options);
  for (uint8_t i = 0; i < 8; ++i) bed.feed(feed_frame(0, ts_payload(7, i)));
  bed.lane().poll(kStart);
  if (!options.encrypted)
    bed.feed(options.output_vlan == 0 ? request_frame() : tagged(request_frame(), options.output_vlan), 1);
  for (TimeNs now = kStart; now < kStart + kNsPerSecond; now += 10 * kNsPerMs) bed.lane().poll(now);
  return bed.sent();
}

TEST(LaneVlan, TakesAFeedOnItsVlanOnly) {
  BedOptions options;
  options.input_vlan = 100;
  options.source_interface = 2;
  LaneBed bed(options);
  const auto frame = feed_frame(0, ts_payload(7, 1));
  bed.feed(tagged(frame, 100));
  bed.feed(tagged(frame, 5 << 13 | 100));  // whatever its priority
  bed.feed(frame);
  bed.feed(tagged(frame, 0));  // a priority without a VLAN is untagged
  bed.feed(tagged(frame, 101));
  bed.lane().poll(kStart);
  EXPECT_EQ(bed.count(0, app::ChannelCounter::kPacketsSent), 2u);
  EXPECT_EQ(bed.count(app::LaneCounter::kNoFlow), 2u);
  EXPECT_EQ(bed.count(app::LaneCounter::kVlanUnexpected), 1u);
}

TEST(LaneVlan, TheVlanAnswersArpWithItsTag) {
  BedOptions options;
  options.input_vlan = 100;
  LaneBed bed(options);
  bed.lane().poll(kStart);
  bed.sent(0);
  std::vector<uint8_t> request{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 8, 6,  //
                               0,    1,    8,    0,    6,    4,    0, 1, 2, 0, 0, 0, 0, 9,  //
                               10,   2,    0,    9,    0,    0,    0, 0, 0, 0, 0, 0, 0, 0};
  store_be32(&request[38], LaneBed::kVlanAddress);
  bed.feed(request);  // untagged: another network, with another address
  bed.feed(tagged(request, 100));
  bed.lane().poll(kStart + 1);
  const auto frames = bed.sent(0);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(load_be16(&frames[0][12]), 0x8100);
  EXPECT_EQ(load_be16(&frames[0][14]), 6 << 13 | 100);  // network control
  EXPECT_EQ(load_be16(&frames[0][16]), 0x0806);
  net::ArpPacket reply;
  ASSERT_TRUE(net::decode_arp(Bytes(frames[0]).subspan(18), reply));
  EXPECT_EQ(reply.sender, LaneBed::kVlanAddress);
}

TEST(LaneVlan, OutputBearsTheTagAndIsOtherwiseTheSame) {
  BedOptions options;
  const auto plain = output_of(options);
  options.output_vlan = 7;
  const auto on_vlan = output_of(options);
  ASSERT_GE(plain.size(), 8u);
  ASSERT_EQ(plain.size(), on_vlan.size());
  for (size_t i = 0; i < plain.size(); ++i)
    EXPECT_EQ(on_vlan[i], tagged(plain[i], 4 << 13 | 7)) << "frame " << i;  // DSCP CS4
}

TEST(LaneVlan, WhatTheCardAddsSoftwareWouldHaveWritten) {
  for (const bool encrypted : {true, false}) {
    for (const uint16_t vlan : {uint16_t{0}, uint16_t{7}}) {
      BedOptions options;
      options.encrypted = encrypted;
      options.output_vlan = vlan;
      const auto software = output_of(options);
      const auto repairs = std::ranges::count_if(software, [](const auto& frame) {
        smart::DataHeader header;
        return smart::decode_data(net::parse_frame(frame, {}).payload, header) == smart::WireFault::kNone &&
               header.command == smart::DataCommand::kRepair;
      });
      EXPECT_EQ(repairs, encrypted ? 0 : 8);
      for (int card = 1; card < 16; ++card) {
        options.offloads.ip_checksum = (card & 1) != 0;
        options.offloads.udp_checksum = (card & 2) != 0;
        options.offloads.vlan_insert = (card & 4) != 0;
        options.offloads.segments = (card & 8) != 0;
        EXPECT_EQ(output_of(options), software) << "offloads " << card << ", VLAN " << vlan;
      }
    }
  }
}

}  // namespace
}  // namespace linecast
