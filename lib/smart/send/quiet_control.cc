#include "lib/smart/send/quiet_control.h"

#include <algorithm>

#include "lib/smart/receive/back_off.h"

namespace linecast::smart {

uint8_t quiet_by_size(uint64_t group_size, TimeNs round_trip_ns) {
  if (group_size <= QuietControl::kSmallGroup) return 0;
  uint8_t quiet = 1;
  while (quiet < QuietControl::kMost && quiet_window_ns(quiet) < QuietControl::kRoundTrips * round_trip_ns)
    ++quiet;
  return quiet;
}

uint8_t QuietControl::update(TimeNs now, uint64_t group_size, TimeNs round_trip_ns) {
  if (fixed_) return quiet_;
  const uint8_t by_size = quiet_by_size(group_size, round_trip_ns);
  if (now >= interval_ends_) {
    measure(now, by_size);
    quiet_ = static_cast<uint8_t>(std::min<unsigned>(by_size + raised_, kMost));
    // As long as the requests for one loss take to come in.
    interval_ends_ = now + std::max(kLeastIntervalNs, quiet_window_ns(quiet_) + 2 * round_trip_ns);
  }
  return quiet_;
}

void QuietControl::measure(TimeNs now, uint8_t by_size) {
  const uint64_t asked = accepted_ + repeated_;
  // Also where all that is asked for once more was accepted in an earlier interval.
  const uint64_t many = kManyRequests * std::max<uint64_t>(accepted_, 1);
  if (asked > many && by_size + raised_ < kMost) ++raised_;
  if (2 * asked > many) calm_since_ = now;
  if (raised_ > 0 && now - calm_since_ >= kCalmNs) {
    --raised_;
    calm_since_ = now;
  }
  accepted_ = repeated_ = 0;
}

}  // namespace linecast::smart
