// What a host has joined on one interface: groups, their sources, and what of them is still to be reported.
// Bounded, and allocated once: only the constructor takes memory. One thread at a time.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "lib/base/bounded_list.h"
#include "lib/base/ipv4.h"
#include "lib/base/time.h"

namespace linecast::igmp {

struct JoinedSource {
  Ipv4 address = 0;
  uint16_t joins = 0;        // 0: left
  uint8_t changes_left = 0;  // reports in which its joining or leaving is still to be said
  bool asked = false;        // by a group-and-source query that is still to be answered
};

struct JoinedGroup {
  Ipv4 address = 0;
  uint32_t first = 0;  // of its sources
  uint16_t source_count = 0;
  uint16_t any_joins = 0;      // joins from any source
  uint8_t changes_left = 0;    // reports of a change of the filter mode; in versions 1 and 2 of the group
  bool fresh = false;          // no report has told of its last change yet
  bool suppressed = false;     // the last answer was left out for another host's
  bool asked_sources = false;  // the answer that is pending is for the asked sources only

  // The interface's filter mode (RFC 3376, section 3.2): EXCLUDE {} where anybody wants any source, else
  // INCLUDE of the sources that are joined.
  bool exclude() const { return any_joins > 0; }
};

// When something of a group is due. Kept apart from the groups, as these are looked through the most.
struct GroupDue {
  TimeNs change = kNever;  // a report of what changed
  TimeNs answer = kNever;  // to a query
};

class MembershipTable {
 public:
  // Of one group: so that its records always fit the frames that a host sends in one go.
  static constexpr size_t kMaxSourcesAGroup = 64;

  MembershipTable(size_t max_groups, size_t max_sources);

  size_t size() const { return groups_.size(); }
  // Groups are in ascending order; indices and references hold until the next insert(), join() or sweep().
  JoinedGroup& group(size_t i) { return groups_[i]; }
  const JoinedGroup& group(size_t i) const { return groups_[i]; }
  GroupDue& due(size_t i) { return due_[i]; }
  const GroupDue& due(size_t i) const { return due_[i]; }
  std::span<GroupDue> all_due() { return {due_.begin(), due_.size()}; }
  // By address, ascending; also those that are left and still to be reported.
  std::span<JoinedSource> sources(size_t i) {
    return {sources_.begin() + groups_[i].first, groups_[i].source_count};
  }
  std::span<const JoinedSource> sources(size_t i) const {
    return {sources_.begin() + groups_[i].first, groups_[i].source_count};
  }
  bool joined(size_t i) const;
  std::optional<size_t> find(Ipv4 group) const;
  JoinedSource* find_source(size_t i, Ipv4 source);

  // The group's index; none where the table is full.
  std::optional<size_t> insert(Ipv4 group);
  // One join more; source 0: from any. False where there is no room.
  bool join(size_t i, Ipv4 source);
  // Lets go of sources and groups that are left and have nothing more to report.
  void sweep();
  void clear();

  // What the table takes of memory, in bytes.
  size_t memory() const;

 private:
  BoundedList<JoinedGroup> groups_;
  BoundedList<GroupDue> due_;          // by the group's index
  BoundedList<JoinedSource> sources_;  // in the order of the groups
};

}  // namespace linecast::igmp
