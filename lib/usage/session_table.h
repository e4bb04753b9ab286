// Who is there: a bounded table of sessions, found by who and channel, and given back when they are due to
// expire. One thread; takes its memory in the constructor, at most 92 bytes a session. Time is an argument
// and should not go back.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/usage/heard_usage.h"

namespace linecast::usage {

struct Session {
  uint64_t who = 0;
  uint32_t channel = 0;
  Ipv4 source = 0;
  uint64_t number = 0;
  TimeNs part_from = 0;     // where the part that is not recorded yet began
  TimeNs heard = 0;         // its last report; of one that is gone: its end
  uint64_t watched_ms = 0;  // of that part
  uint32_t part = 0;        // its number
  uint32_t receivers = 0;
  uint32_t claimed_s = 0;
  uint32_t chain = 0;      // the table's: the next in the same place, or the next free one
  uint16_t refresh_s = 0;  // as long as W can say
  Reach reach = Reach::kUnknown;
  bool open = false;   // false: gone, and remembered
  bool left = false;   // gone: by a LEAVE
  bool clear = false;  // who: source address | address reported; else a receiver id
  bool repeater = false;

  TimeNs refresh_ns() const { return refresh_s * kNsPerSecond; }
  TimeNs due() const { return heard + kExpiryIntervals * refresh_ns(); }
};

static_assert(sizeof(Session) == 72);

class SessionTable {
 public:
  // seed: secret (keyed_hash.h). capacity: 1 .. 2^31.
  SessionTable(size_t capacity, uint64_t seed, TimeNs start);

  Session* find(uint64_t who, uint32_t channel);
  // An open session that is nowhere yet, to be scheduled by the caller. Takes the place of the one that has
  // been gone for longest if no place is free; null where all are open.
  Session* add(uint64_t who, uint32_t channel);
  void remove(Session& session);

  // To be called when due() has come nearer or was set first; where it has only moved on, nothing need be
  // done.
  void schedule(Session& session);
  // The next open session that is due, taken off the schedule; null where there is none. Looks at `budget`
  // sessions at most, and takes off it those it looked at.
  Session* take_due(TimeNs now, size_t& budget);

  // Ends an open session, scheduled or not, but remembers it: until its place is needed.
  void retire(Session& session);
  // An open one again; to be scheduled.
  void reopen(Session& session);
  // The one that has been gone for longest; null: none is remembered.
  Session* longest_gone();

  size_t open() const { return open_; }
  size_t capacity() const { return sessions_.size(); }
  Session& at(size_t i) { return sessions_[i]; }  // i < capacity(); those not in use are not open
  size_t memory() const;                          // bytes

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  // Seconds ahead that have a list of their own; what is due later waits in the last one.
  static constexpr uint32_t kSlots = 2048;

  struct Links {
    uint32_t next, previous;
  };
  uint32_t index_of(const Session& session) const {
    return static_cast<uint32_t>(&session - sessions_.data());
  }
  uint32_t& head_of(uint64_t who, uint32_t channel);
  // Lists are rings: the heads stand behind the sessions' own links.
  uint32_t slot_head(int64_t second) const;
  uint32_t gone_head() const { return static_cast<uint32_t>(sessions_.size()) + kSlots; }
  void link(uint32_t index, uint32_t head);  // as its last
  void unlink(uint32_t index);

  const uint64_t seed_;
  std::vector<Session> sessions_;
  std::vector<Links> links_;
  std::vector<uint32_t> heads_;
  uint32_t free_ = 0;
  size_t open_ = 0;
  int64_t second_;  // that of the schedule's first list which may hold sessions
};

}  // namespace linecast::usage
