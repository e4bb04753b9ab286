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
    : sources_(max_groups * max_sources_a_group), order_(max_groups), free_(max_groups) {
  slots_.reserve(max_groups);
  for (size_t i = 0; i < max_groups; ++i) {
    slots_.push_back(
        {.sources = SourceList(std::span(sources_).subspan(i * max_sources_a_group, max_sources_a_group))});
    free_[i] = static_cast<uint32_t>(max_groups - 1 - i);
  }
}

size_t GroupTable::place_of(Ipv4 group) const {
  const auto groups = std::span(order_).first(size_);
  const auto at = std::lower_bound(groups.begin(), groups.end(), group,
                                   [](const Entry& e, Ipv4 address) { return e.address < address; });
  return static_cast<size_t>(at - groups.begin());
}

std::optional<size_t> GroupTable::find(Ipv4 group) const {
  const size_t i = place_of(group);
  return i < size_ && order_[i].address == group ? std::optional(i) : std::nullopt;
}

std::optional<size_t> GroupTable::insert(Ipv4 group) {
  const size_t i = place_of(group);
  if (i < size_ && order_[i].address == group) return i;
  if (size_ == slots_.size()) return std::nullopt;
  const uint32_t slot = free_[slots_.size() - size_ - 1];
  slots_[slot] = {.address = group, .sources = slots_[slot].sources};  // empty: see sweep()
  std::move_backward(order_.data() + i, order_.data() + size_, order_.data() + size_ + 1);
  order_[i] = {.address = group, .slot = slot};
  ++size_;
  return i;
}

void GroupTable::sweep() {
  size_t kept = 0;
  size_t freed = slots_.size() - size_;
  for (size_t i = 0; i < size_; ++i) {
    if (slots_[order_[i].slot].empty())
      free_[freed++] = order_[i].slot;
    else
      order_[kept++] = order_[i];
  }
  size_ = kept;
}

}  // namespace linecast::igmp
