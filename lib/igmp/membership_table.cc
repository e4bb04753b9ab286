#include "lib/igmp/membership_table.h"

#include <algorithm>

namespace linecast::igmp {
namespace {

constexpr uint16_t kMaxJoins = UINT16_MAX;

}  // namespace

MembershipTable::MembershipTable(size_t max_groups, size_t max_sources)
    : groups_(max_groups), due_(max_groups), sources_(max_sources) {}

bool MembershipTable::joined(size_t i) const {
  const auto sources = this->sources(i);
  return groups_[i].exclude() ||
         std::any_of(sources.begin(), sources.end(), [](const JoinedSource& s) { return s.joins > 0; });
}

std::optional<size_t> MembershipTable::find(Ipv4 group) const {
  const auto at = std::lower_bound(groups_.begin(), groups_.end(), group,
                                   [](const JoinedGroup& g, Ipv4 address) { return g.address < address; });
  if (at == groups_.end() || at->address != group) return std::nullopt;
  return static_cast<size_t>(at - groups_.begin());
}

JoinedSource* MembershipTable::find_source(size_t i, Ipv4 source) {
  const auto all = sources(i);
  const auto at = std::lower_bound(all.begin(), all.end(), source,
                                   [](const JoinedSource& s, Ipv4 address) { return s.address < address; });
  return at != all.end() && at->address == source ? &*at : nullptr;
}

std::optional<size_t> MembershipTable::insert(Ipv4 group) {
  if (const auto found = find(group)) return found;
  if (groups_.full()) return std::nullopt;
  const auto* at = std::lower_bound(groups_.begin(), groups_.end(), group,
                                    [](const JoinedGroup& g, Ipv4 address) { return g.address < address; });
  const auto first = at == groups_.end() ? static_cast<uint32_t>(sources_.size()) : at->first;
  const auto i = static_cast<size_t>(at - groups_.begin());
  groups_.insert(i, JoinedGroup{.address = group, .first = first});
  due_.insert(i, GroupDue{});
  return i;
}

bool MembershipTable::join(size_t i, Ipv4 source) {
  JoinedGroup& g = groups_[i];
  if (source == 0) {
    if (g.any_joins == kMaxJoins) return false;
    ++g.any_joins;
    return true;
  }
  if (JoinedSource* const there = find_source(i, source)) {
    if (there->joins == kMaxJoins) return false;
    ++there->joins;
    return true;
  }
  if (g.source_count == kMaxSourcesAGroup || sources_.full()) return false;
  const auto all = sources(i);
  const auto at = std::lower_bound(all.begin(), all.end(), source,
                                   [](const JoinedSource& s, Ipv4 address) { return s.address < address; });
  sources_.insert(g.first + static_cast<size_t>(at - all.begin()),
                  JoinedSource{.address = source, .joins = 1});
  ++g.source_count;
  for (size_t later = i + 1; later < groups_.size(); ++later) ++groups_[later].first;
  return true;
}

void MembershipTable::sweep() {
  size_t kept_groups = 0;
  uint32_t kept_sources = 0;
  for (size_t i = 0; i < groups_.size(); ++i) {
    JoinedGroup g = groups_[i];
    const uint32_t first = kept_sources;
    for (const JoinedSource& s : sources(i))
      if (s.joins > 0 || s.changes_left > 0) sources_[kept_sources++] = s;
    g.first = first;
    g.source_count = static_cast<uint16_t>(kept_sources - first);
    if (g.any_joins == 0 && g.changes_left == 0 && g.source_count == 0) continue;
    due_[kept_groups] = due_[i];
    groups_[kept_groups++] = g;
  }
  groups_.truncate(kept_groups);
  due_.truncate(kept_groups);
  sources_.truncate(kept_sources);
}

void MembershipTable::clear() {
  groups_.truncate(0);
  due_.truncate(0);
  sources_.truncate(0);
}

size_t MembershipTable::memory() const {
  return groups_.capacity() * sizeof(JoinedGroup) + due_.capacity() * sizeof(GroupDue) +
         sources_.capacity() * sizeof(JoinedSource);
}

}  // namespace linecast::igmp
