// ARP for IPv4 over Ethernet (RFC 826, RFC 5227).
#pragma once

#include "lib/net/frame.h"

namespace linecast::net {

inline constexpr size_t kArpSize = 28;
inline constexpr size_t kArpFrameSize = kEthernetSize + kArpSize;

struct ArpPacket {
  uint16_t operation = 0;  // 1 request, 2 reply
  Mac sender_mac{}, target_mac{};
  Ipv4 sender = 0, target = 0;
};

// False for anything but well-formed Ethernet/IPv4 ARP. `packet`: behind the Ethernet header.
bool decode_arp(Bytes packet, ArpPacket& out);
// The frame that answers a request for `address`; 0 bytes where none is due. out: at least kArpFrameSize.
size_t answer_arp(const ArpPacket& request, const Mac& mac, Ipv4 address, MutableBytes out);
// A gratuitous announcement (RFC 5227, section 3). Returns kArpFrameSize.
size_t announce_arp(const Mac& mac, Ipv4 address, MutableBytes out);

}  // namespace linecast::net
