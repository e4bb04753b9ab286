// How much of a stream has stayed unrecovered over the last ten seconds, from totals. One thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "lib/base/time.h"

namespace linecast::smart {

class LossShare {
 public:
  static constexpr TimeNs kSpanNs = 10 * kNsPerSecond;
  static constexpr uint64_t kMostPercent = 1;

  // Forgets all, and looks again from `from` on.
  void restart(TimeNs from) {
    size_ = 0;
    next_ns_ = from;
  }
  TimeNs next_due() const { return next_ns_; }

  // Packets played and sequences given up, in all. Call at next_due(), or earlier.
  void sample(TimeNs now, uint64_t played, uint64_t unrecovered) {
    if (now < next_ns_) return;
    next_ns_ = now + kStepNs;
    if (size_ == samples_.size()) std::shift_left(samples_.begin(), samples_.end(), 1);
    size_ = std::min(size_ + 1, samples_.size());
    samples_[size_ - 1] = {played, unrecovered};
  }

  // More than kMostPercent, over the whole span.
  bool too_much() const {
    if (size_ < samples_.size()) return false;
    const uint64_t lost = samples_.back().unrecovered - samples_.front().unrecovered;
    const uint64_t played = samples_.back().played - samples_.front().played;
    return lost * 100 > kMostPercent * (lost + played);
  }

 private:
  static constexpr TimeNs kStepNs = kNsPerSecond;
  struct Sample {
    uint64_t played = 0;
    uint64_t unrecovered = 0;
  };
  std::array<Sample, kSpanNs / kStepNs + 1> samples_;
  size_t size_ = 0;
  TimeNs next_ns_ = kNever;
};

}  // namespace linecast::smart
