// How evenly a paced channel leaves a lane: 41 Mbit/s, fed as a program does that sends what is due each
// millisecond, by a network that adds some jitter; beside 499 channels whose packets come in bursts of 256
// and take half of the lane. `scripts/bench lane` prints it.
#include <cmath>

#include "bench/delays.h"
#include "bench/lane_clock.h"

namespace linecast::bench {
namespace {

constexpr double kIntervalNs = kPayloadSize * 8 * 1e9 / 41e6;
constexpr double kFeedTurnNs = 1e6;
constexpr double kFeedJitterNs = 100e3;  // exponential
constexpr unsigned kBurstOfOthers = 256;
constexpr double kLoadOfOthers = 0.5;
constexpr TimeNs kSettleNs = 3 * kNsPerSecond;

class PacedLoad {
 public:
  explicit PacedLoad(uint32_t pacing_ms)
      : bed_(options(pacing_ms)),
        others_(bed_.receive_pool(), kChannels - 1, 1, 1),
        feed_(bed_.receive_pool(), 1),
        hook_(bed_.port(1), 0, [this](drivers::Packet* const* packets, unsigned count) {
          for (unsigned k = 0; k < count; ++k)
            if (is_data(packets[k]) && is_of_feed(packets[k])) left(clock_.now());
        }) {
    Turns turns;
    for (size_t i = 0; i < 2 * kKeptFrames / app::kBurst; ++i) {
      others_.push(bed_.in_memory().in, app::kBurst);
      clock_.turn(bed_.lane());
      turns.add(clock_.spent_cycles());
    }
    burst_interval_ns_ = packet_ns(turns) * kBurstOfOthers / kLoadOfOthers;
    begin_ = clock_.now();
    next_arrival_ = begin_;
    // The feed's rate is known by then. Only arrivals count for that, so that the time between them is left
    // out.
    while (clock_.now() < begin_ + kSettleNs) {
      clock_.advance_to(next_arrival_);
      arrive();
      clock_.turn(bed_.lane());
    }
    next_burst_ = clock_.now();
    run(100 * kNsPerMs);
    errors_.clear();
  }

  void run(TimeNs length) {
    const TimeNs end = clock_.now() + length;
    while (clock_.now() < end) {
      arrive();
      while (next_burst_ <= clock_.now()) {
        others_.push(bed_.in_memory().in, kBurstOfOthers);
        next_burst_ += static_cast<TimeNs>(exponential(burst_interval_ns_));
      }
      if (!clock_.turn(bed_.lane())) last_left_ = 0;
    }
  }
  // Of the distances between two packets from the ideal.
  const Delays& errors() const { return errors_; }
  uint64_t out_of_pace() const { return bed_.count(0, app::ChannelCounter::kOutOfPace); }

 private:
  BedOptions options(uint32_t pacing_ms) {
    BedOptions options;
    options.channels = kChannels;
    options.window_packets = kWindow;
    options.offloads = {.ip_checksum = true, .udp_checksum = true};
    options.discard_output = true;
    options.pacing_ms = pacing_ms;
    options.clock = [this] { return clock_.now(); };
    return options;
  }
  static bool is_of_feed(const drivers::Packet* packet) {
    constexpr size_t kDestination = net::kEthernetSize + 16;
    return load_be32(drivers::view(packet).data() + kDestination) == LaneBed::output_group(0);
  }
  double exponential(double mean) { return -std::log(1 - random_.unit()) * mean; }

  // What has come of the feed.
  void arrive() {
    for (; next_arrival_ <= clock_.now(); ++fed_) {
      feed_.push(bed_.in_memory().in, 1);
      const double due = kIntervalNs * static_cast<double>(fed_ + 1);
      const double sent = std::ceil(due / kFeedTurnNs) * kFeedTurnNs;
      next_arrival_ =
          std::max(next_arrival_, begin_ + static_cast<TimeNs>(sent + exponential(kFeedJitterNs)));
    }
  }
  void left(TimeNs now) {
    if (last_left_ != 0)
      errors_.add(static_cast<TimeNs>(std::abs(static_cast<double>(now - last_left_) - kIntervalNs)));
    last_left_ = now;
  }

  LaneClock clock_;
  LaneBed bed_;
  Ingest others_, feed_;
  Random random_{3};
  double burst_interval_ns_ = 0;
  TimeNs begin_ = 0, next_arrival_ = 0, next_burst_ = 0;
  uint64_t fed_ = 0;
  TimeNs last_left_ = 0;  // 0: not known
  Delays errors_;
  drivers::TransmitHook hook_;
};

void run_pacing(benchmark::State& state, uint32_t pacing_ms) {
  PacedLoad load(pacing_ms);
  for (auto _ : state) {
    load.run(kNsPerSecond);
    state.SetIterationTime(1);
  }
  const Delays& errors = load.errors();
  state.counters["spacing_p50_us"] = errors.quantile_us(0.5);
  state.counters["spacing_p99_us"] = errors.quantile_us(0.99);
  state.counters["spacing_p999_us"] = errors.quantile_us(0.999);
  state.counters["spacing_most_us"] = errors.most_us();
  state.counters["out_of_pace"] = static_cast<double>(load.out_of_pace());
}

// Some 15,000 packets each: enough for the thousandth.
BENCHMARK_CAPTURE(run_pacing, off, 0)->Name("pacing/off")->UseManualTime()->Iterations(4);
BENCHMARK_CAPTURE(run_pacing, on, 20)->Name("pacing/on")->UseManualTime()->Iterations(4);

}  // namespace
}  // namespace linecast::bench
