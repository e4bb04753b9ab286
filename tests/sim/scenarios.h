// What is simulated, and which figures come of it.
#pragma once

#include <functional>

#include "tests/sim/configuration.h"
#include "tests/sim/report.h"

namespace linecast::sim {

// Told now and then how much of a run is done, 0 .. 1.
using Progress = std::function<void(double)>;

// One packet is lost for all receivers, again and again, a second apart. What the stream carries besides is
// left out: it would come in order, and change nothing.
Row run_shared_loss(const Configuration& configuration, uint32_t repetitions, const Progress& progress);

// A stream of `seconds` over lossy links, and what is left of it.
Row run_stream(const Configuration& configuration, uint32_t seconds, const Progress& progress);

}  // namespace linecast::sim
