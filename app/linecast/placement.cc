#include "app/linecast/placement.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "lib/base/error.h"
#include "lib/igmp/membership_table.h"
#include "lib/igmp/packet.h"

namespace linecast::app {

Placement place_channels(const lineup::Lineup& lineup, const Placement& running,
                         const std::vector<size_t>& kept) {
  Placement placement;
  placement.slot_of = kept;
  std::vector<bool> taken(kChannelSlots, false);
  for (const size_t slot : running.slot_of)
    if (slot != kNoSlot) taken[slot] = true;
  std::vector<size_t> channels_on(lineup.lanes.lcores.size(), 0);
  for (const size_t slot : kept) {
    if (slot == kNoSlot) continue;
    placement.lane_of[slot] = running.lane_of[slot];
    if (const auto moved = running.upstream.find(slot); moved != running.upstream.end())
      placement.upstream.insert(*moved);
    ++channels_on[running.lane_of[slot]];
  }
  size_t slot = 0;
  for (size_t i = 0; i < lineup.channels.size(); ++i) {
    if (!lineup.channels[i].enabled || kept[i] != kNoSlot) continue;
    while (taken[slot]) ++slot;
    auto lane = static_cast<size_t>(std::ranges::min_element(channels_on) - channels_on.begin());
    // What is asked for before anything has come needs the host that knows the way.
    if (const lineup::Source& source = lineup.channels[i].source;
        source.tunnel != smart::UpstreamTunnel::kNever)
      lane = host_lane(lineup.interfaces[source.interface].port, channels_on.size());
    ++channels_on[lane];
    placement.lane_of[slot] = static_cast<uint8_t>(lane);
    placement.slot_of[i] = slot++;
  }
  return placement;
}

std::vector<lineup::Source> sources_of(const lineup::Lineup& lineup, const Placement& placement,
                                       size_t channel) {
  const lineup::Source& source = lineup.channels[channel].source;
  const auto moved = placement.upstream.find(placement.slot_of[channel]);
  if (moved == placement.upstream.end()) return {source};
  std::vector<lineup::Source> sources(moved->second.size(), source);
  for (size_t i = 0; i < sources.size(); ++i) {
    sources[i].address = moved->second[i].group;
    sources[i].udp_port = moved->second[i].port;
  }
  return sources;
}

Directory make_directory(const lineup::Lineup& lineup, const Placement& placement,
                         const std::vector<FormerPlace>& former) {
  Directory directory;
  directory.lane_of = placement.lane_of;
  directory.set_ports(lineup.ports.size());
  for (const lineup::Interface& interface : lineup.interfaces)
    directory.add_interface(static_cast<uint16_t>(interface.port), interface.vlan,
                            static_cast<uint8_t>(host_lane(interface.port, lineup.lanes.lcores.size())));
  const auto add_output = [&](const std::string& channel, const lineup::Output& output, uint32_t slot) {
    const auto out = static_cast<uint16_t>(output.interface);
    if (!directory.groups.insert({out, output.group, output.udp_port, 0}, slot))
      throw Error(fmt::format("channel {}: its output is taken already", channel));
    // Several channels share a hop's address and port: all but the first insertion find it there.
    directory.flows.insert({out, lineup.interfaces[out].address, output.udp_port, 0}, Directory::kRequests);
  };
  for (size_t i = 0; i < lineup.channels.size(); ++i) {
    const lineup::Channel& channel = lineup.channels[i];
    if (!channel.enabled) continue;
    const auto slot = static_cast<uint32_t>(placement.slot_of[i]);
    for (const lineup::Source& source : sources_of(lineup, placement, i))
      if (source.is_native() && !directory.flows.insert({static_cast<uint16_t>(source.interface),
                                                         source.address, source.udp_port, source.ssm_source},
                                                        slot))
        throw Error(fmt::format("channel {}: its source is taken already", channel.name));
    // What the hop above sends in answer to this repeater alone.
    if (lineup.role == lineup::Role::kRepeater)
      directory.flows.insert(
          {static_cast<uint16_t>(channel.source.interface),
           lineup.interfaces[channel.source.interface].address, upward_port(slot), channel.source.ssm_source},
          slot);
    add_output(channel.name, channel.output, slot);
  }
  for (const FormerPlace& place : former)
    add_output("that is moving", place.output, static_cast<uint32_t>(place.slot));
  return directory;
}

size_t host_lane(size_t port, size_t lanes) { return port % lanes; }

std::optional<uint16_t> receive_queue(size_t port, size_t lane, uint16_t queues, size_t lanes) {
  const size_t queue = (lane + lanes - host_lane(port, lanes)) % lanes;
  return queue < queues ? std::optional(static_cast<uint16_t>(queue)) : std::nullopt;
}

std::vector<drivers::SteeringRule> steering_rules(const lineup::Lineup& lineup, const Placement& placement,
                                                  size_t port) {
  std::vector<drivers::SteeringRule> rules;
  const size_t lanes = lineup.lanes.lcores.size();
  for (size_t i = 0; i < lineup.channels.size(); ++i) {
    const lineup::Interface& interface = lineup.interfaces[lineup.channels[i].source.interface];
    if (!lineup.channels[i].enabled || interface.port != port) continue;
    const size_t lane = placement.lane_of[placement.slot_of[i]];
    for (const lineup::Source& source : sources_of(lineup, placement, i))
      if (source.is_native())
        rules.push_back({.vlan = interface.vlan,
                         .destination = source.address,
                         .source = source.ssm_source,
                         .udp_port = source.udp_port,
                         .queue = *receive_queue(port, lane, static_cast<uint16_t>(lanes), lanes)});
  }
  return rules;
}

std::vector<net::Mac> group_macs(const lineup::Lineup& lineup, const Placement& placement, size_t port) {
  std::set<net::Mac> macs{net::multicast_mac(igmp::kAllHosts)};
  for (const LaneChange::Membership& of : memberships(lineup, placement))
    if (lineup.interfaces[of.interface].port == port) macs.insert(net::multicast_mac(of.group));
  return {macs.begin(), macs.end()};
}

std::vector<LaneChange::Membership> memberships(const lineup::Lineup& lineup, const Placement& placement) {
  std::vector<LaneChange::Membership> list;
  for (size_t i = 0; i < lineup.channels.size(); ++i) {
    if (!lineup.channels[i].enabled) continue;
    for (const lineup::Source& source : sources_of(lineup, placement, i))
      if (source.is_joined()) list.push_back({source.interface, source.address, source.ssm_source});
  }
  std::ranges::sort(list, {}, &LaneChange::Membership::key);
  return list;
}

void check_memberships(const std::vector<LaneChange::Membership>& memberships) {
  std::map<std::pair<size_t, Ipv4>, std::set<Ipv4>> sources;
  for (const LaneChange::Membership& of : memberships)
    if (of.source != 0) sources[{of.interface, of.group}].insert(of.source);
  for (const auto& [group, list] : sources)
    if (list.size() > igmp::MembershipTable::kMaxSourcesAGroup)
      throw Error(fmt::format("more than {} senders of group {} can't be joined one by one",
                              igmp::MembershipTable::kMaxSourcesAGroup, to_string(group.second)));
}

}  // namespace linecast::app
