// ARP for IPv4 over Ethernet (RFC 826, RFC 5227).
#pragma once

#include "lib/net/frame.h"

namespace linecast::net {

inline constexpr size_t kArpSize = 28;
inline constexpr size_t kArpFrameSize = kEthernetSize + kArpSize;
inline constexpr uint16_t kArpRequest = 1;
inline constexpr uint16_t kArpReply = 2;
inline constexpr Mac kBroadcastMac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

struct ArpPacket {
  uint16_t operation = 0;  // kArpRequest or kArpReply
  Mac sender_mac{}, target_mac{};
  Ipv4 sender = 0, target = 0;
};

// False for anything but well-formed Ethernet/IPv4 ARP from a MAC and an address that a host can have (or
// from address 0, a probe). `packet`: behind the Ethernet header.
bool decode_arp(Bytes packet, ArpPacket& out);
// The frame that answers a request for `address`; 0 bytes where none is due. out: at least kArpFrameSize.
size_t answer_arp(const ArpPacket& request, const Mac& mac, Ipv4 address, MutableBytes out);
// The request for `target`'s MAC, to all (kBroadcastMac) or to the one that had it (RFC 1122,
// section 2.3.2.1). Returns kArpFrameSize; 0 where there is no room.
size_t request_arp(const Mac& destination, const Mac& mac, Ipv4 address, Ipv4 target, MutableBytes out);
// A gratuitous announcement (RFC 5227, section 3). Returns kArpFrameSize.
size_t announce_arp(const Mac& mac, Ipv4 address, MutableBytes out);

}  // namespace linecast::net
