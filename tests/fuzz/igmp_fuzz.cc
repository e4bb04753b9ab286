// The IGMP host under random joins, messages and clock steps: what it sends is sound, bounded and in time.
#include <algorithm>
#include <vector>

#include "lib/igmp/host.h"
#include "lib/net/checksum.h"

namespace linecast::igmp {
namespace {

constexpr uint16_t kMtu = 68;  // four records a frame: bounds are soon met
constexpr Ipv4 kAddress = 0x0a000001;
constexpr Ipv4 kGroups = 0xef000000;     // 239.0.0.0 and up
constexpr size_t kMaxSources = 16;       // a group
constexpr size_t kFramesOfOneGroup = 6;  // 7 sources a frame, a join and an answer
constexpr TimeNs kLongestResponseNs = 3'174'400 * kNsPerMs;

void check(bool holds) {
  if (!holds) __builtin_trap();
}

void check_v3_report(Bytes message) {
  ByteReader r(message.subspan(6));
  const int records = r.u16();
  check(records > 0);
  for (int i = 0; i < records; ++i) {
    const uint8_t type = r.u8();
    check(type >= 1 && type <= 6 && r.u8() == 0);
    const size_t sources = r.u16();
    const Ipv4 group = r.u32();
    check(group - kGroups < 256 && sources <= kMaxSources);
    // Lists of EXCLUDE mode, and of a leave from it, are empty; the others never are.
    check((type >= 2 && type <= 4) == (sources == 0));
    r.skip(4 * sources);
  }
  check(r.done());
}

void check_frame(Bytes frame) {
  check(frame.size() <= net::kEthernetSize + kMtu);
  const net::ParsedFrame parsed = net::parse_frame(frame, {});
  check(parsed.kind == net::FrameKind::kIgmp && parsed.ttl == 1 && parsed.source == kAddress);
  const net::Mac mac = net::multicast_mac(parsed.destination);
  check(std::equal(mac.begin(), mac.end(), frame.begin()));
  check(net::checksum_finish(net::checksum_add(parsed.payload)) == 0);
  if (parsed.payload[0] == 0x22)
    check_v3_report(parsed.payload);
  else
    check(parsed.payload.size() == kMessageSize && load_be32(&parsed.payload[4]) - kGroups < 256);
}

void run(Bytes input) {
  ByteReader r(input);
  size_t sent = 0;
  const uint8_t setup = r.u8();
  Host host({.mac = {2, 0, 0, 0, 0, 1},
             .address = kAddress,
             .mtu = kMtu,
             .version = (setup & 1) != 0 ? Version::kV2 : Version::kV3},
            Random(setup), [&](Bytes frame) {
              check_frame(frame);
              ++sent;
            });
  TimeNs now = 0;
  size_t joins = 0;
  while (r.ok() && r.remaining() > 0) {
    const uint8_t op = r.u8();
    const size_t sent_before = sent;
    switch (op & 7) {
      case 0:
      case 1: {  // join
        const Ipv4 group = kGroups + r.u8();
        host.join(now, group, (op & 8) != 0 ? 0 : 1 + (op >> 4) % kMaxSources);
        ++joins;
        check(sent == sent_before);
        break;
      }
      case 2:
      case 3:
      case 4: {  // a message, most with a good checksum
        const size_t size = std::min<size_t>(r.u8() & 63, r.remaining());
        const Bytes bytes = r.bytes(size);
        std::vector<uint8_t> message(bytes.begin(), bytes.end());
        if ((op & 8) == 0 && message.size() >= 4) {
          store_be16(&message[2], 0);
          store_be16(&message[2], net::checksum_finish(net::checksum_add(message)));
        }
        host.receive(now, op >> 5, (op & 16) != 0 ? op : 1, message);
        check(sent == sent_before);
        break;
      }
      case 5:  // time passes
        now += TimeNs{r.u16()} << (op >> 3);
        [[fallthrough]];
      case 6:  // up to what is due
        if ((op & 7) == 6 && host.next_due() != kNever) now = std::max(now, host.next_due());
        host.poll(now);
        check(sent - sent_before <= Host::kMaxFramesAPoll + kFramesOfOneGroup);
        break;
      default:
        if (op < 0xf0) break;
        host.leave_all(now);
        check(host.next_due() == kNever);
        check(sent - sent_before <= 2 * (joins + 1));
        joins = 0;
    }
    if ((op & 7) == 5 || (op & 7) == 6) check(host.next_due() >= now);
    check(host.next_due() == kNever || host.next_due() <= now + kLongestResponseNs);
  }
  // However it was left: what is due comes to an end.
  for (int polls = 0; host.next_due() != kNever; ++polls) {
    check(polls < 3000);
    now = std::max(now, host.next_due());
    host.poll(now);
  }
}

}  // namespace
}  // namespace linecast::igmp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  linecast::igmp::run({data, size});
  return 0;
}
