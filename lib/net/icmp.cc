#include "lib/net/icmp.h"

#include <optional>

#include "lib/net/checksum.h"

namespace linecast::net {
namespace {

constexpr size_t kIcmpSize = 8;  // header of every message handled here
constexpr uint8_t kEchoReply = 0;
constexpr uint8_t kUnreachable = 3;
constexpr uint8_t kEchoRequest = 8;
constexpr uint8_t kPortUnreachable = 3;  // code
constexpr size_t kQuotedSize = 8;  // of the datagram, behind its IPv4 header (RFC 792): ports and length

constexpr uint8_t kTtl = 64;
constexpr uint8_t kTosMask = 0xfc;    // DSCP without ECN, which is of one direction only (RFC 3168)
constexpr uint8_t kTosErrors = 0xc0;  // CS6 (RFC 1812, section 4.3.2.5)

struct Ipv4Packet {
  Bytes header, payload;
  uint8_t tos = 0, protocol = 0;
  bool fragment = false;
  Ipv4 source = 0, destination = 0;
};

// None where the lengths do not hold. Everything else is parse_frame()'s to check.
std::optional<Ipv4Packet> read_ipv4(Bytes packet) {
  if (packet.size() < kIpv4Size) return std::nullopt;
  const size_t header_size = size_t{4} * (packet[0] & 0xf);
  const size_t total_size = load_be16(&packet[2]);
  if (header_size < kIpv4Size || total_size < header_size || total_size > packet.size()) return std::nullopt;
  return Ipv4Packet{.header = packet.first(header_size),
                    .payload = packet.subspan(header_size, total_size - header_size),
                    .tos = packet[1],
                    .protocol = packet[9],
                    .fragment = (load_be16(&packet[6]) & kFragmentBits) != 0,
                    .source = load_be32(&packet[12]),
                    .destination = load_be32(&packet[16])};
}

// RFC 1122, section 3.2.2: nothing that went to more than one host is answered, and nothing whose source is
// not one host. Nor is a fragment, be it the first: it says too little of what it is part of.
bool is_between_hosts(const Ipv4Packet& packet, bool to_group_mac, Ipv4 address) {
  return is_host_address(packet.source) && packet.source != address && packet.destination == address &&
         !to_group_mac && !packet.fragment;
}

void write_ipv4(ByteWriter& w, uint8_t tos, size_t total_size, uint16_t id, Ipv4 source, Ipv4 destination) {
  w.u8(0x45);  // version 4, no options
  w.u8(tos);
  w.u16(static_cast<uint16_t>(total_size));
  w.u16(id);
  w.u16(0);  // may be fragmented: a smaller MTU on the way shall not silence it
  w.u8(kTtl);
  w.u8(kProtocolIcmp);
  w.u16(0);  // checksum, written last
  w.u32(source);
  w.u32(destination);
}

// Writes both checksums of a whole packet.
void finish(MutableBytes packet) {
  const MutableBytes header = packet.first(kIpv4Size);
  store_be16(&header[10], checksum_finish(checksum_add(header)));
  const MutableBytes message = packet.subspan(kIpv4Size);
  store_be16(&message[2], checksum_finish(checksum_add(message)));
}

}  // namespace

size_t IcmpResponder::answer_echo(TimeNs now, Bytes packet, bool to_group_mac, uint16_t ip_id,
                                  MutableBytes out) {
  const std::optional<Ipv4Packet> in = read_ipv4(packet);
  if (!in) return none(IcmpCounter::kBadLength);
  if (in->protocol != kProtocolIcmp) return none(IcmpCounter::kIgnored);
  if (in->payload.size() < kIcmpSize) return none(IcmpCounter::kBadLength);
  if (checksum_finish(checksum_add(in->payload)) != 0) return none(IcmpCounter::kBadChecksum);
  const bool is_request = in->payload[0] == kEchoRequest && in->payload[1] == 0;
  if (!is_request || !is_between_hosts(*in, to_group_mac, address_)) return none(IcmpCounter::kIgnored);
  const size_t size = kIpv4Size + in->payload.size();
  if (size > mtu_ || size > out.size()) return none(IcmpCounter::kBadLength);
  if (!echoes_.take(now, 1)) return none(IcmpCounter::kEchoLimited);

  ByteWriter w(out);
  write_ipv4(w, in->tos & kTosMask, size, ip_id, address_, in->source);
  w.u8(kEchoReply);
  w.zeros(3);  // code, and checksum
  w.bytes(in->payload.subspan(4));
  finish(w.written());
  counters_.add(IcmpCounter::kEchoAnswered);
  return size;
}

size_t IcmpResponder::refuse_port(TimeNs now, Bytes packet, bool to_group_mac, uint16_t ip_id,
                                  MutableBytes out) {
  const std::optional<Ipv4Packet> in = read_ipv4(packet);
  // UDP only, so no error is ever answered with another.
  if (!in || in->protocol != kProtocolUdp || in->payload.size() < kQuotedSize ||
      !is_between_hosts(*in, to_group_mac, address_))
    return none(IcmpCounter::kIgnored);
  const size_t size = kIpv4Size + kIcmpSize + in->header.size() + kQuotedSize;
  if (size > out.size()) return none(IcmpCounter::kIgnored);
  if (!unreachables_.take(now, 1)) return none(IcmpCounter::kUnreachableLimited);

  ByteWriter w(out);
  write_ipv4(w, kTosErrors, size, ip_id, address_, in->source);
  w.u8(kUnreachable);
  w.u8(kPortUnreachable);
  w.zeros(6);  // checksum, unused
  w.bytes(in->header);
  w.bytes(in->payload.first(kQuotedSize));
  finish(w.written());
  counters_.add(IcmpCounter::kUnreachableSent);
  return size;
}

}  // namespace linecast::net
