#include "lib/smart/receive/hop_table.h"

#include <algorithm>
#include <tuple>

#include "lib/smart/receive/back_off.h"

namespace linecast::smart {

Hop* HopTable::find(Ipv4 address) {
  for (size_t i = 0; i < size_; ++i)
    if (hops_[i].address == address) return &hops_[i];
  return nullptr;
}

Hop* HopTable::heard(Ipv4 address, TimeNs now, bool carries) {
  Hop* hop = find(address);
  if (hop == nullptr) {
    if (size_ < kMaxHops) {
      hop = &hops_[size_++];
    } else {
      const auto worth = [carries](const Hop& h) {
        return std::tuple(carries && h.data_ns != kNever, h.heard_ns);
      };
      hop = std::min_element(hops_.begin(), hops_.end(),
                             [&](const Hop& a, const Hop& b) { return worth(a) < worth(b); });
      const bool gives_way = carries && hop->data_ns == kNever;
      if (!gives_way && now - hop->heard_ns < kSilentAfter) return nullptr;
    }
    *hop = Hop{.address = address, .heard_ns = now};
    hop->round_trip_ns = std::min(hop->round_trip_ns, longest_round_trip_ns_);
  }
  hop->heard_ns = std::max(hop->heard_ns, now);
  return hop;
}

bool HopTable::carries(Ipv4 address) const {
  return std::any_of(hops_.begin(), hops_.begin() + size_,
                     [=](const Hop& hop) { return hop.address == address && hop.data_ns != kNever; });
}

bool HopTable::fresh(Ipv4 address, uint64_t start_number, uint64_t count) const {
  return std::none_of(hops_.begin(), hops_.begin() + size_, [&](const Hop& hop) {
    if (hop.start_number == start_number) return count <= hop.count;
    return hop.address == address && start_number < hop.start_number;
  });
}

Hop* HopTable::choose(TimeNs now) {
  const auto rank = [now, this](const Hop& hop) {
    const bool answers = hop.asked_ns == kNever || now - hop.asked_ns < kUnansweredAfter * hop.round_trip_ns;
    return std::tuple(hop.quiet != kQuietDoNotAsk, answers, hop.address == preferred_, hop.data_ns);
  };
  Hop* best = nullptr;
  for (Hop& hop : std::span(hops_).first(size_)) {
    if (is_silent(hop, now)) continue;
    if (best == nullptr || rank(hop) > rank(*best)) best = &hop;
  }
  return best;
}

TimeNs HopTable::longest_round_trip(TimeNs now) const {
  TimeNs longest = 0;
  for (const Hop& hop : hops())
    if (!is_silent(hop, now)) longest = std::max(longest, hop.round_trip_ns);
  return longest;
}

const Hop* HopTable::latest() const {
  const Hop* latest = nullptr;
  for (const Hop& hop : hops())
    if (hop.data_ns != kNever && (latest == nullptr || hop.data_ns > latest->data_ns)) latest = &hop;
  return latest;
}

}  // namespace linecast::smart
