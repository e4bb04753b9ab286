// The whole headend lane, from received packet to transmit call, beside bare ipsec-mb AES-GCM over the same
// memory: `scripts/bench lane` runs it and prints the ratios.
#include <benchmark/benchmark.h>
#include <intel-ipsec-mb.h>

#include <vector>

#include "drivers/eal.h"
#include "drivers/hugepages.h"
#include "tests/vdev/lane_bed.h"

namespace linecast {
namespace {

constexpr size_t kTsPackets = 7;
constexpr size_t kPayloadSize = kTsPackets * 188;
constexpr size_t kFrameSize =
    net::kUdpFrameOverhead + smart::kDataHeaderSize + smart::kSealOverhead + kPayloadSize;
constexpr size_t kChannels = 500;
constexpr uint32_t kWindow = 128;  // 500 x 128 = 64,000 kept frames
// As many as a card's receive ring and a lane's bursts keep in flight; used again and again.
constexpr size_t kIngestPackets = 2048;

// The datagrams of all channels in random order, as a card with checksum offload hands them up.
class Ingest {
 public:
  struct Item {
    drivers::Packet* packet;
    uint32_t channel;
  };

  Ingest(drivers::Pool& pool, size_t channels) {
    Random random(1);
    for (size_t i = 0; i < kIngestPackets; ++i) {
      const auto channel = static_cast<uint32_t>(random.below(channels));
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
  // The lane releases what it takes, so each is held once more.
  void push(drivers::MemoryPort& port, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      drivers::Packet* packet = next().packet;
      drivers::hold(packet);
      port.in.push(packet);
    }
  }

 private:
  std::vector<Item> items_;
  size_t at_ = 0;
};

void report(benchmark::State& state, uint64_t cycles, uint64_t packets) {
  const auto count = static_cast<double>(packets);
  state.counters["cycles_per_packet"] = static_cast<double>(cycles) / count;
  state.counters["mpps"] =
      count * static_cast<double>(drivers::cycles_per_second()) / static_cast<double>(cycles) / 1e6;
}

void set_time(benchmark::State& state, uint64_t cycles) {
  state.SetIterationTime(static_cast<double>(cycles) / static_cast<double>(drivers::cycles_per_second()));
}

void run_lane(benchmark::State& state, bool encrypted, crypto::Cipher cipher, bool card_checksum) {
  BedOptions options;
  options.channels = kChannels;
  options.window_packets = kWindow;
  options.encrypted = encrypted;
  options.cipher = cipher;
  options.offloads.udp_checksum = card_checksum;
  options.discard_output = true;
  LaneBed bed(options);
  Ingest ingest(bed.receive_pool(), kChannels);
  const drivers::Clock clock;
  const auto turn = [&] {
    ingest.push(bed.in_memory(), app::kBurst);
    const TimeNs now = clock.now();
    const uint64_t begin = drivers::cycles();
    bed.lane().poll(now);
    return drivers::cycles() - begin;
  };
  for (size_t i = 0; i < kChannels * kWindow / app::kBurst; ++i) turn();  // every kept frame once
  uint64_t cycles = 0, packets = 0;
  for (auto _ : state) {
    const uint64_t spent = turn();
    cycles += spent;
    packets += app::kBurst;
    set_time(state, spent);
  }
  uint64_t sent = 0;
  for (size_t i = 0; i < kChannels; ++i) sent += bed.count(i, app::ChannelCounter::kPacketsSent);
  if (sent != packets + kChannels * kWindow / app::kBurst * app::kBurst)
    state.SkipWithError("the lane dropped packets");
  report(state, cycles, packets);
  const auto kept = static_cast<double>(bed.hugepage_bytes_per_kept_packet());
  state.counters["bytes_per_kept_packet"] = kept;
  state.counters["kept_to_frame"] = kept / kFrameSize;
}

// What no lane can beat: AES-GCM alone, over as many frames, with as many keys, in the same random order;
// into the frames from the ingest packets, as the lane does it, or in place.
void run_bare(benchmark::State& state, crypto::Cipher cipher, bool in_place) {
  drivers::Pool frames("bare", kChannels * kWindow + 63, drivers::frame_room(LaneBed::kMtu),
                       drivers::any_numa_node());
  drivers::Pool receive("bare_in", 4095, drivers::receive_room(LaneBed::kMtu), drivers::any_numa_node());
  const crypto::Manager manager;
  IMB_MGR* mb = manager.get();
  std::vector<gcm_key_data> keys(kChannels);
  const std::array<uint8_t, 32> key{};
  const bool aes128 = cipher == crypto::Cipher::kAes128Gcm;
  for (gcm_key_data& tables : keys) {
    if (aes128)
      IMB_AES128_GCM_PRE(mb, key.data(), &tables);
    else
      IMB_AES256_GCM_PRE(mb, key.data(), &tables);
  }
  std::vector<drivers::Packet*> kept(kChannels * kWindow);
  for (drivers::Packet*& packet : kept) packet = frames.take();
  std::vector<uint32_t> next(kChannels);
  std::array<uint8_t, 12> iv{};
  const std::array<uint8_t, 8> aad{};
  uint64_t cycles = 0, packets = 0;
  Ingest ingest(receive, kChannels);
  const auto turn = [&] {
    const uint64_t begin = drivers::cycles();
    for (unsigned i = 0; i < app::kBurst; ++i) {
      const Ingest::Item& item = ingest.next();
      uint8_t* to =
          drivers::payload_bytes(kept[item.channel * kWindow + (next[item.channel]++ & (kWindow - 1))]) + 16;
      const uint8_t* from = in_place ? to : drivers::data(item.packet) + net::kUdpFrameOverhead;
      store_be64(&iv[4], ++packets);
      gcm_context_data context;
      if (aes128)
        IMB_AES128_GCM_ENC(mb, &keys[item.channel], &context, to, from, kPayloadSize, iv.data(), aad.data(),
                           aad.size(), to + kPayloadSize, 16);
      else
        IMB_AES256_GCM_ENC(mb, &keys[item.channel], &context, to, from, kPayloadSize, iv.data(), aad.data(),
                           aad.size(), to + kPayloadSize, 16);
    }
    return drivers::cycles() - begin;
  };
  for (size_t i = 0; i < kChannels * kWindow / app::kBurst; ++i) turn();
  packets = 0;
  for (auto _ : state) {
    const uint64_t spent = turn();
    cycles += spent;
    set_time(state, spent);
  }
  report(state, cycles, packets);
  for (drivers::Packet* packet : kept) drivers::release(packet);
}

constexpr auto kAes128 = crypto::Cipher::kAes128Gcm;
constexpr auto kAes256 = crypto::Cipher::kAes256Gcm;

BENCHMARK_CAPTURE(run_bare, aes128, kAes128, false)->Name("bare_gcm/aes128")->UseManualTime();
BENCHMARK_CAPTURE(run_bare, aes128_in_place, kAes128, true)
    ->Name("bare_gcm/aes128/in_place")
    ->UseManualTime();
BENCHMARK_CAPTURE(run_lane, aes128, true, kAes128, true)->Name("lane/aes128")->UseManualTime();
BENCHMARK_CAPTURE(run_lane, aes128_software, true, kAes128, false)
    ->Name("lane/aes128/software_checksum")
    ->UseManualTime();
BENCHMARK_CAPTURE(run_bare, aes256, kAes256, false)->Name("bare_gcm/aes256")->UseManualTime();
BENCHMARK_CAPTURE(run_lane, aes256, true, kAes256, true)->Name("lane/aes256")->UseManualTime();
BENCHMARK_CAPTURE(run_lane, clear, false, kAes128, true)->Name("lane/clear")->UseManualTime();

}  // namespace
}  // namespace linecast

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const std::vector<std::string> arguments{
      "-l", "0", "--no-pci", "--in-memory", "--file-prefix", "linecast-bench"};
  try {
    linecast::drivers::require_hugepages(400 << 20);
    const linecast::drivers::Eal eal("lane_bench", arguments);
    benchmark::RunSpecifiedBenchmarks();
  } catch (const std::exception& error) {
    fprintf(stderr, "lane_bench: error: %s\n", error.what());
    return 1;
  }
  return 0;
}
