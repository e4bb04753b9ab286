// The round trip of a hop's group: the 95th percentile of what its receivers' JOINs tell over a minute. One
// thread at a time; fixed memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/time.h"

namespace linecast::smart {

// The hop time that SENDER_STATUS carries and JOINs echo: wraps every 71 minutes.
constexpr uint32_t hop_time_us(TimeNs now) { return static_cast<uint32_t>(now / kNsPerUs); }

class GroupRoundTrip {
 public:
  static constexpr TimeNs kLeastNs = kNsPerMs;
  static constexpr TimeNs kMostNs = 2000 * kNsPerMs;
  static constexpr TimeNs kUnknownNs = 50 * kNsPerMs;
  // A busy machine reads its clock late, and two clocks do not run alike: a near receiver may seem to have
  // held it for longer than it was away.
  static constexpr TimeNs kClockErrorNs = 100 * kNsPerMs;
  // No network's: an echo this late is a replay, or made up.
  static constexpr TimeNs kImpossibleNs = 10 * kNsPerSecond;

  // What a JOIN says: the hop time of the last SENDER_STATUS, and for how long the receiver has held it. Not
  // possible: held for longer than it was away by more than kClockErrorNs, or a round trip of kImpossibleNs.
  static bool is_possible(TimeNs now, uint32_t echoed_us, uint32_t held_us);
  // False, and nothing is taken, where it is not possible.
  bool add(TimeNs now, uint32_t echoed_us, uint32_t held_us);

  // kLeastNs .. kMostNs, up to an eighth too large; kUnknownNs before the first JOIN. Where the last minute
  // brought none, it stays: a lone receiver may send one every 90 s only. Reads all buckets: for once a
  // second.
  TimeNs estimate(TimeNs now);

 private:
  // Eight buckets for each doubling, from 2^9 us (kLeastNs lies in it) to 2^21 us (kMostNs).
  static constexpr int kLeastBits = 9, kMostBits = 20, kSteps = 8;
  static constexpr size_t kBuckets = (kMostBits - kLeastBits + 1) * kSteps;
  // The one that is being filled and the three before it: 60 to 80 s.
  static constexpr size_t kGenerations = 4;
  static constexpr TimeNs kGenerationNs = 20 * kNsPerSecond;

  struct Generation {
    int64_t number = INT64_MIN;  // of its time: now / kGenerationNs
    std::array<uint32_t, kBuckets> counts{};
  };
  std::array<Generation, kGenerations> generations_;
  TimeNs estimate_ns_ = kUnknownNs;
};

}  // namespace linecast::smart
