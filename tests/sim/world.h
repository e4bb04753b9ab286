// A network of nodes, as a Configuration describes it.
#pragma once

#include <deque>

#include "tests/sim/configuration.h"
#include "tests/sim/origin.h"
#include "tests/sim/repeater.h"

namespace linecast::sim {

class World {
 public:
  explicit World(const Configuration& configuration);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Network& network() { return network_; }
  Origin& origin() { return origin_; }
  std::deque<Repeater>& repeaters() { return repeaters_; }
  const ReceiverStatistics& receivers() const { return receiver_statistics_; }

  void run_for(TimeNs duration) { network_.run_until(network_.now() + duration); }
  // Until the receivers have told that they are there, and the hops have drawn their conclusions.
  void settle();
  // Counts what is missing at the end. Nothing may run after it.
  void finish();

 private:
  static constexpr NodeId kOrigin = 1, kFirstBelow = 2;  // repeaters, then receivers

  void connect(uint32_t branches);

  const Configuration configuration_;
  Random random_;
  smart::ReceiveCounters counters_, repeater_counters_;
  ReceiverStatistics receiver_statistics_, repeater_statistics_;
  ReceiverContext receiver_context_, repeater_context_;
  Network network_;
  Origin origin_;
  std::deque<Repeater> repeaters_;
  std::deque<Receiver> receivers_;
};

}  // namespace linecast::sim
