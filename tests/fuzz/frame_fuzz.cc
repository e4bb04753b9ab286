// parse_frame and ARP on any bytes. What is taken lies inside the frame, and what is taken apart can be put
// together again.
#include <algorithm>
#include <vector>

#include "lib/net/arp.h"
#include "lib/net/checksum.h"
#include "lib/net/udp_template.h"

namespace linecast::net {
namespace {

void check(bool holds) {
  if (!holds) __builtin_trap();
}

bool inside(Bytes part, Bytes whole) {
  return part.empty() || (part.data() >= whole.data() && part.size() <= whole.size() &&
                          part.data() + part.size() <= whole.data() + whole.size());
}

void check_udp(Bytes frame, const ParsedFrame& parsed) {
  const uint8_t* ip = parsed.payload.data() - kUdpSize - kIpv4Size;
  UdpFlow flow{.source = parsed.source,
               .destination = parsed.destination,
               .source_port = parsed.source_port,
               .destination_port = parsed.destination_port,
               .ttl = parsed.ttl,
               .dscp = static_cast<uint8_t>(ip[1] >> 2)};
  std::copy_n(frame.begin(), 6, flow.destination_mac.begin());
  std::copy_n(frame.begin() + 6, 6, flow.source_mac.begin());
  std::vector<uint8_t> again(kUdpFrameOverhead + parsed.payload.size());
  std::copy(parsed.payload.begin(), parsed.payload.end(), again.begin() + kUdpFrameOverhead);
  const auto size = static_cast<uint16_t>(parsed.payload.size());
  UdpTemplate(flow).write(again.data() + kUdpFrameOverhead, size, load_be16(ip + 4));
  UdpTemplate::finish_udp_checksum(again.data() + kUdpFrameOverhead, size);
  const ParsedFrame other = parse_frame(again, {});
  check(other.kind == FrameKind::kUdp && other.source == parsed.source &&
        other.destination == parsed.destination && other.source_port == parsed.source_port &&
        other.destination_port == parsed.destination_port && other.ttl == parsed.ttl &&
        std::equal(other.payload.begin(), other.payload.end(), parsed.payload.begin(), parsed.payload.end()));
}

void check_arp(Bytes packet) {
  ArpPacket arp;
  if (!decode_arp(packet, arp) || is_multicast(arp.target) || arp.target == UINT32_MAX) return;
  const Mac mac{2, 0, 0, 0, 0, 1};
  std::array<uint8_t, kArpFrameSize> out;
  const size_t size = answer_arp(arp, mac, arp.target, out);
  if (size == 0) return;
  check(size == out.size() && parse_frame(out, {}).kind == FrameKind::kArp);
  ArpPacket reply;
  check(decode_arp(Bytes(out).subspan(kEthernetSize), reply));
  check(reply.operation == 2 && reply.sender == arp.target && reply.sender_mac == mac &&
        reply.target == arp.sender && reply.target_mac == arp.sender_mac);
}

void check_checksum(Bytes data) {
  uint64_t sum = 0;
  for (size_t i = 0; i < data.size(); ++i) sum += i % 2 == 0 ? data[i] << 8 : data[i];
  check(checksum_finish(sum) == checksum_finish(checksum_add(data)));
}

void run(Bytes input) {
  if (input.empty()) return;
  const CardFindings card{.ip_good = (input[0] & 1) != 0,
                          .udp_good = (input[0] & 2) != 0,
                          .vlan_stripped = (input[0] & 4) != 0,
                          .vlan_control = static_cast<uint16_t>(input[0] << 8)};
  const Bytes frame = input.subspan(1);
  const ParsedFrame parsed = parse_frame(frame, card);
  check((parsed.kind == FrameKind::kNone) == (parsed.fault != FrameFault::kNone));
  check(static_cast<size_t>(parsed.fault) < kFrameFaultCount);
  check_checksum(frame);
  if (parsed.kind == FrameKind::kNone) return;
  check(inside(parsed.payload, frame));
  // What software finds good is taken as well where the card vouches for it.
  check(parse_frame(frame, {.ip_good = true, .udp_good = true}).kind == parsed.kind);
  if (parsed.kind == FrameKind::kUdp) check_udp(frame, parsed);
  if (parsed.kind == FrameKind::kArp) check_arp(parsed.payload);
}

}  // namespace
}  // namespace linecast::net

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  linecast::net::run({data, size});
  return 0;
}
