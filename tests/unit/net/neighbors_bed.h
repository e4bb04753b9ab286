// The ARP side of 10.0.0.1/24 under test, and its frames in words: "all: who has 10.0.0.9",
// "02:aa:bb:cc:dd:ee: who has 10.0.0.9", "02:aa:bb:cc:dd:ee: reply to 10.0.0.9", "announcement".
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "lib/net/neighbors.h"
#include "tests/packets/hex.h"

namespace linecast::net {

inline constexpr Mac kMac{0x02, 0x11, 0x22, 0x33, 0x44, 0x55};
inline constexpr Mac kPeerMac{0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee};
inline constexpr Mac kOtherMac{0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xff};
inline constexpr Ipv4 kAddress = 0x0a000001;
inline constexpr Ipv4 kPeer = 0x0a000009;
inline constexpr Ipv4 kGateway = 0x0a0000fe;
inline constexpr Ipv4 kFarAway = 0xc0000207;  // 192.0.2.7
inline constexpr TimeNs kSecond = kNsPerSecond;

inline std::string words(Bytes frame) {
  EXPECT_EQ(frame.size(), kArpFrameSize);
  EXPECT_EQ(packets::to_hex(frame.subspan(6, 8)), "0211223344550806");
  ArpPacket arp;
  EXPECT_TRUE(decode_arp(frame.subspan(kEthernetSize), arp));
  EXPECT_EQ(arp.sender, kAddress);
  EXPECT_EQ(arp.sender_mac, kMac);
  const std::string mac = packets::to_hex(frame.first(6));
  const std::string to = mac == "ffffffffffff" ? "all" : mac;
  if (arp.operation == kArpReply) return to + ": reply to " + to_string(arp.target);
  if (arp.target == kAddress) return to + ": announcement";
  return to + ": who has " + to_string(arp.target);
}

inline std::vector<uint8_t> arp_packet(uint16_t operation, const Mac& mac, Ipv4 sender, Ipv4 target) {
  std::vector<uint8_t> out = packets::from_hex(
      "000108000604000000000000000000000000000000000000"
      "00000000");
  store_be16(&out[6], operation);
  std::copy(mac.begin(), mac.end(), &out[8]);
  store_be32(&out[14], sender);
  store_be32(&out[24], target);
  return out;
}

struct NeighborsBed {
  explicit NeighborsBed(Ipv4 gateway = 0, uint8_t prefix_length = 24)
      : neighbors({.mac = kMac, .address = kAddress, .prefix_length = prefix_length, .gateway = gateway},
                  [this](Bytes frame) {
                    sent.push_back(words(frame));
                    raw.push_back(packets::to_hex(frame));
                  }) {}

  std::vector<std::string> take() { return std::exchange(sent, {}); }
  std::vector<std::string> poll(TimeNs now) {
    neighbors.poll(now);
    return take();
  }
  // Everything that is sent up to `end`, with its second: "3: all: who has 10.0.0.9".
  std::vector<std::string> run_until(TimeNs end) {
    std::vector<std::string> all;
    while (neighbors.next_due() <= end) {
      const TimeNs now = neighbors.next_due();
      for (const std::string& frame : poll(now)) all.push_back(std::to_string(now / kSecond) + ": " + frame);
    }
    return all;
  }
  void hear_request(TimeNs now, const Mac& mac, Ipv4 sender, Ipv4 target = kAddress) {
    neighbors.receive(now, arp_packet(kArpRequest, mac, sender, target));
  }
  void hear_reply(TimeNs now, const Mac& mac, Ipv4 sender) {
    neighbors.receive(now, arp_packet(kArpReply, mac, sender, kAddress));
  }
  uint64_t count(ArpCounter counter) const { return neighbors.count(counter); }

  std::vector<std::string> sent, raw;
  Neighbors neighbors;
};

}  // namespace linecast::net
