// How long packets waited, as a histogram whose buckets are an eighth of a power of two wide.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "lib/base/time.h"

namespace linecast::bench {

class Delays {
 public:
  static constexpr size_t kOctaves = 24;  // each twice the one before; the first ends at 64 ns

  void add(TimeNs delay) {
    const auto ns = static_cast<uint64_t>(std::max<TimeNs>(delay, 0));
    ++counts_[std::min(bucket(ns), counts_.size() - 1)];
    ++samples_;
    most_ns_ = std::max(most_ns_, ns);
  }
  void clear() { *this = {}; }

  uint64_t samples() const { return samples_; }
  double most_us() const { return static_cast<double>(most_ns_) / 1e3; }
  // The upper end of the bucket that the share of packets lies in.
  double quantile_us(double share) const {
    uint64_t below = 0;
    for (size_t i = 0; i < counts_.size(); ++i)
      if (static_cast<double>(below += counts_[i]) >= share * static_cast<double>(samples_))
        return std::min(upper_ns(i), static_cast<double>(most_ns_)) / 1e3;
    return most_us();
  }
  // The share of packets in each octave, and where it ends.
  double share(size_t octave) const {
    uint64_t count = 0;
    for (size_t i = 0; i < kSteps; ++i) count += counts_[octave * kSteps + i];
    return samples_ == 0 ? 0 : static_cast<double>(count) / static_cast<double>(samples_);
  }
  static uint64_t octave_end_ns(size_t octave) { return uint64_t{64} << octave; }

 private:
  static constexpr size_t kSteps = 8;  // in an octave

  static size_t bucket(uint64_t ns) {
    if (ns < 64) return ns / (64 / kSteps);
    const auto octave = static_cast<unsigned>(std::bit_width(ns)) - 6;  // 64 .. 127 ns: 1
    return octave * kSteps + ((ns >> (octave + 2)) & (kSteps - 1));
  }
  static double upper_ns(size_t bucket) {
    const size_t octave = bucket / kSteps, step = bucket % kSteps + 1;
    if (octave == 0) return static_cast<double>(step * (64 / kSteps));
    return static_cast<double>((kSteps + step) << (octave + 2));
  }

  std::array<uint64_t, kOctaves * kSteps> counts_{};
  uint64_t samples_ = 0, most_ns_ = 0;
};

}  // namespace linecast::bench
