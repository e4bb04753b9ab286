#include "lib/net/frame.h"

#include "lib/net/checksum.h"

namespace linecast::net {
namespace {

constexpr uint16_t kEtherTypeServiceVlan = 0x88a8;  // IEEE 802.1ad
constexpr uint16_t kVlanMask = 0xfff;

// RFC 1122, section 3.2.1.3. 0.0.0.0 is a host without an address: IGMP reports may come from it (RFC 3376,
// section 4.2.13), and the queries of snooping switches do (RFC 4541, section 2.1.1).
bool is_impossible_source(Ipv4 source, uint8_t protocol) {
  return is_multicast(source) || source >> 24 == 127 || source == UINT32_MAX ||
         (source == 0 && protocol != kProtocolIgmp);
}

// segment: behind the IPv4 header, to the end that the IPv4 total length gives.
FrameFault parse_udp(Bytes segment, bool checksum_good, ParsedFrame& out) {
  if (segment.size() < kUdpSize) return FrameFault::kUdpLength;
  const uint8_t* udp = segment.data();
  const uint16_t udp_size = load_be16(udp + 4);
  if (udp_size < kUdpSize || udp_size > segment.size()) return FrameFault::kUdpLength;
  const bool none_given = load_be16(udp + 6) == 0;  // RFC 768
  if (!checksum_good && !none_given &&
      checksum_finish(
          checksum_add(segment.first(udp_size), udp_pseudo_sum(out.source, out.destination, udp_size))) != 0)
    return FrameFault::kUdpChecksum;
  out.source_port = load_be16(udp);
  out.destination_port = load_be16(udp + 2);
  out.payload = segment.subspan(kUdpSize, udp_size - kUdpSize);
  out.kind = FrameKind::kUdp;
  return FrameFault::kNone;
}

// packet: behind the Ethernet header, padding included.
FrameFault parse_ipv4(Bytes packet, CardFindings card, ParsedFrame& out) {
  if (packet.size() < kIpv4Size) return FrameFault::kTruncated;
  const uint8_t* ip = packet.data();
  if (ip[0] >> 4 != 4) return FrameFault::kIpVersion;
  const size_t header_size = size_t{4} * (ip[0] & 0xf);
  const size_t total_size = load_be16(ip + 2);
  if (header_size < kIpv4Size || total_size < header_size) return FrameFault::kIpHeader;
  if (total_size > packet.size()) return FrameFault::kTruncated;
  if (!card.ip_good && checksum_finish(checksum_add(packet.first(header_size))) != 0)
    return FrameFault::kIpChecksum;
  if ((load_be16(ip + 6) & kFragmentBits) != 0) return FrameFault::kIpFragment;
  out.ttl = ip[8];
  const uint8_t protocol = ip[9];
  out.source = load_be32(ip + 12);
  out.destination = load_be32(ip + 16);
  if (is_impossible_source(out.source, protocol)) return FrameFault::kIpSource;
  const Bytes payload = packet.subspan(header_size, total_size - header_size);
  if (protocol == kProtocolUdp) [[likely]] {
    if (header_size != kIpv4Size) return FrameFault::kIpOptions;
    return parse_udp(payload, card.udp_good, out);
  }
  if (protocol != kProtocolIgmp && protocol != kProtocolIcmp) return FrameFault::kIpProtocol;
  out.payload = payload;
  out.kind = protocol == kProtocolIgmp ? FrameKind::kIgmp : FrameKind::kIcmp;
  return FrameFault::kNone;
}

}  // namespace

Mac multicast_mac(Ipv4 group) {
  return {0x01,
          0x00,
          0x5e,
          static_cast<uint8_t>(group >> 16 & 0x7f),
          static_cast<uint8_t>(group >> 8),
          static_cast<uint8_t>(group)};
}

ParsedFrame parse_frame(Bytes frame, CardFindings card) {
  ParsedFrame out;
  if (frame.size() < kEthernetSize) {
    out.fault = FrameFault::kTruncated;
    return out;
  }
  uint16_t ether_type = load_be16(&frame[12]);
  Bytes packet = frame.subspan(kEthernetSize);
  out.is_link_group = (frame[0] & 1) != 0;
  if (card.vlan_stripped) [[unlikely]] {
    out.vlan = card.vlan_control & kVlanMask;
    if (ether_type == kEtherTypeVlan) ether_type = kEtherTypeServiceVlan;
  } else if (ether_type == kEtherTypeVlan) {
    if (packet.size() < kVlanTagSize) {
      out.fault = FrameFault::kTruncated;
      return out;
    }
    out.vlan = load_be16(&packet[0]) & kVlanMask;
    ether_type = load_be16(&packet[2]);
    packet = packet.subspan(kVlanTagSize);
    out.ethernet_size += kVlanTagSize;
    if (ether_type == kEtherTypeVlan) ether_type = kEtherTypeServiceVlan;
  }
  if (ether_type == kEtherTypeIpv4) [[likely]] {
    out.fault = parse_ipv4(packet, card, out);
  } else if (ether_type == kEtherTypeArp) {
    out.payload = packet;
    out.kind = FrameKind::kArp;
  } else if (ether_type == kEtherTypeServiceVlan) {
    out.fault = FrameFault::kVlanStacked;
  } else {
    out.fault = FrameFault::kEtherType;
  }
  return out;
}

ParsedFrame parse_packet(Bytes packet, CardFindings known) {
  ParsedFrame out;
  out.fault = parse_ipv4(packet, known, out);
  return out;
}

}  // namespace linecast::net
