// Whether native multicast brings a stream in order, while another way carries it (a tunnel, or the group
// that it moves away from): judged over spans of ten seconds or less, one after the other. Only what has
// verified is to be told. One thread.
#pragma once

#include "lib/base/time.h"

namespace linecast::smart {

class NativeWatch {
 public:
  static constexpr TimeNs kSpanNs = 10 * kNsPerSecond;
  static constexpr TimeNs kSilentAfter = 3 * kNsPerSecond;
  // Of the stream's progress in a span native multicast may lag behind by so much at its end: a second.
  static constexpr uint64_t kMostLagPercent = 10;

  // most_missing_percent: of the sequences of a span, before repairs.
  void restart(uint64_t most_missing_percent, TimeNs span_ns = kSpanNs) {
    *this = NativeWatch();
    most_missing_percent_ = most_missing_percent;
    span_ns_ = span_ns;
  }

  // What came natively. A message: a sign of life. An original, and a heartbeat with the last sequence sent.
  void message(TimeNs now);
  void data(TimeNs now, uint64_t sequence);
  void heartbeat(TimeNs now, uint64_t last);

  // When poll() has something to do.
  TimeNs next_due() const { return begun_ns_ == kNever ? kNever : begun_ns_ + span_ns_; }
  // next: the sequence after the highest that came by any way.
  void poll(TimeNs now, uint64_t next);

  // The last whole span was, and nothing has been amiss since.
  bool in_order() const { return in_order_; }

 private:
  void begin_span(TimeNs now);
  bool was_in_order(uint64_t next) const;

  uint64_t most_missing_percent_ = 0;
  TimeNs span_ns_ = kSpanNs;
  bool in_order_ = false;
  TimeNs begun_ns_ = kNever;  // the span; kNever: native multicast is silent
  TimeNs heard_ns_ = INT64_MIN;
  // Of this span:
  bool any_ = false;         // data or a heartbeat came
  bool next_known_ = false;  // `next_` holds
  uint64_t next_ = 0;        // as poll() first had it
  bool counting_ = false;    // the next three hold
  uint64_t first_ = 0;       // sequence
  uint64_t end_ = 0;         // after the highest
  uint64_t came_ = 0;        // those that rose
};

}  // namespace linecast::smart
