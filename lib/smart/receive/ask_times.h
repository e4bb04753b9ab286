// When a missing sequence is asked for, within the time that it has: after a random wait that keeps a group
// from asking all at once, again while an answer can come, and in time whatever QUIET says.
#pragma once

#include "lib/smart/receive/back_off.h"

namespace linecast::smart {

// What a group's round trip counts for at most, as a part of the time that there is: the sender's window, or
// a receiver's buffer. So there is time to ask three times (at 0, 2 and 4 round trips) and for the answer,
// whatever is said of the group: on a clear channel anybody can make up its JOINs, and who believes in
// seconds asks once only.
inline constexpr TimeNs kRoundTripsInTime = 6;

// The times as they are at `now` towards one hop. A deadline is when a sequence's place is played out.
struct AskTimes {
  TimeNs now;
  TimeNs round_trip_ns;  // of the group
  TimeNs answer_ns;      // after which an answer can be there
  BackOff back_off;
  // While the whole group is to be quiet, and how long before its deadline a sequence is asked for all the
  // same.
  TimeNs quiet_until = INT64_MIN;
  TimeNs quiet_spares_ns = 0;
  // Between two requests for a sequence: twice as long each time, from two round trips up to this (or two
  // round trips where they are longer), as the sender locks it for longer each time.
  TimeNs longest_pause_ns = 0;

  // The first time, from then on. Leaves room for a second, rounding included.
  TimeNs first(TimeNs from, TimeNs deadline) const {
    return spread(from, room(from, deadline, answer_ns + 2 * round_trip_ns + kNsPerMs), deadline);
  }
  // After a request that leaves at `now`, behind so many earlier ones (30 at most) for the same. kNever: no
  // answer would be in time.
  TimeNs again(TimeNs deadline, int asked_before) const {
    const TimeNs least = 2 * round_trip_ns;
    const TimeNs from = now + std::max(least, std::min(least << asked_before, longest_pause_ns));
    return from + answer_ns >= deadline ? kNever : spread(from, deadline - from - answer_ns, deadline);
  }
  // Held back until then, but not for so long that no answer would be in time, nor that all who wait would
  // have to ask at once.
  TimeNs held(TimeNs until, TimeNs deadline) const {
    const TimeNs most = room(now, deadline, answer_ns);
    const TimeNs latest = deadline - answer_ns - std::min(back_off.window_ns, most);
    return spread(std::max(now, std::min(until, latest)), most, deadline);
  }
  // Until when the whole group's quiet holds for a sequence.
  TimeNs quiet_until_for(TimeNs deadline) const { return std::min(quiet_until, deadline - quiet_spares_ns); }
  // Whether an answer to what is asked now would be late.
  bool too_late(TimeNs deadline) const { return now + answer_ns > deadline; }

 private:
  // For waiting: what the rest of the time leaves, or half of that where the rest takes more.
  static TimeNs room(TimeNs from, TimeNs deadline, TimeNs rest) {
    return std::max(deadline - from - rest, (deadline - from) / 2);
  }
  // Where the room cuts the wait short it differs from gap to gap: whole milliseconds, so that gaps can be
  // looked after together.
  TimeNs spread(TimeNs from, TimeNs room, TimeNs deadline) const {
    const TimeNs at = from + back_off.within(room);
    if (room >= back_off.window_ns) return at;
    const TimeNs whole = (at + kNsPerMs - 1) / kNsPerMs * kNsPerMs;
    return std::max(at, std::min(whole, deadline - answer_ns));
  }
};

}  // namespace linecast::smart
