#include "tests/packets/frame_rows.h"

namespace linecast::packets {
namespace {

using net::FrameFault;
using net::FrameKind;

constexpr std::string_view kHost = "10.1.2.3";
constexpr std::string_view kGroup = "239.1.2.3";
constexpr std::string_view kGroupMac = "01:00:5e:01:02:03";
constexpr std::string_view kHostMac = "02:00:00:00:00:01";

PacketBuilder ip(std::string_view source = kHost, std::string_view destination = kGroup) {
  return PacketBuilder().ether(kHostMac, kGroupMac).ipv4(source, destination);
}
PacketBuilder udp() { return ip().udp(5000, 5001).payload("47112233"); }
PacketBuilder igmp() { return ip().protocol(2).ttl(1).payload("1600f9faef010203"); }

FrameRow taken(std::string name, PacketBuilder packet, FrameKind kind, std::string payload,
               net::CardFindings card = {}) {
  return {std::move(name), std::move(packet), FrameFault::kNone, kind, std::move(payload), card};
}
FrameRow refused(std::string name, PacketBuilder packet, FrameFault fault, net::CardFindings card = {}) {
  return {std::move(name), std::move(packet), fault, FrameKind::kNone, {}, card};
}

void add_taken(std::vector<FrameRow>& rows) {
  const auto kUdp = FrameKind::kUdp;
  rows.push_back(taken("UDP", udp(), kUdp, "47112233"));
  rows.push_back(taken("UDP, odd length", udp().payload("4711223344"), kUdp, "4711223344"));
  rows.push_back(taken("UDP, empty", udp().payload(""), kUdp, ""));
  rows.push_back(taken("UDP unicast", ip(kHost, "10.1.2.4").udp(1, 65535).payload("00"), kUdp, "00"));
  rows.push_back(taken("UDP padded to 60 bytes", udp().padding(14), kUdp, "47112233"));
  rows.push_back(taken("UDP, don't fragment", udp().dont_fragment(), kUdp, "47112233"));
  rows.push_back(taken("UDP, any TOS and id", udp().tos(0xb9).id(0xffff).ttl(255), kUdp, "47112233"));
  rows.push_back(taken("UDP without checksum", udp().udp_checksum(0), kUdp, "47112233"));
  rows.push_back(taken("UDP checksum sent as ones", udp().payload("dbc0"), kUdp, "dbc0"));
  // Four bytes of IPv4 payload behind the UDP datagram; the checksum covers the datagram alone.
  rows.push_back(taken("UDP shorter than IPv4's payload",
                       udp().payload("4711223300000000").udp_length(12).udp_checksum(0x7278), kUdp,
                       "47112233"));
  rows.push_back(taken("the card vouches for a wrong UDP checksum", udp().udp_checksum(0xdead), kUdp,
                       "47112233", {.udp_good = true}));
  rows.push_back(taken("the card vouches for a wrong IPv4 checksum", udp().ip_checksum(0xdead), kUdp,
                       "47112233", {.ip_good = true}));
  rows.push_back(taken("highest unicast source", ip("223.255.255.255").udp(1, 2), kUdp, ""));
  rows.push_back(taken("source beside loopback", ip("126.255.255.255").udp(1, 2), kUdp, ""));
  rows.push_back(taken("source beside loopback, above", ip("128.0.0.1").udp(1, 2), kUdp, ""));

  rows.push_back(taken("IGMP", igmp(), FrameKind::kIgmp, "1600f9faef010203"));
  rows.push_back(
      taken("IGMP with Router Alert", igmp().router_alert(), FrameKind::kIgmp, "1600f9faef010203"));
  rows.push_back(taken("IGMP with Router Alert, padded", igmp().router_alert().padding(14), FrameKind::kIgmp,
                       "1600f9faef010203"));
  rows.push_back(taken("IGMP from a host without address",
                       ip("0.0.0.0").protocol(2).ttl(1).payload("1164ee9b00000000"), FrameKind::kIgmp,
                       "1164ee9b00000000"));
  rows.push_back(taken("ICMP echo", ip(kHost, "10.1.2.4").protocol(1).payload("0800f7fd00010001"),
                       FrameKind::kIcmp, "0800f7fd00010001"));
  rows.push_back(taken("ICMP with options", ip().protocol(1).router_alert().payload("0800f7fd00010001"),
                       FrameKind::kIcmp, "0800f7fd00010001"));
  const char* const kArp = "000108000604000102aabbccddee0a0000090000000000000a000001";
  rows.push_back(taken("ARP",
                       PacketBuilder().ether(kHostMac, "ff:ff:ff:ff:ff:ff").ether_type(0x0806).payload(kArp),
                       FrameKind::kArp, kArp));
}

void add_ethernet_faults(std::vector<FrameRow>& rows) {
  rows.push_back(refused("no frame", udp().cut(0), FrameFault::kTruncated));
  rows.push_back(refused("cut in the Ethernet header", udp().cut(13), FrameFault::kTruncated));
  rows.push_back(refused("cut behind the Ethernet header", udp().cut(14), FrameFault::kTruncated));
  rows.push_back(refused("cut in the VLAN tag", udp().vlan(100).cut(17), FrameFault::kTruncated));
  rows.push_back(
      refused("service tag and VLAN tag", udp().service_vlan(7).vlan(100), FrameFault::kVlanStacked));
  rows.push_back(refused("service tag", udp().service_vlan(7), FrameFault::kVlanStacked));
  rows.push_back(refused("two VLAN tags", udp().vlan(7).vlan(100), FrameFault::kVlanStacked));
  rows.push_back(refused("a VLAN tag behind the one that the card has taken off", udp().vlan(100),
                         FrameFault::kVlanStacked, {.vlan_stripped = true, .vlan_control = 7}));
  rows.push_back(refused("IPv6", udp().ether_type(0x86dd), FrameFault::kEtherType));
  rows.push_back(
      refused("spanning tree, a length for a type", udp().ether_type(0x0026), FrameFault::kEtherType));
}

void add_ipv4_faults(std::vector<FrameRow>& rows) {
  rows.push_back(refused("cut in the IPv4 header", udp().cut(14 + 19), FrameFault::kTruncated));
  rows.push_back(refused("cut in the UDP header", udp().cut(14 + 27), FrameFault::kTruncated));
  rows.push_back(refused("cut in the payload", udp().cut(14 + 31), FrameFault::kTruncated));
  rows.push_back(refused("total length beyond the frame", udp().total_length(33).udp_checksum(0),
                         FrameFault::kTruncated));
  rows.push_back(
      refused("total length 65,535", udp().total_length(65535).udp_checksum(0), FrameFault::kTruncated));
  rows.push_back(refused("version 6 in an IPv4 frame", udp().version(6), FrameFault::kIpVersion));
  rows.push_back(refused("version 0", udp().version(0), FrameFault::kIpVersion));
  rows.push_back(refused("header of 4 words", udp().header_words(4), FrameFault::kIpHeader));
  rows.push_back(refused("header of no words", udp().header_words(0), FrameFault::kIpHeader));
  rows.push_back(
      refused("header longer than the total length", udp().header_words(15), FrameFault::kIpHeader));
  rows.push_back(refused("total length within the header", udp().total_length(19).udp_checksum(0),
                         FrameFault::kIpHeader));
  rows.push_back(refused("total length 0", udp().total_length(0).udp_checksum(0), FrameFault::kIpHeader));
  rows.push_back(refused("IPv4 checksum", udp().ip_checksum(0xdead), FrameFault::kIpChecksum));
  rows.push_back(refused("IPv4 checksum 0", udp().ip_checksum(0), FrameFault::kIpChecksum));
  rows.push_back(refused("IPv4 checksum, UDP vouched for", udp().ip_checksum(1), FrameFault::kIpChecksum,
                         {.udp_good = true}));
  rows.push_back(refused("IPv4 checksum of IGMP", igmp().ip_checksum(1), FrameFault::kIpChecksum));
  rows.push_back(refused("first fragment", udp().more_fragments(), FrameFault::kIpFragment));
  rows.push_back(
      refused("middle fragment", udp().more_fragments().fragment_offset(3), FrameFault::kIpFragment));
  rows.push_back(refused("last fragment", udp().fragment_offset(8191), FrameFault::kIpFragment));
  rows.push_back(refused("last fragment of one unit", udp().fragment_offset(1), FrameFault::kIpFragment));
  rows.push_back(refused("fragment of IGMP", igmp().more_fragments(), FrameFault::kIpFragment));
  rows.push_back(refused("UDP with options", udp().router_alert(), FrameFault::kIpOptions));
  for (const char* source :
       {"224.0.0.1", "239.255.255.255", "127.0.0.1", "127.255.255.255", "255.255.255.255"}) {
    rows.push_back(refused(std::string("source ") + source, ip(source).udp(1, 2), FrameFault::kIpSource));
    rows.push_back(
        refused(std::string("IGMP from ") + source, ip(source).protocol(2), FrameFault::kIpSource));
  }
  rows.push_back(
      refused("UDP from a host without address", ip("0.0.0.0").udp(68, 67), FrameFault::kIpSource));
  rows.push_back(
      refused("ICMP from a host without address", ip("0.0.0.0").protocol(1), FrameFault::kIpSource));
  rows.push_back(refused("TCP", ip().protocol(6).payload("0011223344"), FrameFault::kIpProtocol));
  rows.push_back(refused("protocol 0", ip().protocol(0), FrameFault::kIpProtocol));
}

void add_udp_faults(std::vector<FrameRow>& rows) {
  rows.push_back(refused("IPv4 payload shorter than a UDP header",
                         ip().protocol(17).payload("13881389000800"), FrameFault::kUdpLength));
  rows.push_back(
      refused("no IPv4 payload, but padding", ip().protocol(17).padding(26), FrameFault::kUdpLength));
  rows.push_back(refused("UDP length 7", udp().udp_length(7), FrameFault::kUdpLength));
  rows.push_back(refused("UDP length 0", udp().udp_length(0), FrameFault::kUdpLength));
  rows.push_back(refused("UDP length beyond IPv4's", udp().udp_length(13), FrameFault::kUdpLength));
  rows.push_back(
      refused("UDP length into the padding", udp().udp_length(20).padding(14), FrameFault::kUdpLength));
  rows.push_back(refused("UDP length 65,535", udp().udp_length(65535), FrameFault::kUdpLength));
  rows.push_back(refused("UDP checksum", udp().udp_checksum(0xdead), FrameFault::kUdpChecksum));
  rows.push_back(refused("UDP checksum, IPv4 vouched for", udp().udp_checksum(0xdead),
                         FrameFault::kUdpChecksum, {.ip_good = true}));
  rows.push_back(refused("UDP checksum over more than UDP's length",
                         udp().payload("4711223300000001").udp_length(12), FrameFault::kUdpChecksum));
}

}  // namespace

std::vector<FrameRow> frame_rows() {
  std::vector<FrameRow> rows;
  add_taken(rows);
  add_ethernet_faults(rows);
  add_ipv4_faults(rows);
  add_udp_faults(rows);
  return rows;
}

}  // namespace linecast::packets
