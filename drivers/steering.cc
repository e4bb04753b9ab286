#include "drivers/steering.h"

#include <rte_byteorder.h>
#include <rte_flow.h>

#include <array>

namespace linecast::drivers {
namespace {

bool place(uint16_t port_id, const SteeringRule& rule) {
  rte_flow_attr attributes{};
  attributes.ingress = 1;

  rte_flow_item_vlan vlan{}, vlan_mask{};
  vlan.tci = rte_cpu_to_be_16(rule.vlan);
  vlan_mask.tci = rte_cpu_to_be_16(0xfff);
  rte_flow_item_ipv4 ip{}, ip_mask{};
  ip.hdr.dst_addr = rte_cpu_to_be_32(rule.destination);
  ip_mask.hdr.dst_addr = UINT32_MAX;
  if (rule.source != 0) {
    ip.hdr.src_addr = rte_cpu_to_be_32(rule.source);
    ip_mask.hdr.src_addr = UINT32_MAX;
  }
  rte_flow_item_udp udp{}, udp_mask{};
  udp.hdr.dst_port = rte_cpu_to_be_16(rule.udp_port);
  udp_mask.hdr.dst_port = UINT16_MAX;

  std::array<rte_flow_item, 5> pattern{};
  size_t at = 0;
  const auto item = [&](rte_flow_item_type type, const void* spec, const void* mask) {
    pattern[at].type = type;
    pattern[at].spec = spec;
    pattern[at++].mask = mask;
  };
  item(RTE_FLOW_ITEM_TYPE_ETH, nullptr, nullptr);
  if (rule.vlan != 0) item(RTE_FLOW_ITEM_TYPE_VLAN, &vlan, &vlan_mask);
  item(RTE_FLOW_ITEM_TYPE_IPV4, &ip, &ip_mask);
  item(RTE_FLOW_ITEM_TYPE_UDP, &udp, &udp_mask);
  item(RTE_FLOW_ITEM_TYPE_END, nullptr, nullptr);

  rte_flow_action_queue queue{};
  queue.index = rule.queue;
  std::array<rte_flow_action, 2> actions{};
  actions[0].type = RTE_FLOW_ACTION_TYPE_QUEUE;
  actions[0].conf = &queue;
  actions[1].type = RTE_FLOW_ACTION_TYPE_END;
  rte_flow_error error{};
  return rte_flow_create(port_id, &attributes, pattern.data(), actions.data(), &error) != nullptr;
}

}  // namespace

bool steer(uint16_t port_id, const std::vector<SteeringRule>& rules) {
  for (const SteeringRule& rule : rules) {
    if (place(port_id, rule)) continue;
    stop_steering(port_id);  // half of the rules would only hide that software must do it
    return false;
  }
  return true;
}

void stop_steering(uint16_t port_id) {
  rte_flow_error error{};
  rte_flow_flush(port_id, &error);
}

}  // namespace linecast::drivers
