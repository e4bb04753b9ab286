// What a host says: answers, changes and leaves, as they fall due.
#include <algorithm>

#include "lib/igmp/host.h"

namespace linecast::igmp {
namespace {

// RFC 3376, section 8.11. Versions 1 and 2 would allow 10 s: but a first report that is lost keeps a channel
// away until the second.
constexpr TimeNs kUnsolicitedIntervalNs = kNsPerSecond;

constexpr size_t kSmallestFrameSources = (kMinMtu - kIpHeaderSize - kMessageSize - 8) / kSourceSize;

bool is_joined(const JoinedSource& s) { return s.joins > 0; }

}  // namespace

// However full the packer is, and however the group's sources are spread over its records.
size_t Host::most_frames_of(size_t group) const {
  if (version_ != Version::kV3) return 1;
  const size_t sources = table_.group(group).source_count;
  return sources == 0 ? 2 : 2 * (sources / kSmallestFrameSources) + 6;
}
static_assert(2 * (MembershipTable::kMaxSourcesAGroup / kSmallestFrameSources) + 6 < Host::kMaxFramesAPoll,
              "a group that never fits a poll would never be reported");

void Host::poll(TimeNs now) {
  if (now < next_due_) return;
  next_due_ = kNever;
  update_version(now);
  if (general_due_ <= now) {
    general_due_ = kNever;
    for (size_t i = 0; i < table_.size(); ++i) {
      table_.due(i).answer = std::min(table_.due(i).answer, now);
      forget_asked(i);
    }
  }
  // One draw for all joins that are reported now: what shares a report shares its repetition too.
  const TimeNs repeat_at = now + static_cast<TimeNs>(random_.below(kUnsolicitedIntervalNs));
  frames_sent_ = 0;
  TimeNs next = general_due_;
  const std::span<GroupDue> all_due = table_.all_due();
  for (size_t i = 0; i < all_due.size(); ++i) {
    const GroupDue& due = all_due[i];
    if (std::min(due.change, due.answer) <= now &&
        frames_sent_ + (packer_.empty() ? 0 : 1) + most_frames_of(i) <= kMaxFramesAPoll)
      report(now, repeat_at, i);
    next = std::min({next, due.change, due.answer});
  }
  send_report(HostCounter::kReportsSent);
  if (sweep_due_) table_.sweep();
  sweep_due_ = false;
  next_due_ = std::max(now, std::min(next_due_, next));
}

void Host::report(TimeNs now, TimeNs repeat_at, size_t group) {
  GroupDue& due = table_.due(group);
  if (version_ != Version::kV3) return report_older(now, group);
  if (due.change <= now) {
    put_changes(group, HostCounter::kReportsSent);
    const auto sources = table_.sources(group);
    const bool more =
        table_.group(group).changes_left > 0 ||
        std::any_of(sources.begin(), sources.end(), [](const JoinedSource& s) { return s.changes_left > 0; });
    due.change = more ? repeat_at : kNever;
    sweep_due_ |= !more;
  }
  if (due.answer <= now) {
    due.answer = kNever;
    put_answer(group);
  }
}

// Versions 1 and 2: a message a group.
void Host::report_older(TimeNs now, size_t group) {
  table_.group(group).suppressed = false;
  JoinedGroup& g = table_.group(group);
  GroupDue& due = table_.due(group);
  const bool joined = table_.joined(group);
  const bool told = !is_ssm(g.address);  // RFC 4604, section 2.2.1: 232/8 is for version 3 alone
  if (!told && joined) counters_.add(HostCounter::kSsmLeftOut);
  if (due.change <= now && g.changes_left > 0) --g.changes_left;
  if (!told || !joined) g.changes_left = 0;
  g.fresh = false;
  due.answer = kNever;  // the report of a join answers a query too
  if (g.changes_left == 0)
    due.change = kNever;
  else if (due.change <= now)
    due.change = now + static_cast<TimeNs>(random_.below(kUnsolicitedIntervalNs));
  sweep_due_ |= !joined;
  if (!told) return;
  if (joined)
    send_message(version_ == Version::kV1 ? MessageType::kV1Report : MessageType::kV2Report, g.address,
                 g.address, HostCounter::kReportsSent);
  else if (version_ == Version::kV2)  // version 1 has no leaves
    send_message(MessageType::kLeave, g.address, kAllRouters, HostCounter::kLeavesSent);
}

// The group's part of a state-change report (RFC 3376, section 5.1).
void Host::put_changes(size_t group, HostCounter counter) {
  JoinedGroup& g = table_.group(group);
  g.fresh = false;
  if (g.changes_left > 0) {
    --g.changes_left;
    if (g.exclude())
      put_record(RecordType::kChangeToExclude, group, counter, [](const JoinedSource&) { return false; });
    else
      put_record(RecordType::kChangeToInclude, group, counter, is_joined);
  } else {
    put_record(RecordType::kAllowNewSources, group, counter,
               [](const JoinedSource& s) { return s.joins > 0 && s.changes_left > 0; });
    put_record(RecordType::kBlockOldSources, group, counter,
               [](const JoinedSource& s) { return s.joins == 0 && s.changes_left > 0; });
  }
  for (JoinedSource& s : table_.sources(group))
    if (s.changes_left > 0) --s.changes_left;
}

// The group's part of a current-state report (RFC 3376, section 5.2).
void Host::put_answer(size_t group) {
  if (table_.group(group).exclude())
    put_record(RecordType::kModeIsExclude, group, HostCounter::kReportsSent,
               [](const JoinedSource&) { return false; });
  else if (table_.group(group).asked_sources)
    put_record(RecordType::kModeIsInclude, group, HostCounter::kReportsSent,
               [](const JoinedSource& s) { return s.joins > 0 && s.asked; });
  else
    put_record(RecordType::kModeIsInclude, group, HostCounter::kReportsSent, is_joined);
  forget_asked(group);
}

// A record of the group's sources that are wanted. Without sources only those types go out to which that
// means something.
template <typename Predicate>
void Host::put_record(RecordType type, size_t group, HostCounter counter, Predicate wanted) {
  std::array<Ipv4, MembershipTable::kMaxSourcesAGroup> list;
  size_t count = 0;
  for (const JoinedSource& s : table_.sources(group))
    if (wanted(s)) list[count++] = s.address;
  const bool says_nothing = type == RecordType::kModeIsInclude || type == RecordType::kAllowNewSources ||
                            type == RecordType::kBlockOldSources;
  if (count == 0 && says_nothing) return;
  std::span<const Ipv4> left = std::span(list).first(count);
  do {
    if (!packer_.fits(left)) send_report(counter);
    left = packer_.add(type, table_.group(group).address, left);
  } while (!left.empty());
}

void Host::send_report(HostCounter counter) {
  if (!packer_.empty()) send_frame(packer_.finish(), kAllV3Routers, counter);
}

void Host::send_message(MessageType type, Ipv4 group, Ipv4 destination, HostCounter counter) {
  ByteWriter w(MutableBytes(frame_).subspan(net::kEthernetSize + kIpHeaderSize));
  w.u8(static_cast<uint8_t>(type));
  w.zeros(3);
  w.u32(group);
  send_frame(w.size(), destination, counter);
}

void Host::send_frame(size_t message_size, Ipv4 destination, HostCounter counter) {
  send_(finish_frame(frame_, message_size, config_.mac, config_.address, destination));
  counters_.add(counter);
  ++frames_sent_;
}

}  // namespace linecast::igmp
