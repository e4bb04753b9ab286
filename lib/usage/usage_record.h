// What billing gets: who watched which channel, from when to when. A plain struct and its binary form in the
// journal.
//
// A session is a receiver on a channel from its first report to its last. It is told in parts that follow one
// another without a gap or overlap, so that what somebody watched is the plain sum of records: a part ends
// where the session ends, where the receiver is reached in another way, and with the first refresh after
// UsageConfig::part_ns. Nothing is ever corrected later. A part ends with a report, never between two: what
// is recorded was reported, and a receiver that vanishes is recorded up to its last report. When the process
// is killed, each open session loses what came after its last part.
#pragma once

#include <array>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/usage/heard_usage.h"

namespace linecast::usage {

// What ended a record's part.
#define LINECAST_USAGE_ENDS(_)                                                                        \
  _(kOpen, "open", "nothing: the session goes on with the next part")                                 \
  _(kLeft, "left", "the receiver left")                                                               \
  _(kExpired, "expired", "nothing more was heard of the receiver")                                    \
  _(kReachChanged, "reach_changed", "reached in another way: the session goes on with the next part") \
  _(kStopped, "stopped", "the channel or the appliance was stopped")
LINECAST_COUNTER_LIST(End, LINECAST_USAGE_ENDS)

inline constexpr size_t kMostNameBytes = 64;  // of a channel's name, as the lineup allows

// Of fixed size, so that records can pass a RecordQueue.
class ChannelName {
 public:
  ChannelName() = default;
  // What is longer is cut.
  explicit ChannelName(std::string_view name)
      : size_(static_cast<uint8_t>(std::min(name.size(), kMostNameBytes))) {
    std::copy_n(name.begin(), size_, text_.begin());
  }
  std::string_view view() const { return {text_.data(), size_}; }
  bool operator==(const ChannelName& other) const { return view() == other.view(); }

 private:
  std::array<char, kMostNameBytes> text_{};
  uint8_t size_ = 0;
};

struct UsageRecord {
  uint64_t start = 0;    // start number of the appliance: with it, `session` is unique for good
  uint64_t session = 0;  // from 1
  uint32_t part = 0;     // of the session, from 1
  std::array<uint8_t, 8> channel_id{};
  ChannelName channel;
  uint64_t receiver = 0;  // id; 0: of a clear channel
  Ipv4 address = 0;       // of the part's last report
  Ipv4 reported = 0;      // clear channels: what the receiver itself takes for its address; else 0
  bool repeater = false;  // the record stands for a repeater's receivers
  Reach reach = Reach::kUnknown;
  End end = End::kOpen;
  int64_t from_ns = 0, to_ns = 0;  // UTC, since 1970; by the clock as it was when the record was made
  uint32_t receivers = 0;          // 1, or the repeater's total as of its last report
  uint64_t watched_ms = 0;         // by a monotonic clock; of a repeater's receivers, added up
  uint32_t claimed_s = 0;          // what the receiver says that it has watched, as of its last report

  bool operator==(const UsageRecord&) const = default;
};

inline constexpr size_t kFixedRecordBytes = 81;  // as encoded, without the name
inline constexpr size_t kMostRecordBytes = kFixedRecordBytes + kMostNameBytes;

// A record and its place in the journal: numbers rise from record to record, for good.
struct NumberedRecord {
  uint64_t number = 0;
  UsageRecord record;
};

// Returns the bytes written; 0 where `out` is shorter than kMostRecordBytes.
size_t encode(const UsageRecord& record, MutableBytes out);
// False where it is no record; `out` then means nothing.
bool decode(Bytes in, UsageRecord& out);

}  // namespace linecast::usage
