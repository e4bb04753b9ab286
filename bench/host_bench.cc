// What the host side of a lane costs: a second of turns with 2,000 joined groups, with and without a query in
// it.
#include <benchmark/benchmark.h>

#include "tests/vdev/lane_bed.h"

namespace linecast {
namespace {

constexpr size_t kGroups = 2000;
constexpr TimeNs kTurnNs = 100 * kNsPerUs;

// Group records of version 3 reports, or reports of version 2.
size_t reported(const std::vector<std::vector<uint8_t>>& frames) {
  size_t groups = 0;
  for (const auto& frame : frames) {
    const net::ParsedFrame parsed = net::parse_frame(frame, {});
    if (parsed.kind != net::FrameKind::kIgmp) continue;
    groups += parsed.payload[0] == 0x22 ? load_be16(&parsed.payload[6]) : 1;
  }
  return groups;
}

// An iteration is a second by the lane's clock; only the lane's own turns are timed.
void run_second(benchmark::State& state, igmp::Version version, bool query) {
  BedOptions options;
  options.igmp_version = version;
  LaneBed bed(options);
  TimeNs now = 10 * kNsPerSecond;
  for (uint32_t i = 0; i < kGroups; ++i) bed.lane().host(0).join(now, 0xef010000 + i, 0);
  uint64_t cycles = 0;
  size_t groups = 0;
  const auto second = [&] {
    cycles = groups = 0;
    for (const TimeNs end = now + kNsPerSecond; now < end; now += kTurnNs) {
      const uint64_t begin = drivers::cycles();
      bed.lane().poll(now);
      cycles += drivers::cycles() - begin;
      groups += reported(bed.sent(0));
      bed.sent(1);
    }
  };
  for (int i = 0; i < 10; ++i) second();  // the reports of the joins
  const auto query_frame = general_query(version);
  double total = 0;
  for (auto _ : state) {
    if (query) bed.feed(query_frame, 0);
    second();
    if (query && groups < kGroups) state.SkipWithError("not all groups were reported within a second");
    const double seconds = static_cast<double>(cycles) / static_cast<double>(drivers::cycles_per_second());
    state.SetIterationTime(seconds);
    total += seconds;
  }
  state.counters["share_of_lane"] = total / static_cast<double>(state.iterations());
  state.counters["bytes_per_group"] =
      static_cast<double>(bed.lane().host(0).igmp().table_memory()) / static_cast<double>(kGroups);
}

BENCHMARK_CAPTURE(run_second, v3_idle, igmp::Version::kV3, false)->Name("host/v3/idle")->UseManualTime();
BENCHMARK_CAPTURE(run_second, v3_query, igmp::Version::kV3, true)->Name("host/v3/query")->UseManualTime();
BENCHMARK_CAPTURE(run_second, v2_idle, igmp::Version::kV2, false)->Name("host/v2/idle")->UseManualTime();
BENCHMARK_CAPTURE(run_second, v2_query, igmp::Version::kV2, true)->Name("host/v2/query")->UseManualTime();

}  // namespace
}  // namespace linecast
