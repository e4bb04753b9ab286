#include "app/linecast/tunnel_carrier.h"

#include <algorithm>

namespace linecast::app {
namespace {

// Of one lane, in one tick: ten times a thousand a second. Each takes a few microseconds.
constexpr size_t kAsksATick = 200;

}  // namespace

TunnelCarrier::TunnelCarrier(TunnelKeeper& keeper, const std::vector<std::unique_ptr<Lane>>& lanes,
                             std::vector<uint8_t> host_lane_of, size_t slots, uint64_t rate_bps)
    : keeper_(keeper),
      lanes_(lanes),
      host_lane_of_(std::move(host_lane_of)),
      hops_(slots),
      rate_calls_(lanes.size()) {
  for (size_t i = 0; i < lanes.size(); ++i) {
    rate_calls_[i].command.kind = LaneCommand::Kind::kTunnelRate;
    rate_calls_[i].command.tunnel_rate_bps = rate_bps;
    rate_calls_[i].issue(*lanes[i]);
  }
}

void TunnelCarrier::set_hop(uint16_t slot, size_t lane, const HopTunnelsSetup& setup) {
  if (hops_[slot] == nullptr) hops_[slot] = std::make_unique<Hop>();
  hops_[slot]->lane = lane;
  hops_[slot]->setup = setup;
}

void TunnelCarrier::end_hop(uint16_t slot) {
  if (hops_[slot] != nullptr) hops_[slot]->ended = true;
}

void TunnelCarrier::tick(TimeNs now) {
  take_asks(now);
  keeper_.tick(now);
  uint16_t slot = 0;
  while (keeper_.next_changed(slot)) {
    if (hops_[slot] == nullptr) continue;
    hops_[slot]->changed = true;
    if (!hops_[slot]->waits) waiting_.push_back(slot);
    hops_[slot]->waits = true;
  }
  // What a lane has not taken yet waits, and what changes meanwhile goes with it.
  std::erase_if(waiting_, [this](uint16_t waiting) {
    if (hops_[waiting] == nullptr) return true;
    Hop& hop = *hops_[waiting];
    if (!hop.ended && !hop.call.done()) return false;
    hop.waits = !hop.ended && (hop.changed || hop.old_list != nullptr || hop.old_tunnels != nullptr);
    if (hop.waits) hand_over(waiting);
    return !hop.waits;
  });
}

void TunnelCarrier::take_asks(TimeNs now) {
  HeardTunnelAsk ask;
  TunnelReply reply;
  for (const auto& lane : lanes_)
    for (size_t k = 0; k < kAsksATick && lane->next_tunnel_ask(ask); ++k) {
      if (!keeper_.take(now, ask, reply)) continue;
      if (!lanes_[host_lane_of_[reply.way.interface]]->send(reply))
        keeper_.count(smart::TunnelCounter::kAnswerQueueFull);
    }
}

// The last call is done, so the lane reads `list` and nothing older.
void TunnelCarrier::hand_over(uint16_t slot) {
  Hop& hop = *hops_[slot];
  hop.old_list.reset();
  hop.old_tunnels.reset();
  if (!hop.changed) return;
  hop.changed = false;
  hop.old_list = std::move(hop.list);
  hop.list = std::make_unique<smart::TunnelList>(keeper_.leases(), slot);
  if (hop.list->view().empty()) {
    hop.list.reset();
    if (hop.tunnels == nullptr) return;  // it came and went
    hop.old_tunnels = std::move(hop.tunnels);
  } else if (hop.tunnels == nullptr) {
    hop.tunnels = std::make_unique<HopTunnels>(hop.setup);
  }
  hop.call.command.kind = LaneCommand::Kind::kTunnels;
  hop.call.command.index = slot;
  hop.call.command.tunnels = hop.tunnels.get();
  hop.call.command.tunnel_list = hop.list.get();
  hop.call.issue(*lanes_[hop.lane]);
}

}  // namespace linecast::app
