// Ethernet + IPv4 + UDP headers of one flow, written by copying a template and patching lengths, id and
// checksums.
#pragma once

#include "lib/net/frame.h"

namespace linecast::net {

struct UdpFlow {
  Mac source_mac{}, destination_mac{};
  Ipv4 source = 0, destination = 0;
  uint16_t source_port = 0, destination_port = 0;
  uint8_t ttl = 1;
  uint8_t dscp = 0;               // 0 .. 63
  uint16_t vlan_control = 0;      // of a tag in the frame; 0: none
  bool card_ip_checksum = false;  // the card writes the IPv4 header's checksum: 0 is left there
};

struct UdpEndpoint {
  Mac mac{};
  Ipv4 address = 0;
  uint16_t port = 0;
};

class UdpTemplate {
 public:
  UdpTemplate() = default;
  explicit UdpTemplate(const UdpFlow& flow);

  // Of the headers: kUdpFrameOverhead, and kVlanTagSize where they are tagged.
  size_t size() const { return size_; }
  // Writes size() bytes before a payload of `payload_size` that stands, or will stand, there. The IPv4
  // checksum is complete, or the card's (don't-fragment clear); the UDP checksum field holds the folded
  // pseudo-header sum, as cards with checksum offload want it.
  void write(uint8_t* payload, uint16_t payload_size, uint16_t ip_id) const;
  // Completes the UDP checksum of a frame so written, payload in place (0 is sent as 0xffff).
  static void finish_udp_checksum(uint8_t* payload, uint16_t payload_size);
  // The same, from the complete checksum of a frame of the same size, perhaps of another flow, whose payload
  // differs in its first `differing` bytes only, an even number (RFC 1624): the rest is not read.
  static void derive_udp_checksum(uint8_t* payload, const uint8_t* other_payload, size_t differing);
  // Makes a frame so written, with its checksum complete or the card's, one for another destination of the
  // same port and VLAN (checksums by RFC 1624).
  void readdress(uint8_t* payload, const UdpEndpoint& to, bool card_udp_checksum) const;

 private:
  std::array<uint8_t, kUdpFrameOverhead + kVlanTagSize> bytes_{};
  uint32_t ip_sum_ = 0;      // of the header with length, id and checksum 0
  uint32_t pseudo_sum_ = 0;  // without the length
  uint8_t size_ = 0;
  bool card_ip_checksum_ = false;
};

}  // namespace linecast::net
