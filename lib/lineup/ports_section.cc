#include <algorithm>

#include "lib/lineup/draft.h"

namespace linecast::lineup {

namespace {

constexpr uint64_t kLeastMtu = 576;  // RFC 791: what every host takes
constexpr uint64_t kMostMtu = 9000;

void read_address(const MapCursor& in, Port& port) {
  Prefix prefix;
  if (!in.need("address", "10.1.0.2/24", prefix, parse_interface_address)) {
    in.read("gateway", port.gateway, parse_host);  // for its own faults
    return;
  }
  port.address = prefix.address;
  port.prefix_length = prefix.length;
  in.read("gateway", port.gateway, [&](std::string_view text) -> Parsed<Ipv4> {
    Parsed<Ipv4> gateway = parse_host(text);
    const Ipv4* address = std::get_if<Ipv4>(&gateway);
    if (address == nullptr) return gateway;
    if (*address == prefix.address) return Wrong{"is the port's own address: give the router's"};
    if (!prefix.contains(*address) || prefix.is_reserved(*address))
      return Wrong{
          fmt::format("is no host's address in the port's subnet {}/{}: give the router's address there",
                      to_string(prefix.address & prefix.mask()), prefix.length)};
    return gateway;
  });
}

}  // namespace

void read_ports(const MapCursor& top, Draft& draft) {
  const Ref* section = top.need("ports", "[{name: in0, device: \"0000:3b:00.0\", address: 10.1.0.2/24}]");
  const std::vector<Ref>* items = top.list("ports", section);
  if (items == nullptr) return;
  constexpr size_t kMaxPorts = 32;  // as many as Debian's DPDK is built for
  if (items->empty()) top.faults().error(section->mark, "ports is empty: a headend needs at least one");
  if (items->size() > kMaxPorts)
    top.faults().error(section->mark, fmt::format("{} ports: DPDK is built for {} at most, split the lineup "
                                                  "between headends",
                                                  items->size(), kMaxPorts));
  for (const Ref& item : *items) {
    const MapCursor in(item, kPortSection, top.faults());
    Port port;
    Device device;
    in.need("name", "in0", port.name, parse_name);
    if (in.need("device", "\"0000:3b:00.0\"", device, parse_device)) {
      port.device = device.text;
      port.is_pci = device.is_pci;
    }
    read_address(in, port);
    in.number("mtu", kLeastMtu, kMostMtu, "bytes", port.mtu);
    in.number("igmp", 2, 3, "", port.igmp_version);
    draft.lineup.ports.push_back(std::move(port));
    draft.ports.push_back(item);
    draft.devices.push_back(std::move(device));
  }
}

}  // namespace linecast::lineup
