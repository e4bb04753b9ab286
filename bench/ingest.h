// What the benchmarks of lanes share: the datagrams that come in, and how turns are reckoned.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "drivers/lcore.h"
#include "tests/vdev/lane_bed.h"

namespace linecast::bench {

inline constexpr size_t kTsPackets = 7;
inline constexpr size_t kPayloadSize = kTsPackets * 188;
inline constexpr size_t kFrameSize =
    net::kUdpFrameOverhead + smart::kDataHeaderSize + smart::kSealOverhead + kPayloadSize;
inline constexpr size_t kKeptFrames = 64'000;
inline constexpr size_t kChannels = 500;
inline constexpr uint32_t kWindow = kKeptFrames / kChannels;

inline double seconds(uint64_t cycles) {
  return static_cast<double>(cycles) / static_cast<double>(drivers::cycles_per_second());
}

// The datagrams of all channels in random order, as a card with checksum offload hands them up.
class Ingest {
 public:
  // As many as a card's receive ring and a lane's bursts keep in flight; used again and again.
  static constexpr size_t kPackets = 2000;

  struct Item {
    drivers::Packet* packet;
    uint32_t channel;
  };

  // step, offset: only every step-th channel, from `offset` on.
  Ingest(drivers::Pool& pool, size_t channels, size_t step = 1, size_t offset = 0) {
    Random random(1 + offset);
    for (size_t i = 0; i < kPackets; ++i) {
      const auto channel = static_cast<uint32_t>(random.below(channels / step) * step + offset);
      const std::vector<uint8_t> frame =
          feed_frame(channel, ts_payload(kTsPackets, static_cast<uint8_t>(random.next())));
      drivers::Packet* packet = pool.take();
      packet->data_len = static_cast<uint16_t>(frame.size());
      packet->pkt_len = packet->data_len;
      std::copy(frame.begin(), frame.end(), drivers::data(packet));
      drivers::mark_checksums_good(packet);
      items_.push_back({packet, channel});
    }
  }
  ~Ingest() {
    for (const Item& item : items_) drivers::release(item.packet);
  }
  Ingest(const Ingest&) = delete;
  Ingest& operator=(const Ingest&) = delete;

  const Item& next() {
    if (++at_ == items_.size()) at_ = 0;
    return items_[at_];
  }
  // The next one, of its own hold: who takes it releases it. Its channel comes along.
  const Item& take() {
    const Item& item = next();
    drivers::hold(item.packet);
    return item;
  }
  void push(drivers::Queue<drivers::Packet*>& queue, unsigned count) {
    for (unsigned i = 0; i < count; ++i) queue.push(take().packet);
  }

 private:
  std::vector<Item> items_;
  size_t at_ = 0;
};

// Turns of a loop, in cycles. One in which the machine did something else (another thread ran on this core)
// took many times what others did, and is left out: a lane has its core for itself.
class Turns {
 public:
  void add(uint64_t cycles) { cycles_.push_back(cycles); }
  // Of a turn, on average.
  double mean() {
    if (cycles_.empty()) return NAN;
    const auto middle = cycles_.begin() + static_cast<ptrdiff_t>(cycles_.size() / 2);
    std::nth_element(cycles_.begin(), middle, cycles_.end());
    const uint64_t most = kMostOfMedian * *middle;
    double sum = 0, count = 0;
    for (const uint64_t c : cycles_) {
      if (c > most) continue;
      sum += static_cast<double>(c);
      ++count;
    }
    return sum / count;
  }
  uint64_t latest() const { return cycles_.back(); }
  size_t count() const { return cycles_.size(); }

 private:
  static constexpr uint64_t kMostOfMedian = 4;
  std::vector<uint64_t> cycles_;
};

// Cycles a packet and packets a second, of turns of `packets`.
inline void report(benchmark::State& state, Turns& turns, unsigned packets = app::kBurst) {
  const double cycles = turns.mean() / packets;
  state.counters["cycles_per_packet"] = cycles;
  state.counters["mpps"] = static_cast<double>(drivers::cycles_per_second()) / cycles / 1e6;
}

}  // namespace linecast::bench
