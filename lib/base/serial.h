// Serial number arithmetic on 16 bits (RFC 1982) and its extension to full sequences.
#pragma once

#include <cstdint>

namespace linecast {

// How far b is ahead of a, -32768 .. 32767 (RFC 1982, section 3.2; the undefined distance 2^15 reads as
// negative).
inline int16_t serial_distance(uint16_t a, uint16_t b) {
  return static_cast<int16_t>(static_cast<uint16_t>(b - a));
}

// The full sequence nearest to `reference` whose low 16 bits are `low`. Never below 0: near the start it is
// taken ahead.
inline uint64_t extend_serial(uint64_t reference, uint16_t low) {
  const int64_t full =
      static_cast<int64_t>(reference) + serial_distance(static_cast<uint16_t>(reference), low);
  return static_cast<uint64_t>(full < 0 ? full + 0x10000 : full);
}

}  // namespace linecast
