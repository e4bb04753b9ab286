// When the packets of a paced stream leave: at the pace at which they come on average, each within `delay` of
// its arrival. A line through arrivals (sequence against time) is fitted by least squares, over all packets
// at first and with a fading memory later: an alpha-beta filter. A packet leaves half of `delay` behind the
// line, so that one which comes early or late by up to as much still leaves on the line.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/time.h"

namespace linecast::smart {

// One lane writes it.
class Pacer {
 public:
  // delay_ns: what a packet waits at most. room: how many wait at once at most, a power of two. Throws Error
  // where it is none.
  Pacer(TimeNs delay_ns, uint32_t room);

  TimeNs delay_ns() const { return delay_ns_; }
  // For packets that come from now on.
  void set_delay(TimeNs delay_ns);

  // A packet has come; there is room for it. False where it is out of pace: so early or late that it leaves
  // beside the line, or together with the one before it.
  bool arrive(TimeNs now);
  bool is_full() const { return arrived_ - left_ == due_ns_.size(); }
  uint32_t waiting() const { return static_cast<uint32_t>(arrived_ - left_); }
  // Of the one that has waited longest; one waits.
  TimeNs next_due() const { return due_ns_[left_ & (due_ns_.size() - 1)]; }
  // That one leaves.
  void leave() { ++left_; }

  // Between two packets, in ns; 0 before there have been two.
  double interval_ns() const { return interval_ns_; }

 private:
  TimeNs delay_ns_;
  double longest_memory_ = 0;
  std::vector<TimeNs> due_ns_;       // of those that wait, by number
  uint64_t arrived_ = 0, left_ = 0;  // packets
  TimeNs last_arrival_ns_ = INT64_MIN / 2;
  TimeNs last_due_ns_ = 0;
  double line_ns_ = 0;      // where the line had the packet that came last, less its arrival
  double interval_ns_ = 0;  // the line's slope
  double memory_ = 0;       // packets that the line is fitted to
};

}  // namespace linecast::smart
