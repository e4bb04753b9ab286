#include "lib/smart/send/quiet_control.h"

#include <algorithm>
#include <cmath>

#include "lib/smart/receive/back_off.h"

namespace linecast::smart {
namespace {

// A loss that all share draws about 1.37 e^(L r / T) - 0.37 requests by the receivers' rule (back_off.h),
// where all have the round trip r: so r L / T decides, L = 1 + ln(size), and with this 4.3 come in groups of
// all sizes. A fixed number of round trips would have small groups wait for as long as a million must.
constexpr double kRoundTripsPerL = 0.81;

uint8_t most_within(TimeNs longest) {
  uint8_t quiet = 0;
  while (quiet < QuietControl::kMost && quiet_window_ns(quiet + 1) <= longest) ++quiet;
  return quiet;
}

}  // namespace

uint8_t quiet_by_size(uint64_t group_size, TimeNs round_trip_ns) {
  const double round_trips = kRoundTripsPerL * (1 + std::log(static_cast<double>(group_size)));
  const auto least = static_cast<TimeNs>(round_trips * static_cast<double>(round_trip_ns));
  uint8_t quiet = 1;
  while (quiet < QuietControl::kMost && quiet_window_ns(quiet) < least) ++quiet;
  return quiet;
}

QuietControl::QuietControl(std::optional<uint8_t> fixed, TimeNs window_ns)
    : fixed_(fixed), most_for_load_(most_within(window_ns / kLoadWaitsAWindow)) {}

uint8_t QuietControl::update(TimeNs now, uint64_t group_size, TimeNs round_trip_ns) {
  if (fixed_) return quiet_;
  if (group_size > kSmallGroup) small_ = false;
  if (group_size <= kSmallAgain) small_ = true;
  const uint8_t by_size = small_ ? 0 : quiet_by_size(group_size, round_trip_ns);
  if (now >= interval_ends_) {
    measure(now, by_size);
    quiet_ = std::max(by_size, std::min(static_cast<uint8_t>(by_size + raised_), most_for_load_));
    // As long as the requests for one loss take to come in.
    interval_ends_ = now + std::max(kLeastIntervalNs, quiet_window_ns(quiet_) + 2 * round_trip_ns);
  }
  return quiet_;
}

void QuietControl::measure(TimeNs now, uint8_t by_size) {
  const uint64_t asked = accepted_ + repeated_;
  // Also where all that is asked for once more was accepted in an earlier interval.
  const uint64_t many = kManyRequests * std::max<uint64_t>(accepted_, 1);
  if (asked > many && by_size + raised_ < most_for_load_) ++raised_;
  if (2 * asked > many) calm_since_ = now;
  if (raised_ > 0 && now - calm_since_ >= kCalmNs) {
    --raised_;
    calm_since_ = now;
  }
  accepted_ = repeated_ = 0;
}

}  // namespace linecast::smart
