#include "lib/igmp/host.h"

#include <algorithm>
#include <utility>

#include "lib/base/error.h"
#include "lib/net/checksum.h"

namespace linecast::igmp {
namespace {

constexpr TimeNs kLeastResponseNs = 100 * kNsPerMs;

constexpr size_t kMessageAt = net::kEthernetSize + kIpHeaderSize;
constexpr uint16_t kMinMtu = 68;
constexpr int kRobustness = 2;  // RFC 3376, section 8.1
// RFC 3376, section 8.11. Version 2 would allow 10 s: but a first report that is lost keeps a channel away
// until the second.
constexpr TimeNs kUnsolicitedIntervalNs = kNsPerSecond;

}  // namespace

Host::Host(const HostConfig& config, Random random, Send send)
    : config_(config),
      random_(random),
      send_(std::move(send)),
      frame_(net::kEthernetSize + std::max(config.mtu, kMinMtu)),
      packer_(MutableBytes(frame_).subspan(kMessageAt)) {
  if (config.mtu < kMinMtu)
    throw Error("IGMP: an MTU of " + std::to_string(config.mtu) + " bytes; IPv4 needs " +
                std::to_string(kMinMtu));
}

Host::Membership* Host::find(Ipv4 group) {
  const auto at = std::lower_bound(memberships_.begin(), memberships_.end(), group,
                                   [](const Membership& m, Ipv4 g) { return m.group < g; });
  return at != memberships_.end() && at->group == group ? &*at : nullptr;
}

void Host::schedule(TimeNs& timer, TimeNs due) {
  timer = std::min(timer, due);
  next_due_ = std::min(next_due_, timer);
}

void Host::join(TimeNs now, Ipv4 group, Ipv4 source) {
  auto at = std::lower_bound(memberships_.begin(), memberships_.end(), group,
                             [](const Membership& m, Ipv4 g) { return m.group < g; });
  if (at == memberships_.end() || at->group != group) {
    at = memberships_.insert(at, Membership{.group = group});
    if (source != 0) at->sources.push_back(source);
  } else {
    if (at->sources.empty()) return;  // from any already
    if (source == 0)
      at->sources.clear();
    else if (std::find(at->sources.begin(), at->sources.end(), source) != at->sources.end())
      return;
    else
      at->sources.push_back(source);
    if (config_.version == Version::kV2) return;  // which knows no sources: nothing has changed
  }
  at->unsolicited_left = kRobustness;
  schedule(at->unsolicited_due, now);
}

void Host::leave_all(TimeNs) {
  // Twice, back to back: the first may be lost, and there is no later in which a timer could repeat it.
  // Version 2 leaves once, as its RFC has it: what is lost there costs one membership interval.
  const int times = config_.version == Version::kV3 ? kRobustness : 1;
  for (int i = 0; i < times; ++i) {
    for (const Membership& m : memberships_) {
      if (config_.version == Version::kV2)
        send_message(MessageType::kLeave, m.group, kAllRouters, HostCounter::kLeavesSent);
      else
        put_record(m.sources.empty() ? RecordType::kChangeToInclude : RecordType::kBlockOldSources, m,
                   HostCounter::kLeavesSent);
    }
    send_report(HostCounter::kLeavesSent);
  }
  memberships_.clear();
  general_due_ = kNever;
  next_due_ = kNever;
}

void Host::receive(TimeNs now, Ipv4 source, uint8_t ttl, Bytes message) {
  if (message.size() < kMessageSize) return counters_.add(HostCounter::kBadLength);
  const auto type = static_cast<MessageType>(message[0]);
  const bool is_query = type == MessageType::kQuery;
  if (!is_query && type != MessageType::kV1Report && type != MessageType::kV2Report)
    return counters_.add(HostCounter::kIgnored);
  if (ttl != 1) return counters_.add(HostCounter::kBadTtl);  // it may come from another network
  if (net::checksum_finish(net::checksum_add(message)) != 0) return counters_.add(HostCounter::kBadChecksum);
  if (is_query)
    receive_query(now, message);
  else
    receive_report(source, load_be32(&message[4]));
}

void Host::receive_query(TimeNs now, Bytes message) {
  const std::optional<Query> query = decode_query(message);
  if (!query) return counters_.add(HostCounter::kBadLength);
  const auto draw = [&] {
    // Never at once: a flood of queries with Max Resp Time 0 would be answered one for one, many times its
    // size.
    const auto within = static_cast<uint64_t>(std::max(query->max_response_ns, kLeastResponseNs));
    return now + static_cast<TimeNs>(random_.below(within + 1));
  };
  if (query->group == 0 && query->sources.empty()) {
    counters_.add(HostCounter::kQueries);
    if (config_.version == Version::kV3 && !memberships_.empty()) schedule(general_due_, draw());
    if (config_.version == Version::kV2)
      for (Membership& m : memberships_) schedule(m.report_due, draw());
    return;
  }
  Membership* const membership = find(query->group);
  if (membership == nullptr || !joined_any_of(*membership, query->sources))
    return counters_.add(HostCounter::kIgnored);
  counters_.add(HostCounter::kQueries);
  schedule(membership->report_due, draw());  // a general answer that comes sooner takes it along
}

// Whether a query for these sources (none: for the group) concerns the membership.
bool Host::joined_any_of(const Membership& membership, Bytes sources) const {
  if (sources.empty() || membership.sources.empty() || config_.version == Version::kV2) return true;
  for (size_t at = 0; at < sources.size(); at += 4) {
    const Ipv4 source = load_be32(&sources[at]);
    if (std::find(membership.sources.begin(), membership.sources.end(), source) != membership.sources.end())
      return true;
  }
  return false;
}

void Host::receive_report(Ipv4 source, Ipv4 group) {
  Membership* const membership = config_.version == Version::kV2 ? find(group) : nullptr;
  if (membership == nullptr || source == config_.address) return counters_.add(HostCounter::kIgnored);
  // RFC 2236, section 3: one report a group is enough. But a join is always reported once.
  const bool repeats = membership->unsolicited_left > 0 && membership->unsolicited_left < kRobustness;
  if (!repeats && membership->report_due == kNever) return counters_.add(HostCounter::kIgnored);
  if (repeats) {
    membership->unsolicited_left = 0;
    membership->unsolicited_due = kNever;
  }
  membership->report_due = kNever;  // next_due_ may now be early: a poll too many, which finds nothing
  counters_.add(HostCounter::kSuppressed);
}

void Host::poll(TimeNs now) {
  if (now < next_due_) return;
  if (general_due_ <= now) {
    general_due_ = kNever;
    for (Membership& m : memberships_) m.report_due = std::min(m.report_due, now);
  }
  // One draw for all joins that are reported now: what shares a report shares its repetition too.
  const TimeNs repeat_at = now + static_cast<TimeNs>(random_.below(kUnsolicitedIntervalNs));
  frames_sent_ = 0;
  next_due_ = general_due_;
  for (Membership& m : memberships_) {
    const bool room = frames_sent_ + (packer_.empty() ? 0 : 1) < kMaxFramesAPoll;
    if (room && std::min(m.report_due, m.unsolicited_due) <= now) {
      if (config_.version == Version::kV2)
        report_v2(now, m);
      else
        report_v3(now, repeat_at, m);
    }
    next_due_ = std::min({next_due_, m.report_due, m.unsolicited_due});
  }
  send_report(HostCounter::kReportsSent);
  next_due_ = std::max(next_due_, now);
}

void Host::report_v2(TimeNs now, Membership& membership) {
  membership.report_due = kNever;  // the report of a join answers a query too
  if (membership.unsolicited_due <= now) {
    --membership.unsolicited_left;
    membership.unsolicited_due = membership.unsolicited_left > 0
                                     ? now + static_cast<TimeNs>(random_.below(kUnsolicitedIntervalNs))
                                     : kNever;
  }
  send_message(MessageType::kV2Report, membership.group, membership.group, HostCounter::kReportsSent);
}

void Host::report_v3(TimeNs now, TimeNs repeat_at, Membership& membership) {
  const bool from_any = membership.sources.empty();
  if (membership.unsolicited_due <= now) {
    --membership.unsolicited_left;
    membership.unsolicited_due = membership.unsolicited_left > 0 ? repeat_at : kNever;
    put_record(from_any ? RecordType::kChangeToExclude : RecordType::kAllowNewSources, membership,
               HostCounter::kReportsSent);
  }
  if (membership.report_due <= now) {
    membership.report_due = kNever;
    put_record(from_any ? RecordType::kModeIsExclude : RecordType::kModeIsInclude, membership,
               HostCounter::kReportsSent);
  }
}

void Host::put_record(RecordType type, const Membership& membership, HostCounter counter) {
  std::span<const Ipv4> sources = membership.sources;
  do {
    if (!packer_.fits(sources)) send_report(counter);
    sources = packer_.add(type, membership.group, sources);
  } while (!sources.empty());
}

void Host::send_report(HostCounter counter) {
  if (!packer_.empty()) send_frame(packer_.finish(), kAllV3Routers, counter);
}

void Host::send_message(MessageType type, Ipv4 group, Ipv4 destination, HostCounter counter) {
  ByteWriter w(MutableBytes(frame_).subspan(kMessageAt));
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
