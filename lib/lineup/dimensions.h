// What follows from a channel's settings.
#pragma once

#include <cstddef>
#include <cstdint>

namespace linecast::lineup {

inline constexpr size_t kTsDatagram = 7 * 188;  // bytes: what MPEG-TS over IP is nearly always sent in
inline constexpr size_t kRtpTsDatagram = 12 + kTsDatagram;
inline constexpr uint32_t kLeastWindowPackets = 64;
inline constexpr uint32_t kMostWindowPackets = 1 << 14;  // a quarter of the 16-bit sequence, and no more

// Packets of kTsDatagram bytes that a rate makes in so much time, rounded up to a power of two and to
// kLeastWindowPackets. Above kMostWindowPackets: too many, the figure itself says nothing.
uint64_t window_packets(uint64_t rate_bps, uint32_t window_ms);
// The largest window that does not go beyond kMostWindowPackets.
uint64_t largest_window_ms(uint64_t rate_bps);

// The largest payload that fits a port's MTU with IPv4, UDP and SMART data headers, sealed or clear.
size_t max_payload(uint16_t mtu, bool sealed);
// The largest that fits with the headers of a tunnel around that.
size_t max_tunnel_payload(uint16_t mtu, bool sealed);

}  // namespace linecast::lineup
