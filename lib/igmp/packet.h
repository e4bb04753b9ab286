// IGMP messages as bytes: queries and reports taken apart and put together (RFC 1112, RFC 2236, RFC 3376).
#pragma once

#include <optional>
#include <span>

#include "lib/base/time.h"
#include "lib/net/frame.h"

namespace linecast::igmp {

inline constexpr size_t kMessageSize = 8;          // bytes: all of versions 1 and 2, the head of a v3 report
inline constexpr size_t kV3QuerySize = 12;         // without sources
inline constexpr size_t kSourceSize = 4;           // an address in a list
inline constexpr size_t kIpHeaderSize = 24;        // IPv4 with Router Alert (RFC 2113)
inline constexpr uint16_t kMinMtu = 68;            // bytes (RFC 791)
inline constexpr Ipv4 kAllHosts = 0xe0000001;      // 224.0.0.1: general queries
inline constexpr Ipv4 kAllRouters = 0xe0000002;    // 224.0.0.2: v2 leaves
inline constexpr Ipv4 kAllV3Routers = 0xe0000016;  // 224.0.0.22: v3 reports
inline constexpr TimeNs kV1MaxResponseNs = 10 * kNsPerSecond;

// RFC 3376, section 8.
inline constexpr uint8_t kDefaultRobustness = 2;
inline constexpr uint8_t kMaxRobustness = 7;  // QRV has 3 bits
inline constexpr TimeNs kDefaultQueryIntervalNs = 125 * kNsPerSecond;

// The longest times that the codes of queries can say (RFC 2236, section 2.2; RFC 3376, sections 4.1.1 and
// 4.1.7).
inline constexpr TimeNs kMostV2ResponseNs = 25'500 * kNsPerMs;         // 255 tenths
inline constexpr TimeNs kMostV3ResponseNs = 3'174'400 * kNsPerMs;      // (15 | 16) << 10 tenths
inline constexpr TimeNs kMostQueryIntervalNs = 31'744 * kNsPerSecond;  // (15 | 16) << 10 seconds

enum class Version : uint8_t { kV1 = 1, kV2 = 2, kV3 = 3 };

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

// What is wrong with a message. Router Alert is not asked for: there are switches that leave it out of their
// queries, and Linux takes those too.
enum class MessageFault : uint8_t {
  kNone,
  kLength,
  kTtl,
  kChecksum,
  // Of queries only:
  kGroup,        // for what is no group, or for sources of no group
  kDestination,  // sent to an address that is not theirs
};
// Host and querier each count faults by a list of their own, with a counter for every one of them.
template <typename Counter>
constexpr Counter counter_of(MessageFault fault) {
  switch (fault) {
    case MessageFault::kTtl:
      return Counter::kBadTtl;
    case MessageFault::kChecksum:
      return Counter::kBadChecksum;
    case MessageFault::kGroup:
      return Counter::kBadGroup;
    case MessageFault::kDestination:
      return Counter::kBadDestination;
    case MessageFault::kNone:  // which nobody counts
    case MessageFault::kLength:
      break;
  }
  return Counter::kBadLength;
}

// Before the type is looked at. message: behind the IPv4 header, to the end that the IPv4 length gives; all
// of it is summed (RFC 3376, section 4.1.2). A TTL other than 1 may come from another network.
MessageFault check_message(uint8_t ttl, Bytes message);

// How long a query's robustness and interval may be believed: 7 times 31,744 s can be written, and would keep
// a host in an old version, or a querier silent, for days.
inline constexpr TimeNs kMaxLearntNs = 1800 * kNsPerSecond;

struct Query {
  Version version = Version::kV3;
  Ipv4 group = 0;  // 0: a general query; always of version 1
  TimeNs max_response_ns = 0;
  // Version 3 only:
  bool suppress = false;         // S: routers leave their timers alone
  uint8_t robustness = 0;        // QRV; 0: not said
  TimeNs query_interval_ns = 0;  // QQIC; 0: not said
  Bytes sources;                 // 4 bytes each; of a group-and-source query only
};
// message: a query that check_message() passes. None where the length is impossible (RFC 3376, sections 4.1.8
// and 7.1). A v1 query is given 10 s and no group, whatever its group field says (RFC 2236, section 4; RFC
// 1112, appendix I).
std::optional<Query> decode_query(Bytes message);
// Decodes a query that check_message() passes and that was sent to `destination`, for one at the address
// `own`. Any of the interface's addresses will do (RFC 3376, section 4.1.12); but of groups, all hosts' and
// the one that it asks about.
MessageFault take_query(Bytes message, Ipv4 destination, Ipv4 own, Query& query);
// Writes a v2 query, or a v3 query with its sources, without checksum; returns its size. Times are rounded
// down to what their codes can say. message: room for kV3QuerySize and the sources.
size_t encode_query(const Query& query, MutableBytes message);

struct GroupRecord {
  RecordType type{};  // as on the wire: may be none of the enumerators
  Ipv4 group = 0;
  Bytes sources;  // 4 bytes each
};
// Reads the group records of a v3 report, one by one.
class RecordReader {
 public:
  // message: at least kMessageSize bytes.
  explicit RecordReader(Bytes message) : reader_(message.subspan(6)), left_(reader_.u16()) {}

  // The next record; none after the last, and from the first on that is longer than what is left.
  std::optional<GroupRecord> next();
  // After the last next(): whether all records were there.
  bool whole() const { return reader_.ok(); }

 private:
  ByteReader reader_;
  uint16_t left_;
};

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
