// IPv4 packets with UDP in them, as tunnels carry them, sound and otherwise.
#pragma once

#include <vector>

#include "lib/net/checksum.h"

namespace linecast::smart {

struct InnerPacket {
  Ipv4 source = 0x0a000001;
  Ipv4 destination = 0xef010203;
  uint16_t port = 47100;
  std::vector<uint8_t> payload{0, 0, 0, 8, 0, 1, 0, 0};
  uint8_t protocol = 17;
  uint16_t fragment = 0;  // flags and offset
  uint8_t option_words = 0;
  bool udp_checksum = true;
};

inline std::vector<uint8_t> inner_packet(const InnerPacket& p) {
  const size_t header = 20 + size_t{4} * p.option_words;
  const auto udp_size = static_cast<uint16_t>(8 + p.payload.size());
  std::vector<uint8_t> out(header + udp_size);
  out[0] = static_cast<uint8_t>(0x40 | header / 4);
  store_be16(&out[2], static_cast<uint16_t>(out.size()));
  store_be16(&out[6], p.fragment);
  out[8] = 16;
  out[9] = p.protocol;
  store_be32(&out[12], p.source);
  store_be32(&out[16], p.destination);
  store_be16(&out[10], net::checksum_finish(net::checksum_add(Bytes(out).first(header))));
  uint8_t* udp = &out[header];
  store_be16(udp, p.port);
  store_be16(udp + 2, p.port);
  store_be16(udp + 4, udp_size);
  std::copy(p.payload.begin(), p.payload.end(), udp + 8);
  if (p.udp_checksum)
    store_be16(udp + 6,
               net::checksum_finish(net::checksum_add(
                   Bytes(out).subspan(header), net::udp_pseudo_sum(p.source, p.destination, udp_size))));
  return out;
}

}  // namespace linecast::smart
