// How long a receiver waits before it asks, so that not all of a group ask for the same loss at once: a
// truncated exponential wait (Nonnenmacher and Biersack, "Scalable Feedback for Large Groups", 1999).
#pragma once

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

// (T/L) ln(1 + u (e^L - 1)) with L = 1 + ln(group size); u uniform in [0, 1). kNever for q = 15.
inline TimeNs back_off_ns(uint8_t quiet, uint8_t log2_group_size, double u) {
  const TimeNs window = quiet_window_ns(quiet);
  if (window == 0 || window == kNever) return window;
  const double l = 1 + log2_group_size * std::numbers::ln2;
  return static_cast<TimeNs>(static_cast<double>(window) / l * std::log1p(u * std::expm1(l)));
}

}  // namespace linecast::smart
