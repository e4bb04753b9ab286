#include "lib/net/arp.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/packets/hex.h"

namespace linecast::net {
namespace {

using packets::from_hex;
using packets::to_hex;

constexpr Mac kMac{0x02, 0x11, 0x22, 0x33, 0x44, 0x55};
constexpr Ipv4 kAddress = 0x0a000001;
// ARP(op=1,hwsrc='02:aa:bb:cc:dd:ee',psrc='10.0.0.9',hwdst='00:00:00:00:00:00',pdst='10.0.0.1') by Scapy 2.5.
const char* const kRequest = "000108000604000102aabbccddee0a0000090000000000000a000001";

std::string answer(std::string_view request) {
  ArpPacket packet;
  if (!decode_arp(from_hex(request), packet)) return "malformed";
  std::array<uint8_t, kArpFrameSize> out{};
  return to_hex(Bytes(out).first(answer_arp(packet, kMac, kAddress, out)));
}

TEST(Arp, DecodesEveryField) {
  ArpPacket packet;
  ASSERT_TRUE(decode_arp(from_hex("000108000604000202aabbccddee0a0000090211223344550a000001"), packet));
  EXPECT_EQ(packet.operation, 2);
  EXPECT_EQ(packet.sender_mac, (Mac{0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee}));
  EXPECT_EQ(packet.sender, 0x0a000009u);
  EXPECT_EQ(packet.target_mac, kMac);
  EXPECT_EQ(packet.target, kAddress);
}

// Ether(dst='02:aa:bb:cc:dd:ee',src='02:11:22:33:44:55')/ARP(op=2,hwsrc='02:11:22:33:44:55',psrc='10.0.0.1',
// hwdst='02:aa:bb:cc:dd:ee',pdst='10.0.0.9')
TEST(Arp, AnswersARequestWithScapysBytes) {
  const char* const expected =
      "02aabbccddee021122334455080600010800060400020211223344550a00000102aabbccddee0a000009";
  EXPECT_EQ(answer(kRequest), expected);
  EXPECT_EQ(answer(std::string(kRequest) + std::string(36, '0')), expected) << "padded to 60 bytes";
}

TEST(Arp, AnswersAProbe) {  // RFC 5227, section 2.1.1: sender address 0
  EXPECT_EQ(answer("000108000604000102aabbccddee000000000000000000000a000001"),
            "02aabbccddee021122334455080600010800060400020211223344550a00000102aabbccddee00000000");
}

TEST(Arp, AnswersNothingElse) {
  EXPECT_EQ(answer("000108000604000102aabbccddee0a0000090000000000000a000002"), "") << "another's address";
  EXPECT_EQ(answer("000108000604000202aabbccddee0a0000090211223344550a000001"), "") << "a reply";
  EXPECT_EQ(answer("000108000604000102aabbccddee0a0000010000000000000a000001"), "") << "an announcement";
}

TEST(Arp, AnswersNobodyWhileThereIsNoAddress) {
  ArpPacket packet;
  ASSERT_TRUE(decode_arp(from_hex("000108000604000102aabbccddee0a00000900000000000000000000"), packet));
  std::array<uint8_t, kArpFrameSize> out{};
  EXPECT_EQ(answer_arp(packet, kMac, 0, out), 0u);
}

TEST(Arp, RefusesTheMalformed) {
  for (size_t size = 0; size < kArpSize; ++size)
    EXPECT_EQ(answer(std::string_view(kRequest).substr(0, 2 * size)), "malformed") << size;
  EXPECT_EQ(answer("000608000604000102aabbccddee0a0000090000000000000a000001"), "malformed") << "hardware";
  EXPECT_EQ(answer("000186dd0604000102aabbccddee0a0000090000000000000a000001"), "malformed") << "protocol";
  EXPECT_EQ(answer("000108000704000102aabbccddee0a0000090000000000000a000001"), "malformed") << "MAC length";
  EXPECT_EQ(answer("000108000605000102aabbccddee0a0000090000000000000a000001"), "malformed") << "IP length";
  EXPECT_EQ(answer("000108000604000002aabbccddee0a0000090000000000000a000001"), "malformed") << "operation 0";
  EXPECT_EQ(answer("000108000604000302aabbccddee0a0000090000000000000a000001"), "malformed") << "operation 3";
  EXPECT_EQ(answer("0001080006040001ffffffffffff0a0000090000000000000a000001"), "malformed") << "group MAC";
  EXPECT_EQ(answer("00010800060400010000000000000a0000090000000000000a000001"), "malformed") << "MAC zero";
  EXPECT_EQ(answer("000108000604000102aabbccddeeef0000090000000000000a000001"), "malformed") << "group";
  EXPECT_EQ(answer("000108000604000102aabbccddeeffffffff0000000000000a000001"), "malformed") << "broadcast";
}

// Ether(dst='ff:ff:ff:ff:ff:ff',src='02:11:22:33:44:55')/ARP(op=1,hwsrc='02:11:22:33:44:55',psrc='10.0.0.1',
// hwdst='00:00:00:00:00:00',pdst='10.0.0.1')
TEST(Arp, AnnouncesWithScapysBytes) {
  std::array<uint8_t, kArpFrameSize> out{};
  ASSERT_EQ(announce_arp(kMac, kAddress, out), kArpFrameSize);
  EXPECT_EQ(to_hex(out),
            "ffffffffffff021122334455080600010800060400010211223344550a0000010000000000000a000001");
}

// Ether(dst='02:aa:bb:cc:dd:ee',src='02:11:22:33:44:55')/ARP(op=1,hwsrc='02:11:22:33:44:55',psrc='10.0.0.1',
// hwdst='00:00:00:00:00:00',pdst='10.0.0.9')
TEST(Arp, AsksWithScapysBytes) {
  std::array<uint8_t, kArpFrameSize> out{};
  ASSERT_EQ(request_arp({0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee}, kMac, kAddress, 0x0a000009, out),
            kArpFrameSize);
  EXPECT_EQ(to_hex(out),
            "02aabbccddee021122334455080600010800060400010211223344550a0000010000000000000a000009");
}

TEST(Arp, WritesNothingWhereThereIsNoRoom) {
  std::array<uint8_t, kArpFrameSize - 1> out{};
  EXPECT_EQ(announce_arp(kMac, kAddress, out), 0u);
}

}  // namespace
}  // namespace linecast::net
