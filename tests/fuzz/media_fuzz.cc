// MPEG-TS and RTP checks on any bytes.
#include "lib/media/payload.h"

namespace linecast::media {
namespace {

void check(bool holds) {
  if (!holds) __builtin_trap();
}

void run(Bytes packet) {
  if (is_mpeg_ts(packet)) {
    check(!packet.empty() && packet.size() % kTsPacketSize == 0);
    for (size_t at = 0; at < packet.size(); at += kTsPacketSize)
      check(is_mpeg_ts(packet.subspan(at, kTsPacketSize)));
  }
  const size_t header = rtp_header_size(packet);
  const Bytes payload = rtp_payload(packet);
  if (header == 0) {
    check(payload.empty() && !is_rtp(packet));
    return;
  }
  check(header >= 12 && header % 4 == 0 && header + payload.size() <= packet.size());
  check(payload.data() == packet.data() + header);
  // What follows the payload is padding, whose last byte counts it.
  const size_t padding = packet.size() - header - payload.size();
  check((packet[0] & 0x20) != 0 ? padding > 0 && packet.back() == padding : padding == 0);
  check(is_rtp(packet) == ((packet[1] & 0x7f) != 33 || is_mpeg_ts(payload)));
}

}  // namespace
}  // namespace linecast::media

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  linecast::media::run({data, size});
  return 0;
}
