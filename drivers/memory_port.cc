#include "drivers/memory_port.h"

#include <fmt/core.h>
#include <rte_dev.h>
#include <rte_eth_ring.h>

#include <vector>

#include "lib/base/error.h"

namespace linecast::drivers {

MemoryPort::MemoryPort(const std::string& name, unsigned size, unsigned transmit_queues)
    : in(name + "_in", size, 0), out(name + "_out", size, 0), name_("net_ring_" + name) {
  rte_ring* receive = in.get();
  std::vector<rte_ring*> transmit(transmit_queues, out.get());  // its writers may be many
  if (rte_eth_from_rings(name.c_str(), &receive, 1, transmit.data(), transmit_queues, 0) < 0)
    throw Error(fmt::format("no memory port {}", name));
}

std::string make_null_port() {
  static int made = 0;  // names stay taken for the life of EAL
  std::string name = "net_null" + std::to_string(made++);
  if (rte_eal_hotplug_add("vdev", name.c_str(), "") != 0) throw Error(fmt::format("no null port {}", name));
  return name;
}

}  // namespace linecast::drivers
