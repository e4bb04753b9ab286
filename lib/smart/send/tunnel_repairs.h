// Repairs for those who have a stream by tunnel: each goes to the one who asked, so that what others ask for
// matters only to the budget. Nor does a tunnel get more than its most, whatever others leave: who asks in
// its name, which on a clear channel anybody can, floods nobody by that. One for each stream; no clock, no
// socket. One thread at a time; nothing is allocated but in the constructor.
#pragma once

#include <vector>

#include "lib/base/time.h"
#include "lib/base/token_bucket.h"
#include "lib/smart/send/repair_engine.h"
#include "lib/smart/send/source_share.h"

namespace linecast::smart {

class TunnelRepairs {
 public:
  static constexpr size_t kQueueRoom = 4096;  // repairs
  struct Settings {
    // Of repairs, for each tunnel that there is: what one leaves others may have.
    uint64_t budget_bytes_a_second = 0;
    uint64_t budget_burst_bytes = 0;
    uint64_t largest_bytes = 0;  // that a repair takes of the budget
    // As RepairEngine's: each repair of a sequence to the same tunnel locks it for twice as long as the last.
    TimeNs longest_lock_ns = 0;
    uint64_t seed = 0;  // random and secret, so that nobody can choose a tunnel that shares another's most
  };
  explicit TunnelRepairs(const Settings& settings);
  // What one tunnel may have of all tunnels' budgets: so many times its own, and of that so much at once. At
  // the usual budget it is the channel's rate, and two seconds of it.
  static constexpr TimeNs kMostShares = 4;
  static constexpr TimeNs kMostAtOnceNs = 2 * kNsPerSecond;
  // From now on; the budget begins full. The seed stays.
  void adjust(const Settings& settings);

  struct Outcome : RepairEngine::Outcome {
    uint32_t queue_full = 0;
  };
  // from: who asks, and is to get the repairs; share: its own. tunnels: as many as there are, at least 1.
  Outcome request(TimeNs now, TimeNs round_trip_ns, const KeptSequences& kept, const PairList& asked,
                  const RepairTarget& from, SourceShare& share, size_t tunnels);

  // Takes the next one off the queue, oldest first; false: there is none. Whether it is still kept is for the
  // caller to see.
  bool take(RepairEngine::Repair& out);
  // Charges what a repair takes of the budget.
  void charge(TimeNs now, uint64_t bytes, size_t tunnels) { budget_.take(now, tokens(bytes, tunnels)); }

  size_t pending() const { return queued_; }

 private:
  // What was repaired of late, by sequence and tunnel. Those that share a place push each other out: then one
  // is repaired again too early.
  static constexpr int kPlaceBits = 12;
  struct Place {
    uint64_t sequence = 0;
    uint64_t peer = 0;
    TimeNs since_ns = 0;  // the last one was asked for
    uint8_t repairs = 0;
  };
  static constexpr uint8_t kMostRepairs = 16;
  // The budget counts in parts of a byte: a byte to one of many tunnels takes that part of one tunnel's.
  static constexpr uint64_t kTokensAByte = 1 << 16;
  static uint64_t tokens(uint64_t bytes, size_t tunnels) { return bytes * kTokensAByte / tunnels; }

  Place& place_of(uint64_t sequence, uint64_t peer);
  TimeNs& most_of(uint64_t peer);
  bool is_locked(const Place& place, TimeNs now, TimeNs round_trip_ns) const;

  std::vector<Place> places_;
  std::vector<TimeNs> most_until_;  // by tunnel: when its most will have grown by what it has had
  const uint64_t seed_;
  std::vector<RepairEngine::Repair> queue_;  // a ring
  size_t queue_head_ = 0, queued_ = 0;
  TokenBucket budget_;
  uint64_t largest_bytes_ = 0;
  uint64_t left_to_others_bytes_ = 0;
  TimeNs share_ns_ = 0;  // in which one tunnel's budget grows by a repair of the largest size
  TimeNs longest_lock_ns_ = 0;
};

}  // namespace linecast::smart
