#include "drivers/port.h"

#include <fmt/core.h>
#include <rte_errno.h>

#include <cstring>

#include "drivers/transmit_offloads.h"
#include "lib/base/error.h"

namespace linecast::drivers {
namespace {

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

Port::Port(PortConfig config, Pool& receive_pool) : config_(std::move(config)), receive_pool_(receive_pool) {
  const std::string device = device_name(config_.device);
  if (rte_eth_dev_get_port_by_name(device.c_str(), &id_) != 0)
    throw Error(fmt::format(
        "port {}: no DPDK driver took the device {}. {}", config_.name, device,
        device.starts_with("net_")
            ? "A virtual device on an interface needs root, or the capabilities net_raw and net_admin"
            : "Bind the card to vfio-pci (dpdk-devbind.py -b vfio-pci " + device +
                  "); for Mellanox load mlx5_core and install rdma-core"));
  rte_eth_dev_callback_register(id_, RTE_ETH_EVENT_INTR_RESET, on_event, this);
  try {
    open();
  } catch (...) {
    stop();
    rte_eth_dev_callback_unregister(id_, RTE_ETH_EVENT_INTR_RESET, on_event, this);
    rte_eth_dev_close(id_);
    throw;
  }
}

void Port::open() {
  const std::string& name = config_.name;
  rte_eth_dev_info info{};
  require(rte_eth_dev_info_get(id_, &info), name, "can't ask the driver", "The driver is at fault");
  if (info.max_tx_queues < config_.queues)
    throw Error(
        fmt::format("port {}: {} has {} transmit queues, and {} lanes need one each. Name fewer lcores", name,
                    info.driver_name, info.max_tx_queues, config_.queues));
  // Also where nothing is to be steered: some drivers (net_af_packet, net_virtio) bring frames to all the
  // queues that there are, and net_tap refuses to have fewer than those that send.
  receive_queues_ = info.max_rx_queues < config_.queues ? 1 : config_.queues;

  rte_eth_conf conf{};
  conf.rxmode.mtu = config_.mtu;
  offloads_ = choose_transmit_offloads(info);
  // VLAN tags are the card's both ways or software's both ways: those of e1000 put tags on only while they
  // also take them off (CTRL.VME).
  conf.rxmode.offloads =
      info.rx_offload_capa & (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM |
                              (offloads_.vlan_insert ? RTE_ETH_RX_OFFLOAD_VLAN_STRIP : 0));
  conf.txmode.offloads = transmit_offload_bits(offloads_);
  require(rte_eth_dev_configure(id_, receive_queues_, config_.queues, &conf), name,
          "the driver refuses its configuration", "Check mtu: and the lanes' number");

  uint16_t receive_descriptors = kReceiveDescriptors;
  uint16_t transmit_descriptors = kTransmitDescriptors;
  require(rte_eth_dev_adjust_nb_rx_tx_desc(id_, &receive_descriptors, &transmit_descriptors), name,
          "the driver refuses its descriptors", "The driver is at fault");
  const int node = rte_eth_dev_socket_id(id_);
  const auto socket = static_cast<unsigned>(node < 0 ? 0 : node);
  for (uint16_t queue = 0; queue < receive_queues_; ++queue)
    require(rte_eth_rx_queue_setup(id_, queue, receive_descriptors, socket, nullptr, receive_pool_.get()),
            name, "no receive queue", kQueueAdvice);
  // The default of many drivers asks for reference count 1 on free (MBUF_FAST_FREE): kept frames have more.
  rte_eth_txconf transmit_conf = info.default_txconf;
  transmit_conf.offloads = conf.txmode.offloads;
  for (uint16_t queue = 0; queue < config_.queues; ++queue)
    require(rte_eth_tx_queue_setup(id_, queue, transmit_descriptors, socket, &transmit_conf), name,
            "no transmit queue", kQueueAdvice);

  const int mtu = rte_eth_dev_set_mtu(id_, config_.mtu);
  if (mtu < 0 && mtu != -ENOTSUP) require(mtu, name, "the driver refuses the MTU", "Set a smaller mtu:");
  read_or_restore_mac();
  wants_reset_ = false;
  require(rte_eth_dev_start(id_), name, "does not start", "Is another program using the device?");
  started_ = true;
  set_group_filter();
  set_steering();
}

void Port::set_steering() {
  steered_ = receive_queues_ > 1 && !config_.steering.empty() && steer(id_, config_.steering);
}

void Port::receive_groups(std::vector<net::Mac> macs) {
  if (macs == config_.group_macs) return;
  config_.group_macs = std::move(macs);
  if (started_) set_group_filter();
}

// For a moment everything comes to the first queue, and lanes hand over what is others'.
void Port::steer_to(std::vector<SteeringRule> rules) {
  if (rules == config_.steering) return;
  config_.steering = std::move(rules);
  if (!started_) return;
  if (steered_) stop_steering(id_);
  set_steering();
}

// What has been announced and written into headers must hold: a virtual function may come out of a reset with
// another.
void Port::read_or_restore_mac() {
  rte_ether_addr mac{};
  require(rte_eth_macaddr_get(id_, &mac), config_.name, "has no MAC address", "The driver is at fault");
  if (mac_ == net::Mac{}) std::memcpy(mac_.data(), mac.addr_bytes, mac_.size());
  if (std::memcmp(mac_.data(), mac.addr_bytes, mac_.size()) == 0) return;
  std::memcpy(mac.addr_bytes, mac_.data(), mac_.size());
  require(rte_eth_dev_default_mac_addr_set(id_, &mac), config_.name,
          "came back with another MAC address, and can't have the old one", "Start the headend anew");
}

Port::~Port() {
  stop();
  rte_eth_dev_callback_unregister(id_, RTE_ETH_EVENT_INTR_RESET, on_event, this);
  rte_eth_dev_close(id_);
}

void Port::stop() {
  if (!started_) return;
  started_ = false;
  if (steered_) stop_steering(id_);
  steered_ = false;
  rte_eth_dev_stop(id_);
}

int Port::on_event(uint16_t, rte_eth_event_type, void* port, void*) {
  static_cast<Port*>(port)->wants_reset_ = true;
  return 0;
}

void Port::reset() {
  stop();
  const int result = rte_eth_dev_reset(id_);
  // Drivers without a reset of their own (all virtual devices) are set up anew.
  if (result < 0 && result != -ENOTSUP)
    require(result, config_.name, "the card can't be reset", "It may have been taken away");
  open();
}

void Port::set_group_filter() {
  const GroupFilter before = std::exchange(group_filter_, GroupFilter::kNone);
  if (config_.group_macs.empty()) return;
  std::vector<rte_ether_addr> list(config_.group_macs.size());
  for (size_t i = 0; i < list.size(); ++i)
    std::memcpy(list[i].addr_bytes, config_.group_macs[i].data(), config_.group_macs[i].size());
  if (!config_.all_groups &&
      rte_eth_dev_set_mc_addr_list(id_, list.data(), static_cast<uint32_t>(list.size())) == 0) {
    group_filter_ = GroupFilter::kExact;
    // The list may have been too long for the card until now.
    if (before == GroupFilter::kAllMulticast) rte_eth_allmulticast_disable(id_);
    if (before == GroupFilter::kPromiscuous) rte_eth_promiscuous_disable(id_);
  } else if (rte_eth_allmulticast_enable(id_) == 0) {
    group_filter_ = GroupFilter::kAllMulticast;
  } else if (rte_eth_promiscuous_enable(id_) == 0) {
    group_filter_ = GroupFilter::kPromiscuous;
  }  // else: drivers without any filter (memory, pcap files) hand everything up
}

bool Port::link_up() const {
  rte_eth_link link{};
  return rte_eth_link_get_nowait(id_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

std::vector<std::pair<std::string, uint64_t>> Port::extended_status() const {
  std::vector<std::pair<std::string, uint64_t>> rows;
  const int count = rte_eth_xstats_get_names(id_, nullptr, 0);
  if (count <= 0) return rows;
  std::vector<rte_eth_xstat_name> names(static_cast<size_t>(count));
  std::vector<rte_eth_xstat> values(names.size());
  const auto size = static_cast<unsigned>(names.size());
  if (rte_eth_xstats_get_names(id_, names.data(), size) != count ||
      rte_eth_xstats_get(id_, values.data(), size) != count)
    return rows;
  for (const rte_eth_xstat& value : values)
    if (value.value != 0 && value.id < names.size()) rows.emplace_back(names[value.id].name, value.value);
  return rows;
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
