// What a hop knows of those who ask it, from their JOINs, LEAVEs and requests, and what it tells them of
// that: SENDER_STATUS, the QUIET field, and QUIET messages. One thread at a time; fixed memory.
#pragma once

#include <algorithm>
#include <optional>

#include "lib/smart/receive/ask_times.h"
#include "lib/smart/send/group_round_trip.h"
#include "lib/smart/send/group_size.h"
#include "lib/smart/send/quiet_control.h"
#include "lib/smart/send/repair_engine.h"

namespace linecast::smart {

class AskingGroup {
 public:
  // For how long the whole group holds back where the budget refuses.
  static constexpr TimeNs kHoldNs = 100 * kNsPerMs;

  // fixed_quiet: the QUIET field for good. window_ns: for how long packets are kept, about.
  AskingGroup(std::optional<uint8_t> fixed_quiet, TimeNs window_ns)
      : quiet_(fixed_quiet, window_ns),
        longest_round_trip_ns_(std::max(window_ns / kRoundTripsInTime, GroupRoundTrip::kLeastNs)),
        round_trip_ns_(std::min(GroupRoundTrip::kUnknownNs, longest_round_trip_ns_)) {}

  // From now on.
  void fix_quiet(std::optional<uint8_t> fixed) { quiet_.fix(fixed); }

  // Genuine reports. False, and nothing is taken, where what they echo is not possible: a replay. again: of
  // somebody whose last one is no older than half a refresh interval, so that the group is not larger by it.
  bool join(TimeNs now, const UsageReport& report, bool again = false);
  bool leave(TimeNs now, const UsageReport& report);

  // What became of a genuine request. Returns whether a QUIET is to hold the whole group back: the budget has
  // refused something, and no such QUIET holds yet.
  bool asked(TimeNs now, const RepairEngine::Outcome& outcome);
  // The QUIET for these, or for the whole group where there are none; all but its group's address.
  Quiet quiet_for(const PairList& list) const;

  // SENDER_STATUS but for what the hop knows itself: group, hops and start number. For once a second, as it
  // brings size and round trip up to date.
  SenderStatus status(TimeNs now);
  // Brings the QUIET field up to date, for every 20 ms.
  uint8_t update_quiet(TimeNs now) { return quiet_.update(now, size_.size(), round_trip_ns_); }

  uint8_t quiet() const { return quiet_.quiet(); }
  uint64_t size() const { return size_.size(); }
  TimeNs round_trip_ns() const { return round_trip_ns_; }
  uint16_t report_window_s() const { return size_.report_window_s(); }

 private:
  QuietControl quiet_;
  TimeNs longest_round_trip_ns_;
  TimeNs round_trip_ns_;
  TimeNs held_until_ = INT64_MIN;
  GroupRoundTrip round_trip_;
  GroupSize size_;
};

}  // namespace linecast::smart
