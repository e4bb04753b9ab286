#include "lib/lineup/pci_card.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>
#include <vector>

#include "lib/lineup/kernel_interface.h"

namespace linecast::lineup {

namespace {

namespace fs = std::filesystem;

// The kernel's drivers that hand a card to a program whole, and those that share it with DPDK (each named by
// the poll-mode drivers of DPDK 22.11 that use them).
constexpr std::array<std::string_view, 6> kDriversForDpdk{"vfio-pci",  "uio_pci_generic", "igb_uio",
                                                          "mlx5_core", "mlx4_core",       "mana"};

std::string first_word(const fs::path& path) {
  std::string word;
  std::ifstream(path) >> word;
  return word;
}

// The card's network interfaces (virtio's are one level further down) in this network namespace.
std::vector<fs::path> interfaces_of(const fs::path& device) {
  std::vector<fs::path> found;
  std::error_code none;
  const auto take = [&](const fs::path& folder) {
    for (const auto& entry : fs::directory_iterator(folder / "net", none)) found.push_back(entry.path());
  };
  take(device);
  for (const auto& entry : fs::directory_iterator(device, none))
    if (entry.path().filename().string().starts_with("virtio")) take(entry.path());
  return found;
}

// What this machine uses the interface for, by itself or by a bridge, bond or VLAN on it, in words; else
// empty.
std::string use_of(const fs::path& interface, const InterfaceQuery& interface_of) {
  constexpr std::string_view kUpper = "upper_";
  const std::string name = interface.filename();
  if (const std::string uses = uses_of(interface_of(name)); !uses.empty())
    return fmt::format("it is {}, with {}", name, uses);
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(interface, none)) {
    const std::string link = entry.path().filename();
    if (!link.starts_with(kUpper)) continue;
    const std::string upper = link.substr(kUpper.size());
    if (const std::string uses = uses_of(interface_of(upper)); !uses.empty())
      return fmt::format("it is {}, below {} with {}", name, upper, uses);
  }
  return {};
}

}  // namespace

std::string card_fault(const std::string& address, const fs::path& devices,
                       const InterfaceQuery& interface_of) {
  const fs::path device = devices / address;
  std::error_code error;
  if (!fs::exists(device, error))
    return fmt::format("there is no PCI device {} here: `lspci -D | grep -i net` lists the cards", address);
  if (!first_word(device / "class").starts_with("0x02"))
    return fmt::format("PCI device {} is no network card: `lspci -D | grep -i net` lists the cards", address);
  const std::string driver = fs::read_symlink(device / "driver", error).filename();
  if (std::ranges::find(kDriversForDpdk, driver) != kDriversForDpdk.end()) return {};
  const std::string command = fmt::format("modprobe vfio-pci && dpdk-devbind.py -b vfio-pci {}", address);
  if (driver.empty())
    return fmt::format("card {} has no driver that gives it to DPDK: bind it to vfio-pci: {}", address,
                       command);
  std::string names;
  for (const fs::path& interface : interfaces_of(device)) {
    if (const std::string use = use_of(interface, interface_of); !use.empty())
      return fmt::format(
          "card {} is with the kernel's driver {}: {}: taking it cuts this machine off from what it reaches "
          "by it. Give another card, or, where that is meant, bind it to vfio-pci: {}",
          address, driver, use, command);
    names += (names.empty() ? "" : ", ") + interface.filename().string();
  }
  return fmt::format("card {} is with the kernel's driver {}{}: bind it to vfio-pci: {}", address, driver,
                     names.empty() ? names : fmt::format(" (interface {})", names), command);
}

}  // namespace linecast::lineup
