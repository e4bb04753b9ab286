// What only shows between parts of the file: names and numbers used twice, streams that would mix, groups
// that a switch or a card cannot tell apart.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "lib/igmp/membership_table.h"
#include "lib/lineup/draft.h"
#include "lib/lineup/group_mac.h"

namespace linecast::lineup {
namespace {

// Remembers the first use of each value.
template <typename Key>
class FirstUse {
 public:
  // The index of an earlier use, or nothing (and this one is remembered).
  std::optional<size_t> earlier(const Key& key, size_t index) {
    const auto [use, is_new] = first_.emplace(key, index);
    return is_new ? std::nullopt : std::optional(use->second);
  }
  std::optional<size_t> find(const Key& key) const {
    const auto use = first_.find(key);
    return use != first_.end() ? std::optional(use->second) : std::nullopt;
  }

 private:
  std::map<Key, size_t> first_;
};

using Stream = std::tuple<size_t, Ipv4, uint16_t, Ipv4>;  // interface, destination, UDP port, source or 0

class StreamChecks {
 public:
  StreamChecks(const Draft& draft, FaultList& faults)
      : draft_(draft), lineup_(draft.lineup), faults_(faults) {}

  void run() {
    if (lineup_.channels.size() > kMaxChannels)
      faults_.error(
          draft_.channels[kMaxChannels].mark,
          fmt::format("a lineup has at most {} channels: give the rest to another headend", kMaxChannels));
    for (size_t i = 0; i < lineup_.channels.size(); ++i) check_output(i);
    for (size_t i = 0; i < lineup_.channels.size(); ++i) check_source(i);
    for (size_t i = 0; i < lineup_.channels.size(); ++i) {
      if (lineup_.channels[i].source.is_native())
        check_mac(i, lineup_.channels[i].source.interface, lineup_.channels[i].source.address,
                  source_mark(i));
      check_mac(i, lineup_.channels[i].output.interface, lineup_.channels[i].output.group,
                place(draft_.channels[i], {"output", "group"}));
    }
  }

 private:
  // Between channels of which one is disabled it only warns: it can't hurt until that is enabled.
  bool only_warn(size_t a, size_t b) const {
    return !lineup_.channels[a].enabled || !lineup_.channels[b].enabled;
  }

  std::string describe(size_t channel) const {
    return fmt::format("channel {} (line {})", in_quotes(lineup_.channels[channel].name),
                       draft_.channels[channel].mark.line);
  }
  Mark source_mark(size_t channel) const {
    if (lineup_.role == Role::kRepeater) return place(draft_.channels[channel], {"upstream", "group"});
    return place(draft_.channels[channel], {"source", "address"});
  }
  const std::string& name_of(size_t interface) const { return lineup_.interfaces[interface].name; }

  void check_output(size_t i) {
    const Output& output = lineup_.channels[i].output;
    if (output.interface == kNoInterface || output.group == 0) return;
    const Mark at = place(draft_.channels[i], {"output", "group"});
    if (aliases_link_local(output.group))
      faults_.error(
          at, fmt::format("group \"{}\" has the same MAC address as 224.0.0.{}, which switches send to every "
                          "port: take a group whose last three numbers are not 0.0.X or 128.0.X",
                          to_string(output.group), output.group & 255));
    if (const auto other = outputs_.earlier({output.interface, output.group, output.udp_port, 0}, i))
      faults_.add(
          at,
          fmt::format("{}:{} on {} is already the output of {}: give this channel another group or port",
                      to_string(output.group), output.udp_port, name_of(output.interface), describe(*other)),
          only_warn(i, *other));
  }

  void check_source(size_t i) {
    const Source& source = lineup_.channels[i].source;
    if (source.interface == kNoInterface || source.address == 0 || source.udp_port == 0) return;
    const Mark at = source_mark(i);
    if (source.is_joined() && aliases_link_local(source.address))
      faults_.warn(
          at, fmt::format("group \"{}\" has the same MAC address as 224.0.0.{}, which switches send to every "
                          "port: the feed will flood the network that it crosses",
                          to_string(source.address), source.address & 255));
    if (const auto other =
            sources_.earlier({source.interface, source.address, source.udp_port, source.ssm_source}, i))
      faults_.add(at,
                  fmt::format("{}:{} on {} is already the source of {}: a feed goes to one channel",
                              to_string(source.address), source.udp_port, name_of(source.interface),
                              describe(*other)),
                  only_warn(i, *other));
    constexpr size_t kMostSenders = igmp::MembershipTable::kMaxSourcesAGroup;
    std::set<Ipv4>& senders = senders_[{source.interface, source.address}];
    if (source.ssm_source != 0 && source.is_native() && senders.insert(source.ssm_source).second &&
        senders.size() == kMostSenders + 1)
      faults_.error(
          lineup_.role == Role::kRepeater ? source_mark(i)
                                          : place(draft_.channels[i], {"source", "ssm_source"}),
          fmt::format(
              "group \"{}\" is joined from more than {} senders on {}: put some of the feeds on another "
              "group or interface",
              to_string(source.address), kMostSenders, name_of(source.interface)));
    // Requests come to the interface's own address, at the UDP port of each output.
    if (!is_multicast(source.address))
      for (size_t c = 0; c < lineup_.channels.size(); ++c)
        if (const Output& output = lineup_.channels[c].output;
            output.interface == source.interface && output.udp_port == source.udp_port) {
          faults_.add(
              at,
              fmt::format("{}:{} on {} is where receivers send their requests for {}: feed this channel to "
                          "another port",
                          to_string(source.address), source.udp_port, name_of(source.interface), describe(c)),
              only_warn(i, c));
          return;
        }
    if (lineup_.role == Role::kRepeater) {
      for (const Interface& interface : lineup_.interfaces)
        if (source.ssm_source != 0 && interface.address == source.ssm_source)
          faults_.error(
              place(draft_.channels[i], {"upstream", "address"}),
              fmt::format("address \"{}\" is this repeater's own, on {}: a repeater takes from another "
                          "hop, give the headend's or another repeater's",
                          to_string(source.ssm_source), interface.name));
      return;
    }
    // What comes from another sender than this port is no loop.
    if (source.ssm_source != 0 && source.ssm_source != lineup_.interfaces[source.interface].address) return;
    if (const auto sender = outputs_.find({source.interface, source.address, source.udp_port, 0}))
      faults_.add(
          at,
          fmt::format("{}:{} on {} is what {} sends: a channel cannot be fed with an output of this headend, "
                      "take the feed itself",
                      to_string(source.address), source.udp_port, name_of(source.interface),
                      describe(*sender)),
          only_warn(i, *sender));
  }

  // 32 groups share each MAC address: what a card or a switch filters by MAC comes along with its twins.
  void check_mac(size_t i, size_t interface, Ipv4 group, Mark where) {
    if (interface == kNoInterface || !is_multicast(group) || aliases_link_local(group)) return;
    const auto [use, is_new] =
        macs_.emplace(std::pair(interface, mac_bits(group)), MacUse{group, i, {group}});
    if (is_new ||
        std::find(use->second.seen.begin(), use->second.seen.end(), group) != use->second.seen.end())
      return;
    use->second.seen.push_back(group);
    faults_.warn(
        where,
        fmt::format("group \"{}\" shares its MAC address with {} of {} on {}: switches and cards that filter "
                    "by MAC pass both; take groups that differ in their last 23 bits",
                    to_string(group), to_string(use->second.first), describe(use->second.channel),
                    name_of(interface)));
  }

  struct MacUse {
    Ipv4 first;
    size_t channel;
    std::vector<Ipv4> seen;  // at most 32
  };

  const Draft& draft_;
  const Lineup& lineup_;
  FaultList& faults_;
  FirstUse<Stream> outputs_, sources_;
  std::map<std::pair<size_t, Ipv4>, std::set<Ipv4>> senders_;  // by interface and group
  std::map<std::pair<size_t, uint32_t>, MacUse> macs_;
};

}  // namespace

void check_ports(const Draft& draft, FaultList& faults) {
  FirstUse<std::string> names, devices, interfaces;
  const bool no_pci = std::find(draft.lineup.eal_arguments.begin(), draft.lineup.eal_arguments.end(),
                                "--no-pci") != draft.lineup.eal_arguments.end();
  for (size_t i = 0; i < draft.lineup.ports.size(); ++i) {
    const Port& port = draft.lineup.ports[i];
    const Device& device = draft.devices[i];
    const auto twice = [&](std::string_view key, const std::string& value, std::optional<size_t> other,
                           std::string_view what_to_do) {
      if (other)
        faults.error(place(draft.ports[i], {key}),
                     fmt::format("{} {} is already that of the port at line {}: {}", key, in_quotes(value),
                                 draft.ports[*other].mark.line, what_to_do));
    };
    if (!port.name.empty()) twice("name", port.name, names.earlier(port.name, i), "give each port its own");
    if (device.name.empty()) continue;
    twice("device", device.name, devices.earlier(device.name, i),
          "one port can serve as input and output, a second virtual device needs another number");
    if (!device.kernel_interface.empty())
      twice("device", "iface=" + device.kernel_interface, interfaces.earlier(device.kernel_interface, i),
            "one port can serve as input and output");
    if (device.largest_mtu != 0 && port.mtu > device.largest_mtu)
      faults.error(place(draft.ports[i], {"mtu"}),
                   fmt::format("{} takes an MTU of at most {}: lower it, or take net_pcap", device.driver,
                               device.largest_mtu));
    if (device.is_pci && no_pci)
      faults.error(place(draft.ports[i], {"device"}),
                   "a PCI card, but `eal` says --no-pci: delete that option, or take a virtual device");
  }
}

void check_interfaces(const Draft& draft, FaultList& faults) {
  FirstUse<std::string> names;
  FirstUse<Ipv4> addresses;
  FirstUse<std::pair<size_t, uint16_t>> vlans;
  for (size_t i = 0; i < draft.lineup.interfaces.size(); ++i) {
    const Interface& interface = draft.lineup.interfaces[i];
    const auto twice = [&](std::string_view key, const std::string& value, std::optional<size_t> other) {
      if (other)
        faults.error(place(draft.interfaces[i], {key}),
                     fmt::format("{} {} is already that of the interface at line {}: give each its own", key,
                                 in_quotes(value), draft.interfaces[*other].mark.line));
    };
    // Of the ports themselves check_ports() tells.
    if (const auto other = interface.name.empty() ? std::nullopt : names.earlier(interface.name, i);
        other && (interface.vlan != 0 || draft.lineup.interfaces[*other].vlan != 0))
      twice("name", interface.name, other);
    if (interface.address != 0)
      twice("address", to_string(interface.address), addresses.earlier(interface.address, i));
    if (interface.vlan != 0)
      twice("id", std::to_string(interface.vlan), vlans.earlier({interface.port, interface.vlan}, i));
  }
}

void check_channels(const Draft& draft, FaultList& faults) {
  FirstUse<std::string> names;
  FirstUse<uint32_t> numbers;
  FirstUse<crypto::ChannelId> ids;
  bool any_sealed = false;
  for (size_t i = 0; i < draft.lineup.channels.size(); ++i) {
    const Channel& channel = draft.lineup.channels[i];
    const auto twice = [&](std::string_view key, const std::string& value, std::optional<size_t> other) {
      if (other)
        faults.error(place(draft.channels[i], {key}),
                     fmt::format("{} {} is already that of the channel at line {}: give each channel its own",
                                 key, in_quotes(value), draft.channels[*other].mark.line));
      return other.has_value();
    };
    any_sealed = any_sealed || !channel.is_clear();
    if (channel.number != 0)
      twice("number", std::to_string(channel.number), numbers.earlier(channel.number, i));
    if (channel.name.empty()) continue;
    // Two channels of one name have one id, too: that is said once.
    const bool named_twice = twice("name", channel.name, names.earlier(channel.name, i));
    const auto other = ids.earlier(channel.id, i);
    if (!named_twice) {
      std::string hex;
      for (const uint8_t byte : channel.id) hex += fmt::format("{:02x}", byte);
      twice("id", hex, other);
    }
  }
  if (!any_sealed || draft.role.node == nullptr || draft.role.node->kind != YamlNode::Kind::kMap) return;
  if (draft.lineup.role == Role::kHeadend && draft.role.node->find("signing_key") == nullptr)
    faults.error(
        draft.role.mark,
        "the headend lacks \"signing_key\", which encrypted channels need: add `signing_key: FILE` (made by "
        "`linecast key new signing FILE`)");
  if (draft.lineup.role == Role::kRepeater && draft.role.node->find("trust") == nullptr)
    faults.error(draft.role.mark,
                 "the repeater lacks \"trust\", which encrypted channels need: add `trust: [FILE]` with the "
                 "headend's public key (the FILE.pub beside its signing key)");
}

void check_streams(const Draft& draft, FaultList& faults) { StreamChecks(draft, faults).run(); }

}  // namespace linecast::lineup
