// A lane under load: how long packets wait in it at 50 % and 90 % of what it can do, and what happens at
// 150 %. `scripts/bench lane` prints it.
//
// Packets arrive by a clock that stands still but while the lane works or has nothing to do, so that the time
// which the benchmark itself takes counts nowhere. Many channels' packets meet at random: the time between
// two arrivals is exponential, and queues form even below 100 %.
#include <sys/resource.h>

#include <cmath>
#include <deque>
#include <numeric>

#include "bench/delays.h"
#include "bench/ingest.h"

namespace linecast::bench {
namespace {

// How often this thread was taken off its core.
long switches() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw + usage.ru_nvcsw;
}

bool is_data(const drivers::Packet* packet) {
  const uint8_t* payload = drivers::payload_bytes(packet);
  return static_cast<smart::PacketType>(payload[1] >> 6) == smart::PacketType::kData &&
         static_cast<smart::DataCommand>(payload[1] >> 4 & 3) == smart::DataCommand::kOriginal;
}

BedOptions load_options() {
  BedOptions options;
  options.channels = kChannels;
  options.window_packets = kWindow;
  options.offloads = {.ip_checksum = true, .udp_checksum = true};
  options.discard_output = true;
  return options;
}

class Load {
 public:
  Load()
      : bed_(load_options()),
        ingest_(bed_.receive_pool(), kChannels),
        offered_(kChannels),
        hook_(bed_.port(1), 0, [this](drivers::Packet* const* packets, unsigned count) {
          const TimeNs now = time_ + elapsed();
          for (unsigned k = 0; k < count; ++k)
            if (is_data(packets[k]) && !arrivals_.empty()) {
              of_turn_.push_back(now - arrivals_.front());
              arrivals_.pop_front();
            }
        }) {
    Turns turns;
    for (size_t i = 0; i < 2 * kKeptFrames / app::kBurst; ++i) {
      for (unsigned k = 0; k < app::kBurst; ++k) arrive();
      turn();
      turns.add(spent_cycles_);
    }
    packet_ns_ = seconds(static_cast<uint64_t>(turns.mean())) * kNsPerSecond / app::kBurst;
    clear();
  }

  // Packets at `load` times what the lane can do, for `length`.
  void run(double load, TimeNs length) {
    const TimeNs end = time_ + length;
    double next = static_cast<double>(time_);
    while (time_ < end) {
      for (; next <= static_cast<double>(time_); next -= std::log(1 - random_.unit()) * packet_ns_ / load) {
        arrive(static_cast<TimeNs>(next));
      }
      turn();
      if (waiting() == 0) time_ = std::max(time_, static_cast<TimeNs>(next) + 1);  // an idle lane polls on
    }
  }
  // How long it takes until no more than a burst waits.
  TimeNs run_until_calm(double load) {
    const TimeNs begin = time_;
    while (waiting() > app::kBurst && time_ < begin + kNsPerSecond)
      run(load, static_cast<TimeNs>(packet_ns_ * app::kBurst));
    return time_ - begin;
  }

  void clear() {
    delays_.clear();
    queue_full_ = 0;
    std::ranges::fill(offered_, 0);
    sent_before_.clear();
    for (size_t i = 0; i < kChannels; ++i) sent_before_.push_back(sent(i));
  }
  size_t waiting() const { return arrivals_.size(); }
  const Delays& delays() const { return delays_; }
  uint64_t offered() const { return std::accumulate(offered_.begin(), offered_.end(), uint64_t{0}); }
  uint64_t queue_full() const { return queue_full_; }
  uint64_t sent_since() const {
    uint64_t sum = 0;
    for (size_t i = 0; i < kChannels; ++i) sum += sent(i) - sent_before_[i];
    return sum;
  }
  // What the channel that was cut most got of what it was offered, over what all got.
  double least_share() const {
    double least = 1;
    for (size_t i = 0; i < kChannels; ++i)
      if (offered_[i] > 0)
        least = std::min(least,
                         static_cast<double>(sent(i) - sent_before_[i]) / static_cast<double>(offered_[i]));
    return least * static_cast<double>(offered()) / static_cast<double>(sent_since());
  }
  unsigned free_packets() { return bed_.receive_pool().available() + bed_.control_pool().available(); }

 private:
  uint64_t sent(size_t channel) const { return bed_.count(channel, app::ChannelCounter::kPacketsSent); }
  TimeNs elapsed() const { return static_cast<TimeNs>(seconds(drivers::cycles() - begin_) * kNsPerSecond); }
  void arrive() { arrive(time_); }
  void arrive(TimeNs at) {
    const Ingest::Item& item = ingest_.take();
    ++offered_[item.channel];
    if (bed_.in_memory().in.push(item.packet)) {
      arrivals_.push_back(at);
      return;
    }
    drivers::release(item.packet);
    ++queue_full_;  // as a card without a free descriptor: rx_missed
  }
  // A turn in which the thread was taken off its core took no time.
  void turn() {
    const long before = switches();
    of_turn_.clear();
    begin_ = drivers::cycles();
    bed_.lane().poll(time_);
    spent_cycles_ = drivers::cycles() - begin_;
    if (switches() != before) return;
    for (const TimeNs delay : of_turn_) delays_.add(delay);
    time_ += static_cast<TimeNs>(seconds(spent_cycles_) * kNsPerSecond);
  }

  LaneBed bed_;
  Ingest ingest_;
  Random random_{2};
  double packet_ns_ = 0;  // that a packet costs a busy lane
  std::vector<uint64_t> offered_, sent_before_;
  uint64_t queue_full_ = 0;
  std::deque<TimeNs> arrivals_;  // of packets that the lane has not sent yet
  std::vector<TimeNs> of_turn_;  // delays
  Delays delays_;
  TimeNs time_ = kNsPerSecond;
  uint64_t begin_ = 0, spent_cycles_ = 0;
  drivers::TransmitHook hook_;
};

void run_load(benchmark::State& state, double load) {
  Load lane;
  lane.run(load, 20 * kNsPerMs);
  lane.clear();
  for (auto _ : state) {
    lane.run(load, 50 * kNsPerMs);
    state.SetIterationTime(0.05);
  }
  state.counters["dropped_share"] =
      static_cast<double>(lane.queue_full()) / static_cast<double>(lane.offered());
  const Delays& delays = lane.delays();
  state.counters["p50_us"] = delays.quantile_us(0.5);
  state.counters["p99_us"] = delays.quantile_us(0.99);
  state.counters["p999_us"] = delays.quantile_us(0.999);
  state.counters["most_us"] = delays.most_us();
  for (size_t i = 0; i < Delays::kOctaves; ++i)
    state.counters["below_" + std::to_string(Delays::octave_end_ns(i)) + "_ns"] = delays.share(i);
}

void run_overload(benchmark::State& state) {
  Load lane;
  const unsigned free_before = lane.free_packets();
  TimeNs calm = 0;
  double least = 1, lost = 0;
  for (auto _ : state) {
    lane.clear();
    lane.run(1.5, 100 * kNsPerMs);
    const TimeNs recovery = lane.run_until_calm(0.5);
    lane.run(0.5, 10 * kNsPerMs);
    while (lane.waiting() > 0) lane.run(0.1, kNsPerMs);
    calm = std::max(calm, recovery);
    least = std::min(least, lane.least_share());
    lost = static_cast<double>(lane.queue_full()) / static_cast<double>(lane.offered());
    // Whatever is not sent was dropped at the card's queue.
    if (lane.sent_since() + lane.queue_full() != lane.offered())
      state.SkipWithError("packets were lost in the lane");
    state.SetIterationTime(0.11);
  }
  if (lane.free_packets() != free_before) state.SkipWithError("packets were not given back");
  state.counters["recovery_us"] = static_cast<double>(calm) / 1e3;
  state.counters["least_share"] = least;
  state.counters["dropped_share"] = lost;
}

BENCHMARK_CAPTURE(run_load, half, 0.5)->Name("load/50_percent")->UseManualTime();
BENCHMARK_CAPTURE(run_load, most, 0.9)->Name("load/90_percent")->UseManualTime();
BENCHMARK(run_overload)->Name("load/150_percent")->UseManualTime();

}  // namespace
}  // namespace linecast::bench
