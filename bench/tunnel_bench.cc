// One packet of a channel to a thousand tunnels and more. `scripts/bench control` prints it.
#include <benchmark/benchmark.h>

#include "lib/smart/tunnel/tunnel_list.h"
#include "tests/vdev/lane_bed.h"

namespace linecast {
namespace {

constexpr size_t kTsPackets = 7;

smart::TunnelList list_of(size_t tunnels) {
  smart::TunnelCounters counters;
  smart::LeaseTable leases({.tunnels = static_cast<uint32_t>(tunnels),
                            .tunnels_of_a_peer = 1,
                            .ports = {{static_cast<uint32_t>(tunnels), UINT64_MAX}},
                            .port_of_interface = {0, 0},
                            .channel_rates_bps = {1}},
                           counters);
  for (size_t k = 0; k < tunnels; ++k)
    leases.grant(0, {{0x0a020001 + static_cast<Ipv4>(k), 40'000}, 0}, {1, {2, 0, 0, 0, 1, 1}}, {});
  return {leases, 0};
}

// Arguments: tunnels; 1: frames of two segments.
void into_tunnels(benchmark::State& state) {
  BedOptions options;
  options.window_packets = 1024;
  options.discard_output = true;
  options.tunnel_packets = 8191;
  options.offloads.segments = state.range(1) != 0;
  LaneBed bed(options);
  app::HopTunnels tunnels(bed.tunnels_setup(0));
  const auto count = static_cast<size_t>(state.range(0));
  const smart::TunnelList list = list_of(count);
  app::LaneCommand rate{.kind = app::LaneCommand::Kind::kTunnelRate, .tunnel_rate_bps = UINT64_MAX / 2};
  app::LaneCommand hand_over{
      .kind = app::LaneCommand::Kind::kTunnels, .tunnels = &tunnels, .tunnel_list = &list};
  bed.lane().command(rate);
  bed.lane().command(hand_over);
  TimeNs now = 10 * kNsPerSecond;
  bed.lane().poll(now);
  const std::vector<uint8_t> frame = feed_frame(0, ts_payload(kTsPackets, 1));
  uint64_t expected = 0;
  for (auto _ : state) {
    bed.feed(frame);
    expected += count;
    do bed.lane().poll(now += 1000);
    while (bed.count(0, app::ChannelCounter::kTunnelPackets) < expected);
  }
  state.SetItemsProcessed(static_cast<int64_t>(expected));
  if (bed.count(0, app::ChannelCounter::kTunnelBehind) > 0) state.SkipWithError("tunnels fell behind");
}
BENCHMARK(into_tunnels)->ArgNames({"tunnels", "segments"})->ArgsProduct({{1, 1000, 10'000}, {0, 1}});

}  // namespace
}  // namespace linecast
