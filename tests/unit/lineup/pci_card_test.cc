// What sysfs says of a card, in a tree made for the test.
#include "lib/lineup/pci_card.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "lib/lineup/kernel_interface.h"
#include "tests/unit/temporary_directory.h"

namespace linecast::lineup {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kAddress = "0000:3b:00.0";
constexpr const char* kBind =
    ": bind it to vfio-pci: modprobe vfio-pci && dpdk-devbind.py -b vfio-pci 0000:3b:00.0";

class PciCard : public testing::Test {
 protected:
  void add(const char* pci_class, const std::string& driver) {
    fs::create_directories(devices_ / kAddress);
    std::ofstream(devices_ / kAddress / "class") << pci_class << '\n';
    if (!driver.empty())
      fs::create_symlink("../../../bus/pci/drivers/" + driver, devices_ / kAddress / "driver");
  }
  std::string fault() const { return card_fault(kAddress, devices_); }

  const TemporaryDirectory made_;
  const fs::path devices_{made_.path()};
};

TEST_F(PciCard, DriversThatLeaveItToDpdk) {
  for (const char* driver : {"vfio-pci", "uio_pci_generic", "igb_uio", "mlx5_core", "mlx4_core", "mana"}) {
    add("0x020000", driver);
    EXPECT_EQ(fault(), "") << driver;
    fs::remove_all(devices_ / kAddress);
  }
}

TEST_F(PciCard, AnyClassOfNetworkCard) {
  add("0x028000", "vfio-pci");
  EXPECT_EQ(fault(), "");
}

TEST_F(PciCard, WithTheKernel) {
  add("0x020000", "ixgbe");
  EXPECT_EQ(fault(), std::string("card 0000:3b:00.0 is with the kernel's driver ixgbe") + kBind);
  fs::create_directories(devices_ / kAddress / "net/ens1f0");
  EXPECT_EQ(fault(),
            std::string("card 0000:3b:00.0 is with the kernel's driver ixgbe (interface ens1f0)") + kBind);
}

TEST_F(PciCard, ThatThisMachineNeeds) {
  const auto ask = [](const std::string& name) -> KernelInterface {
    if (name != "eth0") return {};
    return {.up = true, .addresses = {"192.0.2.2"}, .default_route = true};
  };
  const std::string uses = "address 192.0.2.2 and the default route";
  add("0x020000", "virtio-pci");
  fs::create_directories(devices_ / kAddress / "virtio2/net/eth0");
  EXPECT_THAT(card_fault(kAddress, devices_, ask),
              HasSubstr(": it is eth0, with " + uses + ": taking it cuts this machine off"));
  fs::remove_all(devices_ / kAddress / "virtio2");
  fs::create_directories(devices_ / kAddress / "net/none7");
  fs::create_symlink(".", devices_ / kAddress / "net/none7/upper_eth0");
  EXPECT_THAT(card_fault(kAddress, devices_, ask),
              HasSubstr(": it is none7, below eth0 with " + uses + ": taking it cuts"));
}

TEST_F(PciCard, WithoutADriver) {
  add("0x020000", "");
  EXPECT_EQ(fault(), std::string("card 0000:3b:00.0 has no driver that gives it to DPDK") + kBind);
}

TEST_F(PciCard, NoCardAtAll) {
  EXPECT_THAT(fault(), HasSubstr("there is no PCI device 0000:3b:00.0 here"));
  add("0x010802", "vfio-pci");
  EXPECT_THAT(fault(), HasSubstr("PCI device 0000:3b:00.0 is no network card"));
}

}  // namespace
}  // namespace linecast::lineup
