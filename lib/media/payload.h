// What a channel's datagram must look like: MPEG-TS (ISO/IEC 13818-1, 188-byte packets) bare or in RTP (RFC
// 3550, RFC 2250).
#pragma once

#include "lib/base/bytes.h"

namespace linecast::media {

inline constexpr size_t kTsPacketSize = 188;

// n x 188 bytes, n >= 1, each beginning with 0x47.
bool is_mpeg_ts(Bytes payload);

// Bytes of the RTP header (CSRCs and extension included), or 0 where this is no RTP version 2 packet of sound
// lengths.
size_t rtp_header_size(Bytes packet);
// Sound RTP; where its payload type is 33 (MP2T), MPEG-TS inside (padding taken off).
bool is_rtp(Bytes packet);
// The MPEG-TS inside a sound RTP packet (header and padding taken off).
Bytes rtp_payload(Bytes packet);

}  // namespace linecast::media
