// How a port's device is named: a card by its PCI address, or one of DPDK's virtual devices.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/lineup/scalars.h"

namespace linecast::lineup {

struct Device {
  std::string text;    // as the EAL takes it; PCI addresses with their domain
  std::string name;    // what stands before the first comma: unique in a process
  std::string driver;  // "net_af_packet"; empty for PCI
  bool is_pci = false;
  // A network interface of the kernel that must be there already; empty: none.
  std::string kernel_interface;
  uint16_t largest_mtu = 0;  // that the driver takes; 0: no limit is known
};

Parsed<Device> parse_device(std::string_view text);

}  // namespace linecast::lineup
