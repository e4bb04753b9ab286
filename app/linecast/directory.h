// What a lane looks up for every frame: which interface it came in by, and which channel it belongs to.
// Filled before any lane has it, and read only from then on; a reload gives all lanes another.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/net/flow_table.h"

namespace linecast::app {

struct Directory {
  static constexpr uint32_t kRequests = UINT32_MAX - 1;  // a flow's value: SMART messages to one of our hops
  static constexpr uint16_t kNoInterface = UINT16_MAX;

  // Of a port by the VLAN that a frame bears, 0 for none; kNoInterface where the port does not serve it.
  uint16_t interface_of(uint16_t port, uint16_t vlan) const {
    const PortVlans& vlans = ports_[port];
    if (vlan == 0) [[likely]]
      return vlans.untagged;
    return vlans.tagged.empty() ? kNoInterface : vlans.tagged[vlan];
  }
  // Control path. Every port, before its interfaces, which are added in the order of their indices.
  void set_ports(size_t count) { ports_.resize(count); }
  void add_interface(uint16_t port, uint16_t vlan, uint8_t host_lane) {
    const auto index = static_cast<uint16_t>(host_lane_of.size());
    host_lane_of.push_back(host_lane);
    if (vlan == 0) {
      ports_[port].untagged = index;
      return;
    }
    ports_[port].tagged.resize(kVlans, kNoInterface);
    ports_[port].tagged[vlan] = index;
  }

  net::FlowTable flows;               // (interface, destination, port, source) -> slot, or kRequests
  net::FlowTable groups;              // (interface, group, port) sent to -> slot
  std::vector<uint8_t> lane_of;       // by slot
  std::vector<uint8_t> host_lane_of;  // by interface: the lane that answers for it

 private:
  static constexpr size_t kVlans = 4096;  // IEEE 802.1Q: 12 bits
  struct PortVlans {
    uint16_t untagged = kNoInterface;
    std::vector<uint16_t> tagged;  // by VLAN; empty: none
  };
  std::vector<PortVlans> ports_;
};

}  // namespace linecast::app
