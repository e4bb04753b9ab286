#include "drivers/memory_port.h"

#include <fmt/core.h>
#include <rte_dev.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include <vector>

#include "lib/base/error.h"
#include "lib/net/checksum.h"

// DPDK's own for its drivers, in a header that distributions do not ship.
extern "C" {
struct rte_eth_dev;
rte_eth_dev* rte_eth_dev_allocated(const char* name);
int rte_eth_dev_callback_process(rte_eth_dev* device, rte_eth_event_type event, void* result);
}

namespace linecast::drivers {

MemoryPort::MemoryPort(const std::string& name, unsigned size, unsigned transmit_queues,
                       unsigned receive_queues)
    : in(name + "_in", size, 0), out(name + "_out", size, 0), name_("net_ring_" + name) {
  std::vector<rte_ring*> receive{in.get()};
  while (receive.size() < receive_queues) {
    further_.push_back(
        std::make_unique<Queue<Packet*>>(name + "_in" + std::to_string(receive.size()), size, 0));
    receive.push_back(further_.back()->get());
  }
  std::vector<rte_ring*> transmit(transmit_queues, out.get());  // its writers may be many
  if (rte_eth_from_rings(name.c_str(), receive.data(), receive_queues, transmit.data(), transmit_queues, 0) <
      0)
    throw Error(fmt::format("no memory port {}", name));
}

void MemoryPort::set_link(bool up) {
  uint16_t id = 0;
  if (rte_eth_dev_get_port_by_name(name_.c_str(), &id) != 0 ||
      (up ? rte_eth_dev_set_link_up(id) : rte_eth_dev_set_link_down(id)) != 0)
    throw Error(fmt::format("can't set the link of {}", name_));
}

void MemoryPort::raise_reset() {
  rte_eth_dev_callback_process(rte_eth_dev_allocated(name_.c_str()), RTE_ETH_EVENT_INTR_RESET, nullptr);
}

std::vector<uint8_t> wire_bytes(const Packet* packet) {
  std::vector<uint8_t> frame;
  for (const Packet* segment = packet; segment != nullptr; segment = segment->next)
    frame.insert(frame.end(), view(segment).begin(), view(segment).end());
  uint8_t* ip = frame.data() + packet->l2_len;
  if ((packet->ol_flags & RTE_MBUF_F_TX_UDP_CKSUM) != 0) {
    // The field holds the pseudo-header's sum.
    const auto at = static_cast<size_t>(packet->l2_len) + packet->l3_len;
    const uint16_t sum = net::checksum_finish(net::checksum_add(Bytes(frame).subspan(at)));
    store_be16(&frame[at + 6], sum == 0 ? 0xffff : sum);
  }
  if ((packet->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) != 0)
    store_be16(ip + 10, net::checksum_finish(net::checksum_add(Bytes(ip, packet->l3_len))));
  if ((packet->ol_flags & RTE_MBUF_F_TX_VLAN) != 0) {
    std::array<uint8_t, net::kVlanTagSize> tag;
    store_be16(&tag[0], net::kEtherTypeVlan);
    store_be16(&tag[2], packet->vlan_tci);
    frame.insert(frame.begin() + 12, tag.begin(), tag.end());
  }
  return frame;
}

bool fits(const Packet* packet) {
  size_t size = 0, segments = 0;
  for (const Packet* segment = packet; segment != nullptr; segment = segment->next, ++segments) {
    if (segment->data_off + segment->data_len > segment->buf_len) return false;
    size += segment->data_len;
  }
  return size == packet->pkt_len && segments == packet->nb_segs;
}

void make_device(const std::string& name, const std::string& arguments) {
  if (rte_eal_hotplug_add("vdev", name.c_str(), arguments.c_str()) != 0)
    throw Error(fmt::format("no device {}", name));
}

TransmitHook::TransmitHook(const Port& port, uint16_t queue, Seen seen)
    : seen_(std::move(seen)), port_(port.id()), queue_(queue) {
  const auto call = [](uint16_t, uint16_t, rte_mbuf** packets, uint16_t count, void* hook) {
    static_cast<TransmitHook*>(hook)->seen_(packets, count);
    return count;
  };
  added_ = rte_eth_add_tx_callback(port_, queue_, call, this);
  if (added_ == nullptr) throw Error("the port's transmissions cannot be watched");
}

TransmitHook::~TransmitHook() {
  rte_eth_remove_tx_callback(port_, queue_, static_cast<const rte_eth_rxtx_callback*>(added_));
}

std::string make_null_port() {
  static int made = 0;  // names stay taken for the life of EAL
  std::string name = "net_null" + std::to_string(made++);
  make_device(name, "");
  return name;
}

}  // namespace linecast::drivers
