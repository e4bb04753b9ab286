#include "lib/lineup/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace linecast::lineup {
namespace {

using testing::HasSubstr;

TEST(Device, PciAddresses) {
  const std::pair<const char*, const char*> kTable[] = {{"0000:3b:00.0", "0000:3b:00.0"},
                                                        {"3b:00.1", "0000:3b:00.1"},
                                                        {"3B:0a.7", "0000:3b:0a.7"},
                                                        {"10:3b:1f.0", "0010:3b:1f.0"}};
  for (const auto& [text, full] : kTable) {
    const Parsed<Device> device = parse_device(text);
    ASSERT_TRUE(std::holds_alternative<Device>(device)) << text;
    EXPECT_EQ(std::get<Device>(device).text, full);
    EXPECT_TRUE(std::get<Device>(device).is_pci);
  }
}

TEST(Device, VirtualDevices) {
  struct Row {
    const char* text;
    const char* name;
    const char* driver;
    const char* kernel_interface;
  };
  const Row kTable[] = {{"net_af_packet0,iface=e0", "net_af_packet0", "net_af_packet", "e0"},
                        {"net_af_xdp12,start_queue=0,iface=eth1", "net_af_xdp12", "net_af_xdp", "eth1"},
                        {"net_pcap0,iface=e0", "net_pcap0", "net_pcap", "e0"},
                        {"net_pcap0,rx_pcap=a.pcap,tx_pcap=b.pcap", "net_pcap0", "net_pcap", ""},
                        {"net_tap0,iface=t0", "net_tap0", "net_tap", ""},  // a tap is made, not found
                        {"net_null0", "net_null0", "net_null", ""},
                        {"net_memif0,role=client", "net_memif0", "net_memif", ""},
                        {"net_ring0", "net_ring0", "net_ring", ""}};
  for (const Row& row : kTable) {
    const Parsed<Device> parsed = parse_device(row.text);
    ASSERT_TRUE(std::holds_alternative<Device>(parsed)) << row.text;
    const Device& device = std::get<Device>(parsed);
    EXPECT_EQ(device.text, row.text);
    EXPECT_EQ(device.name, row.name);
    EXPECT_EQ(device.driver, row.driver);
    EXPECT_EQ(device.kernel_interface, row.kernel_interface) << row.text;
    EXPECT_FALSE(device.is_pci);
  }
}

TEST(Device, LargestMtu) {
  const auto largest = [](std::string_view text) { return std::get<Device>(parse_device(text)).largest_mtu; };
  EXPECT_EQ(largest("net_af_packet0,iface=e0"), 1500);
  EXPECT_EQ(largest("net_af_packet0,iface=e0,framesz=16384,blocksz=65536"), 1500);
  EXPECT_EQ(largest("net_memif0"), 1500);
  EXPECT_EQ(largest("net_tap0"), 1504);
  EXPECT_EQ(largest("net_af_xdp0,iface=e0"), 3310);
  EXPECT_EQ(largest("net_pcap0,iface=e0"), 0);
  EXPECT_EQ(largest("0000:3b:00.0"), 0);
}

TEST(Device, Faults) {
  const std::pair<const char*, const char*> kTable[] = {
      {"eth0", "neither a PCI address nor a virtual device"},
      {"", "neither"},
      {"0000:3b:00", "neither"},
      {"0000:3b:20.0", "neither"},  // slots end at 1f
      {"0000:3b:00.8", "neither"},  // functions at 7
      {"0000:3bb:00.0", "neither"},
      {"0:0:0:0.0", "neither"},
      {"net_af_paket0,iface=e0", "did you mean \"net_af_packet\"?"},
      {"net_vmxnet3", "a card is named by its PCI address"},
      {"net_\x1b[31m", "\\x1b"},
      {"net_af_packet0", "add it, as net_af_packet0,iface=eth0"},
      {"net_af_packet0,iface=", "add it"},
      {"net_af_xdp0,xiface=e0", "add it"},
      {"net_af_packet0, iface=e0", "holds a space"},
      {"net_pcap0", "does not say what to read"}};
  for (const auto& [text, fault] : kTable) {
    const Parsed<Device> device = parse_device(text);
    ASSERT_TRUE(std::holds_alternative<Wrong>(device)) << text;
    EXPECT_THAT(std::get<Wrong>(device).why, HasSubstr(fault)) << text;
  }
}

}  // namespace
}  // namespace linecast::lineup
