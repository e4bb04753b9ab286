#include "tests/sim/responder.h"

namespace linecast::sim {

Responder::Responder(NodeId id, const ResponderSettings& settings)
    : id_(id),
      settings_(settings),
      engine_({.window = settings.window,
               .budget_bytes_a_second = settings.budget_bytes_a_second,
               .budget_burst_bytes = settings.budget_burst_bytes,
               .largest_bytes = settings.packet_bytes,
               .quiet_bytes = settings.quiet_bytes,
               .longest_lock_ns = settings.longest_lock_ns}),
      askers_(settings.quiet, settings.window_ns) {}

void Responder::send_original(Network& network, const Data& data) {
  ++statistics_.originals;
  network.multicast({.from = id_, .quiet = askers_.quiet(), .body = data});
}

void Responder::send_repair(Network& network, const Data& data) {
  ++statistics_.repairs;
  network.multicast({.from = id_, .quiet = askers_.quiet(), .body = data});
}

void Responder::send_heartbeat(Network& network, uint64_t last_sequence) {
  network.multicast({.from = id_, .quiet = askers_.quiet(), .body = Heartbeat{last_sequence}});
}

bool Responder::accept(Network& network, const smart::KeptSequences& kept, const smart::PairList& asked) {
  smart::PairList repaired;
  smart::SourceShare share;  // no single one of them asks for much
  const smart::RepairEngine::Outcome outcome =
      engine_.request(network.now(), askers_.round_trip_ns(), kept, asked, {}, share, repaired);
  statistics_.accepted += outcome.accepted;
  statistics_.repeated += outcome.repeated;
  statistics_.refused += outcome.not_sent + outcome.too_old;
  statistics_.over_budget += outcome.over_budget + outcome.over_share;
  if (repaired.count > 0) send_quiet(network, askers_.quiet_for(repaired));
  if (askers_.asked(network.now(), outcome)) send_quiet(network, askers_.quiet_for({}));
  return outcome.accepted > 0;
}

void Responder::send_quiet(Network& network, const smart::Quiet& quiet) {
  ++statistics_.quiets;
  network.multicast({.from = id_, .quiet = askers_.quiet(), .body = quiet});
}

void Responder::take_join(TimeNs now, const smart::UsageReport& join) {
  ++statistics_.joins;
  askers_.join(now, join);
}

void Responder::poll(Network& network) {
  const TimeNs now = network.now();
  if (now >= status_due_) {
    status_due_ = now + kStatusIntervalNs;
    network.multicast({.from = id_, .body = askers_.status(now)});
  }
  if (now >= quiet_due_) {
    askers_.update_quiet(now);
    quiet_due_ = now + kQuietIntervalNs;
  }
}

}  // namespace linecast::sim
