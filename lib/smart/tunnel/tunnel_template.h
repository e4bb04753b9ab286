// TUNNEL_DATA frames of one channel by one interface: Ethernet + IPv4 + UDP + SMART headers, and the inner
// packet's IPv4 and UDP headers, written from a template. What follows is the SMART datagram as it goes to
// the group, which may be another segment of the same frame: no byte of it is touched.
//
// The inner IPv4 header's checksum is complete. The inner UDP checksum is 0, none (RFC 768), whoever computes
// checksums here: the outer one covers every byte of the inner packet from here to the tunnel's end, and what
// is sealed has its own tag besides. So a receiver takes the inner checksum where it is 0, and checks it
// where it is not; and it needs no sum over a payload that a card has summed already.
#pragma once

#include "lib/net/udp_template.h"
#include "lib/smart/wire.h"

namespace linecast::smart {

struct TunnelFlow {
  // Source and its port are those that tunnels are asked for at; no destination: each tunnel has its own.
  net::UdpFlow outer;
  net::UdpFlow inner;  // as the channel goes to its group; without MACs and VLAN
  uint16_t mtu = 1500;
  bool card_udp_checksum = false;  // the card completes the outer UDP checksum
};

class TunnelTemplate {
 public:
  // TUNNEL_DATA header, inner IPv4 and UDP headers: what stands before the SMART datagram in the outer UDP
  // payload.
  static constexpr size_t kInnerHeaders = kCommonHeaderSize + net::kIpv4Size + net::kUdpSize;
  // The longest SMART datagram that goes through a tunnel.
  static constexpr size_t room(uint16_t mtu) {
    constexpr size_t kHeaders = net::kIpv4Size + net::kUdpSize + kInnerHeaders;
    return mtu > kHeaders ? mtu - kHeaders : 0;
  }

  explicit TunnelTemplate(const TunnelFlow& flow);

  // Of the headers before the outer UDP payload, a VLAN tag among them or not.
  size_t size() const { return size_; }

  // Once for each SMART datagram, before write(). payload_sum: net::checksum_add over it; of no matter where
  // the card sums. False where it is longer than room(mtu): the outer packet must not be fragmented (DF), so
  // it is not to be sent, and the caller counts it.
  [[nodiscard]] bool prepare(size_t datagram_size, uint64_t payload_sum);
  // Once for each tunnel: size() bytes before `payload`, the outer UDP payload's place, and kInnerHeaders
  // bytes from it on.
  void write(uint8_t* payload, const net::UdpEndpoint& to) const;

  // Sum of a UDP payload, from the headers that stand before it with their checksum complete: it is not read.
  // front: what goes in place of its first bytes, an even number of them, as a repair's SMART header does.
  static uint64_t sum_from_checksum(const uint8_t* payload, uint16_t payload_size, Bytes front = {});

 private:
  static constexpr size_t kMaxOuterHeaders = net::kUdpFrameOverhead + net::kVlanTagSize;

  std::array<uint8_t, kMaxOuterHeaders + kInnerHeaders> bytes_{};  // the first size_ + kInnerHeaders count
  uint64_t inner_ip_sum_;                                          // of the header with length and checksum 0
  uint64_t outer_ip_sum_;                                          // and without destination
  uint64_t ip_sum_ = 0, udp_sum_ = 0;  // of the prepared packet, without destination
  uint16_t mtu_;
  uint8_t size_;
  bool card_ip_checksum_, card_udp_checksum_;
};

}  // namespace linecast::smart
