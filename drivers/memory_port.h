// A port with both ends in memory: what a test or a benchmark puts in is received, what is transmitted comes
// out.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "drivers/port.h"
#include "drivers/queue.h"

namespace linecast::drivers {

class MemoryPort {
 public:
  // name: of its own in the process, up to 16 characters.
  explicit MemoryPort(const std::string& name, unsigned size = 4096, unsigned transmit_queues = 1,
                      unsigned receive_queues = 1);

  // Of the DPDK port, for PortConfig::device.
  const std::string& name() const { return name_; }
  // Takes the DPDK port's link down, or up again.
  void set_link(bool up);
  // Has the DPDK port ask to be set up anew, as the driver of a virtual function does.
  void raise_reset();

  Queue<Packet*> in;   // towards the port: its receive queue 0
  Queue<Packet*> out;  // what the port transmitted
  // Towards a receive queue of the port.
  Queue<Packet*>& queue(size_t i) { return i == 0 ? in : *further_[i - 1]; }

 private:
  std::string name_;
  std::vector<std::unique_ptr<Queue<Packet*>>> further_;  // receive queues
};

// What a card would put on the wire for a transmitted frame: its bytes, and what the frame asks the card to
// add.
std::vector<uint8_t> wire_bytes(const Packet* packet);

// Whether each segment lies inside its buffer, and their number and sizes are those the frame gives.
bool fits(const Packet* packet);

// Makes a virtual device for PortConfig::device; the name begins with its driver's. Throws Error.
void make_device(const std::string& name, const std::string& arguments);

// Sees every burst that a port is given to transmit, when it is given.
class TransmitHook {
 public:
  using Seen = std::function<void(Packet* const* packets, unsigned count)>;
  // The port must outlive it. Throws Error.
  TransmitHook(const Port& port, uint16_t queue, Seen seen);
  ~TransmitHook();
  TransmitHook(const TransmitHook&) = delete;
  TransmitHook& operator=(const TransmitHook&) = delete;

 private:
  Seen seen_;
  uint16_t port_;
  uint16_t queue_;
  const void* added_;
};

// Makes a DPDK port that takes every frame and forgets it; returns its name for PortConfig::device. Throws
// Error.
std::string make_null_port();

}  // namespace linecast::drivers
