// One Ethernet port: configured, started, polled.
#pragma once

#include <rte_ethdev.h>

#include <string>
#include <string_view>
#include <vector>

#include "drivers/packet.h"
#include "lib/base/ipv4.h"

namespace linecast::drivers {

struct PortConfig {
  std::string name;    // for messages
  std::string device;  // PCI address, or virtual device with its arguments
  uint16_t mtu = 1500;
  uint16_t transmit_queues = 1;      // one a lane
  std::vector<net::Mac> group_macs;  // to be received
};

// How group frames get past the card; software filters behind it always.
enum class GroupFilter : uint8_t { kExact, kAllMulticast, kPromiscuous, kNone };
std::string_view to_string(GroupFilter filter);

struct PortStatus {
  std::string driver;
  bool link_up = false;
  uint32_t speed_mbps = 0;
  uint64_t received = 0, transmitted = 0, missed = 0, receive_errors = 0, transmit_errors = 0, no_buffer = 0;
};

class Port {
 public:
  // Finds the device that EAL has made or probed, sets it up and starts it. Throws Error.
  Port(const PortConfig& config, Pool& receive_pool);
  ~Port();  // stops and closes it
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  uint16_t id() const { return id_; }
  const net::Mac& mac() const { return mac_; }
  bool udp_checksum_offload() const { return udp_checksum_offload_; }
  GroupFilter group_filter() const { return group_filter_; }

  // Lanes only: receive queue 0 is polled by one lane, a transmit queue belongs to one lane.
  unsigned receive(Packet** packets, unsigned room) {
    return rte_eth_rx_burst(id_, 0, packets, static_cast<uint16_t>(room));
  }
  // Takes the first n of the packets over, n <= count.
  unsigned transmit(uint16_t queue, Packet** packets, unsigned count) {
    return rte_eth_tx_burst(id_, queue, packets, static_cast<uint16_t>(count));
  }

  // Control lcore.
  PortStatus status() const;
  void stop();

 private:
  void open(const PortConfig& config, Pool& receive_pool);
  void set_group_filter(const std::vector<net::Mac>& macs);

  std::string name_;
  uint16_t id_ = 0;
  net::Mac mac_{};
  bool udp_checksum_offload_ = false;
  GroupFilter group_filter_ = GroupFilter::kNone;
  bool started_ = false;
};

// "0000:3b:00.0" of a PCI address, "net_af_packet0" of a virtual device with arguments.
std::string device_name(const std::string& device);

}  // namespace linecast::drivers
