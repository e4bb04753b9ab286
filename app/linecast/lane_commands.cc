// What the control lcore asks of a lane.
#include "app/linecast/lane.h"

namespace linecast::app {
namespace {

constexpr unsigned kCommandsPerTurn = 4;
// Of a change: each takes about what a packet does.
constexpr unsigned kStepsPerTurn = 16;

}  // namespace

bool Lane::poll_commands(TimeNs now) {
  for (unsigned k = 0; k < kCommandsPerTurn; ++k) {
    LaneCommand* command = nullptr;
    if (change_ == nullptr) {
      if (commands_.pop(&command, 1) == 0) return k > 0;
      carry_out(*command, now);
    }
    if (change_ != nullptr) {
      if (!advance(*change_, now)) return true;
      change_ = nullptr;
    }
    counters_.add(LaneCounter::kCommandsDone);
  }
  return true;
}

void Lane::carry_out(const LaneCommand& command, TimeNs now) {
  switch (command.kind) {
    case LaneCommand::Kind::kAnnounce:
      streams_[command.index].channel->take(*command.announcement);
      break;
    case LaneCommand::Kind::kFollow:
      streams_[command.index].relay->follow(*command.epochs);
      break;
    case LaneCommand::Kind::kFollowMove:
      streams_[command.index].relay->follow(now, *command.upstream_move);
      break;
    case LaneCommand::Kind::kMove:
      streams_[command.index].channel->take(*command.move);
      break;
    case LaneCommand::Kind::kLinkUp:
      for (LaneInterface& interface : interfaces_)
        if (interface.port == command.index && interface.host != nullptr) {
          interface.host->link_up(now);
          hosts_due_ = 0;
        }
      break;
    case LaneCommand::Kind::kPausePort:
      flush(command.index);
      ports_[command.index].paused = true;
      break;
    case LaneCommand::Kind::kResumePort:
      ports_[command.index].paused = false;
      break;
    case LaneCommand::Kind::kShowIgmp:
      interfaces_[command.index].host->show_igmp(now, *command.page);
      break;
    case LaneCommand::Kind::kTunnels:
      set_tunnels(command.index, command.tunnels, command.tunnel_list);
      break;
    case LaneCommand::Kind::kTunnelRate:
      set_tunnel_rate(command.tunnel_rate_bps);
      break;
    case LaneCommand::Kind::kChange:
      change_ = command.change;
      break;
  }
}

// A few of its steps; true where they were the last.
bool Lane::advance(LaneChange& change, TimeNs now) {
  for (unsigned k = 0; k < kStepsPerTurn && change.done < change.steps(); ++k)
    take_step(change, change.done++, now);
  if (change.done < change.steps()) return false;
  if (change.directory != nullptr) directory_ = change.directory;
  return true;
}

void Lane::take_step(LaneChange& change, size_t step, TimeNs now) {
  const auto is_of = [&step](const auto& list) {
    if (step < list.size()) return true;
    step -= list.size();
    return false;
  };
  if (is_of(change.swaps)) return swap_stream(change.swaps[step].slot, change.swaps[step].stream, now);
  if (is_of(change.adjustments))
    return streams_[change.adjustments[step].slot].channel->take(change.adjustments[step].terms);
  if (is_of(change.relay_adjustments))
    return streams_[change.relay_adjustments[step].slot].relay->take(change.relay_adjustments[step].terms);
  hosts_due_ = 0;
  if (is_of(change.joins)) {
    const LaneChange::Membership& of = change.joins[step];
    interfaces_[of.interface].host->join(now, of.group, of.source);
  } else if (is_of(change.leaves)) {
    const LaneChange::Membership& of = change.leaves[step];
    interfaces_[of.interface].host->leave(now, of.group, of.source);
  }
}

void Lane::swap_stream(size_t slot, LaneStream& stream, TimeNs now) {
  if (LaneRelay* relay = streams_[slot].relay.get(); relay != nullptr) leave_upstream(*relay, now);
  if (streams_[slot].hop() != nullptr) forget_stream(slot);
  streams_[slot].channel.swap(stream.channel);
  streams_[slot].relay.swap(stream.relay);
  if (streams_[slot].hop() == nullptr) return;
  own_streams_[own_count_] = slot;
  first_due_[own_count_++] = 0;
}

void Lane::forget_repairs(const LaneHop& hop) {
  size_t kept = 0;
  for (size_t i = 0; i < repairing_count_; ++i) {
    LaneHop* waiting = repairing_[(repairing_head_ + i) % repairing_.size()];
    if (waiting != &hop) repairing_[(repairing_head_ + kept++) % repairing_.size()] = waiting;
  }
  repairing_count_ = kept;
}

// Nothing of the lane's leads to the slot's stream any more. No batch holds any of its packets: all are
// flushed at the end of a turn.
void Lane::forget_stream(size_t slot) {
  LaneHop* hop = streams_[slot].hop();
  for (size_t i = 0; i < own_count_; ++i) {
    if (own_streams_[i] != slot) continue;
    --own_count_;
    own_streams_[i] = own_streams_[own_count_];
    first_due_[i] = first_due_[own_count_];
    break;
  }
  forget_tunnels(*hop);
  forget_repairs(*hop);
  if (const crypto::CmacKey* key = hop->up_key(); key != nullptr) receiver_keys_.forget(*key);
}

}  // namespace linecast::app
