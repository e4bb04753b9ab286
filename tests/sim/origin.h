// The headend: sends the stream, and answers.
#pragma once

#include <vector>

#include "tests/sim/responder.h"

namespace linecast::sim {

class Origin : public Node {
 public:
  static constexpr uint64_t kFirstSequence = 65'000;  // so that the 16 bits on the wire soon wrap

  Origin(NodeId id, const ResponderSettings& settings);

  // A packet every interval from now on, until `end`; then heartbeats.
  void stream(Network& network, TimeNs interval_ns, TimeNs end);
  // One packet, and no heartbeats from now on.
  void send(Network& network);
  // One packet that is sent but reaches nobody.
  void lose(TimeNs now);

  void receive(Network& network, const Packet& packet) override;
  void poll(Network& network) override;

  uint64_t next_sequence() const { return next_; }
  Responder& responder() { return responder_; }
  // Requests that came and named this sequence.
  uint32_t requests_for(uint64_t sequence) const { return requests_[sequence - kFirstSequence]; }

 private:
  TimeNs due() const { return std::min({responder_.due(), packet_due_, heartbeat_due_}); }

  NodeId id_;
  Responder responder_;
  uint32_t window_;
  uint64_t next_ = kFirstSequence;
  std::vector<TimeNs> sent_ns_;     // by sequence - kFirstSequence
  std::vector<uint32_t> requests_;  // likewise
  TimeNs interval_ns_ = 0, end_ns_ = 0;
  TimeNs packet_due_ = kNever, heartbeat_due_ = kNever, heartbeat_interval_ns_ = 0;
};

}  // namespace linecast::sim
