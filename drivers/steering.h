// Which receive queue a flow's datagrams come to, where the card can be told (rte_flow).
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/ipv4.h"

namespace linecast::drivers {

struct SteeringRule {
  uint16_t vlan = 0;  // 0: untagged
  Ipv4 destination = 0;
  Ipv4 source = 0;  // 0: any
  uint16_t udp_port = 0;
  uint16_t queue = 0;

  bool operator==(const SteeringRule&) const = default;
};

// Puts all the rules into a started port, or none: false where the card can't carry them out.
bool steer(uint16_t port_id, const std::vector<SteeringRule>& rules);
// Takes the rules out again, before the port stops: some drivers keep them over a stop, others don't.
void stop_steering(uint16_t port_id);

}  // namespace linecast::drivers
