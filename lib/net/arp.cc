#include "lib/net/arp.h"

namespace linecast::net {
namespace {

size_t encode(const Mac& destination, const ArpPacket& packet, MutableBytes out) {
  ByteWriter w(out);
  w.bytes(destination);
  w.bytes(packet.sender_mac);
  w.u16(kEtherTypeArp);
  w.u16(1);  // Ethernet
  w.u16(kEtherTypeIpv4);
  w.u8(6);
  w.u8(4);
  w.u16(packet.operation);
  w.bytes(packet.sender_mac);
  w.u32(packet.sender);
  w.bytes(packet.target_mac);
  w.u32(packet.target);
  return w.ok() ? w.size() : 0;
}

}  // namespace

bool decode_arp(Bytes packet, ArpPacket& out) {
  ByteReader r(packet);
  const bool ethernet_ipv4 = r.u16() == 1 && r.u16() == kEtherTypeIpv4 && r.u8() == 6 && r.u8() == 4;
  if (!ethernet_ipv4) return false;
  out.operation = r.u16();
  out.sender_mac = r.array<6>();
  out.sender = r.u32();
  out.target_mac = r.array<6>();
  out.target = r.u32();
  // No host has a group's address, MAC or IPv4; to answer one would send unicast traffic to everybody.
  const bool sender_is_group =
      (out.sender_mac[0] & 1) != 0 || is_multicast(out.sender) || out.sender == UINT32_MAX;
  return r.ok() && (out.operation == kArpRequest || out.operation == kArpReply) && !sender_is_group &&
         out.sender_mac != Mac{};
}

size_t answer_arp(const ArpPacket& request, const Mac& mac, Ipv4 address, MutableBytes out) {
  // Where sender and target are one it is an announcement, which asks for nothing.
  if (request.operation != kArpRequest || address == 0 || request.target != address ||
      request.sender == address)
    return 0;
  return encode(request.sender_mac,
                {.operation = kArpReply,
                 .sender_mac = mac,
                 .target_mac = request.sender_mac,
                 .sender = address,
                 .target = request.sender},
                out);
}

size_t request_arp(const Mac& destination, const Mac& mac, Ipv4 address, Ipv4 target, MutableBytes out) {
  return encode(
      destination,
      {.operation = kArpRequest, .sender_mac = mac, .target_mac = {}, .sender = address, .target = target},
      out);
}

size_t announce_arp(const Mac& mac, Ipv4 address, MutableBytes out) {
  return request_arp(kBroadcastMac, mac, address, address, out);
}

}  // namespace linecast::net
