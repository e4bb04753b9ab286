// The QUIET field of a hop's headers: how long its receivers wait before they ask. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "lib/base/time.h"

namespace linecast::smart {

class QuietControl {
 public:
  static constexpr uint8_t kMost = 14;  // 15 would forbid to ask
  // Receivers that may ask at once; and as few must have become of more before they may again: the size is
  // an estimate, and around a single limit it would go up and down.
  static constexpr uint64_t kSmallGroup = 8;
  static constexpr uint64_t kSmallAgain = 5;
  static constexpr uint32_t kManyRequests = 10;  // for one loss

  // The load has receivers wait for such a part of the window at most, so that there is time to ask several
  // times: on a clear channel anybody can repeat requests, and any member on an encrypted one.
  static constexpr TimeNs kLoadWaitsAWindow = 8;

  // fixed: the field's value for good, whatever comes. window_ns: for how long packets are kept, about.
  QuietControl(std::optional<uint8_t> fixed, TimeNs window_ns);

  // From now on, as the constructor has it.
  void fix(std::optional<uint8_t> fixed) {
    fixed_ = fixed;
    if (fixed) quiet_ = *fixed;
  }
  // What became of a request that was genuine: sequences accepted, and sequences asked for once more.
  void count(uint32_t accepted, uint32_t repeated) {
    accepted_ += accepted;
    repeated_ += repeated;
  }
  // To be called every so often (20 ms). The field from now on: by group size and round trip, and a step more
  // for each measuring interval in which a loss drew more than kManyRequests on average, up to
  // kLoadWaitsAWindow. Such a step is taken back after kCalmNs in which no loss drew half as many.
  uint8_t update(TimeNs now, uint64_t group_size, TimeNs round_trip_ns);
  uint8_t quiet() const { return quiet_; }

 private:
  static constexpr TimeNs kLeastIntervalNs = 100 * kNsPerMs;
  static constexpr TimeNs kCalmNs = 10 * kNsPerSecond;

  void measure(TimeNs now, uint8_t by_size);

  std::optional<uint8_t> fixed_;
  uint8_t most_for_load_;
  uint8_t quiet_ = fixed_.value_or(0);
  bool small_ = true;
  uint8_t raised_ = 0;                    // steps, for the load
  uint64_t accepted_ = 0, repeated_ = 0;  // in this interval
  TimeNs interval_ends_ = INT64_MIN;      // INT64_MIN: none yet
  TimeNs calm_since_ = 0;
};

// The least q, 1 .. kMost, with T(q) >= 0.81 (1 + ln(size)) round trips: 2.6 of them for 9 receivers, 12 for
// a million. For a group that is not small, so of one at least.
uint8_t quiet_by_size(uint64_t group_size, TimeNs round_trip_ns);

}  // namespace linecast::smart
