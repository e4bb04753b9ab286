#include "lib/lineup/pci_card.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

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

// " (interface eth0)", or nothing where it has none, or one in another network namespace.
std::string interface_of(const fs::path& device) {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(device / "net", none))
    return fmt::format(" (interface {})", entry.path().filename().string());
  return {};
}

}  // namespace

std::string card_fault(const std::string& address, const fs::path& devices) {
  const fs::path device = devices / address;
  std::error_code error;
  if (!fs::exists(device, error))
    return fmt::format("there is no PCI device {} here: `lspci -D | grep -i net` lists the cards", address);
  if (!first_word(device / "class").starts_with("0x02"))
    return fmt::format("PCI device {} is no network card: `lspci -D | grep -i net` lists the cards", address);
  const std::string driver = fs::read_symlink(device / "driver", error).filename();
  if (std::ranges::find(kDriversForDpdk, driver) != kDriversForDpdk.end()) return {};
  const std::string holder =
      driver.empty()
          ? fmt::format("card {} has no driver that gives it to DPDK", address)
          : fmt::format("card {} is with the kernel's driver {}{}", address, driver, interface_of(device));
  return fmt::format("{}: bind it to vfio-pci: modprobe vfio-pci && dpdk-devbind.py -b vfio-pci {}", holder,
                     address);
}

}  // namespace linecast::lineup
