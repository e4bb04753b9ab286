// How a repeater follows the hop above to another group.
#include "lib/smart/relay/relay_stream.h"

namespace linecast::smart {

bool RelayStream::is_ours(Ipv4 group) const {
  return groups_.holds(group) || (by_.way == Way::kTunnel && tunnel_ && tunnel_->takes(group));
}

uint64_t RelayStream::hop_start_number() {
  const Hop* hop = requester_.hops().find(settings_.upstream);
  return hop == nullptr ? 0 : hop->start_number;
}

void RelayStream::follow(TimeNs now, const GroupPlace& to) {
  groups_.follow(now, to, settings_.upstream);
  if (tunnel_) tunnel_->follow(now, to);
}

void RelayStream::run_moves(TimeNs now) {
  if (groups_.next_due() > now) return;
  const uint64_t next = running() ? requester_.next() : 0;
  const auto outcome = groups_.poll(now, next, settings_.upstream);
  if (!outcome) return;
  if (tunnel_) tunnel_->follow(now, groups_.in_use());
  if (*outcome == GroupFollower::Outcome::kMoved) return counters_.add(ReceiveCounter::kMoves);
  counters_.add(ReceiveCounter::kMovesFailed);
  faults_.add(ProblemCode::kMoveFailed, 1, next);
}

uint16_t RelayStream::port_of(Bytes message) const {
  const bool tunnelling = message.size() > 1 && message[1] >> 6 == static_cast<int>(PacketType::kTunnelling);
  return tunnelling && tunnel_ ? tunnel_->far_end().port : place_above().port;
}

}  // namespace linecast::smart
