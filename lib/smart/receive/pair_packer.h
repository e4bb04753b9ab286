// Packs missing sequences into the (sequence, bitmask) pairs of REPLACEMENT.
#pragma once

#include <span>

#include "lib/smart/wire.h"

namespace linecast::smart {

inline constexpr size_t kMaxRequestSize =
    kCommonHeaderSize + 4 + 4 * kMaxPairs + kCmacTrailerSize;  // bytes, trailer included

// Takes sequences off the front of `sequences` until the list is full: each pair is one sequence and those of
// the 16 behind it that follow in the span. Fewest pairs where the sequences rise.
PairList take_pairs(std::span<const uint64_t>& sequences);

}  // namespace linecast::smart
