#include "drivers/transmit_offloads.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace linecast::drivers {
namespace {

bool is_one_of(std::string_view driver, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, driver) != names.end();
}

// Some drivers offer to insert VLAN tags and then do it with rte_vlan_insert(), in software, which refuses
// packets that somebody else holds too: all that are kept for repairs. The cards of e1000 insert tags only
// while they also take them off what they receive (CTRL.VME), which is not asked of them.
bool inserts_vlan_itself(std::string_view driver) {
  return !is_one_of(driver, {"net_af_packet", "net_virtio", "net_virtio_user", "net_vhost", "net_netvsc"}) &&
         !driver.starts_with("net_e1000");
}

// Live packets, which are one segment, must not pay for it: these drivers give up their vector transmit path
// (ICE_TX_NO_VECTOR_FLAGS, IAVF_TX_NO_VECTOR_FLAGS), which they keep with all else that is asked of them.
bool segments_cost_nothing(std::string_view driver) {
  return !is_one_of(driver, {"net_ice", "net_ice_dcf", "net_iavf"});
}

}  // namespace

TransmitOffloads choose_transmit_offloads(const rte_eth_dev_info& info) {
  const auto offered = [&](uint64_t offload) { return (info.tx_offload_capa & offload) != 0; };
  return {.ip_checksum = offered(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM),
          .udp_checksum = offered(RTE_ETH_TX_OFFLOAD_UDP_CKSUM),
          .vlan_insert = offered(RTE_ETH_TX_OFFLOAD_VLAN_INSERT) && inserts_vlan_itself(info.driver_name),
          .segments = offered(RTE_ETH_TX_OFFLOAD_MULTI_SEGS) && segments_cost_nothing(info.driver_name)};
}

uint64_t transmit_offload_bits(const TransmitOffloads& offloads) {
  return (offloads.ip_checksum ? RTE_ETH_TX_OFFLOAD_IPV4_CKSUM : 0) |
         (offloads.udp_checksum ? RTE_ETH_TX_OFFLOAD_UDP_CKSUM : 0) |
         (offloads.vlan_insert ? RTE_ETH_TX_OFFLOAD_VLAN_INSERT : 0) |
         (offloads.segments ? RTE_ETH_TX_OFFLOAD_MULTI_SEGS : 0);
}

}  // namespace linecast::drivers
