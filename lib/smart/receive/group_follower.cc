#include "lib/smart/receive/group_follower.h"

#include <algorithm>

namespace linecast::smart {

GroupFollower::GroupFollower(const GroupPlace& configured, GroupMemberships& memberships)
    : configured_(configured), memberships_(memberships) {
  slots_[0].place = configured;
  slots_[0].held = true;
}

bool GroupFollower::holds(Ipv4 group) const {
  return std::ranges::any_of(slots_, [=](const Slot& s) { return s.held && s.place.group == group; });
}

std::span<const Ipv4> GroupFollower::held(std::array<Ipv4, kMaxGroups>& storage) const {
  size_t count = 0;
  for (const Slot& slot : slots_)
    if (slot.held) storage[count++] = slot.place.group;
  return std::span(storage).first(count);
}

size_t GroupFollower::find(const GroupPlace& place) const {
  const auto at = std::ranges::find_if(slots_, [&](const Slot& s) { return s.held && s.place == place; });
  return static_cast<size_t>(at - slots_.begin());
}

// A free one, else the one that matters least: not in use, and silent for longest.
size_t GroupFollower::free_slot() {
  size_t worst = kNone;
  for (size_t i = 0; i < kMaxGroups; ++i) {
    if (!slots_[i].held) return i;
    if (i != in_use_ && (worst == kNone || slots_[i].heard_ns < slots_[worst].heard_ns)) worst = i;
  }
  leave(worst);
  return worst;
}

bool GroupFollower::join(TimeNs now, const GroupPlace& place, Ipv4 hop, size_t& slot) {
  slot = free_slot();
  if (!memberships_.join(slot, place, hop)) return false;
  slots_[slot] = {.place = place, .held = true, .heard = false, .heard_ns = now, .watch = {}};
  ++held_;
  look_ns_ = now + kLookNs;
  return true;
}

void GroupFollower::leave(size_t slot) {
  memberships_.leave(slot);
  slots_[slot].held = false;
  if (target_ == slot) target_ = kNone;
  if (--held_ == 1) look_ns_ = kNever;
}

GroupFollower::Answer GroupFollower::follow(TimeNs now, const GroupPlace& to, Ipv4 hop) {
  announced_ns_ = now;
  size_t slot = find(to);
  const bool joins = slot == kNone;
  if (joins && !join(now, to, hop, slot)) return Answer::kCannotJoin;
  target_ = slot == in_use_ ? kNone : slot;
  announced_ = true;
  slots_[slot].watch.restart(kMostMissingPercent, kSpanNs);
  return joins ? Answer::kJoined : Answer::kHeld;
}

void GroupFollower::data(TimeNs now, size_t slot, uint64_t sequence) {
  Slot& s = slots_[slot];
  s.heard = true;
  s.heard_ns = std::max(s.heard_ns, now);
  if (slot == target_) s.watch.data(now, sequence);
}

void GroupFollower::heartbeat(TimeNs now, size_t slot, uint64_t last) {
  Slot& s = slots_[slot];
  s.heard = true;
  s.heard_ns = std::max(s.heard_ns, now);
  if (slot == target_) s.watch.heartbeat(now, last);
}

TimeNs GroupFollower::next_due() const {
  if (moving()) return look_ns_;
  if (in_use() == configured_) return kNever;
  return std::max(slots_[in_use_].heard_ns, looked_home_ns_) + kPatienceNs;
}

std::optional<GroupFollower::Outcome> GroupFollower::poll(TimeNs now, uint64_t next, Ipv4 hop) {
  if (next_due() > now) return std::nullopt;
  if (!moving()) {
    // The sender may have come back with what its file says, which is likely what ours says too.
    looked_home_ns_ = now;
    size_t slot = kNone;
    if (join(now, configured_, hop, slot)) {
      target_ = slot;
      announced_ = false;
      slots_[slot].watch.restart(kMostMissingPercent, kSpanNs);
    }
    return std::nullopt;
  }
  look_ns_ = now + kLookNs;
  if (target_ != kNone) slots_[target_].watch.poll(now, next);
  const size_t better = better_one(now);
  if (better != kNone) {
    in_use_ = better;
    target_ = kNone;
    return Outcome::kMoved;
  }
  if (silent(slots_[in_use_], now)) return std::nullopt;  // any other may be the one that comes back
  for (size_t i = 0; i < kMaxGroups; ++i)
    if (slots_[i].held && i != in_use_ && i != target_ && silent(slots_[i], now)) leave(i);
  const bool patient = announced_ && now - announced_ns_ < kPatienceNs;
  if (target_ == kNone || comes(slots_[target_], now) || patient) return std::nullopt;
  given_up_ = slots_[target_].place;
  leave(target_);
  return announced_ ? std::optional(Outcome::kNotMoved) : std::nullopt;
}

// What should be in use instead; kNone: nothing.
size_t GroupFollower::better_one(TimeNs now) const {
  if (target_ != kNone && slots_[target_].watch.in_order()) return target_;
  if (!silent(slots_[in_use_], now)) return kNone;
  size_t newest = kNone;
  for (size_t i = 0; i < kMaxGroups; ++i)
    if (i != in_use_ && comes(slots_[i], now) &&
        (newest == kNone || slots_[i].heard_ns > slots_[newest].heard_ns))
      newest = i;
  return newest;
}

}  // namespace linecast::smart
