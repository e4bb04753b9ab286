// The IGMP host under random joins, leaves, messages and clock steps: what it says is sound, true and
// bounded, and comes to an end.
#include <map>

#include "lib/igmp/host.h"
#include "tests/fuzz/igmp_check.h"

namespace linecast::igmp {
namespace {

constexpr size_t kMaxGroups = 8;
constexpr size_t kMaxSources = 12;
constexpr TimeNs kLongestTimeoutNs = (7 * 31'744 + 3'175) * kNsPerSecond;  // of an older querier

// What the host was told, against which its reports are held.
class Joins {
 public:
  void join(Ipv4 group, Ipv4 source) { ++joins_[group][source]; }
  void leave(Ipv4 group, Ipv4 source) {
    const auto g = joins_.find(group);
    if (g == joins_.end()) return;
    const auto s = g->second.find(source);
    if (s == g->second.end()) return;
    if (--s->second == 0) g->second.erase(s);
    if (g->second.empty()) joins_.erase(g);
  }
  void clear() { joins_.clear(); }
  size_t size() const { return joins_.size(); }
  bool has(Ipv4 group) const { return joins_.contains(group); }
  bool has(Ipv4 group, Ipv4 source) const { return has(group) && joins_.at(group).contains(source); }

 private:
  std::map<Ipv4, std::map<Ipv4, int>> joins_;
};

void check_record(const Joins& joins, const GroupRecord& record) {
  const bool from_any = joins.has(record.group, 0);
  const auto each_joined = [&](bool joined) {
    for (size_t i = 0; i < record.sources.size(); i += kSourceSize)
      check(joins.has(record.group, load_be32(&record.sources[i])) == joined);
  };
  switch (record.type) {
    case RecordType::kModeIsExclude:
    case RecordType::kChangeToExclude:
      check(from_any && record.sources.empty());
      break;
    case RecordType::kModeIsInclude:
    case RecordType::kAllowNewSources:
      check(!from_any && !record.sources.empty());
      each_joined(true);
      break;
    case RecordType::kChangeToInclude:
      check(!from_any);
      each_joined(true);
      break;
    case RecordType::kBlockOldSources:
      check(!from_any && !record.sources.empty());
      each_joined(false);
      break;
    default:
      check(false);
  }
}

void check_report(const Joins& joins, Version version, Bytes frame) {
  const Bytes message = check_frame(frame);
  const Ipv4 destination = load_be32(&frame[14 + 16]);
  const Ipv4 group = load_be32(&message[4]);
  switch (static_cast<MessageType>(message[0])) {
    case MessageType::kV3Report: {
      check(version == Version::kV3 && destination == kAllV3Routers);
      RecordReader records(message);
      while (const auto record = records.next()) {
        check(is_multicast(record->group) && !is_link_local_group(record->group));
        check_record(joins, *record);
      }
      check(records.whole() && load_be16(&message[6]) > 0);
      break;
    }
    case MessageType::kV1Report:
    case MessageType::kV2Report:
      check(version == (message[0] == 0x12 ? Version::kV1 : Version::kV2) && message.size() == kMessageSize);
      check(joins.has(group) && destination == group && !is_ssm(group));
      break;
    case MessageType::kLeave:
      check(version == Version::kV2 && message.size() == kMessageSize);
      check(!joins.has(group) && destination == kAllRouters && !is_ssm(group));
      break;
    default:
      check(false);
  }
}

std::optional<Version> forced_of(uint8_t byte) {
  constexpr std::optional<Version> kForced[] = {std::nullopt, Version::kV1, Version::kV2, Version::kV3};
  return kForced[byte & 3];
}

std::vector<uint8_t> message_of(ByteReader& r, uint8_t op) {
  const Bytes bytes = r.bytes(std::min<size_t>(r.u8() & 63, r.remaining()));
  std::vector<uint8_t> message(bytes.begin(), bytes.end());
  // Mostly queries and reports for groups that may be there, with a good checksum.
  if ((op & 0x40) != 0 && message.size() >= kMessageSize) {
    constexpr uint8_t kTypes[] = {0x11, 0x11, 0x12, 0x16};
    message[0] = kTypes[message[0] & 3];
    if (message[4] != 0) store_be32(&message[4], group_of(message[7]));
  }
  if ((op & 0x20) == 0) put_checksum(message);
  return message;
}

void run(Bytes input) {
  ByteReader r(input);
  const uint8_t setup = r.u8();
  const std::optional<Version> forced = forced_of(setup);
  Joins joins;
  size_t sent = 0;
  const Host* speaking = nullptr;
  Host host({.mac = {2, 0, 0, 0, 0, 1},
             .address = kAddress,
             .mtu = kMtu,
             .forced = forced,
             .max_groups = kMaxGroups,
             .max_sources = kMaxSources},
            Random(setup), [&](Bytes frame) {
              check_report(joins, speaking->version(), frame);
              ++sent;
            });
  speaking = &host;
  TimeNs now = 0;
  const auto poll = [&] {
    const size_t before = sent;
    host.poll(now);
    check(sent - before <= Host::kMaxFramesAPoll && host.next_due() >= now);
  };
  while (r.ok() && r.remaining() > 0) {
    const uint8_t op = r.u8();
    const size_t sent_before = sent;
    switch (op & 7) {
      case 0:
      case 1: {
        const Ipv4 group = group_of(r.u8());
        const Ipv4 source = op >> 4;
        if (host.join(now, group, source) && !is_link_local_group(group)) joins.join(group, source);
        check(sent == sent_before);
        break;
      }
      case 2: {
        const Ipv4 group = group_of(r.u8());
        host.leave(now, group, op >> 4);
        joins.leave(group, op >> 4);
        check(sent == sent_before);
        break;
      }
      case 3:
      case 4: {
        const std::vector<uint8_t> message = message_of(r, op);
        const Ipv4 group = message.size() < kMessageSize ? 0 : load_be32(&message[4]);
        const Ipv4 destination = (op & 8) == 0 && group != 0 ? group : kAllHosts;
        host.receive(now, (op & 0x80) != 0 ? 0 : r.u8(), destination, (op & 0x10) != 0 ? r.u8() : 1, message);
        check(sent == sent_before);
        break;
      }
      case 5:  // time passes
        now += TimeNs{r.u16()} << (op >> 3);
        poll();
        break;
      case 6:  // up to what is due
        if (host.next_due() != kNever) now = std::max(now, host.next_due());
        poll();
        break;
      default:
        if (op < 0xc0) {
          poll();
        } else if (op < 0xf0) {
          host.link_up(now);
          check(sent == sent_before);
        } else {
          joins.clear();
          host.leave_all(now);
          check(host.status(now).groups == 0);
        }
    }
    check(host.next_due() == kNever || host.next_due() <= now + kLongestTimeoutNs);
    const HostStatus status = host.status(now);
    check(status.groups <= kMaxGroups && status.robustness >= 1 && status.robustness <= kMaxRobustness);
  }
  // However it was left: silence brings everything to an end.
  for (int polls = 0; host.next_due() != kNever; ++polls) {
    check(polls < 3000);
    now = std::max(now, host.next_due());
    poll();
  }
  check(host.version() == forced.value_or(Version::kV3));
  check(host.status(now).groups == joins.size());
  MembershipRow row;
  for (size_t i = 0; host.rows(i, {&row, 1}) == 1; ++i) {
    check(row.pending == PendingReport::kNone && row.changes_left == 0);
    check(row.exclude == joins.has(row.group, 0) && joins.has(row.group));
    for (size_t s = 0; s < std::min<size_t>(row.source_count, MembershipRow::kSources); ++s)
      check(joins.has(row.group, row.sources[s]));
  }
}

}  // namespace
}  // namespace linecast::igmp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  linecast::igmp::run({data, size});
  return 0;
}
