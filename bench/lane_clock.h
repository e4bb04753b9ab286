// The time of a lane under load: it stands still but while the lane works, so that what the benchmark itself
// does takes none.
#pragma once

#include <sys/resource.h>

#include <algorithm>

#include "bench/ingest.h"

namespace linecast::bench {

class LaneClock {
 public:
  // Within a turn, too. What this thread was off its core for is left out.
  TimeNs now() { return begin_ == 0 ? time_ : time_ + nanoseconds(spent()); }
  // A turn of the lane, which takes as long as it takes. False where this thread was taken off its core
  // meanwhile: it has had other caches then.
  bool turn(app::Lane& lane) {
    off_core_ = false;
    begin_ = drivers::cycles();
    if (begin_ - latest_ > kSuspicious) switches_ = switches();
    begin_ = latest_ = drivers::cycles();
    lane.poll(time_);
    spent_cycles_ = spent();
    time_ += nanoseconds(spent_cycles_);
    begin_ = 0;
    return !off_core_;
  }
  // Of the latest turn.
  uint64_t spent_cycles() const { return spent_cycles_; }
  void advance_to(TimeNs time) { time_ = std::max(time_, time); }

 private:
  // Another thread takes longer, and most turns do not; so seldom is the system asked.
  static constexpr uint64_t kSuspicious = 50'000;  // cycles

  uint64_t spent() {
    const uint64_t now = drivers::cycles();
    if (now - latest_ > kSuspicious)
      if (const long switched = switches(); switched != switches_) {
        begin_ += now - latest_;
        switches_ = switched;
        off_core_ = true;
      }
    latest_ = now;
    return now - begin_;
  }
  static TimeNs nanoseconds(uint64_t cycles) { return static_cast<TimeNs>(seconds(cycles) * kNsPerSecond); }
  static long switches() {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nivcsw + usage.ru_nvcsw;
  }

  TimeNs time_ = kNsPerSecond;
  uint64_t begin_ = 0;   // of the turn, cycles; 0: in none
  uint64_t latest_ = 0;  // when it was last looked at
  uint64_t spent_cycles_ = 0;
  long switches_ = 0;  // how often this thread was taken off its core
  bool off_core_ = false;
};

// Of a turn of full bursts.
inline double packet_ns(Turns& turns) {
  return seconds(static_cast<uint64_t>(turns.mean())) * kNsPerSecond / app::kBurst;
}

inline bool is_data(const drivers::Packet* packet) {
  const uint8_t* payload = drivers::payload_bytes(packet);
  return static_cast<smart::PacketType>(payload[1] >> 6) == smart::PacketType::kData &&
         static_cast<smart::DataCommand>(payload[1] >> 4 & 3) == smart::DataCommand::kOriginal;
}

}  // namespace linecast::bench
