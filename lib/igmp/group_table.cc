#include "lib/igmp/group_table.h"

#include <algorithm>

namespace linecast::igmp {

HeardSource* SourceList::find(Ipv4 address) {
  const auto sources = all();
  const auto at = std::lower_bound(sources.begin(), sources.end(), address,
                                   [](const HeardSource& s, Ipv4 a) { return s.address < a; });
  return at != sources.end() && at->address == address ? &*at : nullptr;
}

HeardSource* SourceList::add(Ipv4 address) {
  if (size_ == room_.size()) return nullptr;
  const auto sources = all();
  const auto at = std::lower_bound(sources.begin(), sources.end(), address,
                                   [](const HeardSource& s, Ipv4 a) { return s.address < a; });
  const auto i = static_cast<size_t>(at - sources.begin());
  std::move_backward(room_.data() + i, room_.data() + size_, room_.data() + size_ + 1);
  ++size_;
  room_[i] = {.address = address};
  return &room_[i];
}

void HeardGroup::expire(TimeNs now) {
  const auto ran_out = [now](const HeardSource& s) { return s.until != kStopped && s.until <= now; };
  if (exclude) {
    for (HeardSource& s : sources.all())
      if (ran_out(s)) s.until = kStopped;
    if (until > now) return;
    exclude = false;
    until = kStopped;
    queries_left = 0;
    sources.erase_if([](const HeardSource& s) { return s.until == kStopped; });
  } else {
    sources.erase_if(ran_out);
  }
}

GroupTable::GroupTable(size_t max_groups, size_t max_sources_a_group)
    : sources_(max_groups * max_sources_a_group) {
  slots_.reserve(max_groups);
  free_.reserve(max_groups);
  order_.reserve(max_groups);
  for (size_t i = 0; i < max_groups; ++i) {
    slots_.push_back(
        {.sources = SourceList(std::span(sources_).subspan(i * max_sources_a_group, max_sources_a_group))});
    free_.push_back(static_cast<uint32_t>(max_groups - 1 - i));
  }
}

std::vector<GroupTable::Entry>::const_iterator GroupTable::lower_bound(Ipv4 group) const {
  return std::lower_bound(order_.begin(), order_.end(), group,
                          [](const Entry& e, Ipv4 address) { return e.address < address; });
}

std::optional<size_t> GroupTable::find(Ipv4 group) const {
  const auto at = lower_bound(group);
  if (at == order_.end() || at->address != group) return std::nullopt;
  return static_cast<size_t>(at - order_.begin());
}

std::optional<size_t> GroupTable::insert(Ipv4 group) {
  const auto at = lower_bound(group);
  const auto i = static_cast<size_t>(at - order_.begin());
  if (at != order_.end() && at->address == group) return i;
  if (free_.empty()) return std::nullopt;
  const uint32_t slot = free_.back();
  free_.pop_back();
  slots_[slot] = {.address = group, .sources = slots_[slot].sources};  // empty: see sweep()
  order_.insert(at, Entry{.address = group, .slot = slot});
  return i;
}

void GroupTable::sweep() {
  std::erase_if(order_, [this](const Entry& e) {
    if (!slots_[e.slot].empty()) return false;
    free_.push_back(e.slot);
    return true;
  });
}

}  // namespace linecast::igmp
