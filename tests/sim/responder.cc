#include "tests/sim/responder.h"

namespace linecast::sim {

Responder::Responder(NodeId id, const ResponderSettings& settings)
    : id_(id),
      settings_(settings),
      engine_({.window = settings.window,
               .budget_bytes_a_second = settings.budget_bytes_a_second,
               .budget_burst_bytes = settings.budget_burst_bytes,
               .largest_bytes = settings.packet_bytes}),
      quiet_(settings.quiet) {}

void Responder::send_original(Network& network, const Data& data) {
  ++statistics_.originals;
  network.multicast({.from = id_, .quiet = quiet(), .body = data});
}

void Responder::send_repair(Network& network, const Data& data) {
  ++statistics_.repairs;
  network.multicast({.from = id_, .quiet = quiet(), .body = data});
}

void Responder::send_heartbeat(Network& network, uint64_t last_sequence) {
  network.multicast({.from = id_, .quiet = quiet(), .body = Heartbeat{last_sequence}});
}

bool Responder::accept(Network& network, const smart::KeptSequences& kept, const smart::PairList& asked) {
  smart::PairList repaired;
  const smart::RepairEngine::Outcome outcome =
      engine_.request(network.now(), round_trip_ns_, kept, asked, {}, repaired);
  quiet_.count(outcome.accepted, outcome.repeated);
  statistics_.accepted += outcome.accepted;
  statistics_.repeated += outcome.repeated;
  statistics_.refused += outcome.not_sent + outcome.too_old;
  statistics_.over_budget += outcome.over_budget;
  if (repaired.count > 0) send_quiet(network, 0, repaired);
  return outcome.accepted > 0;
}

void Responder::send_quiet(Network& network, TimeNs duration, const smart::PairList& list) {
  ++statistics_.quiets;
  network.multicast(
      {.from = id_,
       .quiet = quiet(),
       .body = smart::Quiet{.duration_ms = static_cast<uint16_t>(duration / kNsPerMs), .list = list}});
}

void Responder::take_join(TimeNs now, const smart::UsageReport& join) {
  ++statistics_.joins;
  askers_.join(now);
  round_trip_.add(now, join.detail->echoed_hop_time_us, join.detail->held_us);
}

void Responder::poll(Network& network) {
  const TimeNs now = network.now();
  if (now >= status_due_) {
    askers_.update(now);
    round_trip_ns_ = round_trip_.estimate(now);
    status_due_ = now + kStatusIntervalNs;
    network.multicast(
        {.from = id_,
         .body = smart::SenderStatus{.hop_time_us = smart::hop_time_us(now),
                                     .round_trip_ms = static_cast<uint16_t>(round_trip_ns_ / kNsPerMs),
                                     .report_window_s = askers_.report_window_s(),
                                     .log2_group_size = smart::log2_group_size(askers_.size())}});
  }
  if (now >= quiet_due_) {
    quiet_.update(now, askers_.size(), round_trip_ns_);
    quiet_due_ = now + kQuietIntervalNs;
  }
}

}  // namespace linecast::sim
