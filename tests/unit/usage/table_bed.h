// A UsageTable with one or more channels, and the records that it made.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "lib/usage/usage_table.h"

namespace linecast::usage {

constexpr TimeNs kS = kNsPerSecond;
constexpr int64_t kWall = 1'760'000'000 * kS;  // at time 0 of the tests
constexpr Ipv4 kAddress = 0x0a480001;          // 10.72.0.1

class TableBed : public testing::Test {
 protected:
  void make(UsageConfig config, uint32_t channels = 1, TimeNs start = 0) {
    config.start_number = 77;
    table_.emplace(config, start, kWall + start, [this](const UsageRecord& record) {
      if (refuse_) return false;
      records_.push_back(record);
      return true;
    });
    for (uint32_t i = 0; i < channels; ++i)
      table_->add_channel({0, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(i)}, "channel " + std::to_string(i));
  }
  // Of an encrypted channel; each receiver has an address of its own.
  static HeardUsage join(TimeNs time, uint64_t receiver, uint32_t watched_s = 0) {
    return {.time = time,
            .receiver = receiver,
            .source = kAddress + static_cast<Ipv4>(receiver),
            .reach = Reach::kNative,
            .watched_s = watched_s,
            .report_window_s = 1};
  }
  static HeardUsage leave(TimeNs time, uint64_t receiver, uint32_t watched_s = 0) {
    HeardUsage heard = join(time, receiver, watched_s);
    heard.leave = true;
    return heard;
  }
  static HeardUsage total(TimeNs time, uint64_t repeater, uint32_t receivers) {
    HeardUsage heard = join(time, repeater);
    heard.repeater = true;
    heard.receivers = receivers;
    return heard;
  }
  void advance(TimeNs now) { table_->advance(now, kWall + now); }
  const ChannelUsage& usage(uint32_t channel = 0) const { return table_->usage(channel); }
  // The time of a record, by the clock of the tests.
  static TimeNs from(const UsageRecord& record) { return record.from_ns - kWall; }
  static TimeNs to(const UsageRecord& record) { return record.to_ns - kWall; }

  std::optional<UsageTable> table_;
  std::vector<UsageRecord> records_;
  bool refuse_ = false;
};

}  // namespace linecast::usage
