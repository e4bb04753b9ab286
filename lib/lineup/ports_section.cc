#include <algorithm>

#include "lib/igmp/packet.h"
#include "lib/lineup/draft.h"

namespace linecast::lineup {

namespace {

constexpr uint64_t kLeastMtu = 576;  // RFC 791: what every host takes
constexpr uint64_t kMostMtu = 9000;
constexpr size_t kMaxInterfaces = 256;  // each is a host, and every lane looks after its hosts' timers
constexpr uint64_t kMostVlan = 4094;    // IEEE 802.1Q: 4095 is reserved

Parsed<std::optional<uint8_t>> parse_igmp_version(std::string_view text) {
  if (text == "auto") return std::optional<uint8_t>();
  const Parsed<uint64_t> number = parse_number(text, 1, 3, "");
  if (std::holds_alternative<Wrong>(number))
    return Wrong{"is no version of IGMP: 1, 2, 3, or auto to speak as the network's querier does"};
  return std::optional(static_cast<uint8_t>(std::get<uint64_t>(number)));
}

Querier read_querier(const MapCursor& in) {
  constexpr auto kMostIntervalS = static_cast<uint64_t>(igmp::kMostQueryIntervalNs / kNsPerSecond);
  constexpr auto kMostResponseS = static_cast<uint64_t>(igmp::kMostV3ResponseNs / kNsPerSecond);
  constexpr auto kMostV2ResponseS = static_cast<uint64_t>(igmp::kMostV2ResponseNs / kNsPerSecond);
  Querier querier;
  in.number("version", 2, 3, "", querier.version);
  in.number("query_interval_s", 1, kMostIntervalS, "seconds", querier.query_interval_s);
  in.number("response_interval_s", 1, kMostResponseS, "seconds", querier.response_interval_s);
  if (querier.version == 2 && querier.response_interval_s > kMostV2ResponseS)
    in.faults().error(place(in.ref(), {"response_interval_s"}),
                      fmt::format("IGMPv2 cannot ask for answers within more than {} seconds: set "
                                  "response_interval_s lower",
                                  kMostV2ResponseS));
  else if (querier.response_interval_s > querier.query_interval_s)
    in.faults().error(
        place(in.ref(), {"response_interval_s"}),
        fmt::format("answers within {} s to queries every {} s never end: set response_interval_s "
                    "lower",
                    querier.response_interval_s, querier.query_interval_s));
  return querier;
}

void read_addresses(const MapCursor& in, Interface& interface) {
  Prefix prefix;
  if (!in.need("address", "10.1.0.2/24", prefix, parse_interface_address)) {
    in.read("gateway", interface.gateway, parse_host);  // for its own faults
    return;
  }
  interface.address = prefix.address;
  interface.prefix_length = prefix.length;
  in.read("gateway", interface.gateway, [&](std::string_view text) -> Parsed<Ipv4> {
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

// What a port and a VLAN have in common.
void read_interface(const MapCursor& in, Interface interface, Draft& draft) {
  read_addresses(in, interface);
  in.read("igmp", interface.igmp_version, parse_igmp_version);
  if (const Ref* querier = in.find("querier"))
    interface.querier = read_querier(MapCursor(*querier, kQuerierSection, in.faults()));
  draft.lineup.interfaces.push_back(std::move(interface));
  draft.interfaces.push_back(in.ref());
}

void read_vlan(const MapCursor& in, const Port& port, Draft& draft) {
  Interface vlan;
  vlan.port = draft.lineup.ports.size();
  if (const Ref* id = in.need("id", "100"))
    in.scalar(*id, "id", vlan.vlan, [](auto text) { return parse_number(text, 1, kMostVlan, ""); });
  if (!in.read("name", vlan.name, parse_name) && !port.name.empty() && vlan.vlan != 0)
    vlan.name = fmt::format("{}.{}", port.name, vlan.vlan);
  read_interface(in, std::move(vlan), draft);
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
      port.kernel_interface = device.kernel_interface;
    }
    in.number("mtu", kLeastMtu, kMostMtu, "bytes", port.mtu);
    const Ref* vlans = in.find("vlans");
    // A port may serve VLANs only; then nothing untagged is taken.
    if (vlans == nullptr || in.find("address") != nullptr)
      read_interface(in, {.name = port.name, .port = draft.lineup.ports.size()}, draft);
    const std::vector<Ref>* list = vlans != nullptr ? in.list("vlans", vlans) : nullptr;
    if (list != nullptr && list->empty())
      top.faults().error(vlans->mark, "vlans is empty: list at least one, or delete the key");
    if (list != nullptr)
      for (const Ref& vlan : *list) read_vlan(MapCursor(vlan, kVlanSection, top.faults()), port, draft);
    draft.lineup.ports.push_back(std::move(port));
    draft.ports.push_back(item);
    draft.devices.push_back(std::move(device));
  }
  if (draft.lineup.interfaces.size() > kMaxInterfaces)
    top.faults().error(
        section->mark,
        fmt::format("{} ports and VLANs with an address: {} is the most, split the lineup between "
                    "headends",
                    draft.lineup.interfaces.size(), kMaxInterfaces));
}

}  // namespace linecast::lineup
