// Who has had more than its share of a channel's repairs of late: others come first then. It refuses nothing
// of itself, and only repairs that are granted count, so nobody is shut out by requests that bear its
// address.
#pragma once

#include <algorithm>
#include <vector>

#include "lib/base/time.h"
#include "lib/smart/send/source_limiter.h"

namespace linecast::smart {

// Of one source, as the time by which it will have been entitled to all that it has had.
class SourceShare {
 public:
  // So much may be had at once; and so far beyond that it counts.
  static constexpr TimeNs kBurstNs = kNsPerSecond;

  bool is_exceeded(TimeNs now) const { return until_ns_ > now + kBurstNs; }
  // worth: how long the source's share takes to grow by what it is granted.
  void charge(TimeNs now, TimeNs worth) {
    until_ns_ = std::min(std::max(until_ns_, now) + worth, now + 2 * kBurstNs);
  }

 private:
  TimeNs until_ns_ = 0;
};

// Those of a lane, in a fixed table: sources that share a place share its share.
class SourceShares {
 public:
  SourceShares() : places_(kSourcePlaces) {}

  // source: its address, or what else tells it from others.
  SourceShare& of(uint64_t source, uint32_t channel) { return places_[source_place(source, channel)]; }

 private:
  std::vector<SourceShare> places_;
};

}  // namespace linecast::smart
