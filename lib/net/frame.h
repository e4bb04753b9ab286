// Ethernet frames taken apart: what a lane asks of every frame that a port hands it.
#pragma once

#include "lib/base/bytes.h"
#include "lib/base/counters.h"
#include "lib/base/ipv4.h"

namespace linecast::net {

using Mac = std::array<uint8_t, 6>;

inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeVlan = 0x8100;  // IEEE 802.1Q

inline constexpr uint8_t kProtocolIcmp = 1;  // of IPv4
inline constexpr uint8_t kProtocolIgmp = 2;
inline constexpr uint8_t kProtocolUdp = 17;
inline constexpr uint16_t kFragmentBits = 0x3fff;  // more fragments, and the offset

inline constexpr size_t kEthernetSize = 14;
inline constexpr size_t kVlanTagSize = 4;
inline constexpr size_t kIpv4Size = 20;  // without options
inline constexpr size_t kUdpSize = 8;
inline constexpr size_t kUdpFrameOverhead = kEthernetSize + kIpv4Size + kUdpSize;  // 42, untagged

// The MAC that an IPv4 group maps to: 01:00:5e and its low 23 bits (RFC 1112, section 6.4).
Mac multicast_mac(Ipv4 group);

// Why a frame is not taken. One list: enum, counters, texts.
#define LINECAST_FRAME_FAULTS(_)                                                \
  _(kNone, "none", "no fault")                                                  \
  _(kTruncated, "frame_truncated", "shorter than its headers announce")         \
  _(kVlanStacked, "vlan_stacked", "two VLAN tags, or a service tag (QinQ)")     \
  _(kEtherType, "ethertype_unknown", "an EtherType that is not handled")        \
  _(kIpVersion, "ip_version", "IP version is not 4")                            \
  _(kIpHeader, "ip_header", "IPv4 header length or total length is impossible") \
  _(kIpChecksum, "ip_checksum", "IPv4 header checksum is wrong")                \
  _(kIpFragment, "ip_fragment", "a fragment; fragments are not put together")   \
  _(kIpOptions, "ip_options", "UDP with IPv4 options")                          \
  _(kIpSource, "ip_source", "a source address that no host can have")           \
  _(kIpProtocol, "ip_protocol", "an IP protocol that is not handled")           \
  _(kUdpLength, "udp_length", "UDP length contradicts the IPv4 length")         \
  _(kUdpChecksum, "udp_checksum", "UDP checksum is wrong")
LINECAST_COUNTER_LIST(FrameFault, LINECAST_FRAME_FAULTS)

enum class FrameKind : uint8_t { kUdp, kArp, kIgmp, kIcmp, kNone };

// What the card says of a frame: which checksums it has found good, and the tag that it has taken off.
struct CardFindings {
  bool ip_good = false;
  bool udp_good = false;
  bool vlan_stripped = false;
  uint16_t vlan_control = 0;  // of the tag that was
};

struct ParsedFrame {
  FrameKind kind = FrameKind::kNone;
  FrameFault fault = FrameFault::kNone;            // kNone exactly where kind is not kNone
  Ipv4 source = 0, destination = 0;                // not of ARP
  uint16_t source_port = 0, destination_port = 0;  // UDP only
  uint16_t vlan = 0;  // 0: untagged, or tagged with a priority only (IEEE 802.1Q)
  Bytes payload;      // behind the UDP header; the whole ARP packet; the IGMP or ICMP message (IPv4 options
                      // skipped)
  uint8_t ttl = 0;
  uint8_t ethernet_size = kEthernetSize;  // and the VLAN tag
  bool is_link_group = false;             // sent to a group or broadcast MAC
};

// Control information of a VLAN tag: the priority that a packet's DSCP maps to (its class selector, IEEE
// 802.1Q annex I), and the VLAN.
constexpr uint16_t vlan_control(uint16_t vlan, uint8_t dscp) {
  return static_cast<uint16_t>((dscp >> 3) << 13 | vlan);
}

// Checks everything above the payload. Whether the port serves the VLAN is for the caller to say. Trailing
// Ethernet padding is left out of `payload`. Software checks whatever the card has not.
ParsedFrame parse_frame(Bytes frame, CardFindings card);

// The same of an IPv4 packet by itself, as a tunnel carries it.
ParsedFrame parse_packet(Bytes packet, CardFindings known);

}  // namespace linecast::net
