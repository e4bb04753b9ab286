// Which sequences are missing, and when each is to be asked for. Knows no network and no key: it is told what
// arrived and what must exist, and gives out what is due. One thread.
#pragma once

#include <span>
#include <type_traits>
#include <vector>

#include "lib/base/bounded_list.h"
#include "lib/base/time.h"
#include "lib/smart/receive/ask_times.h"
#include "lib/smart/receive/receive_counters.h"
#include "lib/smart/receive/sequence_ring.h"

namespace linecast::smart {

struct LossLimits {
  size_t window = 1 << 14;      // sequences from the oldest missing one to the newest; a power of two
  size_t max_timers = 1 << 14;  // gaps outstanding; beyond it new ones are not asked for
};

template <Memory memory>
class BasicLossDetector {
 public:
  using Limits = LossLimits;

  BasicLossDetector(const Limits& limits, ReceiveCounters& counters);

  // Forgets everything; `next` is the first sequence that is expected.
  void start(uint64_t next);
  // The sequence after the highest that is known to exist.
  uint64_t next() const { return tracked_.end(); }

  // All sequences below `end` exist: those from next() on are missing, to be asked for at `due` and not
  // after `deadline`. Nothing where end <= next().
  void reveal(uint64_t end, TimeNs due, TimeNs deadline);
  // This one came. Beyond next() it reveals what is in between first, by the same times. Whether it had been
  // asked for.
  bool arrived(uint64_t sequence, TimeNs due, TimeNs deadline);
  // Those that are missing are held back until then, as far as `times` allow: their repair is on its way.
  // Those that were asked for from here until `asked_until`, which may be sooner.
  void hold(std::span<const uint64_t> sequences, TimeNs until, TimeNs asked_until, const AskTimes& times);

  // When collect() has something to give; kNever: nothing is missing. May be early, never late.
  TimeNs next_due() const { return timers_.size() == 0 ? kNever : timers_.begin()->due; }

  // Writes the missing sequences that are due at times.now to `out`, in rising order as far as their due
  // times allow, and returns how many. What does not fit stays due.
  size_t collect(const AskTimes& times, std::span<uint64_t> out);

  size_t timers() const { return timers_.size(); }

 private:
  static constexpr uint8_t kMostAsked = 16;
  struct Entry {
    TimeNs due = 0;  // kNever: not to be asked for any more
    TimeNs deadline = 0;
    bool missing = false;
    uint8_t asked = 0;  // times; kMostAsked: or more
  };
  // Looks at the sequences first .. last at `due`. Only a reminder: the entries say what is really due, so
  // one that was overtaken does no harm.
  struct Timer {
    TimeNs due;
    uint64_t first, last;
    bool operator<(const Timer& other) const { return due > other.due; }  // a heap with the earliest in front
  };

  using Timers = std::conditional_t<memory == Memory::kGrows, std::vector<Timer>, BoundedList<Timer>>;

  static const Timer kNoTimer;

  static bool extends(const Timer& run, TimeNs due, uint64_t sequence);
  void arm(Timer& run, TimeNs due, uint64_t sequence);
  void push_timer(const Timer& timer);
  Timer pop_timer();
  void push(const Entry& entry);
  void trim(TimeNs now);

  size_t max_timers_;
  ReceiveCounters& counters_;
  SequenceRing<Entry, memory> tracked_;  // from the oldest missing one that still counts
  Timers timers_;                        // a heap
};

extern template class BasicLossDetector<Memory::kGrows>;
extern template class BasicLossDetector<Memory::kTakenOnce>;
using LossDetector = BasicLossDetector<Memory::kGrows>;

}  // namespace linecast::smart
