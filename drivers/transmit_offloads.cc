#include "drivers/transmit_offloads.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace linecast::drivers {
namespace {

// These offer to insert VLAN tags, and do it in software, with rte_vlan_insert(), which refuses packets that
// somebody else holds too: all that are kept for repairs. So it is our own software that does it.
bool inserts_in_software(std::string_view driver) {
  constexpr std::array<std::string_view, 5> kDrivers{"net_af_packet", "net_virtio", "net_virtio_user",
                                                     "net_vhost", "net_netvsc"};
  return std::ranges::find(kDrivers, driver) != kDrivers.end();
}

}  // namespace

TransmitOffloads choose_transmit_offloads(const rte_eth_dev_info& info) {
  const auto offered = [&](uint64_t offload) { return (info.tx_offload_capa & offload) != 0; };
  return {.ip_checksum = offered(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM),
          .udp_checksum = offered(RTE_ETH_TX_OFFLOAD_UDP_CKSUM),
          .vlan_insert = offered(RTE_ETH_TX_OFFLOAD_VLAN_INSERT) && !inserts_in_software(info.driver_name),
          .segments = offered(RTE_ETH_TX_OFFLOAD_MULTI_SEGS)};
}

uint64_t transmit_offload_bits(const TransmitOffloads& offloads) {
  return (offloads.ip_checksum ? RTE_ETH_TX_OFFLOAD_IPV4_CKSUM : 0) |
         (offloads.udp_checksum ? RTE_ETH_TX_OFFLOAD_UDP_CKSUM : 0) |
         (offloads.vlan_insert ? RTE_ETH_TX_OFFLOAD_VLAN_INSERT : 0) |
         (offloads.segments ? RTE_ETH_TX_OFFLOAD_MULTI_SEGS : 0);
}

}  // namespace linecast::drivers
