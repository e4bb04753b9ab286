// IGMP messages as bytes: queries taken apart, reports and leaves put together (RFC 2236, RFC 3376).
#pragma once

#include <optional>
#include <span>

#include "lib/base/time.h"
#include "lib/net/frame.h"

namespace linecast::igmp {

inline constexpr size_t kMessageSize = 8;          // bytes: all of versions 1 and 2, the head of a v3 report
inline constexpr size_t kV3QuerySize = 12;         // without sources
inline constexpr size_t kIpHeaderSize = 24;        // IPv4 with Router Alert (RFC 2113)
inline constexpr Ipv4 kAllRouters = 0xe0000002;    // 224.0.0.2: v2 leaves
inline constexpr Ipv4 kAllV3Routers = 0xe0000016;  // 224.0.0.22: v3 reports
inline constexpr TimeNs kV1MaxResponseNs = 10 * kNsPerSecond;

enum class MessageType : uint8_t {
  kQuery = 0x11,
  kV1Report = 0x12,
  kV2Report = 0x16,
  kLeave = 0x17,
  kV3Report = 0x22,
};

// Group record types (RFC 3376, section 4.2.12).
enum class RecordType : uint8_t {
  kModeIsInclude = 1,
  kModeIsExclude = 2,
  kChangeToInclude = 3,
  kChangeToExclude = 4,
  kAllowNewSources = 5,
  kBlockOldSources = 6,
};

struct Query {
  Ipv4 group = 0;  // 0: a general query
  TimeNs max_response_ns = 0;
  Bytes sources;  // 4 bytes each; of a group-and-source query only
};
// message: a query whose type and checksum are checked. None where the length is impossible (RFC 3376,
// sections 4.1.8 and 7.1). A v1 query, Max Resp Time 0, is given 10 s (RFC 2236, section 4).
std::optional<Query> decode_query(Bytes message);

// Completes a frame whose message of `message_size` bytes stands behind room for an Ethernet header and
// kIpHeaderSize: writes both (TTL 1, DSCP CS6, Router Alert, don't fragment) and the message's checksum.
// Returns the frame.
Bytes finish_frame(MutableBytes buffer, size_t message_size, const net::Mac& mac, Ipv4 source,
                   Ipv4 destination);

// Packs group records into v3 reports that fit a buffer.
class ReportPacker {
 public:
  // message: where reports are put together, as long as the MTU allows; at least kMessageSize and one record
  // with one source (12). Not owned.
  explicit ReportPacker(MutableBytes message) : message_(message) {}

  bool empty() const { return records_ == 0; }
  // Whether a record with at least one of `sources` (or with none, where there is none) still fits.
  bool fits(std::span<const Ipv4> sources) const;
  // Adds a record with as many of the sources as fit, and returns what is left of them. Call only where
  // fits().
  std::span<const Ipv4> add(RecordType type, Ipv4 group, std::span<const Ipv4> sources);
  // Writes the head, and returns the message's size; the next record begins a new report.
  size_t finish();

 private:
  MutableBytes message_;
  size_t size_ = kMessageSize;
  uint16_t records_ = 0;
};

}  // namespace linecast::igmp
