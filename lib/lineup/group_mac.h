// Groups that share a MAC address.
#pragma once

#include "lib/base/ipv4.h"

namespace linecast::lineup {

// 01:00:5e carries the low 23 bits of a group (RFC 1112, section 6.4).
constexpr uint32_t mac_bits(Ipv4 group) { return group & 0x7fffff; }
constexpr bool aliases_link_local(Ipv4 group) { return mac_bits(group) < 256; }

}  // namespace linecast::lineup
