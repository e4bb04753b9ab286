// Where a tunnel ends, and what it takes to send there.
#pragma once

#include <array>
#include <compare>

#include "lib/base/ipv4.h"

namespace linecast::smart {

// The source of the request: behind a NAT, the NAT's outside.
struct TunnelPeer {
  Ipv4 address = 0;
  uint16_t port = 0;  // UDP

  uint64_t packed() const { return uint64_t{address} << 16 | port; }
  bool operator==(const TunnelPeer&) const = default;
  auto operator<=>(const TunnelPeer& other) const { return packed() <=> other.packed(); }
};

// How the last request came, and so how to get back there.
struct TunnelWay {
  uint16_t interface = 0;        // index
  std::array<uint8_t, 6> mac{};  // that leads to the peer

  bool operator==(const TunnelWay&) const = default;
};

struct TunnelDestination {
  TunnelPeer peer;
  TunnelWay way;
};

}  // namespace linecast::smart
