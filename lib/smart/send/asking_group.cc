#include "lib/smart/send/asking_group.h"

namespace linecast::smart {

bool AskingGroup::join(TimeNs now, const UsageReport& report, bool again) {
  if (const auto& told = report.detail)  // the short form echoes nothing
    if (!round_trip_.add(now, told->echoed_hop_time_us, told->held_us)) return false;
  if (!again) size_.join(now);
  return true;
}

bool AskingGroup::leave(TimeNs now, const UsageReport& report) {
  if (const auto& told = report.detail)
    if (!GroupRoundTrip::is_possible(now, told->echoed_hop_time_us, told->held_us)) return false;
  size_.leave(now);
  return true;
}

bool AskingGroup::asked(TimeNs now, const RepairEngine::Outcome& outcome) {
  quiet_.count(outcome.accepted, outcome.repeated);
  // More requests would be refused as well, and the budget needs time to grow.
  if (outcome.over_budget == 0 || now < held_until_) return false;
  held_until_ = now + kHoldNs;
  return true;
}

Quiet AskingGroup::quiet_for(const PairList& list) const {
  // Who still lacks what is named may ask again two round trips later.
  const TimeNs duration = list.count == 0 ? kHoldNs : 2 * round_trip_ns_;
  return {.duration_ms = static_cast<uint16_t>(duration / kNsPerMs), .list = list};
}

SenderStatus AskingGroup::status(TimeNs now) {
  size_.update(now);
  round_trip_ns_ = std::min(round_trip_.estimate(now), longest_round_trip_ns_);
  return {.hop_time_us = hop_time_us(now),
          .round_trip_ms = static_cast<uint16_t>((round_trip_ns_ + kNsPerMs - 1) / kNsPerMs),
          .report_window_s = report_window_s(),
          .log2_group_size = log2_group_size(size_.size())};
}

}  // namespace linecast::smart
