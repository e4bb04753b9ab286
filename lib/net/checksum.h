// The Internet checksum (RFC 1071), over spans of any length.
#pragma once

#include "lib/base/bytes.h"
#include "lib/base/ipv4.h"

namespace linecast::net {

// One's complement sum of the span as big-endian 16-bit words (odd length padded with 0), added to `sum`; not
// folded to the end.
uint64_t checksum_add(Bytes data, uint64_t sum = 0);
// Folds to 16 bits and complements.
uint16_t checksum_finish(uint64_t sum);
// Sum of the UDP pseudo-header (RFC 768).
uint64_t udp_pseudo_sum(Ipv4 source, Ipv4 destination, uint16_t udp_size);

}  // namespace linecast::net
