// Goes through the sequences that a list of (sequence, bitmask) pairs names.
#pragma once

#include "lib/base/serial.h"
#include "lib/smart/wire.h"

namespace linecast::sim {

// visit(uint64_t): full sequences, each the nearest to `reference` with those 16 bits.
template <typename Visit>
void for_each_named(const smart::PairList& list, uint64_t reference, const Visit& visit) {
  for (const smart::SequencePair& pair : list.view()) {
    visit(extend_serial(reference, pair.sequence));
    for (unsigned bit = 0; bit < 16; ++bit)
      if (pair.mask >> bit & 1)
        visit(extend_serial(reference, static_cast<uint16_t>(pair.sequence + 1 + bit)));
  }
}

}  // namespace linecast::sim
