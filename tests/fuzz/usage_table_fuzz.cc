// Usage accounting under any reports, look-ups and clock steps, with few places: whatever comes, what is
// present adds up, no record overlaps another of its session, and what was watched is the sum of the records.
#include <cstdlib>
#include <map>

#include "lib/base/bytes.h"
#include "lib/usage/usage_table.h"

namespace linecast::usage {
namespace {

constexpr uint32_t kChannels = 3;
constexpr size_t kExact = 24, kRepeaters = 4;
constexpr uint32_t kMostPerRepeater = 1000;

void require(bool good) {
  if (!good) std::abort();
}

class Run {
 public:
  explicit Run(ByteReader in)
      : in_(in),
        table_({.seed = in_.u64(),
                .exact = kExact,
                .repeaters = kRepeaters,
                .sample = 16,
                .most_per_address = 8,
                .most_per_repeater = kMostPerRepeater,
                .part_ns = 100 * kNsPerSecond},
               now_, now_, [this](const UsageRecord& record) { return take(record); }) {
    for (uint32_t i = 0; i < kChannels; ++i) table_.add_channel({}, "channel");
  }

  void go() {
    while (in_.ok() && in_.remaining() > 0) {
      const uint8_t op = in_.u8();
      switch (op % 8) {
        case 0:
          now_ += TimeNs{in_.u16()} * kNsPerSecond / 64;
          break;
        case 1:
          table_.advance(now_, now_);
          break;
        case 2:
          refuse_ = op >= 128;
          break;
        case 3:
          if (op >= 240) table_.close_channel(op % kChannels);
          break;
        default:
          report(op);
      }
      check(op % 8 == 1);
    }
    refuse_ = false;
    while (!table_.stop()) {
    }
    require(table_.sessions() == 0);
    if (table_.count(UsageCounter::kRecordsLost) > 0) return;
    uint64_t watched = 0;
    for (uint32_t i = 0; i < kChannels; ++i) watched += table_.usage(i).watched_ms;
    require(watched == recorded_ms_);
  }

 private:
  void report(uint8_t op) {
    HeardUsage heard;
    heard.time = now_ - in_.u8() * kNsPerMs;
    heard.leave = (op & 8) != 0;
    heard.repeater = (op & 0x30) == 0x30;
    const uint8_t who = in_.u8();
    heard.channel = who % 5 == 4 ? UINT32_MAX : who % 5;
    if ((op & 0x40) != 0)
      heard.receiver = who % 64 + 1;
    else
      heard.reported = who % 64;
    heard.source = 0x0a000000 + in_.u8() % 16;
    const uint8_t how = in_.u8();
    heard.reach = static_cast<Reach>(how % kReachCount);
    heard.watched_s = how >= 250 ? UINT32_MAX : how / 4;
    heard.receivers = (op & 0x80) != 0 ? in_.u32() : how;
    heard.report_window_s = how % 16 == 15 ? in_.u16() : how;
    table_.take(heard);
  }

  bool take(const UsageRecord& record) {
    if (refuse_) return false;
    require(record.from_ns >= 0 && record.to_ns >= record.from_ns && record.to_ns <= now_);
    Session& session = sessions_[record.session];
    require(record.part == session.parts + 1 && record.from_ns >= session.to && !session.ended);
    session = {record.part, record.to_ns, record.end != End::kOpen && record.end != End::kReachChanged};
    require(record.repeater ||
            (record.receivers == 1 && record.watched_ms == static_cast<uint64_t>(record.to_ns / kNsPerMs -
                                                                                 record.from_ns / kNsPerMs)));
    recorded_ms_ += record.watched_ms;
    return true;
  }

  void check(bool just_advanced) const {
    uint64_t direct = 0;
    for (uint32_t i = 0; i < kChannels; ++i) {
      const ChannelUsage& usage = table_.usage(i);
      direct += usage.direct;
      require(usage.by_repeater <= usage.repeaters * kMostPerRepeater && usage.repeaters <= kRepeaters);
      require(table_.present(i) >= usage.direct + usage.by_repeater);
      require(table_.present(i) <= usage.peak || !just_advanced);
      require(usage.joins >= usage.leaves + usage.expiries);
    }
    require(direct == table_.sessions() && direct <= kExact);
  }

  struct Session {
    uint32_t parts = 0;
    int64_t to = 0;
    bool ended = false;
  };

  ByteReader in_;
  TimeNs now_ = 1000 * kNsPerSecond;
  bool refuse_ = false;
  uint64_t recorded_ms_ = 0;
  std::map<uint64_t, Session> sessions_;
  UsageTable table_;
};

}  // namespace
}  // namespace linecast::usage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  linecast::usage::Run(linecast::ByteReader({data, size})).go();
  return 0;
}
