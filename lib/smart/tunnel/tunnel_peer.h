// Where a tunnel ends, and what it takes to send there.
#pragma once

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

struct TunnelDestination {
  TunnelPeer peer;
  uint16_t interface = 0;  // index of the one that the last request came by; whoever sends finds the MAC
};

}  // namespace linecast::smart
