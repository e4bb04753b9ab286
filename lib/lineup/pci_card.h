// A network card as Linux's sysfs describes it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "lib/lineup/kernel_interface.h"

namespace linecast::lineup {

using InterfaceQuery = std::function<KernelInterface(const std::string& name)>;

// Why DPDK could not take the card at this address (0000:3b:00.0), and the command that mends it; empty where
// it can. Says first what this machine would lose with it. `devices` is sysfs's list of PCI devices.
// `interface_of`: what the kernel does with an interface of that name.
std::string card_fault(const std::string& address,
                       const std::filesystem::path& devices = "/sys/bus/pci/devices",
                       const InterfaceQuery& interface_of = kernel_interface);

}  // namespace linecast::lineup
