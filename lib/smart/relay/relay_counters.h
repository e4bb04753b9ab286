// What a repeater counts of a stream beside what a receiver does: one list makes the enum, the counters,
// their JSON names and the texts.
#pragma once

#include "lib/base/counters.h"

namespace linecast::smart {

#define LINECAST_RELAY_COUNTERS(_)                                                                          \
  _(kPassedOn, "passed_on", "data packets passed on, each once")                                            \
  _(kReplaced, "replaced", "kept packets replaced by a later one of the same number that differs")          \
  _(kStray, "stray", "packets to this repeater alone that mend nothing, and that no tag vouches for")       \
  _(kMissingBelow, "missing_below", "sequences asked for from below that are missing here as well")         \
  _(kTooManyHops, "too_many_hops", "packets not taken: upstream is as many hops from the origin as can be") \
  _(kNoFrame, "no_frame", "packets not taken: the card holds the oldest kept frame and no other is free")   \
  _(kAnnounceLimit, "announce_limit", "KEY_ANNOUNCE dropped: more new ones than are looked at")
LINECAST_COUNTER_LIST(RelayCounter, LINECAST_RELAY_COUNTERS)

using RelayCounters = CounterSet<RelayCounter, kRelayCounterCount>;

}  // namespace linecast::smart
