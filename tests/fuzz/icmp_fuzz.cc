// ICMP answers to any bytes: each is sound, goes to one host, and is bounded by what came in and by the
// rates.
#include <algorithm>
#include <vector>

#include "lib/net/checksum.h"
#include "lib/net/icmp.h"

namespace linecast::net {
namespace {

constexpr Ipv4 kAddress = 0x0a000001;
constexpr uint16_t kMtu = 256;

void check(bool holds) {
  if (!holds) __builtin_trap();
}

// answer: as written; packet: what it answers.
void check_answer(Bytes answer, Bytes packet) {
  check(answer.size() <= kMtu && answer.size() <= packet.size() + 68);
  std::vector<uint8_t> frame(kEthernetSize + answer.size());
  store_be16(&frame[12], 0x0800);
  std::copy(answer.begin(), answer.end(), frame.begin() + kEthernetSize);
  const ParsedFrame parsed = parse_frame(frame, {});
  check(parsed.kind == FrameKind::kIcmp && parsed.source == kAddress && parsed.ttl == 64);
  check(parsed.payload.size() == answer.size() - kIpv4Size);
  check(checksum_finish(checksum_add(parsed.payload)) == 0);
  const Ipv4 destination = parsed.destination;
  check(destination == load_be32(&packet[12]) && load_be32(&packet[16]) == kAddress);
  check(destination >> 24 != 0 && destination >> 24 != 127 && destination >> 28 < 0xe &&
        destination != kAddress);
}

// Puts right what random bytes seldom have: lengths, addresses, type, checksum.
void mend(std::vector<uint8_t>& packet, uint8_t how) {
  if (packet.size() < kIpv4Size) return;
  if ((how & 1) != 0) packet[0] = static_cast<uint8_t>(0x45 + (how >> 7));
  if ((how & 2) != 0) store_be16(&packet[2], static_cast<uint16_t>(packet.size()));
  if ((how & 4) != 0) store_be32(&packet[16], kAddress);
  if ((how & 8) != 0) store_be16(&packet[6], 0);
  if ((how & 16) != 0) packet[9] = (how & 32) != 0 ? 17 : 1;
  const size_t header_size = size_t{4} * (packet[0] & 0xf);
  if ((how & 32) == 0 && packet.size() >= header_size + 4) {
    const MutableBytes message = MutableBytes(packet).subspan(header_size);
    if ((how & 64) != 0) store_be16(message.data(), 0x0800);  // an echo request
    store_be16(&message[2], 0);
    store_be16(&message[2], checksum_finish(checksum_add(message)));
  }
}

void run(Bytes input) {
  ByteReader r(input);
  IcmpResponder icmp(kAddress, kMtu);
  TimeNs now = 0;
  uint64_t echoes = 0;
  uint64_t refusals = 0;
  uint64_t packets = 0;
  while (r.ok() && r.remaining() > 0) {
    const uint8_t op = r.u8();
    const uint8_t how = r.u8();
    now += TimeNs{r.u8()} << (op & 31);
    const Bytes bytes = r.bytes(std::min<size_t>(r.u16() & 0x1ff, r.remaining()));
    std::vector<uint8_t> packet(bytes.begin(), bytes.end());
    mend(packet, how);
    const bool to_group_mac = (op & 32) != 0;
    const int times = (op & 64) != 0 ? 400 : 1;
    for (int i = 0; i < times; ++i) {
      std::vector<uint8_t> out((op & 128) != 0 ? how : 2 * size_t{kMtu});
      const size_t echoed = icmp.answer_echo(now, packet, to_group_mac, op, out);
      check(echoed <= out.size() && (echoed == 0 || (!to_group_mac && echoed <= packet.size())));
      if (echoed != 0) check_answer(Bytes(out).first(echoed), packet);
      const size_t refused = icmp.refuse_port(now, packet, to_group_mac, op, out);
      check(refused <= std::min(out.size(), IcmpResponder::kMaxUnreachableSize));
      check(refused == 0 || (!to_group_mac && echoed == 0));
      if (refused != 0) check_answer(Bytes(out).first(refused), packet);
      echoes += echoed != 0;
      refusals += refused != 0;
      packets += 2;
    }
    const auto seconds = static_cast<uint64_t>(now / kNsPerSecond);
    check(echoes <= (seconds + 2) * IcmpResponder::kEchoesPerSecond);
    check(refusals <= (seconds + 2) * IcmpResponder::kUnreachablesPerSecond);
  }
  uint64_t counted = 0;
  for (size_t i = 0; i < kIcmpCounterCount; ++i) counted += icmp.count(static_cast<IcmpCounter>(i));
  check(counted == packets && icmp.count(IcmpCounter::kEchoAnswered) == echoes &&
        icmp.count(IcmpCounter::kUnreachableSent) == refusals);
}

}  // namespace
}  // namespace linecast::net

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  linecast::net::run({data, size});
  return 0;
}
