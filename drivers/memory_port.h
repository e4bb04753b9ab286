// A port with both ends in memory: what a test or a benchmark puts in is received, what is transmitted comes
// out.
#pragma once

#include <string>

#include "drivers/packet.h"
#include "drivers/queue.h"

namespace linecast::drivers {

class MemoryPort {
 public:
  // Makes a DPDK port of that name (up to 16 characters) for PortConfig::device.
  explicit MemoryPort(const std::string& name, unsigned size = 4096, unsigned transmit_queues = 1);

  Queue<Packet*> in;   // towards the port
  Queue<Packet*> out;  // what the port transmitted
};

}  // namespace linecast::drivers
