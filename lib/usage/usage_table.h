// Who watches what: the accounts of one appliance, from the JOINs and LEAVEs that were found good. On the
// control lcore alone. Each call does a bounded amount of work, and all memory is taken in the constructor
// but for what channels take: at most 92 bytes for each receiver that is accounted one by one, and 100 for
// each place of the sample.
//
// What is believed. Reports are all there is, so the table believes an honest receiver and bounds a liar:
// - The first report says since when its receiver has watched; believed up to 1.5 refresh intervals (no
//   longer can it have waited with that report), not before the table's own start, nor before the receiver's
//   former end. So a LEAVE without a JOIN counts as a visit.
// - One that is not heard of for three refresh intervals is gone since its last report.
// - Only who the caller knows for a repeater may count for others, and for most_per_repeater at most.
//   What it reports replaces what it reported before. Who was a receiver before has left as such. A receiver
//   that changes from one hop to another without a LEAVE counts at both until it expires.
// - An address may have most_per_address receivers, all channels together; further ones are not counted.
// - A receiver that is accounted for keeps its place until it goes. Those for which none is left are
//   estimated together (overflow_sample.h); no records are made of them, until a place is free at their next
//   JOIN.
#pragma once

#include <functional>
#include <string_view>

#include "lib/usage/overflow_sample.h"
#include "lib/usage/session_table.h"
#include "lib/usage/usage_record.h"

namespace linecast::usage {

#define LINECAST_USAGE_COUNTERS(_)                                                                           \
  _(kReports, "reports", "JOINs and LEAVEs taken")                                                           \
  _(kUnknownChannel, "unknown_channel", "reports of channels that are not known, or closed")                 \
  _(kRepeated, "repeated", "LEAVEs of receivers that had left already, and JOINs that a LEAVE overtook")     \
  _(kCrowded, "crowded_address", "reports not counted: their address has as many receivers as one may have") \
  _(kBeyond, "beyond_exact", "reports of receivers that are estimated, as the table is full")                \
  _(kNotARepeater, "not_a_repeater",                                                                         \
    "reports for many receivers from who is no repeater: counted as of one")                                 \
  _(kTotalCut, "repeater_total_cut", "repeaters' totals cut to the most that is believed")                   \
  _(kRepeatersFull, "repeaters_full", "reports of repeaters beyond the number of repeaters: not counted")    \
  _(kRecords, "records", "records made")                                                                     \
  _(kRecordsLost, "records_lost", "records of sessions' ends that could not be handed on, and are lost")     \
  _(kRecordsPutOff, "records_put_off", "records put off to the next refresh, as they could not be handed on")
LINECAST_COUNTER_LIST(UsageCounter, LINECAST_USAGE_COUNTERS)

struct UsageConfig {
  uint64_t start_number = 0;
  uint64_t seed = 0;                     // random and secret
  size_t exact = 100'000;                // receivers accounted one by one, 1 .. 2^31
  size_t repeaters = 8192;               // at most, of each channel that they report for; beside those
  size_t sample = 16'384;                // places for the estimate of receivers beyond them
  uint16_t most_per_address = 1024;      // receivers
  uint32_t most_per_repeater = 1 << 20;  // receivers
  // A session that goes on is recorded in parts of this length, and up to one refresh interval more.
  TimeNs part_ns = 300 * kNsPerSecond;
};

// A channel's accounts.
struct ChannelUsage {
  uint64_t direct = 0;       // present: receivers accounted one by one
  uint64_t by_repeater = 0;  // present: the sum of repeaters' totals
  uint64_t repeaters = 0;    // that report
  uint64_t peak = 0;         // the most that were present at once, estimated ones included
  int64_t peak_at_ns = 0;    // UTC, since 1970
  // Of receivers that are accounted one by one and of repeaters:
  uint64_t joins = 0, leaves = 0, expiries = 0;
  uint64_t watched_ms = 0;  // added up over receivers, repeaters' as well
};

class UsageTable {
 public:
  // Takes a record, or answers false and takes nothing. Must not call back.
  using Emit = std::function<bool(const UsageRecord&)>;

  // now: monotonic; wall_ns: UTC, since 1970; here and below.
  UsageTable(const UsageConfig& config, TimeNs now, int64_t wall_ns, Emit emit);

  // Channels are counted from 0. One that was closed keeps its accounts and number; what reports then come
  // for it are refused, and its sessions end as stopped, with their last report, within three refresh
  // intervals.
  uint32_t add_channel(const std::array<uint8_t, 8>& id, std::string_view name);
  void close_channel(uint32_t channel) { channels_[channel].closed = true; }
  // Goes on, under this name: sessions that have not ended meanwhile as if it had never been closed.
  void reopen_channel(uint32_t channel, std::string_view name) {
    channels_[channel].closed = false;
    channels_[channel].name = ChannelName(name);
  }

  // In any order within a tick, but not from before the last advance() by much.
  void take(const HeardUsage& heard);
  // About ten times a second.
  void advance(TimeNs now, int64_t wall_ns);
  // Ends sessions, as stopped: some with each call, until it answers true. Answers false also when records
  // can't be handed on: call again, or give up what is left. Nothing else may be called between.
  bool stop();

  size_t channels() const { return channels_.size(); }
  std::string_view name(uint32_t channel) const { return channels_[channel].name.view(); }
  const ChannelUsage& usage(uint32_t channel) const { return channels_[channel].usage; }
  // Of receivers beyond those accounted one by one; present and standard error of that in receivers.
  const OverflowSample& beyond() const { return beyond_; }
  uint64_t present(uint32_t channel) const;  // all of them
  uint64_t count(UsageCounter c) const { return counters_[static_cast<size_t>(c)]; }
  size_t sessions() const { return receivers_.open(); }  // accounted one by one
  size_t memory() const;                                 // bytes, without channels

 private:
  static constexpr size_t kSweep = 10'000;  // sessions looked at in a call

  struct Channel {
    std::array<uint8_t, 8> id;
    ChannelName name;
    bool closed = false;
    ChannelUsage usage;
  };

  void count(UsageCounter c, uint64_t n) { counters_[static_cast<size_t>(c)] += n; }
  uint32_t counted(const HeardUsage& heard);
  uint16_t& crowd(Ipv4 address);
  SessionTable& table_of(const HeardUsage& heard) { return heard.repeater ? repeaters_ : receivers_; }
  TimeNs began(const HeardUsage& heard, TimeNs not_before) const;

  void take_unknown(uint64_t who, const HeardUsage& heard);
  void take_gone(Session& session, const HeardUsage& heard);
  void refresh(Session& session, const HeardUsage& heard);
  void begin(Session& session, const HeardUsage& heard, TimeNs from);
  void leave(Session& session, TimeNs now);
  void end(Session& session, End how);
  void retire(Session& session, End how);
  void expire(Session& session);
  void hear(Session& session, TimeNs now);
  void set_receivers(Session& session, uint32_t receivers);
  bool record(const Session& session, End how);
  void note_peak(uint32_t channel, TimeNs at);

  const UsageConfig config_;
  const Emit emit_;
  const TimeNs start_;
  int64_t wall_offset_;  // wall clock - monotonic
  SessionTable receivers_, repeaters_;
  OverflowSample beyond_;
  std::vector<uint16_t> crowds_;  // open receivers by their address's hash; a power of two
  std::vector<Channel> channels_;
  std::array<uint64_t, kUsageCounterCount> counters_{};
  uint64_t last_session_ = 0;
  size_t stopped_ = 0;  // how far stop() is
};

}  // namespace linecast::usage
