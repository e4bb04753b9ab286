#include "tests/sim/scenarios.h"
#include "tests/sim/world.h"

namespace linecast::sim {

Row run_shared_loss(const Configuration& configuration, uint32_t repetitions, const Progress& progress) {
  World world(configuration);
  Origin& origin = world.origin();
  Network& network = world.network();
  world.settle();
  Histogram requests(1);
  Histogram quiet(1);
  for (uint32_t k = 0; k < repetitions; ++k) {
    progress(static_cast<double>(k) / repetitions);
    // The one before, by which receivers hear the QUIET field; the lost one; and the one that reveals it.
    origin.send(network);
    world.run_for(kNsPerMs);
    const uint64_t lost = origin.next_sequence();
    origin.lose(network.now());
    world.run_for(kNsPerMs);
    origin.send(network);
    // At a random part of the second between two SENDER_STATUS.
    world.run_for(kNsPerSecond / 2 + static_cast<TimeNs>(network.random().below(kNsPerSecond)));
    requests.add(origin.requests_for(lost));
    quiet.add(origin.responder().askers().quiet());
  }
  world.run_for(configuration.buffer_ns);
  world.finish();
  const ReceiverStatistics& receivers = world.receivers();
  const double lost = static_cast<double>(repetitions) * configuration.receivers;
  return {{"receivers", static_cast<double>(configuration.receivers), 0},
          {"repeaters", static_cast<double>(world.repeaters().size()), 0},
          {"losses", static_cast<double>(repetitions), 0},
          {"requests_mean", requests.mean(), 2},
          {"requests_p95", requests.quantile(0.95), 0},
          {"requests_max", requests.max(), 0},
          {"round_trip_ms", static_cast<double>(origin.responder().askers().round_trip_ns()) / kNsPerMs, 0},
          {"quiet_mean", quiet.mean(), 2},
          {"askers_told", static_cast<double>(origin.responder().askers().size()), 0},
          {"delay_mean_ms", receivers.delay_ms.mean(), 1},
          {"delay_p95_ms", receivers.delay_ms.quantile(0.95), 1},
          {"delay_max_ms", receivers.delay_ms.max(), 1},
          {"unrecovered_share", static_cast<double>(receivers.unrecovered) / lost, 6},
          {"events_millions", static_cast<double>(network.deliveries()) / 1e6, 1}};
}

}  // namespace linecast::sim
