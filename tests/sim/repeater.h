// A repeater: a receiver towards the hop above, and a hop to the group below. It passes on what comes,
// answers from what it has, and asks for what it misses itself, once for all below.
#pragma once

#include <vector>

#include "tests/sim/receiver.h"
#include "tests/sim/responder.h"

namespace linecast::sim {

class Repeater : public Node {
 public:
  // context: as a receiver's; its statistics are not used, the rest must outlive it.
  Repeater(NodeId id, ReceiverContext& context, const ResponderSettings& settings, uint64_t first_sequence);

  void receive(Network& network, const Packet& packet) override;
  void poll(Network& network) override;

  Responder& responder() { return responder_; }

 private:
  // What is known of the sequence that it names.
  struct Kept {
    uint64_t sequence = UINT64_MAX;
    bool held = false;
    TimeNs original_ns = 0;     // of one that is held
    TimeNs quiet_until_ns = 0;  // of one that is missing: for so long those below were asked to wait
  };

  void take_data(Network& network, const Packet& packet, const Data& data);
  void take_request(Network& network, const smart::PairList& asked);
  void ask_to_wait(Network& network, std::span<const uint64_t> missing);
  void repair(Network& network, std::span<const uint64_t> sequences);
  Kept& place(uint64_t sequence);
  uint64_t oldest() const;  // that is kept
  void wake(Network& network);

  NodeId id_;
  const uint64_t first_sequence_;
  smart::Requester requester_;
  smart::UsageReporter usage_;
  Responder responder_;
  std::vector<Kept> kept_;  // a ring
};

}  // namespace linecast::sim
