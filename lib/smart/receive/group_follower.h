// The groups that one channel is received at while it moves from one to another (docs/protocol.md,
// "Moving"): joins the new one beside the old, says which one is in use, and leaves what has fallen silent.
// Knows sequences and times, but no key and no socket; one thread.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "lib/smart/group_place.h"
#include "lib/smart/receive/native_watch.h"

namespace linecast::smart {

// By whom groups are joined. Slots: below GroupFollower::kMaxGroups; the configured group is joined in slot 0
// from the start.
class GroupMemberships {
 public:
  // hop: where the stream comes from. False where it cannot be joined; whoever refuses tells why.
  virtual bool join(size_t /*slot*/, const GroupPlace& /*place*/, Ipv4 /*hop*/) { return false; }
  virtual void leave(size_t /*slot*/) {}

 protected:
  ~GroupMemberships() = default;
};

class GroupFollower {
 public:
  static constexpr size_t kMaxGroups = 3;
  static constexpr TimeNs kSpanNs = kNsPerSecond;  // the new group has to bring so long in order
  static constexpr uint64_t kMostMissingPercent = 10;
  static constexpr TimeNs kSilentAfter = 3 * kNsPerSecond;
  // A new group that nothing comes to is given up when it was announced so long ago, and the old one is not
  // silent; who is silent for so long looks at the configured group again.
  static constexpr TimeNs kPatienceNs = 10 * kNsPerSecond;
  static constexpr TimeNs kLookNs = 100 * kNsPerMs;  // poll() is wanted so often while it moves

  // memberships must outlive it.
  GroupFollower(const GroupPlace& configured, GroupMemberships& memberships);

  const GroupPlace& in_use() const { return slots_[in_use_].place; }
  // More than one group is held.
  bool moving() const { return held_ > 1; }
  bool holds(Ipv4 group) const;
  const GroupPlace& given_up() const { return given_up_; }  // after kNotMoved
  std::span<const Ipv4> held(std::array<Ipv4, kMaxGroups>& storage) const;
  // Null: nothing is held in the slot.
  const GroupPlace* held_in(size_t slot) const { return slots_[slot].held ? &slots_[slot].place : nullptr; }
  // kNone: it is not held.
  static constexpr size_t kNone = kMaxGroups;
  size_t find(const GroupPlace& place) const;

  // An announcement that is believed, and each repeat of it. hop: who made it.
  enum class Answer : uint8_t { kJoined, kHeld, kCannotJoin };
  Answer follow(TimeNs now, const GroupPlace& to, Ipv4 hop);
  void announced_again(TimeNs now) { announced_ns_ = now; }

  // What verified, by slot: an original, and a heartbeat with the last sequence sent; copies too.
  void data(TimeNs now, size_t slot, uint64_t sequence);
  void heartbeat(TimeNs now, size_t slot, uint64_t last);

  // When poll() has something to do.
  TimeNs next_due() const;
  enum class Outcome : uint8_t {
    kMoved,    // another group is in use
    kNotMoved  // what was announced did not come
  };
  // next: the sequence after the highest that came. hop: where from; 0: none is known.
  std::optional<Outcome> poll(TimeNs now, uint64_t next, Ipv4 hop);

 private:
  struct Slot {
    GroupPlace place;
    bool held = false;
    bool heard = false;
    TimeNs heard_ns = 0;  // or when it was joined
    NativeWatch watch;
  };

  static bool silent(const Slot& slot, TimeNs now) { return now - slot.heard_ns >= kSilentAfter; }
  static bool comes(const Slot& slot, TimeNs now) { return slot.held && slot.heard && !silent(slot, now); }
  size_t free_slot();
  bool join(TimeNs now, const GroupPlace& place, Ipv4 hop, size_t& slot);
  void leave(size_t slot);
  size_t better_one(TimeNs now) const;

  const GroupPlace configured_;
  GroupMemberships& memberships_;
  std::array<Slot, kMaxGroups> slots_;
  size_t held_ = 1;
  size_t in_use_ = 0;
  size_t target_ = kNone;
  bool announced_ = false;  // the target; not where it is the configured group that is looked at again
  TimeNs announced_ns_ = 0;
  TimeNs look_ns_ = kNever;  // next, while it moves
  GroupPlace given_up_;
  TimeNs looked_home_ns_ = 0;
};

}  // namespace linecast::smart
