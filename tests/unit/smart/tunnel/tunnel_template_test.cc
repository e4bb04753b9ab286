#include "lib/smart/tunnel/tunnel_template.h"

#include <gtest/gtest.h>

#include <vector>

#include "lib/base/random.h"
#include "lib/net/checksum.h"
#include "tests/packets/hex.h"

namespace linecast::smart {
namespace {

const TunnelFlow kFlow{.outer = {.source_mac = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55},
                                 .source = 0xc0000201,
                                 .source_port = 47101,
                                 .ttl = 64,
                                 .dscp = 32},
                       .inner = {.source = 0xc000020a,
                                 .destination = 0xef010203,
                                 .source_port = 47100,
                                 .destination_port = 47100,
                                 .ttl = 16,
                                 .dscp = 32}};
const net::UdpEndpoint kPeer{{0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee}, 0xc6336414, 40000};

std::vector<uint8_t> text(std::string_view s) { return {s.begin(), s.end()}; }

// The headers, and behind them what another segment would bring.
std::vector<uint8_t> build(TunnelTemplate& headers, Bytes datagram, const net::UdpEndpoint& to) {
  EXPECT_TRUE(headers.prepare(datagram.size(), net::checksum_add(datagram)));
  std::vector<uint8_t> frame(headers.size() + TunnelTemplate::kInnerHeaders, 0xee);
  headers.write(frame.data() + headers.size(), to);
  frame.insert(frame.end(), datagram.begin(), datagram.end());
  return frame;
}

// Ether()/IP(src='192.0.2.1',dst='198.51.100.20',ttl=64,tos=32<<2,id=0,flags='DF')/UDP(sport=47101,dport=40000)
// /Raw(00c5 length)/IP(src='192.0.2.10',dst='239.1.2.3',ttl=16,tos=32<<2,id=0)/UDP(sport=47100,dport=47100,
// chksum=0)/Raw(...), as Scapy 2.5 builds it.
TEST(TunnelTemplate, BytesAreScapys) {
  TunnelTemplate headers(kFlow);
  EXPECT_EQ(packets::to_hex(build(headers, text("hello, odd"), kPeer)),
            "02aabbccddee0211223344550800458000460000400040114ddec0000201c6336414b7fd9c400032853600c5002a"
            "45800026000000001011f738c000020aef010203b7fcb7fc0012000068656c6c6f2c206f6464");
  EXPECT_EQ(packets::to_hex(build(headers, text("hello, odd!"), kPeer)),
            "02aabbccddee0211223344550800458000470000400040114dddc0000201c6336414b7fd9c400033643200c5002b"
            "45800027000000001011f737c000020aef010203b7fcb7fc0013000068656c6c6f2c206f646421");
}

TEST(TunnelTemplate, AVlanTagStandsInTheOuterHeadersOnly) {
  TunnelFlow flow = kFlow;
  flow.outer.vlan_control = flow.inner.vlan_control = net::vlan_control(100, 32);
  TunnelTemplate headers(flow);
  EXPECT_EQ(packets::to_hex(build(headers, text("hello, odd"), kPeer)),
            "02aabbccddee021122334455810080640800"
            "458000460000400040114ddec0000201c6336414b7fd9c400032853600c5002a"
            "45800026000000001011f738c000020aef010203b7fcb7fc0012000068656c6c6f2c206f6464");
}

// One packet to one tunnel after the other, as parse_frame() and split_message() see them: outer and inner.
TEST(TunnelTemplate, WhatItWritesParsesForAnyFlowSizeAndPeer) {
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    TunnelFlow flow = kFlow;
    flow.mtu = 9000;
    flow.inner.source = 0x0a000000 | static_cast<uint32_t>(random.below(1 << 24));
    flow.inner.destination = 0xef000000 | static_cast<uint32_t>(random.below(1 << 24));
    flow.inner.source_port = static_cast<uint16_t>(random.next());
    flow.inner.destination_port = static_cast<uint16_t>(random.next());
    flow.outer.source = 0x0a000000 | static_cast<uint32_t>(random.below(1 << 24));
    flow.outer.source_port = static_cast<uint16_t>(random.next());
    if (i % 3 == 0) flow.outer.vlan_control = 0x8064;
    TunnelTemplate headers(flow);
    std::vector<uint8_t> datagram(random.below(2000));
    for (uint8_t& b : datagram) b = static_cast<uint8_t>(random.next());
    for (int k = 0; k < 3; ++k) {
      const net::UdpEndpoint to{{0x02, 0, 0, 0, 0, static_cast<uint8_t>(k)},
                                0x0b000000 | static_cast<uint32_t>(random.below(1 << 24)),
                                static_cast<uint16_t>(random.next())};
      const std::vector<uint8_t> frame = build(headers, datagram, to);
      const net::ParsedFrame outer = net::parse_frame(frame, {});
      ASSERT_EQ(outer.kind, net::FrameKind::kUdp);
      EXPECT_EQ(outer.vlan, i % 3 == 0 ? 100 : 0);
      EXPECT_EQ(outer.source, flow.outer.source);
      EXPECT_EQ(outer.source_port, flow.outer.source_port);
      EXPECT_EQ(outer.destination, to.address);
      EXPECT_EQ(outer.destination_port, to.port);
      EXPECT_NE(load_be16(outer.payload.data() - 2), 0);  // the inner packet relies on this checksum
      EXPECT_TRUE(std::equal(to.mac.begin(), to.mac.end(), frame.begin()));
      Split message;
      ASSERT_EQ(split_message(outer.payload, message), WireFault::kNone);
      ASSERT_EQ(message.header.command, static_cast<uint8_t>(TunnellingCommand::kData));
      std::vector<uint8_t> inner_frame(12, 0);
      inner_frame.insert(inner_frame.end(), {0x08, 0x00});
      inner_frame.insert(inner_frame.end(), message.body.begin(), message.body.end());
      const net::ParsedFrame inner = net::parse_frame(inner_frame, {});
      ASSERT_EQ(inner.kind, net::FrameKind::kUdp);
      EXPECT_EQ(inner.source, flow.inner.source);
      EXPECT_EQ(inner.destination, flow.inner.destination);
      EXPECT_EQ(inner.source_port, flow.inner.source_port);
      EXPECT_EQ(inner.destination_port, flow.inner.destination_port);
      EXPECT_EQ(inner.ttl, 16);
      EXPECT_TRUE(std::ranges::equal(inner.payload, datagram));
    }
  }
}

TEST(TunnelTemplate, AChecksumOfZeroIsSentAsAllOnes) {
  TunnelTemplate headers(kFlow);
  std::vector<uint8_t> datagram(2);
  const std::vector<uint8_t> without = build(headers, datagram, kPeer);
  std::copy_n(&without[34 + 6], 2, datagram.begin());  // what the sum lacks
  EXPECT_EQ(load_be16(&build(headers, datagram, kPeer)[34 + 6]), 0xffff);
}

TEST(TunnelTemplate, LeavesToTheCardWhatItIsAskedTo) {
  TunnelFlow flow = kFlow;
  flow.outer.card_ip_checksum = flow.card_udp_checksum = true;
  TunnelTemplate headers(flow);
  TunnelTemplate software(kFlow);
  const std::vector<uint8_t> datagram = text("hello, card");
  std::vector<uint8_t> frame = build(headers, datagram, kPeer);
  EXPECT_EQ(load_be16(&frame[14 + 10]), 0);
  store_be16(&frame[14 + 10], net::checksum_finish(net::checksum_add(Bytes(frame).subspan(14, 20))));
  // What a card does: sums from the UDP header on, the pseudo-header's sum being in the field.
  const uint16_t checksum = net::checksum_finish(net::checksum_add(Bytes(frame).subspan(34)));
  store_be16(&frame[34 + 6], checksum);
  EXPECT_EQ(frame, build(software, datagram, kPeer));
}

TEST(TunnelTemplate, RefusesWhatTheMtuDoesNotHold) {
  TunnelTemplate headers(kFlow);
  EXPECT_EQ(TunnelTemplate::room(1500), 1440u);
  EXPECT_TRUE(headers.prepare(1440, 0));
  EXPECT_FALSE(headers.prepare(1441, 0));
  EXPECT_FALSE(headers.prepare(SIZE_MAX, 0));
  EXPECT_TRUE(headers.prepare(0, 0));
  EXPECT_EQ(TunnelTemplate::room(60), 0u);
  EXPECT_EQ(TunnelTemplate::room(0), 0u);

  const std::vector<uint8_t> most(1440, 0x5a);
  const std::vector<uint8_t> frame = build(headers, most, kPeer);
  EXPECT_EQ(load_be16(&frame[14 + 2]), 1500);
}

// As it is, and as a repair that has another front.
TEST(TunnelTemplate, SumsAPayloadByTheChecksumBeforeIt) {
  Random random(2);
  for (int i = 0; i < 200; ++i) {
    net::UdpFlow flow = kFlow.inner;
    flow.source_port = static_cast<uint16_t>(random.next());
    const net::UdpTemplate native(flow);
    std::vector<uint8_t> frame(native.size() + 8 + random.below(100));
    for (uint8_t& b : frame) b = static_cast<uint8_t>(random.next());
    uint8_t* payload = frame.data() + native.size();
    const auto size = static_cast<uint16_t>(frame.size() - native.size());
    native.write(payload, size, 7);
    net::UdpTemplate::finish_udp_checksum(payload, size);

    TunnelTemplate headers(kFlow);
    std::vector<uint8_t> datagram(payload, payload + size);
    for (const bool repair : {false, true}) {
      if (repair) set_data_command(datagram.data(), DataCommand::kRepair, 9);
      const Bytes front = Bytes(datagram).first(repair ? 8 : 0);
      const std::vector<uint8_t> expected = build(headers, datagram, kPeer);
      ASSERT_TRUE(headers.prepare(size, TunnelTemplate::sum_from_checksum(payload, size, front)));
      std::vector<uint8_t> written(expected.size());
      headers.write(written.data() + headers.size(), kPeer);
      std::ranges::copy(datagram, written.end() - size);
      EXPECT_EQ(written, expected);
    }
  }
}

}  // namespace
}  // namespace linecast::smart
