#include "tests/sim/scenarios.h"
#include "tests/sim/world.h"

namespace linecast::sim {
namespace {

double share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

Row run_stream(const Configuration& configuration, uint32_t seconds, const Progress& progress) {
  World world(configuration);
  world.settle();
  Origin& origin = world.origin();
  const TimeNs duration = seconds * kNsPerSecond;
  origin.stream(world.network(), static_cast<TimeNs>(kNsPerSecond / configuration.rate),
                world.network().now() + duration);
  // Until the last deadline has passed as well.
  const TimeNs all = duration + 2 * configuration.buffer_ns + kNsPerSecond;
  constexpr int kSteps = 20;
  for (int step = 0; step < kSteps; ++step) {
    progress(static_cast<double>(step) / kSteps);
    world.run_for(all / kSteps);
  }
  world.finish();

  const ReceiverStatistics& receivers = world.receivers();
  const HopStatistics& hop = origin.responder().statistics();
  HopStatistics below;
  for (Repeater& repeater : world.repeaters()) {
    const HopStatistics& one = repeater.responder().statistics();
    below.repairs += one.repairs;
    below.requests += one.requests;
    below.over_budget += one.over_budget;
  }
  const uint64_t repeaters = world.repeaters().size();
  const double all_packets = static_cast<double>(hop.originals) * configuration.receivers;
  return {{"receivers", static_cast<double>(configuration.receivers), 0},
          {"repeaters", static_cast<double>(repeaters), 0},
          {"loss", configuration.lower.loss.mean_loss(), 4},
          {"upper_loss", configuration.upper.loss.mean_loss(), 4},
          {"spell", configuration.lower.loss.to_bad > 0 ? 1 / configuration.lower.loss.to_good : 0, 0},
          {"budget", configuration.budget, 2},
          {"repair_share", share(hop.repairs, hop.originals), 4},
          {"requests_per_s", static_cast<double>(hop.requests) / seconds, 1},
          {"quiets_per_s", static_cast<double>(hop.quiets) / seconds, 1},
          {"over_budget_per_s", static_cast<double>(hop.over_budget) / seconds, 1},
          {"repeater_repair_share", share(below.repairs, hop.originals * repeaters), 4},
          {"repeater_requests_per_s", share(below.requests, repeaters * seconds), 1},
          {"unrecovered_share", static_cast<double>(receivers.unrecovered) / all_packets, 8},
          {"unneeded_share", static_cast<double>(receivers.unneeded) / all_packets, 4},
          {"delay_mean_ms", receivers.delay_ms.mean(), 1},
          {"delay_p95_ms", receivers.delay_ms.quantile(0.95), 1},
          {"delay_max_ms", receivers.delay_ms.max(), 1},
          {"round_trip_ms", static_cast<double>(origin.responder().askers().round_trip_ns()) / kNsPerMs, 0},
          {"quiet", static_cast<double>(origin.responder().askers().quiet()), 0},
          {"events_millions", static_cast<double>(world.network().deliveries()) / 1e6, 1}};
}

}  // namespace linecast::sim
