#include "lib/media/payload.h"

namespace linecast::media {
namespace {

constexpr uint8_t kSyncByte = 0x47;
constexpr size_t kRtpFixedSize = 12;
constexpr uint8_t kPayloadTypeMp2t = 33;  // RFC 3551, table 5

// RFC 3550, section 5.1: the last byte counts the padding, itself included.
size_t padding_size(Bytes packet) { return (packet[0] & 0x20) != 0 ? packet.back() : 0; }

}  // namespace

bool is_mpeg_ts(Bytes payload) {
  if (payload.empty() || payload.size() % kTsPacketSize != 0) return false;
  for (size_t at = 0; at < payload.size(); at += kTsPacketSize)
    if (payload[at] != kSyncByte) return false;
  return true;
}

size_t rtp_header_size(Bytes packet) {
  if (packet.size() < kRtpFixedSize || packet[0] >> 6 != 2) return 0;
  size_t size = kRtpFixedSize + size_t{4} * (packet[0] & 0x0f);  // CSRCs
  if ((packet[0] & 0x10) != 0) {                                 // extension, RFC 3550, section 5.3.1
    if (packet.size() < size + 4) return 0;
    size += 4 + size_t{4} * load_be16(&packet[size + 2]);
  }
  if (size > packet.size()) return 0;
  if ((packet[0] & 0x20) != 0) {
    const size_t padding = padding_size(packet);
    if (padding == 0 || padding > packet.size() - size) return 0;
  }
  return size;
}

bool is_rtp(Bytes packet) {
  const size_t header = rtp_header_size(packet);
  if (header == 0) return false;
  return (packet[1] & 0x7f) != kPayloadTypeMp2t || is_mpeg_ts(rtp_payload(packet));
}

Bytes rtp_payload(Bytes packet) {
  const size_t header = rtp_header_size(packet);
  if (header == 0) return {};
  return packet.subspan(header, packet.size() - header - padding_size(packet));
}

}  // namespace linecast::media
