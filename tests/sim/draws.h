// Draws from the distributions that networks are made of here.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lib/base/random.h"
#include "lib/base/time.h"

namespace linecast::sim {

// Exponential with this mean, cut off at ten times of it.
inline TimeNs draw_exponential(Random& random, TimeNs mean) {
  const double drawn = -std::log1p(-random.unit());
  return static_cast<TimeNs>(static_cast<double>(mean) * std::min(drawn, 10.0));
}

// Log-normal, as one-way delays over many paths are, and clipped to a quarter and four times of the median.
struct DelayDistribution {
  TimeNs median = 0;
  double sigma = 0;  // of the logarithm
};
inline TimeNs draw_delay(Random& random, const DelayDistribution& d) {
  // Box and Muller's transform.
  const double normal =
      std::sqrt(-2 * std::log1p(-random.unit())) * std::cos(2 * std::numbers::pi * random.unit());
  return static_cast<TimeNs>(static_cast<double>(d.median) *
                             std::clamp(std::exp(d.sigma * normal), 0.25, 4.0));
}

}  // namespace linecast::sim
