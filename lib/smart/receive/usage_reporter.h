// When a receiver reports that it watches (docs/protocol.md, "Usage at scale"), to which hop, and what it
// says. No key and no socket; one thread.
#pragma once

#include <algorithm>
#include <optional>

#include "lib/base/random.h"
#include "lib/base/time.h"
#include "lib/smart/wire.h"

namespace linecast::smart {

class UsageReporter {
 public:
  // Where no SENDER_STATUS comes for so long, nothing is reported until one does.
  static constexpr TimeNs kSilentAfter = 3 * kNsPerSecond;
  static constexpr uint16_t kLongestWindowS = 3600;
  // Within this, or the report window where that is longer, a repeater says what has changed.
  static constexpr TimeNs kChangeNs = 2 * kNsPerSecond;

  // group, receiver: as the reports name them. random must outlive it.
  UsageReporter(Ipv4 group, Ipv4 receiver, Random& random)
      : group_(group), receiver_(receiver), random_(random) {}

  // A SENDER_STATUS that is believed, of a hop that data comes from. Of several hops the first is reported
  // to, until it is silent.
  void take_status(TimeNs now, Ipv4 hop, const SenderStatus& status);

  // When join() has a report to give; kNever: not before the next take_status().
  TimeNs next_due() const { return hop_ == 0 ? kNever : due_ns_; }
  // The JOIN that is due, and the next one is planned; none before next_due(), nor while the hop is silent.
  std::optional<UsageReport> join(TimeNs now);
  // What a repeater reports has changed: the next JOIN is due soon, if it was not before. Once for each JOIN.
  void hasten(TimeNs now);
  // At the end, whether a JOIN was sent or not. None where no hop is known.
  std::optional<UsageReport> leave(TimeNs now);

  // Where the reports go; 0: no hop is known.
  Ipv4 hop() const { return hop_; }

 private:
  UsageReport report(TimeNs now) const;
  TimeNs window_ns() const { return window_s_ * kNsPerSecond; }
  TimeNs refresh_ns() const { return std::max(60 * kNsPerSecond, window_ns()); }

  const Ipv4 group_, receiver_;
  Random& random_;
  // The hop, and its last SENDER_STATUS:
  Ipv4 hop_ = 0;
  uint64_t start_number_ = 0;
  uint32_t hop_time_us_ = 0;
  uint16_t window_s_ = 0;
  TimeNs status_ns_ = 0;  // when it came

  TimeNs watching_from_ns_ = kNever;
  TimeNs due_ns_ = kNever;
  bool joined_ = false;  // the hop has had a JOIN, and has been heard since
};

}  // namespace linecast::smart
