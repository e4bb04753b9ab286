// Which of the sequences that receivers ask for are repaired, at most once a round trip however many ask and
// more seldom each time, and in what order. One for each stream that is sent; no clock, no socket: it is
// driven by request() and take(). One thread at a time; nothing is allocated but in the constructor. (States
// as in Aeron's retransmit handler: free, pending, lingering.)
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "lib/base/time.h"
#include "lib/base/token_bucket.h"
#include "lib/smart/send/source_share.h"
#include "lib/smart/wire.h"

namespace linecast::smart {

// Where a repair goes: to the group, or by unicast to one who asked for it.
struct RepairTarget {
  Ipv4 address = 0;              // 0: the group
  uint16_t port = 0;             // UDP
  std::array<uint8_t, 6> mac{};  // the way to it, for whoever sends

  bool is_group() const { return address == 0; }
  bool is(const RepairTarget& other) const { return address == other.address && port == other.port; }
};

// The sequences [first, next) can be repaired: from the oldest that is kept to the last that was sent.
struct KeptSequences {
  uint64_t first = 1;
  uint64_t next = 1;
};

class RepairEngine {
 public:
  static constexpr uint64_t kShares = 4;
  struct Settings {
    uint32_t window = 64;                // packets kept: a power of two, at most 2^16
    uint64_t budget_bytes_a_second = 0;  // of repairs
    uint64_t budget_burst_bytes = 0;
    uint64_t largest_bytes = 0;  // that a repair takes of the budget
    // That a QUIET of one pair takes of it, as the group has to carry that as well; each further pair takes
    // four more. A small packet's repair may be smaller than its QUIET.
    uint64_t quiet_bytes = 0;
    // Of the budget, that is left to others by who has had more than 1 / kShares of it of late.
    uint64_t left_to_others_bytes = 0;
    // Each repair of a sequence locks it for twice as long as the one before, from a round trip up to this
    // (or a round trip where that is longer): else one request that somebody sends again and again would draw
    // a repair each round trip, and on a near network these alone would use the budget up.
    TimeNs longest_lock_ns = 0;
    // What happens when a second one asks for what went by unicast less than a round trip ago: it gets a
    // repair of its own, or the repair goes to the group.
    bool always_unicast = false;
  };
  explicit RepairEngine(const Settings& settings);
  // From now on; the window stays as it is, and the budget begins full.
  void adjust(const Settings& settings);

  // What became of the sequences of one request.
  struct Outcome {
    uint32_t accepted = 0;  // pending from now on
    uint32_t repeated = 0;  // pending already, or locked by its last repair
    uint32_t not_sent = 0;
    uint32_t too_old = 0;
    uint32_t over_budget = 0;  // forgotten: whoever still lacks it asks again
    uint32_t over_share = 0;   // likewise; others may have what is left
    uint32_t sum() const { return accepted + repeated + not_sent + too_old + over_budget + over_share; }
  };
  // from: who is to get the repairs; the group, but where plain unicast to the requester is allowed.
  // `quiet` is what a QUIET to the group should name before the repairs leave: exactly the sequences whose
  // repair to the group this request has caused; as many pairs as `asked` has at most. It is charged to the
  // budget. What is accepted is not refused later: the budget has the most that it may take, QUIET included,
  // beside that of all that is pending.
  // share: of who asks.
  Outcome request(TimeNs now, TimeNs round_trip_ns, const KeptSequences& kept, const PairList& asked,
                  const RepairTarget& from, SourceShare& share, PairList& quiet);

  struct Repair {
    uint64_t sequence = 0;
    RepairTarget target;
  };
  enum class Taken : uint8_t {
    kNothing,  // none is pending
    kRepair,   // `out` is to be sent now
    kTooOld,   // the next one is no longer kept
  };
  // Takes the sequence that has been pending longest off the queue, whatever becomes of it: so call it again
  // until kNothing, or as often as there is time for. size_of(sequence): the bytes that its repair takes of
  // the budget, at most Settings::largest_bytes.
  template <typename SizeOf>
  Taken take(TimeNs now, const KeptSequences& kept, const SizeOf& size_of, Repair& out);

  // Sequences that take() has still to see; at most Settings::window.
  size_t pending() const { return queued_; }

  // A repeater has sent it to the group when it came late from above: requests for it that are on their way
  // need no repair. Locked for a round trip, as by a repair.
  void sent_late(TimeNs now, uint64_t sequence) {
    Slot& slot = slots_[sequence & mask_];
    if (slot.state == State::kPending) return;  // it stands in the queue
    slot = {.sequence = sequence, .left_ns = now, .state = State::kLingering, .repairs = 1};
  }

 private:
  enum class State : uint8_t { kFree, kPending, kLingering };
  // One for each place of the window, so that there are never too few. It is the state of the one sequence
  // that it names; to every other sequence of that place it says "free", so that nothing has to be reset
  // when new packets are sent.
  struct Slot {
    uint64_t sequence = 0;
    TimeNs left_ns = 0;  // when its last repair left: of lingering ones
    RepairTarget target;
    State state = State::kFree;
    uint8_t repairs = 0;  // of this sequence, that have left; kMostRepairs: or more
  };
  static constexpr uint8_t kMostRepairs = 16;
  enum class Verdict : uint8_t {
    kAccepted,
    kRepeated,
    kNowToGroup,
    kNotSent,
    kTooOld,
    kOverBudget,
    kOverShare
  };

  Verdict judge(TimeNs now, TimeNs round_trip_ns, const KeptSequences& kept, uint16_t number,
                const RepairTarget& from, SourceShare& share);
  void enqueue(uint64_t sequence);
  // For how long it is locked from its last repair.
  TimeNs lock_ns(const Slot& slot, TimeNs round_trip_ns) const {
    return std::max(round_trip_ns, std::min(round_trip_ns << (slot.repairs - 1), longest_lock_ns_));
  }

  std::vector<Slot> slots_;
  // The places of pending sequences, oldest first: a ring of as many as there are slots. A slot that is
  // pending stands here exactly once, also when a newer sequence has taken it over.
  std::vector<uint16_t> queue_;
  size_t queue_head_ = 0;
  size_t queued_ = 0;
  uint64_t mask_;
  TokenBucket budget_;  // bytes
  uint64_t largest_bytes_;
  uint64_t quiet_bytes_;
  uint64_t left_to_others_;  // bytes
  TimeNs share_ns_;          // in which a share grows by a repair of the largest size
  TimeNs longest_lock_ns_;
  bool always_unicast_;
};

template <typename SizeOf>
RepairEngine::Taken RepairEngine::take(TimeNs now, const KeptSequences& kept, const SizeOf& size_of,
                                       Repair& out) {
  if (queued_ == 0) return Taken::kNothing;
  Slot& slot = slots_[queue_[queue_head_]];
  queue_head_ = (queue_head_ + 1) & mask_;
  --queued_;
  slot.state = State::kFree;
  // Not kept either where the stream has begun anew since, below it.
  if (slot.sequence < kept.first || slot.sequence >= kept.next) return Taken::kTooOld;
  budget_.take(now, size_of(slot.sequence));  // as much is there: judge() has seen to it
  slot.state = State::kLingering;
  slot.left_ns = now;
  if (slot.repairs < kMostRepairs) ++slot.repairs;
  out = {slot.sequence, slot.target};
  return Taken::kRepair;
}

}  // namespace linecast::smart
