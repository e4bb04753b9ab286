// Between the keeper of tunnels and the lanes: takes requests and answers over, and hands each hop's lane
// whom it is to be sent to. Control lcore.
#pragma once

#include <memory>
#include <vector>

#include "app/linecast/lane_call.h"
#include "app/linecast/tunnel_keeper.h"

namespace linecast::app {

class TunnelCarrier {
 public:
  // The lanes by their indices, which must be there as long as this. host_lane_of: by interface, the lane
  // that answers for it. rate_bps: of each port, for tunnels.
  TunnelCarrier(TunnelKeeper& keeper, const std::vector<std::unique_ptr<Lane>>& lanes,
                std::vector<uint8_t> host_lane_of, size_t slots, uint64_t rate_bps);

  // A hop that has begun, and is the keeper's already; or terms of one that runs.
  void set_hop(uint16_t slot, size_t lane, const HopTunnelsSetup& setup);
  // Before its lane has let go of the channel: nothing is handed to it from here on.
  void end_hop(uint16_t slot);
  // And after that: frees what it had.
  void free_hop(uint16_t slot) { hops_[slot].reset(); }

  // About every 20 ms.
  void tick(TimeNs now);

 private:
  struct Hop {
    size_t lane = 0;
    HopTunnelsSetup setup;
    bool ended = false;
    bool changed = false;                     // since `list` was made
    bool waits = false;                       // stands in waiting_
    std::unique_ptr<HopTunnels> tunnels;      // null: the lane has none
    std::unique_ptr<smart::TunnelList> list;  // that the lane reads
    std::unique_ptr<HopTunnels> old_tunnels;  // that it may still read, until the call is done
    std::unique_ptr<smart::TunnelList> old_list;
    LaneCall call;
  };
  void take_asks(TimeNs now);
  void hand_over(uint16_t slot);

  TunnelKeeper& keeper_;
  const std::vector<std::unique_ptr<Lane>>& lanes_;
  std::vector<uint8_t> host_lane_of_;
  std::vector<std::unique_ptr<Hop>> hops_;  // by slot; null: none
  std::vector<uint16_t> waiting_;     // slots that have changed, or whose lane has not done the last call
  std::vector<LaneCall> rate_calls_;  // by lane
};

}  // namespace linecast::app
