// What a report does to a group that a querier knows: the tables of RFC 3376, section 6.4.
#pragma once

#include "lib/base/bytes.h"
#include "lib/igmp/group_table.h"
#include "lib/igmp/packet.h"

namespace linecast::igmp {

// What the tables call for beyond the group's new state.
struct RecordOutcome {
  bool query_group = false;    // Send Q(G)
  bool query_sources = false;  // Send Q(G,S), of the sources marked `query`
  size_t sources_full = 0;     // sources for which there was no room
};

// Applies one record; types that are none of RecordType's do nothing. sources: 4 bytes each, as on the wire,
// in any order, also repeated. membership_interval_ns: the RFC's GMI. A source without room is taken for
// one that nobody named: in EXCLUDE mode it is forwarded, in INCLUDE mode it is not.
RecordOutcome apply_record(HeardGroup& group, RecordType type, Bytes sources, TimeNs now,
                           TimeNs membership_interval_ns);

}  // namespace linecast::igmp
