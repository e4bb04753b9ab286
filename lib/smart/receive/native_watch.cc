#include "lib/smart/receive/native_watch.h"

#include <algorithm>

#include "lib/smart/wire.h"

namespace linecast::smart {

void NativeWatch::begin_span(TimeNs now) {
  begun_ns_ = now;
  any_ = next_known_ = counting_ = false;
}

void NativeWatch::message(TimeNs now) {
  now = std::max(now, heard_ns_);
  if (begun_ns_ == kNever || now - heard_ns_ >= kSilentAfter) {
    in_order_ = false;
    begin_span(now);
  }
  heard_ns_ = now;
}

// A sequence that has come before, or is overtaken, is none that rises: so a copy sent again and again is no
// progress.
void NativeWatch::data(TimeNs now, uint64_t sequence) {
  message(now);
  any_ = true;
  if (counting_ && sequence + kMaxSequenceJump < end_) counting_ = false;  // another start of the sender
  if (!counting_) {
    counting_ = true;
    first_ = end_ = sequence;
    came_ = 0;
  }
  if (sequence < end_) return;
  ++came_;
  end_ = sequence + 1;
}

void NativeWatch::heartbeat(TimeNs now, uint64_t last) {
  message(now);
  any_ = true;
  if (counting_) end_ = std::max(end_, last + 1);
}

bool NativeWatch::was_in_order(uint64_t next) const {
  if (!any_) return false;
  const uint64_t progress = next_known_ && next > next_ ? next - next_ : 0;
  if (!counting_) return progress == 0;  // nothing was sent
  const uint64_t lag = next > end_ ? next - end_ : 0;
  const uint64_t all = end_ - first_;
  return lag * 100 <= kMostLagPercent * progress && (all - came_) * 100 <= most_missing_percent_ * all;
}

void NativeWatch::poll(TimeNs now, uint64_t next) {
  if (begun_ns_ == kNever) return;
  if (now - heard_ns_ >= kSilentAfter) {
    in_order_ = false;
    begun_ns_ = kNever;
    return;
  }
  if (!next_known_) {
    next_known_ = true;
    next_ = next;
  }
  if (now - begun_ns_ < span_ns_) return;
  in_order_ = was_in_order(next);
  begin_span(now);
  next_known_ = true;
  next_ = next;
}

}  // namespace linecast::smart
