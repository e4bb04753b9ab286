// The IGMP querier under random messages and clock steps: its table is bounded, its queries are sound, and
// silence empties it.
#include <bit>
#include <set>

#include "lib/igmp/querier.h"
#include "tests/fuzz/igmp_check.h"

namespace linecast::igmp {
namespace {

constexpr size_t kMaxGroups = 6;
constexpr size_t kMaxSources = 9;
constexpr TimeNs kLongestTimeoutNs = (7 * 31'744 + 20) * kNsPerSecond;

std::set<Ipv4> groups_of(const Querier& querier, TimeNs now) {
  std::set<Ipv4> groups;
  HeardGroupRow row;
  for (size_t i = 0; querier.rows(now, i, {&row, 1}) == 1; ++i) {
    check(is_multicast(row.group) && !is_link_local_group(row.group));
    check(groups.empty() || *groups.rbegin() < row.group);
    check(row.source_count <= kMaxSources && row.left_ns <= kLongestTimeoutNs);
    check(!(row.exclude && is_ssm(row.group)));
    for (size_t s = 0; s < std::min<size_t>(row.source_count, HeardGroupRow::kSources); ++s) {
      check(row.sources[s].left_ns <= kLongestTimeoutNs);
      check(s == 0 || row.sources[s - 1].address < row.sources[s].address);
    }
    groups.insert(row.group);
  }
  check(groups.size() <= kMaxGroups && groups.size() == querier.status(now).groups);
  return groups;
}

// A message put together from few groups and sources, so that they meet again.
std::vector<uint8_t> message_of(ByteReader& r, uint8_t op) {
  std::vector<uint8_t> message;
  const auto put = [&](std::initializer_list<int> bytes) {
    for (const int b : bytes) message.push_back(static_cast<uint8_t>(b));
  };
  const auto put_address = [&](Ipv4 address) {
    message.resize(message.size() + 4);
    store_be32(&message[message.size() - 4], address);
  };
  const auto put_sources = [&](uint8_t bits) {
    for (int i = 0; i < 8; ++i)
      if ((bits >> i & 1) != 0) put_address(1 + static_cast<Ipv4>(i) + (bits & 0x0f));
  };
  switch (op >> 4) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
    case 6: {  // v3 report of one record, and maybe of more that are not there
      const uint8_t sources = r.u8();
      put({0x22, 0, 0, 0, 0, 0, 0, (op & 8) != 0 ? r.u8() & 3 : 1, op >> 4, 0, 0, std::popcount(sources)});
      put_address(group_of(r.u8()));
      put_sources(sources);
      break;
    }
    case 7:
    case 8:
    case 9: {
      constexpr int kTypes[] = {0x12, 0x16, 0x17};
      put({kTypes[(op >> 4) - 7], 0, 0, 0});
      put_address(group_of(r.u8()));
      break;
    }
    case 10:
    case 11: {  // v3 query
      const uint8_t sources = (op & 8) != 0 ? r.u8() : 0;
      put({0x11, r.u8(), 0, 0});
      put_address((op & 0x10) != 0 ? group_of(r.u8()) : 0);
      put({r.u8(), r.u8(), 0, std::popcount(sources)});
      put_sources(sources);
      break;
    }
    case 12: {  // v1 or v2 query
      put({0x11, r.u8(), 0, 0});
      put_address((op & 8) != 0 ? group_of(r.u8()) : 0);
      break;
    }
    default: {
      const Bytes bytes = r.bytes(std::min<size_t>(r.u8() & 63, r.remaining()));
      message.assign(bytes.begin(), bytes.end());
    }
  }
  put_checksum(message);
  return message;
}

Ipv4 usual_destination(Bytes message) {
  if (message.size() < kMessageSize) return kAllHosts;
  if (message[0] == 0x22) return kAllV3Routers;
  if (message[0] == 0x17) return kAllRouters;
  const Ipv4 group = load_be32(&message[4]);
  return group == 0 ? kAllHosts : group;
}

void run(Bytes input) {
  ByteReader r(input);
  const uint8_t setup = r.u8();
  const Version version = (setup & 1) != 0 ? Version::kV2 : Version::kV3;
  size_t sent = 0;
  std::set<Ipv4> groups;
  Querier querier({.mac = {2, 0, 0, 0, 0, 1},
                   .address = kAddress,
                   .mtu = kMtu,
                   .version = version,
                   .robustness = static_cast<uint8_t>(1 + (setup >> 1 & 3)),
                   .max_groups = kMaxGroups,
                   .max_sources_a_group = kMaxSources},
                  [&](Bytes frame) {
                    ++sent;
                    const Bytes message = check_frame(frame);
                    const auto query = decode_query(message);
                    check(message[0] == 0x11 && query && query->version == version);
                    const Ipv4 destination = load_be32(&frame[14 + 16]);
                    check(destination == (query->group == 0 ? kAllHosts : query->group));
                    check(query->group == 0 || groups.contains(query->group));
                  });
  TimeNs now = 1;
  const auto poll = [&] {
    const size_t before = sent;
    groups = groups_of(querier, now);
    querier.poll(now);
    check(sent - before <= Querier::kMaxFramesAPoll && querier.next_due() >= now);
    check(sent == before || querier.status(now).is_querier);
  };
  querier.link_up(now);
  while (r.ok() && r.remaining() > 0) {
    const uint8_t op = r.u8();
    const size_t sent_before = sent;
    switch (op & 7) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4: {
        const std::vector<uint8_t> message = message_of(r, op);
        const uint8_t from = r.u8();
        const Ipv4 source = from == 0 ? 0 : kAddress - 8 + (from & 15);
        querier.receive(now, source, (from & 0xf0) == 0xf0 ? kAllHosts : usual_destination(message),
                        (from & 0xf0) == 0xe0 ? from : 1, message);
        check(sent == sent_before);
        groups_of(querier, now);
        break;
      }
      case 5:  // time passes
        now += TimeNs{r.u16()} << (op >> 3);
        poll();
        break;
      case 6:  // up to what is due
        now = std::max(now, querier.next_due());
        poll();
        break;
      default:
        if (op >= 0xf0) querier.link_up(now);
        poll();
    }
    check(querier.next_due() <= now + kLongestTimeoutNs);
  }
  // However it was left: silence empties the table and wins the election.
  const TimeNs end = now + kLongestTimeoutNs + kNsPerSecond;
  for (int polls = 0; querier.status(now).groups > 0 || !querier.status(now).is_querier; ++polls) {
    check(polls < 10'000 && querier.next_due() <= end);
    now = std::max(now, querier.next_due());
    poll();
  }
  check(querier.status(now).groups == 0 && querier.status(now).is_querier);
  check(querier.status(now).query_interval_ns == kDefaultQueryIntervalNs);
}

}  // namespace
}  // namespace linecast::igmp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  linecast::igmp::run({data, size});
  return 0;
}
