#include "drivers/port.h"

#include <fmt/core.h>
#include <rte_errno.h>

#include <algorithm>
#include <cstring>

#include "lib/base/error.h"

namespace linecast::drivers {
namespace {

constexpr uint16_t kReceiveDescriptors = 1024;
constexpr uint16_t kTransmitDescriptors = 1024;
constexpr const char* kQueueAdvice =
    "Another program may hold the device (af_xdp: one program an interface), or hugepage memory is short";

void require(int result, const std::string& name, const char* what, const char* advice) {
  if (result < 0) throw Error(fmt::format("port {}: {}: {}. {}", name, what, rte_strerror(-result), advice));
}

}  // namespace

std::string_view to_string(GroupFilter filter) {
  switch (filter) {
    case GroupFilter::kExact:
      return "exact";
    case GroupFilter::kAllMulticast:
      return "all multicast";
    case GroupFilter::kPromiscuous:
      return "promiscuous";
    case GroupFilter::kNone:
      return "none needed";
  }
  return "?";
}

std::string device_name(const std::string& device) { return device.substr(0, device.find(',')); }

Port::Port(const PortConfig& config, Pool& receive_pool) : name_(config.name) {
  const std::string device = device_name(config.device);
  if (rte_eth_dev_get_port_by_name(device.c_str(), &id_) != 0)
    throw Error(fmt::format(
        "port {}: no DPDK driver took the device {}. {}", name_, device,
        device.starts_with("net_")
            ? "A virtual device on an interface needs root, or the capabilities net_raw and net_admin"
            : "Bind the card to vfio-pci (dpdk-devbind.py -b vfio-pci " + device +
                  "); for Mellanox load mlx5_core and install rdma-core"));

  try {
    open(config, receive_pool);
  } catch (...) {
    stop();
    rte_eth_dev_close(id_);
    throw;
  }
}

void Port::open(const PortConfig& config, Pool& receive_pool) {
  rte_eth_dev_info info{};
  require(rte_eth_dev_info_get(id_, &info), name_, "can't ask the driver", "The driver is at fault");
  if (info.max_tx_queues < config.transmit_queues)
    throw Error(
        fmt::format("port {}: {} has {} transmit queues, and {} lanes need one each. Name fewer lcores",
                    name_, info.driver_name, info.max_tx_queues, config.transmit_queues));

  rte_eth_conf conf{};
  conf.rxmode.mtu = config.mtu;
  conf.rxmode.offloads =
      info.rx_offload_capa & (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
  udp_checksum_offload_ = (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) != 0;
  if (udp_checksum_offload_) conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
  require(rte_eth_dev_configure(id_, 1, config.transmit_queues, &conf), name_,
          "the driver refuses its configuration", "Check mtu: and the lanes' number");

  uint16_t receive_descriptors = kReceiveDescriptors;
  uint16_t transmit_descriptors = kTransmitDescriptors;
  require(rte_eth_dev_adjust_nb_rx_tx_desc(id_, &receive_descriptors, &transmit_descriptors), name_,
          "the driver refuses its descriptors", "The driver is at fault");
  const int node = rte_eth_dev_socket_id(id_);
  const auto socket = static_cast<unsigned>(node < 0 ? 0 : node);
  require(rte_eth_rx_queue_setup(id_, 0, receive_descriptors, socket, nullptr, receive_pool.get()), name_,
          "no receive queue", kQueueAdvice);
  // The default of many drivers asks for reference count 1 on free (MBUF_FAST_FREE): kept frames have more.
  rte_eth_txconf transmit_conf = info.default_txconf;
  transmit_conf.offloads = conf.txmode.offloads;
  for (uint16_t queue = 0; queue < config.transmit_queues; ++queue)
    require(rte_eth_tx_queue_setup(id_, queue, transmit_descriptors, socket, &transmit_conf), name_,
            "no transmit queue", kQueueAdvice);

  const int mtu = rte_eth_dev_set_mtu(id_, config.mtu);
  if (mtu < 0 && mtu != -ENOTSUP) require(mtu, name_, "the driver refuses the MTU", "Set a smaller mtu:");
  rte_ether_addr mac{};
  require(rte_eth_macaddr_get(id_, &mac), name_, "has no MAC address", "The driver is at fault");
  std::memcpy(mac_.data(), mac.addr_bytes, mac_.size());
  require(rte_eth_dev_start(id_), name_, "does not start", "Is another program using the device?");
  started_ = true;
  set_group_filter(config.group_macs);
}

Port::~Port() {
  stop();
  rte_eth_dev_close(id_);
}

void Port::stop() {
  if (!started_) return;
  started_ = false;
  rte_eth_dev_stop(id_);
}

void Port::set_group_filter(const std::vector<net::Mac>& macs) {
  if (macs.empty()) return;
  std::vector<rte_ether_addr> list(macs.size());
  for (size_t i = 0; i < macs.size(); ++i) std::memcpy(list[i].addr_bytes, macs[i].data(), macs[i].size());
  if (rte_eth_dev_set_mc_addr_list(id_, list.data(), static_cast<uint32_t>(list.size())) == 0) {
    group_filter_ = GroupFilter::kExact;
  } else if (rte_eth_allmulticast_enable(id_) == 0) {
    group_filter_ = GroupFilter::kAllMulticast;
  } else if (rte_eth_promiscuous_enable(id_) == 0) {
    group_filter_ = GroupFilter::kPromiscuous;
  }  // else: drivers without any filter (memory, pcap files) hand everything up
}

PortStatus Port::status() const {
  PortStatus status;
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(id_, &info) == 0) status.driver = info.driver_name;
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(id_, &link) == 0) {
    status.link_up = link.link_status == RTE_ETH_LINK_UP;
    status.speed_mbps = link.link_speed;
  }
  rte_eth_stats stats{};
  if (rte_eth_stats_get(id_, &stats) == 0) {
    status.received = stats.ipackets;
    status.transmitted = stats.opackets;
    status.missed = stats.imissed;
    status.receive_errors = stats.ierrors;
    status.transmit_errors = stats.oerrors;
    status.no_buffer = stats.rx_nombuf;
  }
  return status;
}

}  // namespace linecast::drivers
