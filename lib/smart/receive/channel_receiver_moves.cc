// How a receiver follows its channel to another group.
#include "lib/smart/receive/channel_receiver.h"

namespace linecast::smart {

bool ChannelReceiver::is_ours(Ipv4 group) const {
  return groups_.holds(group) || (by_tunnel() && tunnels_[way_ - 1].takes(group));
}

void ChannelReceiver::take_move(TimeNs now, Bytes datagram, Ipv4 source) {
  std::array<Ipv4, GroupFollower::kMaxGroups> storage;
  const Hop* hop = requester_.hops().find(source);
  const MoveAcceptor::Standing standing{.in_use = groups_.in_use(),
                                        .held = groups_.held(storage),
                                        .hop_heard = hop != nullptr && hop->data_ns != kNever,
                                        .hop_start_number = hop != nullptr ? hop->start_number : 0};
  GroupPlace to;
  const MoveResult result = move_acceptor_.accept(now, datagram, standing, to);
  move_results_.add(result);
  if (result == MoveResult::kRepeat) groups_.announced_again(now);
  if (result != MoveResult::kAccepted) return;
  for (TunnelClient& tunnel : tunnels_) tunnel.follow(now, to);
  switch (groups_.follow(now, to, source)) {
    case GroupFollower::Answer::kJoined:
      return output_.group_changes(MoveStep::kAnnounced, to);
    case GroupFollower::Answer::kHeld:
      return;
    case GroupFollower::Answer::kCannotJoin:
      counters_.add(ReceiveCounter::kMovesFailed);
      faults_.add(ProblemCode::kMoveFailed, 1, requester_.running() ? requester_.next() : 0);
      return output_.group_changes(MoveStep::kCannotJoin, to);
  }
}

void ChannelReceiver::run_moves(TimeNs now) {
  if (groups_.next_due() > now) return;
  const Hop* hop = requester_.hops().latest();
  const uint64_t next = requester_.running() ? requester_.next() : 0;
  const auto outcome = groups_.poll(now, next, hop != nullptr ? hop->address : settings_.source);
  if (!outcome) return;
  for (TunnelClient& tunnel : tunnels_) tunnel.follow(now, groups_.in_use());
  if (*outcome == GroupFollower::Outcome::kMoved) {
    counters_.add(ReceiveCounter::kMoves);
    unanswered_ = 0;  // at another place
    return output_.group_changes(MoveStep::kMoved, groups_.in_use());
  }
  counters_.add(ReceiveCounter::kMovesFailed);
  faults_.add(ProblemCode::kMoveFailed, 1, next);
  output_.group_changes(MoveStep::kNothingCame, groups_.given_up());
}

}  // namespace linecast::smart
