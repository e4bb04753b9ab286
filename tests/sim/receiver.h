// A receiver: lib/smart's Requester decides what it asks for, and its UsageReporter when it tells that it is
// there; here is what it takes to run them, and whether each packet came in time.
#pragma once

#include "lib/smart/receive/requester.h"
#include "lib/smart/receive/usage_reporter.h"
#include "tests/sim/network.h"
#include "tests/sim/statistics.h"

namespace linecast::sim {

// Shared by all receivers of a run.
struct ReceiverContext {
  smart::Requester::Settings settings;
  Random& random;
  smart::ReceiveCounters& counters;
  ReceiverStatistics& statistics;
};

class Receiver : public Node {
 public:
  // id: the one that the network gives it. context must outlive it.
  Receiver(NodeId id, ReceiverContext& context, uint64_t first_sequence);

  void receive(Network& network, const Packet& packet) override;
  void poll(Network& network) override;

  // Counts what is still missing, up to `end`, as unrecovered. Call once, when all deadlines have passed.
  void finish(uint64_t end);

 private:
  void take_data(Network& network, const Packet& packet, const Data& data);
  void miss_until(uint64_t end);

  NodeId id_;
  ReceiverContext& context_;
  smart::Requester requester_;
  smart::UsageReporter usage_;
  std::vector<uint64_t> missing_;  // rising; those below next_ that have not come
  uint64_t next_;                  // after the highest that is known to exist
};

}  // namespace linecast::sim
