// What both ends of a tunnel know of each other's rules (docs/protocol.md, "Tunnels").
#pragma once

#include <cstdint>

namespace linecast::smart {

inline constexpr uint16_t kLeaseSeconds = 60;
inline constexpr uint8_t kMaxHops = 8;  // from the origin: who is further away grants no tunnels

// On the wire, in TUNNEL_GRANT.
enum class TunnelReason : uint16_t {
  kGranted = 0,
  kNotCarried = 1,
  kNoRoom = 2,
  kTooManyHops = 3,
  kNotAllowed = 4
};

}  // namespace linecast::smart
