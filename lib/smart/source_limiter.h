// How many requests one address may make: a fixed table of token buckets. Addresses that share a bucket share
// its rate; there is no eviction for a flood of addresses to exploit.
#pragma once

#include <vector>

#include "lib/base/ipv4.h"
#include "lib/base/token_bucket.h"

namespace linecast::smart {

class SourceLimiter {
 public:
  static constexpr size_t kBuckets = 4096;

  SourceLimiter(uint64_t rate_per_second, uint64_t depth)
      : buckets_(kBuckets, TokenBucket(rate_per_second, depth)) {}

  bool admit(TimeNs now, Ipv4 source) { return buckets_[(source * 0x9e3779b1u) >> (32 - 12)].take(now, 1); }

 private:
  std::vector<TokenBucket> buckets_;
};

}  // namespace linecast::smart
