// One Ethernet port: configured, started, polled.
#pragma once

#include <rte_ethdev.h>

#include <atomic>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "drivers/packet.h"
#include "drivers/steering.h"
#include "lib/base/ipv4.h"

namespace linecast::drivers {

inline constexpr uint16_t kReceiveDescriptors = 1024;  // of a queue, where the driver has as many

struct PortConfig {
  std::string name;    // for messages
  std::string device;  // PCI address, or virtual device with its arguments
  uint16_t mtu = 1500;
  uint16_t queues = 1;               // one a lane
  std::vector<net::Mac> group_macs;  // to be received
  bool all_groups = false;           // all of them, as a querier must
  std::vector<SteeringRule> steering;
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
  Port(PortConfig config, Pool& receive_pool);
  ~Port();  // stops and closes it
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  const std::string& name() const { return config_.name; }
  const net::Mac& mac() const { return mac_; }
  const TransmitOffloads& offloads() const { return offloads_; }
  uint16_t id() const { return id_; }  // DPDK's
  GroupFilter group_filter() const { return group_filter_; }
  // 1, or one a lane where the device has as many.
  uint16_t receive_queues() const { return receive_queues_; }
  // Whether there is anything that a card could bring to a lane's queue, and whether it does so itself.
  bool has_flows() const { return !config_.steering.empty(); }
  bool steered() const { return steered_; }

  // Lanes only: a receive queue is polled by one lane, a transmit queue belongs to one lane.
  unsigned receive(uint16_t queue, Packet** packets, unsigned room) {
    return rte_eth_rx_burst(id_, queue, packets, static_cast<uint16_t>(room));
  }
  // Takes the first n of the packets over, n <= count.
  unsigned transmit(uint16_t queue, Packet** packets, unsigned count) {
    return rte_eth_tx_burst(id_, queue, packets, static_cast<uint16_t>(count));
  }

  // Control lcore.
  bool link_up() const;
  PortStatus status() const;
  // What the driver counts beside, by its own names; zeros left out.
  std::vector<std::pair<std::string, uint64_t>> extended_status() const;
  // Whether the card has asked to be reset since it was last (re)started, as a virtual function does when its
  // host resets the physical one.
  bool wants_reset() const { return wants_reset_.load(std::memory_order_relaxed); }
  // What is to be received from now on, also after a reset. Lanes may run.
  void receive_groups(std::vector<net::Mac> macs);
  // Likewise. What the card can't carry out, it carries out none of: steered() says so.
  void steer_to(std::vector<SteeringRule> rules);
  // Stops, resets and sets up the device again. No lane may poll it or send by it meanwhile. Throws Error,
  // and then the port is stopped; it may be tried again.
  void reset();

 private:
  void open();
  void read_or_restore_mac();
  void set_group_filter();
  void set_steering();
  void stop();
  static int on_event(uint16_t id, rte_eth_event_type event, void* port, void* result);

  PortConfig config_;
  Pool& receive_pool_;
  uint16_t id_ = 0;
  net::Mac mac_{};
  TransmitOffloads offloads_;
  uint16_t receive_queues_ = 1;
  GroupFilter group_filter_ = GroupFilter::kNone;
  bool steered_ = false;
  bool started_ = false;
  std::atomic<bool> wants_reset_{false};  // written by DPDK's interrupt thread, read by the control lcore
};

// "0000:3b:00.0" of a PCI address, "net_af_packet0" of a virtual device with arguments.
std::string device_name(const std::string& device);

}  // namespace linecast::drivers
