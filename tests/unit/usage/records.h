// Records for tests, each unlike the others.
#pragma once

#include <vector>

#include "lib/usage/usage_record.h"

namespace linecast::usage {

inline UsageRecord record(uint64_t i) {
  UsageRecord r;
  r.start = 1'760'000'000'000'000'000;
  r.session = i;
  r.part = static_cast<uint32_t>(i % 3 + 1);
  r.channel_id = {1, 2, 3, 4, 5, 6, 7, static_cast<uint8_t>(i)};
  r.channel = ChannelName("news \"" + std::to_string(i % 7) + '"');
  r.receiver = i % 5 == 0 ? 0 : i + 0xabcdef0000000000;
  r.address = 0x0a480000 + static_cast<Ipv4>(i);
  r.reported = i % 5 == 0 ? 0xc0a80000 + static_cast<Ipv4>(i) : 0;
  r.repeater = i % 11 == 0;
  r.reach = static_cast<Reach>(i % kReachCount);
  r.end = static_cast<End>(i % kEndCount);
  r.from_ns = static_cast<int64_t>(1'760'000'000'000'000'000 + i * 1'000'000);
  r.to_ns = r.from_ns + 60 * kNsPerSecond;
  r.receivers = static_cast<uint32_t>(i % 11 == 0 ? i : 1);
  r.watched_ms = 60'000 + i;
  r.claimed_s = 61;
  return r;
}

// Records first .. first + count - 1, which go into the journal in this order.
inline std::vector<UsageRecord> some(uint64_t first, uint64_t count) {
  std::vector<UsageRecord> records;
  for (uint64_t i = first; i < first + count; ++i) records.push_back(record(i));
  return records;
}

inline std::vector<NumberedRecord> numbered(uint64_t first, uint64_t count) {
  std::vector<NumberedRecord> records;
  for (uint64_t i = first; i < first + count; ++i) records.push_back({i, record(i)});
  return records;
}

}  // namespace linecast::usage
