// A token bucket on the caller's time. Tokens are whatever the caller counts (bytes, packets).
#pragma once

#include <algorithm>
#include <cstdint>

#include "lib/base/time.h"

namespace linecast {

class TokenBucket {
 public:
  TokenBucket() = default;
  // Full at first. rate_per_second and depth in tokens; depth also bounds what one idle spell saves up.
  TokenBucket(uint64_t rate_per_second, uint64_t depth)
      : rate_(static_cast<double>(rate_per_second) / kNsPerSecond),
        depth_(static_cast<double>(depth)),
        tokens_(depth_) {}

  // Whether n tokens are there.
  bool holds(TimeNs now, uint64_t n) {
    if (now > last_) {
      tokens_ = std::min(depth_, tokens_ + rate_ * static_cast<double>(now - last_));
      last_ = now;
    }
    return tokens_ >= static_cast<double>(n);
  }
  // Takes n tokens, or none and returns false where fewer are there.
  bool take(TimeNs now, uint64_t n) {
    if (!holds(now, n)) return false;
    tokens_ -= static_cast<double>(n);
    return true;
  }

 private:
  double rate_ = 0;  // tokens a nanosecond
  double depth_ = 0;
  double tokens_ = 0;
  TimeNs last_ = 0;
};

}  // namespace linecast
