// IPv4 addresses as host-order numbers, and their text form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace linecast {

// Host byte order: 10.0.0.1 is 0x0a000001. 0 stands for "none".
using Ipv4 = uint32_t;

inline bool is_multicast(Ipv4 a) { return a >> 28 == 0xe; }
inline bool is_ssm(Ipv4 a) { return a >> 24 == 232; }  // RFC 4607, section 1
// That one host can have: not in 0/8, 127/8, 224/4 or 240/4 (RFC 1122, section 3.2.1.3).
inline bool is_host_address(Ipv4 a) { return a >> 24 != 0 && a >> 24 != 127 && a >> 28 < 0xe; }
inline bool is_link_local_group(Ipv4 a) {
  return a >> 8 == 0xe00000;
}  // 224.0.0/24, never forwarded (RFC 5771)

// prefix_length: 0 .. 32.
inline bool same_subnet(Ipv4 a, Ipv4 b, uint8_t prefix_length) {
  return prefix_length == 0 || (a ^ b) >> (32 - prefix_length) == 0;
}

inline std::string to_string(Ipv4 a) {
  return std::to_string(a >> 24) + '.' + std::to_string(a >> 16 & 255) + '.' + std::to_string(a >> 8 & 255) +
         '.' + std::to_string(a & 255);
}

// Dotted quad only, no leading zeros, nothing behind it.
inline std::optional<Ipv4> parse_ipv4(std::string_view text) {
  Ipv4 address = 0;
  size_t at = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && (at >= text.size() || text[at++] != '.')) return std::nullopt;
    const size_t begin = at;
    uint32_t value = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9' && at - begin < 3)
      value = value * 10 + static_cast<uint32_t>(text[at++] - '0');
    if (at == begin || value > 255 || (at - begin > 1 && text[begin] == '0')) return std::nullopt;
    address = address << 8 | value;
  }
  return at == text.size() ? std::optional(address) : std::nullopt;
}

}  // namespace linecast
