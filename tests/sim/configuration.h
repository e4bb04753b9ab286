// What one run simulates.
#pragma once

#include <cstdint>
#include <optional>

#include "tests/sim/link.h"

namespace linecast::sim {

struct Configuration {
  uint64_t seed = 1;
  uint32_t receivers = 1000;
  // Receivers that share an upper link; the last one may have fewer. A repeater stands at its lower end where
  // there are repeaters.
  uint32_t branch_size = 1000;
  bool repeaters = false;

  // One way, without jitter: from the origin to a branch's lower end, and on to a receiver.
  DelayDistribution upper_delay{.median = 10 * kNsPerMs, .sigma = 0.5};
  DelayDistribution lower_delay{.median = 5 * kNsPerMs, .sigma = 0.5};
  LinkModel upper{.jitter_ns = kNsPerMs / 2};
  LinkModel lower{.jitter_ns = kNsPerMs / 2};

  TimeNs buffer_ns = kNsPerSecond;
  TimeNs reorder_ns = 5 * kNsPerMs;
  double rate = 1000;  // packets a second
  double budget = 0.25;
  std::optional<uint8_t> quiet;  // the QUIET field of all hops; none: as QuietControl sets it
};

}  // namespace linecast::sim
