#include "lib/lineup/device.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "lib/lineup/faults.h"
#include "lib/lineup/spelling.h"

namespace linecast::lineup {

namespace {

constexpr std::array<std::string_view, 8> kVirtualDrivers{"net_af_packet", "net_af_xdp",     "net_pcap",
                                                          "net_tap",       "net_memif",      "net_ring",
                                                          "net_null",      "net_virtio_user"};

// A field of hex digits, at most `digits` of them, up to `most`, then `behind` (0: the end of the text).
std::optional<unsigned> take_hex(std::string_view& text, size_t digits, unsigned most, char behind) {
  const size_t end = behind == '\0' ? text.size() : text.find(behind);
  if (end == std::string_view::npos || end == 0 || end > digits) return std::nullopt;
  unsigned value = 0;
  if (std::from_chars(text.data(), text.data() + end, value, 16).ptr != text.data() + end || value > most)
    return std::nullopt;
  text.remove_prefix(behind == '\0' ? end : end + 1);
  return value;
}

// [DDDD:]BB:DD.F as lspci prints it.
std::optional<Device> parse_pci(std::string_view text) {
  std::optional<unsigned> domain = 0;
  if (std::count(text.begin(), text.end(), ':') == 2) domain = take_hex(text, 4, 0xffff, ':');
  const std::optional<unsigned> bus = take_hex(text, 2, 0xff, ':');
  const std::optional<unsigned> slot = take_hex(text, 2, 0x1f, '.');
  const std::optional<unsigned> function = take_hex(text, 1, 7, '\0');
  if (!domain || !bus || !slot || !function) return std::nullopt;
  Device device;
  device.text = fmt::format("{:04x}:{:02x}:{:02x}.{:x}", *domain, *bus, *slot, *function);
  device.name = device.text;
  device.is_pci = true;
  return device;
}

// The value of `key=` in a virtual device's arguments; empty where it is not there.
std::string_view argument(std::string_view arguments, std::string_view key) {
  while (!arguments.empty()) {
    const std::string_view one = arguments.substr(0, arguments.find(','));
    arguments.remove_prefix(std::min(one.size() + 1, arguments.size()));
    if (one.size() > key.size() && one.starts_with(key) && one[key.size()] == '=')
      return one.substr(key.size() + 1);
  }
  return {};
}

}  // namespace

Parsed<Device> parse_device(std::string_view text) {
  if (std::optional<Device> pci = parse_pci(text)) return *pci;
  if (!text.starts_with("net_")) {
    return Wrong{
        "is neither a PCI address nor a virtual device: give the card's address as lspci prints it, as "
        "0000:3b:00.0, or a device as net_af_packet0,iface=eth0"};
  }
  if (text.find_first_of(" \t") != std::string_view::npos)
    return Wrong{"holds a space: write a device's arguments without any, as net_af_packet0,iface=eth0"};
  const std::string_view name = text.substr(0, text.find(','));
  const std::string_view arguments = text.substr(std::min(name.size() + 1, text.size()));
  const std::string_view driver = name.substr(0, name.find_last_not_of("0123456789") + 1);
  if (std::find(kVirtualDrivers.begin(), kVirtualDrivers.end(), driver) == kVirtualDrivers.end())
    return Wrong{
        fmt::format("names a virtual device that is not known ({}; a card is named by its PCI address){}",
                    in_quotes(driver), suggest(driver, kVirtualDrivers))};
  Device device;
  device.text = text;
  device.name = name;
  device.driver = driver;
  if (driver == "net_af_packet" || driver == "net_af_xdp" || driver == "net_pcap")
    device.kernel_interface = argument(arguments, "iface");
  if (device.kernel_interface.empty() && (driver == "net_af_packet" || driver == "net_af_xdp"))
    return Wrong{fmt::format("does not say which network interface: add it, as {},iface=eth0", name)};
  // What the drivers of DPDK 22.11 say of themselves, whatever their arguments; ports beyond are refused.
  if (driver == "net_af_packet" || driver == "net_memif") device.largest_mtu = 1500;
  if (driver == "net_tap") device.largest_mtu = 1504;
  if (driver == "net_af_xdp") device.largest_mtu = 3310;
  if (driver == "net_pcap" && arguments.empty())
    return Wrong{fmt::format("does not say what to read and write: add it, as {},iface=eth0", name)};
  return device;
}

}  // namespace linecast::lineup
