// parse_frame against the table, and against what holds of every frame.
#include <gtest/gtest.h>

#include <set>

#include "tests/packets/frame_rows.h"
#include "tests/packets/hex.h"

namespace linecast::packets {
namespace {

using net::FrameFault;
using net::FrameKind;
using net::parse_frame;
using net::ParsedFrame;

TEST(Frames, Table) {
  for (const FrameRow& row : frame_rows()) {
    SCOPED_TRACE(row.name + ": " + row.packet.scapy());
    const std::vector<uint8_t> frame = row.packet.build();
    const ParsedFrame parsed = parse_frame(frame, row.card);
    EXPECT_EQ(net::kFrameFaultTexts[static_cast<size_t>(parsed.fault)].name,
              net::kFrameFaultTexts[static_cast<size_t>(row.fault)].name);
    EXPECT_EQ(parsed.kind, row.kind);
    if (row.kind != FrameKind::kNone) {
      EXPECT_EQ(to_hex(parsed.payload), row.payload);
    }
  }
}

TEST(Frames, ATagThatTheCardHasTakenOffCountsAsOneInTheFrame) {
  for (const FrameRow& row : frame_rows()) {
    if (row.kind == FrameKind::kNone) continue;
    const std::vector<uint8_t> frame = row.packet.build();
    if (parse_frame(frame, row.card).ethernet_size != net::kEthernetSize) continue;  // it has one
    net::CardFindings card = row.card;
    card.vlan_control = 0x6064;
    EXPECT_EQ(parse_frame(frame, card).vlan, 0) << row.name << ": nothing was taken off";
    card.vlan_stripped = true;
    const ParsedFrame parsed = parse_frame(frame, card);
    EXPECT_EQ(parsed.kind, row.kind) << row.name;
    EXPECT_EQ(parsed.vlan, 100) << row.name;
    EXPECT_EQ(parsed.ethernet_size, net::kEthernetSize) << row.name;
  }
}

TEST(Frames, TableReachesEveryFaultAndEveryKind) {
  std::set<FrameFault> faults;
  std::set<FrameKind> kinds;
  std::set<std::string> names;
  for (const FrameRow& row : frame_rows()) {
    const ParsedFrame parsed = parse_frame(row.packet.build(), row.card);
    faults.insert(parsed.fault);
    kinds.insert(parsed.kind);
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
  }
  for (size_t i = 0; i < net::kFrameFaultCount; ++i)
    EXPECT_TRUE(faults.contains(static_cast<FrameFault>(i))) << net::kFrameFaultTexts[i].name;
  for (const FrameKind kind :
       {FrameKind::kUdp, FrameKind::kArp, FrameKind::kIgmp, FrameKind::kIcmp, FrameKind::kNone})
    EXPECT_TRUE(kinds.contains(kind)) << static_cast<int>(kind);
}

TEST(Frames, WhatTheCardChecksIsTakenAlike) {
  for (const FrameRow& row : frame_rows()) {
    if (row.fault == FrameFault::kIpChecksum || row.fault == FrameFault::kUdpChecksum) continue;
    if (row.card.vlan_stripped) continue;  // not something that the card checks
    SCOPED_TRACE(row.name);
    const std::vector<uint8_t> frame = row.packet.build();
    const ParsedFrame parsed = parse_frame(frame, {.ip_good = true, .udp_good = true});
    EXPECT_EQ(parsed.fault, row.fault);
    EXPECT_EQ(parsed.kind, row.kind);
  }
}

TEST(Frames, AddressesPortsAndTtl) {
  const auto frame =
      PacketBuilder().ipv4("10.1.2.3", "239.4.5.6").ttl(77).udp(5000, 47100).payload("00").build();
  const ParsedFrame parsed = parse_frame(frame, {});
  EXPECT_EQ(to_string(parsed.source), "10.1.2.3");
  EXPECT_EQ(to_string(parsed.destination), "239.4.5.6");
  EXPECT_EQ(parsed.source_port, 5000);
  EXPECT_EQ(parsed.destination_port, 47100);
  EXPECT_EQ(parsed.ttl, 77);
  EXPECT_EQ(parsed.payload.data(), frame.data() + net::kUdpFrameOverhead);

  const auto igmp = PacketBuilder().ipv4("10.1.2.3", "224.0.0.1").ttl(1).protocol(2).router_alert().build();
  const ParsedFrame query = parse_frame(igmp, {});
  EXPECT_EQ(to_string(query.source), "10.1.2.3");
  EXPECT_EQ(to_string(query.destination), "224.0.0.1");
  EXPECT_EQ(query.ttl, 1);
}

TEST(Frames, EveryPrefixIsTruncated) {
  const auto frame = PacketBuilder().ipv4("10.1.2.3", "239.1.2.3").udp(1, 2).payload("47112233").build();
  for (size_t size = 0; size < frame.size(); ++size)
    EXPECT_EQ(parse_frame(Bytes(frame).first(size), {}).fault, FrameFault::kTruncated) << size;
}

TEST(Frames, EveryFlippedBitBehindTheMacsIsRefused) {
  auto frame = PacketBuilder().ipv4("10.1.2.3", "239.1.2.3").udp(1, 2).payload("47112233").build();
  for (size_t bit = 8 * 14; bit < 8 * frame.size(); ++bit) {
    frame[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_EQ(parse_frame(frame, {}).kind, FrameKind::kNone) << bit;
    frame[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  EXPECT_EQ(parse_frame(frame, {}).kind, FrameKind::kUdp);
}

}  // namespace
}  // namespace linecast::packets
