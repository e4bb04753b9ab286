#include "lib/net/arp.h"

namespace linecast::net {
namespace {

constexpr uint16_t kRequest = 1;
constexpr uint16_t kReply = 2;
constexpr Mac kBroadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

size_t encode(const Mac& destination, const ArpPacket& packet, MutableBytes out) {
  ByteWriter w(out);
  w.bytes(destination);
  w.bytes(packet.sender_mac);
  w.u16(0x0806);
  w.u16(1);       // Ethernet
  w.u16(0x0800);  // IPv4
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
  const bool ethernet_ipv4 = r.u16() == 1 && r.u16() == 0x0800 && r.u8() == 6 && r.u8() == 4;
  if (!ethernet_ipv4) return false;
  out.operation = r.u16();
  out.sender_mac = r.array<6>();
  out.sender = r.u32();
  out.target_mac = r.array<6>();
  out.target = r.u32();
  // No host has a group's address, MAC or IPv4; to answer one would send unicast traffic to everybody.
  const bool sender_is_group =
      (out.sender_mac[0] & 1) != 0 || is_multicast(out.sender) || out.sender == UINT32_MAX;
  return r.ok() && (out.operation == kRequest || out.operation == kReply) && !sender_is_group;
}

size_t answer_arp(const ArpPacket& request, const Mac& mac, Ipv4 address, MutableBytes out) {
  // Where sender and target are one it is an announcement, which asks for nothing.
  if (request.operation != kRequest || address == 0 || request.target != address || request.sender == address)
    return 0;
  return encode(request.sender_mac,
                {.operation = kReply,
                 .sender_mac = mac,
                 .target_mac = request.sender_mac,
                 .sender = address,
                 .target = request.sender},
                out);
}

size_t announce_arp(const Mac& mac, Ipv4 address, MutableBytes out) {
  return encode(
      kBroadcast,
      {.operation = kRequest, .sender_mac = mac, .target_mac = {}, .sender = address, .target = address},
      out);
}

}  // namespace linecast::net
