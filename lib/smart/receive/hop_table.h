// The hops that a channel comes from: what each said about asking, and which of its messages are fresh.
// Bounded; one thread.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "lib/base/ipv4.h"
#include "lib/base/time.h"

namespace linecast::smart {

struct Hop {
  Ipv4 address = 0;
  uint8_t quiet = 0;  // the QUIET field of its last packet
  // From its SENDER_STATUS:
  bool status_known = false;
  uint8_t log2_group_size = 0;
  TimeNs round_trip_ns = 50 * kNsPerMs;  // of the group, as far as it is believed
  TimeNs heard_ns = 0;                   // a valid packet or message, last
  TimeNs data_ns = kNever;               // a valid packet or heartbeat, last; kNever: none
  // Its last accepted message with a trailer:
  uint64_t start_number = 0;
  uint64_t count = 0;

  TimeNs asked_ns = kNever;  // the first request since its last answer; kNever: none
};

class HopTable {
 public:
  static constexpr size_t kMaxHops = 8;
  static constexpr TimeNs kSilentAfter = 3 * kNsPerSecond;  // three SENDER_STATUS
  static constexpr int kUnansweredAfter = 4;

  // longest_round_trip_ns: more is not believed of a hop's group that has told nothing yet.
  explicit HopTable(TimeNs longest_round_trip_ns = kNever) : longest_round_trip_ns_(longest_round_trip_ns) {}

  // The hop at this address, from which a valid packet or message came; carries: data or a heartbeat. A new
  // one takes the place of the hop that has been silent for longest; null where none has been for
  // kSilentAfter. Who carries takes that of one that never did, silent or not: an earlier start's messages
  // can be sent again from any number of addresses.
  Hop* heard(Ipv4 address, TimeNs now, bool carries = false);
  // Null where it is not known.
  Hop* find(Ipv4 address);

  // Whether a valid packet or heartbeat came from this address.
  bool carries(Ipv4 address) const;

  // Whether a message with this trailer id and count is newer than what came from the address and, at any
  // address, from that start. Call only for messages whose MAC fits.
  bool fresh(Ipv4 address, uint64_t start_number, uint64_t count) const;

  // Whom to ask: of the hops whose data is not silent first those that may be asked (QUIET is not 15), then
  // those that answer (have not left requests unanswered for kUnansweredAfter round trips), then the
  // preferred one, then the one that data came from last. Null where all are silent.
  Hop* choose(TimeNs now);
  // 0: none.
  void prefer(Ipv4 address) { preferred_ = address; }

  // The longest round trip of the hops whose data is not silent; 0 where all are.
  TimeNs longest_round_trip(TimeNs now) const;

  // The one that data came from last, however long ago; null: from none.
  const Hop* latest() const;

  std::span<const Hop> hops() const { return std::span(hops_).first(size_); }

 private:
  static bool is_silent(const Hop& hop, TimeNs now) {
    return hop.data_ns == kNever || now - hop.data_ns >= kSilentAfter;
  }

  TimeNs longest_round_trip_ns_;
  std::array<Hop, kMaxHops> hops_;
  size_t size_ = 0;
  Ipv4 preferred_ = 0;
};

}  // namespace linecast::smart
