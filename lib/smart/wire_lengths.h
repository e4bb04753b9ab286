// Which body lengths each message allows: one list for split_message and for the decoders.
#pragma once

#include <optional>

#include "lib/smart/wire.h"

namespace linecast::smart {

struct BodyLength {
  size_t least, most, step;  // bytes

  constexpr bool allows(size_t size) const {
    return size >= least && size <= most && (size - least) % step == 0;
  }
};

inline constexpr size_t kPairSize = 4;
inline constexpr size_t kMinInnerPacket = 28;  // IPv4 and UDP headers

inline constexpr BodyLength kAddrRangeChangeBody{8, 20, 12};
inline constexpr BodyLength kUsageReportBody{8, 24, 16};
inline constexpr BodyLength kFaultReportBody{20, 20, 1};
inline constexpr BodyLength kKeyAnnounceBody{60, 60, 1};
inline constexpr BodyLength kSenderStatusBody{24, 24, 1};
inline constexpr BodyLength kReplacementBody{4 + kPairSize, 4 + kMaxPairs* kPairSize, kPairSize};
inline constexpr BodyLength kQuietBody{8, 8 + kMaxPairs* kPairSize, kPairSize};
inline constexpr BodyLength kTunnelRequestBody{24, 24, 1};
inline constexpr BodyLength kTunnelGrantBody{28, 28, 1};
inline constexpr BodyLength kTunnelDataBody{kMinInnerPacket, UINT16_MAX - kCommonHeaderSize, 1};

}  // namespace linecast::smart
