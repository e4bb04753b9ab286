// How long a receiver waits before it asks, so that not all of a group ask for the same loss at once: a
// truncated exponential wait (Nonnenmacher and Biersack, "Scalable Feedback for Large Groups", 1999).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "lib/base/time.h"

namespace linecast::smart {

inline constexpr uint8_t kQuietDoNotAsk = 15;

// T of the QUIET field: 0 for q = 0, 2^(q-1) ms for 1 .. 14, kNever for 15.
constexpr TimeNs quiet_window_ns(uint8_t quiet) {
  if (quiet == 0) return 0;
  return quiet >= kQuietDoNotAsk ? kNever : (TimeNs{1} << (quiet - 1)) * kNsPerMs;
}

// One receiver's luck: the same for all that it is used for.
struct BackOff {
  TimeNs window_ns = 0;  // T, at least 0
  uint8_t log2_group_size = 0;
  double u = 0;  // uniform in [0, 1)

  // (T/L) ln(1 + u (e^L - 1)) with L = 1 + ln(group size), where T is the window or the room, whichever is
  // less.
  TimeNs within(TimeNs room) const {
    const TimeNs window = std::min(window_ns, room);
    if (window <= 0) return 0;
    const double l = 1 + log2_group_size * std::numbers::ln2;
    return static_cast<TimeNs>(static_cast<double>(window) / l * std::log1p(u * std::expm1(l)));
  }
};

}  // namespace linecast::smart
