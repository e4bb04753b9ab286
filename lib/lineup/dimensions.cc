#include "lib/lineup/dimensions.h"

#include <algorithm>
#include <bit>

#include "lib/lineup/lineup.h"
#include "lib/net/frame.h"
#include "lib/smart/tunnel/tunnel_template.h"
#include "lib/smart/wire.h"

namespace linecast::lineup {

namespace {
constexpr uint64_t kBitMsPerDatagram = kTsDatagram * 8 * 1000;
}

uint64_t window_packets(uint64_t rate_bps, uint32_t window_ms) {
  const uint64_t packets = (rate_bps * window_ms + kBitMsPerDatagram - 1) / kBitMsPerDatagram;
  return std::bit_ceil(std::max<uint64_t>(packets, kLeastWindowPackets));
}

uint64_t largest_window_ms(uint64_t rate_bps) { return kMostWindowPackets * kBitMsPerDatagram / rate_bps; }

size_t max_payload(uint16_t mtu, bool sealed) {
  return mtu - net::kIpv4Size - net::kUdpSize - smart::kDataHeaderSize - (sealed ? smart::kSealOverhead : 0);
}

size_t max_tunnel_payload(uint16_t mtu, bool sealed) {
  const size_t room = smart::TunnelTemplate::room(mtu);
  const size_t headers = smart::kDataHeaderSize + (sealed ? smart::kSealOverhead : 0);
  return room > headers ? room - headers : 0;
}

uint64_t retransmit_bytes(const Lineup& lineup) {
  constexpr uint64_t kBufferExtra = 256;  // of DPDK, for each packet
  constexpr uint64_t kCacheLine = 64;
  uint64_t mtu = 0, packets = 0;
  for (const Port& port : lineup.ports) mtu = std::max<uint64_t>(mtu, port.mtu);
  for (const Channel& channel : lineup.channels) packets += channel.enabled ? channel.window_packets : 0;
  const uint64_t frame = net::kEthernetSize + net::kVlanTagSize + mtu;
  return packets * ((frame + kCacheLine - 1) / kCacheLine * kCacheLine + kBufferExtra);
}

}  // namespace linecast::lineup
