// A USAGE_REPORT_JOIN or LEAVE that was found good, as a lane gives it to the control lcore.
#pragma once

#include <algorithm>

#include "lib/base/counters.h"
#include "lib/base/ipv4.h"
#include "lib/base/time.h"

namespace linecast::usage {

// How a receiver is reached: the levels of SIMPLE.
#define LINECAST_USAGE_REACHES(_)                              \
  _(kUnknown, "unknown", "not known")                          \
  _(kNative, "native", "native multicast")                     \
  _(kRepeaterTunnel, "repeater_tunnel", "a repeater's tunnel") \
  _(kOriginTunnel, "origin_tunnel", "the origin's tunnel")
LINECAST_COUNTER_LIST(Reach, LINECAST_USAGE_REACHES)

struct HeardUsage {
  TimeNs time = 0;        // monotonic
  uint64_t receiver = 0;  // its id, of the upward trailer; 0: of a clear channel
  uint32_t channel = 0;   // index in the UsageTable
  Ipv4 source = 0;        // where the report came from, and its UDP port
  uint16_t source_port = 0;
  Ipv4 reported = 0;  // Address 2 of the report: tells receivers of a clear channel apart behind a NAT
  bool leave = false;
  // That the reporter may count for others: whoever keeps the accounts knows it for a repeater. Anybody else
  // counts as one receiver, whatever it says.
  bool repeater = false;
  Reach reach = Reach::kUnknown;
  uint32_t watched_s = 0;        // as claimed
  uint32_t receivers = 1;        // as claimed: 1, or a repeater's total
  uint16_t report_window_s = 0;  // W of SENDER_STATUS at the time

  // The refresh interval: docs/protocol.md, "Usage at scale".
  uint16_t refresh_s() const { return std::max<uint16_t>(60, report_window_s); }
  TimeNs refresh_ns() const { return refresh_s() * kNsPerSecond; }
};

// So many refresh intervals after its last report a receiver counts as gone.
inline constexpr TimeNs kExpiryIntervals = 3;

}  // namespace linecast::usage
