// A network card as Linux's sysfs describes it.
#pragma once

#include <filesystem>
#include <string>

namespace linecast::lineup {

// Why DPDK could not take the card at this address (0000:3b:00.0), and the command that mends it; empty where
// it can. Says first what this machine would lose with it. `devices` is sysfs's list of PCI devices.
std::string card_fault(const std::string& address,
                       const std::filesystem::path& devices = "/sys/bus/pci/devices");

}  // namespace linecast::lineup
