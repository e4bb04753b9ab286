// What a run counts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "lib/base/time.h"

namespace linecast::sim {

// Mean, quantiles and maximum of values from 0 on, which are counted in steps: the mean and the maximum are
// exact, quantiles to a step. Memory follows the greatest value, not how many there are.
class Histogram {
 public:
  explicit Histogram(double step) : step_(step) {}

  void add(double value) {
    value = std::max(value, 0.0);
    const auto bin = static_cast<size_t>(value / step_);
    if (bin >= bins_.size()) bins_.resize(bin + 1);
    ++bins_[bin];
    ++count_;
    sum_ += value;
    max_ = std::max(max_, value);
  }
  uint64_t count() const { return count_; }
  double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }
  double max() const { return max_; }
  // The lower end of the first step with which at least a share q of all values is reached; 0 where there are
  // none.
  double quantile(double q) const {
    uint64_t reached = 0;
    for (size_t bin = 0; bin < bins_.size(); ++bin) {
      reached += bins_[bin];
      if (reached > 0 && static_cast<double>(reached) >= q * static_cast<double>(count_))
        return static_cast<double>(bin) * step_;
    }
    return 0;
  }

 private:
  double step_;
  std::vector<uint64_t> bins_;
  uint64_t count_ = 0;
  double sum_ = 0;
  double max_ = 0;
};

// Of all receivers together.
struct ReceiverStatistics {
  uint64_t received = 0;     // packets in time, one for each receiver
  uint64_t missed = 0;       // packets that a later one, or a heartbeat, overtook: lost, or only reordered
  uint64_t recovered = 0;    // of those: came in time after all
  uint64_t unrecovered = 0;  // did not come, or too late
  uint64_t unneeded = 0;     // copies of what was there
  uint64_t requests = 0;     // datagrams sent
  uint64_t sequences_requested = 0;
  Histogram delay_ms{0.1};  // of what was recovered: after the time at which the original was due
};

// Of a hop that answers.
struct HopStatistics {
  uint64_t originals = 0;
  uint64_t repairs = 0;
  uint64_t over_budget = 0;                          // repairs that were due
  uint64_t quiets = 0;                               // messages
  uint64_t requests = 0;                             // datagrams that came
  uint64_t accepted = 0, repeated = 0, refused = 0;  // sequences that they asked for
  uint64_t not_held = 0;  // by a repeater: sequences that it was still missing itself
  uint64_t joins = 0;
};

}  // namespace linecast::sim
