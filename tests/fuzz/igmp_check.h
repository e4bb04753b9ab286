// What every frame of an IGMP host or querier must be, for its fuzz targets.
#pragma once

#include <algorithm>
#include <vector>

#include "lib/igmp/packet.h"
#include "lib/net/checksum.h"

namespace linecast::igmp {

inline constexpr uint16_t kMtu = kMinMtu;  // few records a frame: bounds are soon met
inline constexpr Ipv4 kAddress = 0x0a000010;

inline void check(bool holds) {
  if (!holds) __builtin_trap();
}

// Some of the input's groups: of the usual ones, of 232/8, of 224.0.0/24, and none at all.
inline Ipv4 group_of(uint8_t byte) {
  constexpr Ipv4 kFirst[] = {0xef000000, 0xef000000, 0xef000000, 0xef000000,
                             0xe8000000, 0xe8000000, 0xe0000000, 0x0a000000};
  return kFirst[byte >> 5] + (byte & 31);
}

// The IGMP message of a frame whose headers are as the RFCs have them.
inline Bytes check_frame(Bytes frame) {
  check(frame.size() <= net::kEthernetSize + kMtu);
  check(frame[14] == 0x46 && frame[15] == 0xc0);                // DSCP CS6
  check(load_be32(&frame[14 + 20]) == 0x94040000);              // Router Alert
  const net::ParsedFrame parsed = net::parse_frame(frame, {});  // checks the header's checksum
  check(parsed.kind == net::FrameKind::kIgmp && parsed.ttl == 1 && parsed.source == kAddress);
  const net::Mac mac = net::multicast_mac(parsed.destination);
  check(std::equal(mac.begin(), mac.end(), frame.begin()));
  check(check_message(parsed.ttl, parsed.payload) == MessageFault::kNone);
  return parsed.payload;
}

inline void put_checksum(std::vector<uint8_t>& message) {
  if (message.size() < 4) return;
  store_be16(&message[2], 0);
  store_be16(&message[2], net::checksum_finish(net::checksum_add(message)));
}

}  // namespace linecast::igmp
