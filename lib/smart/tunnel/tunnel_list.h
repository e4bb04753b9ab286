// Whom a channel is sent to by tunnel: made by the control lcore from its leases, then read by a lane and
// never changed.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "lib/smart/tunnel/lease_table.h"

namespace linecast::smart {

class TunnelList {
 public:
  TunnelList() = default;
  // Allocates: control path.
  TunnelList(const LeaseTable& leases, uint16_t channel) {
    destinations_.reserve(leases.tunnels_of(channel));
    leases.for_each(channel, [&](const LeaseTable::Lease& lease) {
      destinations_.push_back({lease.key.peer, lease.way});
    });
    std::ranges::sort(destinations_, {}, &TunnelDestination::peer);
  }

  // By peer, ascending. Not of a temporary, which would be gone.
  std::span<const TunnelDestination> view() const& { return destinations_; }
  std::span<const TunnelDestination> view() && = delete;
  // Whether repairs may go to this peer by tunnel. Fit for a lane.
  bool holds(const TunnelPeer& peer) const {
    return std::ranges::binary_search(destinations_, peer, {}, &TunnelDestination::peer);
  }

 private:
  std::vector<TunnelDestination> destinations_;
};

}  // namespace linecast::smart
