// How much one receiver may ask for on one channel: a fixed table of token buckets. Those that share a bucket
// share its rate; there is no eviction for a flood of addresses to exploit.
#pragma once

#include <vector>

#include "lib/base/token_bucket.h"

namespace linecast::smart {

inline constexpr int kSourcePlaceBits = 12;
inline constexpr size_t kSourcePlaces = size_t{1} << kSourcePlaceBits;

// The place of a source in a table of kSourcePlaces.
constexpr size_t source_place(uint64_t source, uint32_t channel) {
  return ((uint64_t{channel} << 32 ^ source) * 0x9e3779b97f4a7c15) >> (64 - kSourcePlaceBits);
}

class SourceLimiter {
 public:
  SourceLimiter(uint64_t rate_per_second, uint64_t depth)
      : buckets_(kSourcePlaces, TokenBucket(rate_per_second, depth)) {}

  // source: its address, or what else tells it from others. Takes n tokens, or none and returns false.
  bool admit(TimeNs now, uint64_t source, uint32_t channel, uint64_t n) {
    return buckets_[source_place(source, channel)].take(now, n);
  }

 private:
  std::vector<TokenBucket> buckets_;
};

}  // namespace linecast::smart
