#include "lib/net/udp_template.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "lib/base/random.h"
#include "lib/net/checksum.h"
#include "tests/packets/hex.h"

namespace linecast::net {
namespace {

const UdpFlow kFlow{.source_mac = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55},
                    .destination_mac = {0x01, 0x00, 0x5e, 0x01, 0x02, 0x03},
                    .source = 0x0a010203,
                    .destination = 0xef010203,
                    .source_port = 47100,
                    .destination_port = 47100,
                    .ttl = 16,
                    .dscp = 32};

std::vector<uint8_t> build(const UdpFlow& flow, Bytes payload, uint16_t id) {
  const UdpTemplate header(flow);
  std::vector<uint8_t> frame(header.size() + payload.size(), 0xee);
  uint8_t* const behind = frame.data() + header.size();
  std::copy(payload.begin(), payload.end(), behind);
  const auto size = static_cast<uint16_t>(payload.size());
  header.write(behind, size, id);
  UdpTemplate::finish_udp_checksum(behind, size);
  return frame;
}

std::vector<uint8_t> text(std::string_view s) { return {s.begin(), s.end()}; }

// Ether(dst='01:00:5e:01:02:03',src='02:11:22:33:44:55')/IP(src='10.1.2.3',dst='239.1.2.3',ttl=16,tos=32<<2,
// id=0xbeef)/UDP(sport=47100,dport=47100)/Raw(...), as Scapy 2.5 builds it.
TEST(UdpTemplate, BytesAreScapys) {
  EXPECT_EQ(packets::to_hex(build(kFlow, text("hello, odd"), 0xbeef)),
            "01005e010203021122334455080045800026beef00001011ee4f0a010203ef010203"
            "b7fcb7fc0012c9f668656c6c6f2c206f6464");
  EXPECT_EQ(packets::to_hex(build(kFlow, text("hello, odd!"), 0xbeef)),
            "01005e010203021122334455080045800027beef00001011ee4e0a010203ef010203"
            "b7fcb7fc0013a8f468656c6c6f2c206f646421");
}

// Ether(...)/Dot1Q(vlan=100,prio=4)/IP(...)/UDP(...)/Raw('hello, odd') of Scapy's.
TEST(UdpTemplate, AVlanTagStandsBeforeTheSameBytes) {
  UdpFlow flow = kFlow;
  flow.vlan_control = vlan_control(100, flow.dscp);
  EXPECT_EQ(packets::to_hex(build(flow, text("hello, odd"), 0xbeef)),
            "01005e0102030211223344558100806408004580"
            "0026beef00001011ee4f0a010203ef010203"
            "b7fcb7fc0012c9f668656c6c6f2c206f6464");
}

TEST(UdpTemplate, LeavesTheIpChecksumToTheCardWhereItIsAskedTo) {
  UdpFlow flow = kFlow;
  flow.card_ip_checksum = true;
  std::vector<uint8_t> expected = build(kFlow, text("hello"), 7);
  store_be16(&expected[kEthernetSize + 10], 0);
  EXPECT_EQ(build(flow, text("hello"), 7), expected);
}

TEST(UdpTemplate, ChecksumsHoldForAnyFlowSizeAndId) {
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    UdpFlow flow = kFlow;
    flow.source = static_cast<Ipv4>(random.next());
    flow.destination = static_cast<Ipv4>(random.next());
    flow.source_port = static_cast<uint16_t>(random.next());
    flow.destination_port = static_cast<uint16_t>(random.next());
    flow.ttl = static_cast<uint8_t>(random.next());
    flow.dscp = static_cast<uint8_t>(random.below(64));
    std::vector<uint8_t> payload(random.below(1600));
    for (uint8_t& b : payload) b = static_cast<uint8_t>(random.next());
    const auto id = static_cast<uint16_t>(random.next());
    const std::vector<uint8_t> frame = build(flow, payload, id);

    const Bytes ip = Bytes(frame).subspan(kEthernetSize);
    const Bytes udp = ip.subspan(kIpv4Size);
    ASSERT_EQ(checksum_finish(checksum_add(ip.first(kIpv4Size))), 0);
    ASSERT_EQ(load_be16(&ip[2]), ip.size());
    ASSERT_EQ(load_be16(&ip[4]), id);
    ASSERT_EQ(load_be16(&udp[4]), udp.size());
    ASSERT_NE(load_be16(&udp[6]), 0);
    ASSERT_EQ(checksum_finish(checksum_add(
                  udp, udp_pseudo_sum(flow.source, flow.destination, static_cast<uint16_t>(udp.size())))),
              0);
    ASSERT_TRUE(std::equal(payload.begin(), payload.end(), udp.begin() + kUdpSize));
  }
}

TEST(UdpTemplate, ChecksumFieldHoldsThePseudoSumForTheCard) {
  std::vector<uint8_t> frame(kUdpFrameOverhead);
  UdpTemplate(kFlow).write(frame.data() + frame.size(), 1316, 1);
  const uint16_t pseudo = static_cast<uint16_t>(
      ~checksum_finish(udp_pseudo_sum(kFlow.source, kFlow.destination, 1316 + kUdpSize)));
  EXPECT_EQ(load_be16(&frame[40]), pseudo);
}

TEST(UdpTemplate, ChecksumOfZeroIsSentAsOnes) {
  // The payload that makes the sum all ones is the checksum of the same packet with 0 in its place.
  const std::vector<uint8_t> first = build(kFlow, std::vector<uint8_t>{0, 0}, 1);
  const std::vector<uint8_t> second = build(kFlow, Bytes(first).subspan(40, 2), 1);
  EXPECT_EQ(load_be16(&second[40]), 0xffff);
}

TEST(UdpTemplate, AChecksumIsDerivedFromThatOfAFrameWithOtherFirstBytes) {
  Random random(2);
  for (int i = 0; i < 2000; ++i) {
    std::vector<uint8_t> payload(8 + random.below(1400));
    for (uint8_t& b : payload) b = static_cast<uint8_t>(random.next());
    const std::vector<uint8_t> other = build(kFlow, payload, 1);
    for (size_t k = 0; k < 8; ++k) payload[k] = static_cast<uint8_t>(random.next());
    if (i % 100 == 0) store_be16(payload.data(), 0);
    const std::vector<uint8_t> expected = build(kFlow, payload, 1);
    std::vector<uint8_t> frame = expected;
    store_be16(&frame[40], 0x1234);
    UdpTemplate::derive_udp_checksum(frame.data() + kUdpFrameOverhead, other.data() + kUdpFrameOverhead, 8);
    ASSERT_EQ(frame, expected);
  }
}

TEST(UdpTemplate, AChecksumIsDerivedFromThatOfAFrameOfAnotherFlow) {
  Random random(4);
  for (int i = 0; i < 2000; ++i) {
    std::vector<uint8_t> payload(random.below(1400));
    for (uint8_t& b : payload) b = static_cast<uint8_t>(random.next());
    UdpFlow elsewhere = kFlow;
    elsewhere.destination = static_cast<Ipv4>(random.next());
    elsewhere.source_port = elsewhere.destination_port = static_cast<uint16_t>(random.next());
    const std::vector<uint8_t> other = build(elsewhere, payload, 7);
    const std::vector<uint8_t> expected = build(kFlow, payload, 1);
    std::vector<uint8_t> frame = expected;
    store_be16(&frame[40], 0x1234);
    UdpTemplate::derive_udp_checksum(frame.data() + kUdpFrameOverhead, other.data() + kUdpFrameOverhead, 0);
    ASSERT_EQ(frame, expected);
  }
}

TEST(UdpTemplate, ADerivedChecksumOfZeroIsSentAsOnes) {
  const std::vector<uint8_t> first = build(kFlow, std::vector<uint8_t>{0, 0}, 1);
  std::vector<uint8_t> second = build(kFlow, Bytes(first).subspan(40, 2), 1);
  store_be16(&second[40], 0);
  UdpTemplate::derive_udp_checksum(second.data() + kUdpFrameOverhead, first.data() + kUdpFrameOverhead, 2);
  EXPECT_EQ(load_be16(&second[40]), 0xffff);
}

// Whatever writes the checksums, a frame that is sent to somebody else is the one that would have been
// written for them.
TEST(UdpTemplate, AReaddressedFrameIsAsIfWrittenSo) {
  Random random(3);
  for (int i = 0; i < 4000; ++i) {
    UdpFlow flow = kFlow;
    flow.card_ip_checksum = (i & 1) != 0;
    const bool card_udp_checksum = (i & 2) != 0;
    if ((i & 4) != 0) flow.vlan_control = 0x8064;
    std::vector<uint8_t> payload(random.below(100));
    for (uint8_t& b : payload) b = static_cast<uint8_t>(random.next());
    const UdpEndpoint to{.mac = {2, 0, 0, 9, 9, 9},
                         .address = static_cast<Ipv4>(random.next()),
                         .port = static_cast<uint16_t>(random.next())};
    UdpFlow there = flow;
    there.destination_mac = to.mac;
    there.destination = to.address;
    there.destination_port = to.port;
    const auto write = [&](const UdpTemplate& header) {
      std::vector<uint8_t> frame(header.size() + payload.size());
      std::copy(payload.begin(), payload.end(), frame.begin() + static_cast<ptrdiff_t>(header.size()));
      header.write(frame.data() + header.size(), static_cast<uint16_t>(payload.size()),
                   static_cast<uint16_t>(i));
      if (!card_udp_checksum)
        UdpTemplate::finish_udp_checksum(frame.data() + header.size(), static_cast<uint16_t>(payload.size()));
      return frame;
    };
    const UdpTemplate header(flow);
    std::vector<uint8_t> frame = write(header);
    header.readdress(frame.data() + header.size(), to, card_udp_checksum);
    ASSERT_EQ(frame, write(UdpTemplate(there))) << i;
  }
}

TEST(UdpTemplate, AReaddressedChecksumOfZeroIsSentAsOnes) {
  const std::vector<uint8_t> payload = text("hello");
  UdpFlow there = kFlow;
  int zeros = 0;
  for (uint32_t port = 0; port <= UINT16_MAX; ++port) {  // one of them makes it 0
    there.destination_port = static_cast<uint16_t>(port);
    std::vector<uint8_t> frame = build(kFlow, payload, 1);
    UdpTemplate(kFlow).readdress(
        frame.data() + kUdpFrameOverhead,
        {.mac = kFlow.destination_mac, .address = kFlow.destination, .port = there.destination_port}, false);
    if (load_be16(&frame[40]) != 0xffff) continue;
    ++zeros;
    EXPECT_EQ(frame, build(there, payload, 1));
  }
  EXPECT_EQ(zeros, 1);
}

TEST(UdpTemplate, DontFragmentIsClear) {
  const std::vector<uint8_t> frame = build(kFlow, {}, 0xffff);
  EXPECT_EQ(load_be16(&frame[kEthernetSize + 6]), 0);
}

}  // namespace
}  // namespace linecast::net
