// The side of a hop that answers: lib/smart's RepairEngine and AskingGroup, and what it takes to run them.
// The origin has one, and each repeater.
#pragma once

#include "lib/smart/send/asking_group.h"
#include "tests/sim/network.h"
#include "tests/sim/statistics.h"

namespace linecast::sim {

struct ResponderSettings {
  uint32_t window = 1 << 12;  // packets kept; a power of two
  uint64_t packet_bytes = 0;  // all are of this size
  uint64_t budget_bytes_a_second = 0;
  uint64_t budget_burst_bytes = 0;
  uint64_t quiet_bytes = 0;  // of one that names one pair
  TimeNs longest_lock_ns = 0;
  TimeNs window_ns = 0;
  std::optional<uint8_t> quiet;  // the QUIET field; none: AskingGroup sets it
};

class Responder {
 public:
  // id: of the hop.
  Responder(NodeId id, const ResponderSettings& settings);

  // Sends an original (or, from a repeater, what came for it as one) to the group.
  void send_original(Network& network, const Data& data);
  void send_heartbeat(Network& network, uint64_t last_sequence);

  // What `asked` names of `kept` is repaired: QUIET first, then the repairs, all at once.
  // original_ns(sequence) tells when the origin sent it first.
  template <typename OriginalNs>
  void repair(Network& network, const smart::KeptSequences& kept, const smart::PairList& asked,
              const OriginalNs& original_ns) {
    if (!accept(network, kept, asked)) return;
    smart::RepairEngine::Repair repair;
    while (engine_.pending() > 0) {
      const auto taken = engine_.take(
          network.now(), kept, [this](uint64_t) { return settings_.packet_bytes; }, repair);
      if (taken == smart::RepairEngine::Taken::kRepair)
        send_repair(network, {repair.sequence, original_ns(repair.sequence), true});
    }
  }
  void send_quiet(Network& network, const smart::Quiet& quiet);
  void count_request() { ++statistics_.requests; }
  void count_not_held(size_t sequences) { statistics_.not_held += sequences; }

  void take_join(TimeNs now, const smart::UsageReport& join);

  // SENDER_STATUS and the QUIET field, as they fall due.
  void poll(Network& network);
  TimeNs due() const { return std::min(status_due_, quiet_due_); }

  const smart::AskingGroup& askers() const { return askers_; }
  const HopStatistics& statistics() const { return statistics_; }
  void reset_statistics() { statistics_ = {}; }

 private:
  static constexpr TimeNs kStatusIntervalNs = kNsPerSecond;
  static constexpr TimeNs kQuietIntervalNs = 20 * kNsPerMs;

  bool accept(Network& network, const smart::KeptSequences& kept, const smart::PairList& asked);
  void send_repair(Network& network, const Data& data);

  NodeId id_;
  ResponderSettings settings_;
  smart::RepairEngine engine_;
  smart::AskingGroup askers_;
  TimeNs status_due_ = 0;
  TimeNs quiet_due_ = 0;
  HopStatistics statistics_;
};

}  // namespace linecast::sim
