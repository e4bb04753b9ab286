#include "lib/smart/receive/pair_packer.h"

namespace linecast::smart {

PairList take_pairs(std::span<const uint64_t>& sequences) {
  PairList list;
  size_t taken = 0;
  uint64_t base = 0;
  for (const uint64_t s : sequences) {
    if (list.count > 0 && s > base && s - base <= 16) {
      list.pairs[list.count - 1].mask |= static_cast<uint16_t>(1u << (s - base - 1));
    } else {
      if (list.count == kMaxPairs) break;
      list.pairs[list.count++] = {static_cast<uint16_t>(s), 0};
      base = s;
    }
    ++taken;
  }
  sequences = sequences.subspan(taken);
  return list;
}

}  // namespace linecast::smart
