// What a querier has heard of the members on its link: groups, filter modes, sources and their timers (RFC
// 3376, section 6.2). Bounded, and allocated once: only the constructor takes memory. One thread at a time.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "lib/base/ipv4.h"
#include "lib/base/time.h"

namespace linecast::igmp {

inline constexpr TimeNs kStopped = 0;  // a timer that does not run

struct HeardSource {
  Ipv4 address = 0;
  uint8_t queries_left = 0;  // group-and-source queries still to be sent
  bool named = false;        // by the record that is being applied
  bool query = false;        // the record calls for a query about it
  TimeNs until = kStopped;   // running: forwarded, the RFC's X (of INCLUDE mode A). Stopped: not, its Y
};

// The sources of one group, ascending, in a fixed piece of the table's memory.
class SourceList {
 public:
  explicit SourceList(std::span<HeardSource> room) : room_(room) {}

  size_t size() const { return size_; }
  std::span<HeardSource> all() { return room_.first(size_); }
  std::span<const HeardSource> all() const { return room_.first(size_); }
  HeardSource* find(Ipv4 address);
  // A source that is not there yet, stopped; nullptr where there is no room.
  HeardSource* add(Ipv4 address);
  template <typename Predicate>
  void erase_if(Predicate gone) {
    size_t kept = 0;
    for (const HeardSource& s : all())
      if (!gone(s)) room_[kept++] = s;
    size_ = kept;
  }

 private:
  std::span<HeardSource> room_;
  size_t size_ = 0;
};

struct HeardGroup {
  Ipv4 address = 0;
  bool exclude = false;             // filter mode
  uint8_t queries_left = 0;         // group-specific queries still to be sent
  TimeNs until = kStopped;          // the group timer; runs in EXCLUDE mode only
  TimeNs query_due = kNever;        // the next query about the group or its sources
  TimeNs v1_host_until = kStopped;  // RFC 3376, section 7.3.2
  TimeNs v2_host_until = kStopped;
  Ipv4 last_reporter = 0;
  SourceList sources;

  // No member is left: the group can be forgotten.
  bool empty() const { return !exclude && sources.size() == 0; }
  // Timers that have run out by `now` take effect (RFC 3376, sections 6.3 and 6.5).
  void expire(TimeNs now);
};

class GroupTable {
 public:
  GroupTable(size_t max_groups, size_t max_sources_a_group);

  size_t size() const { return size_; }
  // In ascending order of the addresses. Indices hold until the next insert() or sweep().
  HeardGroup& group(size_t i) { return slots_[order_[i].slot]; }
  const HeardGroup& group(size_t i) const { return slots_[order_[i].slot]; }
  // When a timer of the group runs out, kept beside the order: this is looked through the most.
  TimeNs due(size_t i) const { return order_[i].due; }
  void set_due(size_t i, TimeNs due) { order_[i].due = due; }

  std::optional<size_t> find(Ipv4 group) const;
  // The group's index, found or made (INCLUDE {}); none where the table is full.
  std::optional<size_t> insert(Ipv4 group);
  // Forgets the groups that are empty.
  void sweep();

 private:
  struct Entry {
    Ipv4 address = 0;
    uint32_t slot = 0;
    TimeNs due = kNever;
  };
  // Where the group is, or would go.
  size_t place_of(Ipv4 group) const;

  std::vector<HeardSource> sources_;  // a piece for each slot
  std::vector<HeardGroup> slots_;
  std::vector<Entry> order_;  // the first size_; all vectors keep the length that the constructor gave them
  size_t size_ = 0;
  std::vector<uint32_t> free_;  // slots, the last first; the first slots_.size() - size_
};

}  // namespace linecast::igmp
