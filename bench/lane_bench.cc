// The whole headend lane, from received packet to transmit call, beside bare ipsec-mb AES-GCM over the same
// memory: `scripts/bench lane` runs it and prints the ratios.
#include <sched.h>

#include "bench/bare_gcm.h"
#include "bench/ingest.h"
#include "drivers/eal.h"
#include "drivers/hugepages.h"

namespace linecast::bench {
namespace {

struct LaneShape {
  bool encrypted = true;
  crypto::Cipher cipher = crypto::Cipher::kAes128Gcm;
  bool card_checksum = true;
  size_t channels = kChannels;
  uint32_t window = kWindow;
};

BedOptions bed_options(const LaneShape& shape) {
  BedOptions options;
  options.channels = shape.channels;
  options.window_packets = shape.window;
  options.encrypted = shape.encrypted;
  options.cipher = shape.cipher;
  options.offloads.udp_checksum = shape.card_checksum;
  options.discard_output = true;
  return options;
}

// By the lane's clock: about what a turn takes, and always the same, so that as many timers are due in slow
// runs (under valgrind, say) as in fast ones.
constexpr TimeNs kTurnNs = 6 * kNsPerUs;

void run_lane(benchmark::State& state, const LaneShape& shape) {
  LaneBed bed(bed_options(shape));
  Ingest ingest(bed.receive_pool(), shape.channels);
  TimeNs now = kNsPerSecond;
  const auto turn = [&] {
    ingest.push(bed.in_memory().in, app::kBurst);
    now += kTurnNs;
    const uint64_t begin = drivers::cycles();
    bed.lane().poll(now);
    return drivers::cycles() - begin;
  };
  const size_t first = shape.channels * shape.window / app::kBurst;
  for (size_t i = 0; i < first; ++i) turn();  // every kept frame once
  Turns turns;
  for (auto _ : state) {
    turns.add(turn());
    state.SetIterationTime(seconds(turns.latest()));
  }
  uint64_t sent = 0;
  for (size_t i = 0; i < shape.channels; ++i) sent += bed.count(i, app::ChannelCounter::kPacketsSent);
  if (sent != (turns.count() + first) * app::kBurst) state.SkipWithError("the lane dropped packets");
  report(state, turns);
  const auto kept = static_cast<double>(bed.hugepage_bytes_per_kept_packet());
  state.counters["bytes_per_kept_packet"] = kept;
  state.counters["kept_to_frame"] = kept / kFrameSize;
}

void run_bare(benchmark::State& state, crypto::Cipher cipher, bool in_place) {
  BareGcm bare("bare", cipher, in_place);
  Turns turns;
  for (auto _ : state) {
    turns.add(bare.turn());
    state.SetIterationTime(seconds(turns.latest()));
  }
  report(state, turns);
}

// Two lanes at once, each on a core of its own with its half of the channels and a queue of the card; or two
// times bare AES-GCM.
constexpr unsigned kSecondLcore = 1;

// Runs `one` here and `other` on the second lcore until the benchmark has had enough, and adds their rates.
// Each gives the cycles of a burst.
template <typename One, typename Other>
void run_both(benchmark::State& state, One&& one, Other&& other) {
  std::atomic<bool> started = false, stop = false;
  Turns turns, others;
  std::function<void()> second = [&] {
    started = true;
    while (!stop.load(std::memory_order_relaxed)) others.add(other());
  };
  drivers::launch(kSecondLcore, second);
  while (!started) drivers::pause();
  for (auto _ : state) {
    turns.add(one());
    state.SetIterationTime(seconds(turns.latest()));
  }
  stop = true;
  drivers::wait_lcore(kSecondLcore);
  const double rate = 1 / turns.mean() + 1 / others.mean();
  state.counters["mpps"] = app::kBurst * rate * static_cast<double>(drivers::cycles_per_second()) / 1e6;
  state.counters["cycles_per_packet"] = 2 / rate / app::kBurst;  // of each
}

void run_two_lanes(benchmark::State& state) {
  BedOptions options = bed_options({});
  options.lanes = 2;
  options.queue_each = true;
  LaneBed bed(options);
  const drivers::Clock clock;
  Ingest first(bed.receive_pool(), kChannels, 2, 0), second(bed.receive_pool(), kChannels, 2, 1);
  const auto turn = [&](size_t lane, Ingest& ingest) {
    ingest.push(bed.in_memory().queue(lane), app::kBurst);
    const TimeNs now = clock.now();
    const uint64_t begin = drivers::cycles();
    bed.lane(lane).poll(now);
    return drivers::cycles() - begin;
  };
  for (size_t i = 0; i < kKeptFrames / app::kBurst / 2; ++i) {
    turn(0, first);
    turn(1, second);
  }
  run_both(
      state, [&] { return turn(0, first); }, [&] { return turn(1, second); });
  if (bed.lane(0).counters().get(app::LaneCounter::kHandedOver) != 0)
    state.SkipWithError("packets came to the wrong lane");
}

void run_bare_twice(benchmark::State& state) {
  BareGcm one("bare", crypto::Cipher::kAes128Gcm, false), other("bare2", crypto::Cipher::kAes128Gcm, false);
  run_both(
      state, [&] { return one.turn(); }, [&] { return other.turn(); });
}

constexpr auto kAes128 = crypto::Cipher::kAes128Gcm;
constexpr auto kAes256 = crypto::Cipher::kAes256Gcm;

void add(const char* name, const LaneShape& shape) {
  benchmark::RegisterBenchmark(name, run_lane, shape)->UseManualTime();
}
void add(const char* name, crypto::Cipher cipher, bool in_place) {
  benchmark::RegisterBenchmark(name, run_bare, cipher, in_place)->UseManualTime();
}

void add_all() {
  add("bare_gcm/aes128", kAes128, false);
  add("bare_gcm/aes128/in_place", kAes128, true);
  add("lane/aes128", {});
  add("lane/aes128/software_checksum", {.card_checksum = false});
  add("lane/aes128/1_channel", {.channels = 1, .window = 1 << 16});
  add("lane/aes128/2000_channels", {.channels = 2000, .window = 32});
  add("bare_gcm/aes256", kAes256, false);
  add("lane/aes256", {.cipher = kAes256});
  add("lane/clear", {.encrypted = false});
  benchmark::RegisterBenchmark("two_lanes/aes128", run_two_lanes)->UseManualTime();
  benchmark::RegisterBenchmark("two_lanes/bare_gcm", run_bare_twice)->UseManualTime();
}

// The first two cores that this process may run on, as EAL's lcores 0 and 1.
std::string lcores() {
  cpu_set_t cores;
  sched_getaffinity(0, sizeof cores, &cores);
  std::string text;
  unsigned found = 0;
  for (unsigned core = 0; core < CPU_SETSIZE && found < 2; ++core) {
    if (!CPU_ISSET(core, &cores)) continue;
    text += (found == 0 ? "" : ",") + std::to_string(found) + "@" + std::to_string(core);
    ++found;
  }
  return text;
}

}  // namespace
}  // namespace linecast::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  // For valgrind, which has no address space for DPDK's reservations: ordinary pages, and one lcore.
  const bool ordinary_pages = argc == 2 && std::string_view(argv[1]) == "--ordinary-pages";
  if (!ordinary_pages && benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  std::vector<std::string> arguments{"--no-pci", "--file-prefix", "linecast-bench"};
  for (const auto& more :
       ordinary_pages ? std::vector<std::string>{"-l", "0", "--no-huge", "-m", "400", "--no-shconf"}
                      : std::vector<std::string>{"--lcores", linecast::bench::lcores(), "--in-memory"})
    arguments.push_back(more);
  try {
    if (!ordinary_pages) linecast::drivers::require_hugepages(400 << 20);
    const linecast::drivers::Eal eal("lane_bench", arguments);
    linecast::bench::add_all();
    benchmark::RunSpecifiedBenchmarks();
  } catch (const std::exception& error) {
    fprintf(stderr, "lane_bench: error: %s\n", error.what());
    return 1;
  }
  return 0;
}
