#include "app/linecast/report.h"

#include <fmt/core.h>

namespace linecast::app {
namespace {

using Json = nlohmann::ordered_json;

std::string mac_text(const net::Mac& mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3], mac[4],
                     mac[5]);
}

// Counters from `first` on that are not 0 go to "dropped", so that what is wrong is not lost among zeros.
template <typename Counters, typename Texts>
void add_counters(Json& out, const Counters& counters, const Texts& texts, size_t first_drop) {
  Json dropped = Json::object();
  for (size_t i = 0; i < counters.size(); ++i) {
    const std::string name(texts[i].name);
    if (i < first_drop)
      out[name] = counters.at(i);
    else if (counters.at(i) != 0)
      dropped[name] = counters.at(i);
  }
  out["dropped"] = std::move(dropped);
}

// Counters of a host that are not 0.
template <typename Enum, typename Host, typename Texts>
void add_host_counters(Json& out, const Host& host, const Texts& texts) {
  for (size_t i = 0; i < texts.size(); ++i)
    if (const uint64_t count = host.count(static_cast<Enum>(i)); count != 0)
      out[std::string(texts[i].name)] = count;
}

// What comes from the hop above; counters that are not 0.
Json report_upstream(const lineup::Channel& channel, const LaneRelay& relay, const RelayKeeper* keeper,
                     TimeNs now) {
  Json out;
  out["address"] = to_string(channel.source.ssm_source);
  out["by"] = relay.by_tunnel() ? "tunnel" : "multicast";
  out["last_heard_s"] = relay.heard_ns() == 0 ? Json() : Json((now - relay.heard_ns()) / kNsPerSecond);
  Json counters = Json::object();
  const auto add = [&](const auto& set, const auto& texts) {
    for (size_t i = 0; i < texts.size(); ++i)
      if (set.at(i) != 0) counters[std::string(texts[i].name)] = set.at(i);
  };
  add(relay.receive_counters(), smart::kReceiveCounterTexts);
  add(relay.relay_counters(), smart::kRelayCounterTexts);
  add(relay.tunnel_counters(), smart::kTunnelClientCounterTexts);
  if (keeper != nullptr) add(keeper->move_results(), smart::kMoveResultTexts);
  if (keeper != nullptr) {
    add(keeper->keys().results(), smart::kKeyAnnounceResultTexts);
    if (keeper->keys().keys_not_held() != 0) counters["key_not_held"] = keeper->keys().keys_not_held();
  }
  out["counters"] = std::move(counters);
  return out;
}

Json moving_of(const ChannelMove& move, TimeNs now) {
  const auto text = [](const lineup::Output& place) {
    return fmt::format("{}:{}", to_string(place.group), place.udp_port);
  };
  return {{"from", text(move.from())},
          {"to", text(move.to())},
          {"sent_to_both", move.sends_to_both()},
          {"ends_in_s", std::max<TimeNs>(0, move.ends_ns() - now) / kNsPerSecond}};
}

Json report_interfaces(const Appliance& appliance) {
  Json list = Json::array();
  const lineup::Lineup& lineup = appliance.lineup();
  for (size_t i = 0; i < lineup.interfaces.size(); ++i) {
    const lineup::Interface& interface = lineup.interfaces[i];
    const LaneHost& host = appliance.host(i);
    Json row;
    row["name"] = interface.name;
    row["port"] = lineup.ports[interface.port].name;
    row["vlan"] = interface.vlan == 0 ? Json() : Json(interface.vlan);
    row["address"] = fmt::format("{}/{}", to_string(interface.address), interface.prefix_length);
    row["gateway"] = interface.gateway == 0 ? Json() : Json(to_string(interface.gateway));
    Json counters = Json::object();
    add_host_counters<net::ArpCounter>(counters, host.neighbors(), net::kArpCounterTexts);
    add_host_counters<net::IcmpCounter>(counters, host.icmp(), net::kIcmpCounterTexts);
    add_host_counters<igmp::HostCounter>(counters, host.igmp(), igmp::kHostCounterTexts);
    if (host.querier() != nullptr)
      add_host_counters<igmp::QuerierCounter>(counters, *host.querier(), igmp::kQuerierCounterTexts);
    row["arp_conflicts"] = host.neighbors().count(net::ArpCounter::kConflicts);
    if (const uint64_t mac = host.neighbors().conflict_mac(); mac != 0) {
      net::Mac bytes;
      for (size_t k = 0; k < bytes.size(); ++k) bytes[k] = static_cast<uint8_t>(mac >> (40 - 8 * k));
      row["arp_conflict_mac"] = mac_text(bytes);
    }
    row["counters"] = std::move(counters);
    list.push_back(std::move(row));
  }
  return list;
}

}  // namespace

Json report_channels(Appliance& appliance) {
  Json list = Json::array();
  const lineup::Lineup& lineup = appliance.lineup();
  const smart::FaultReportTable& faults = appliance.faults();
  const TimeNs now = appliance.now();
  for (size_t i = 0; i < lineup.channels.size(); ++i) {
    const lineup::Channel& channel = lineup.channels[i];
    Json row;
    row["name"] = channel.name;
    row["number"] = channel.number;
    row["enabled"] = channel.enabled;
    row["source"] = fmt::format("{}:{}", to_string(channel.source.address), channel.source.udp_port);
    row["group"] = to_string(channel.output.group);
    row["port"] = channel.output.udp_port;
    row["encrypted"] = !channel.is_clear();
    if (const LaneHop* running = appliance.hop(i); running != nullptr) {
      if (const ChannelMove* move = appliance.move_of(i); move != nullptr)
        row["moving"] = moving_of(*move, now);
      row["lane"] = appliance.lane_of(i);
      if (const LaneChannel* of_headend = appliance.channel(i); of_headend != nullptr)
        row["epoch"] = of_headend->epoch();
      if (const LaneRelay* relay = appliance.relay(i); relay != nullptr) {
        const RelayKeeper* keeper = appliance.relay_keeper(i);
        row["epoch"] = keeper != nullptr ? keeper->epoch() : 0;
        const smart::GroupPlace above = relay->place_above();
        row["source"] = fmt::format("{}:{}", to_string(above.group), above.port);
        row["hops"] = relay->hops() == 0 ? Json() : Json(relay->hops());
        row["upstream"] = report_upstream(channel, *relay, keeper, now);
      }
      row["next_sequence"] = running->next_sequence();
      row["window_packets"] = channel.window_packets;
      row["askers"] = running->askers();
      row["round_trip_ms"] = running->round_trip_ms();
      row["quiet"] = running->quiet();
      add_counters(row, running->counters(), kChannelCounterTexts, static_cast<size_t>(kFirstChannelDrop));
      add_faults(row, faults, appliance.slot_of(i), now);
    }
    list.push_back(std::move(row));
  }
  return {{"channels", std::move(list)}};
}

Json report_ports(const Appliance& appliance) {
  Json list = Json::array();
  for (size_t i = 0; i < appliance.ports(); ++i) {
    const lineup::Port& port = appliance.lineup().ports[i];
    const drivers::Port& device = appliance.port(i);
    const drivers::PortStatus status = device.status();
    Json row;
    row["name"] = port.name;
    row["device"] = port.device;
    row["driver"] = status.driver;
    row["mac"] = mac_text(device.mac());
    row["mtu"] = port.mtu;
    row["link"] = status.link_up ? "up" : "down";
    row["speed_mbps"] = status.speed_mbps;
    row["state"] = appliance.port_keeper(i).running() ? "running" : "being set up anew";
    if (!appliance.port_keeper(i).error().empty()) row["error"] = appliance.port_keeper(i).error();
    row["link_changes"] = appliance.port_keeper(i).link_changes();
    row["resets"] = appliance.port_keeper(i).resets();
    row["group_filter"] = drivers::to_string(device.group_filter());
    const auto who = [](bool card) { return card ? "card" : "software"; };
    row["ip_checksum"] = who(device.offloads().ip_checksum);
    row["udp_checksum"] = who(device.offloads().udp_checksum);
    row["vlan_insert"] = who(device.offloads().vlan_insert);
    row["multi_segment"] = who(device.offloads().segments);
    row["receive_queues"] = device.receive_queues();
    row["steering"] = appliance.lanes() == 1 ? "one lane"
                      : device.has_flows()   ? who(device.steered())
                                             : "no feeds";
    row["received"] = status.received;
    row["transmitted"] = status.transmitted;
    row["missed"] = status.missed;
    row["receive_errors"] = status.receive_errors;
    row["transmit_errors"] = status.transmit_errors;
    row["no_buffer"] = status.no_buffer;
    Json extended = Json::object();
    for (const auto& [name, value] : device.extended_status()) extended[name] = value;
    row["xstats"] = std::move(extended);
    list.push_back(std::move(row));
  }
  return {{"ports", std::move(list)}, {"interfaces", report_interfaces(appliance)}};
}

Json report_lanes(const Appliance& appliance) {
  Json list = Json::array();
  for (size_t i = 0; i < appliance.lanes(); ++i) {
    const Lane& lane = appliance.lane(i);
    Json row;
    row["lane"] = i;
    row["lcore"] = appliance.lineup().lanes.lcores[i];
    add_counters(row, lane.counters(), kLaneCounterTexts, static_cast<size_t>(kFirstLaneDrop));
    for (size_t f = 1; f < net::kFrameFaultCount; ++f)
      if (lane.frame_faults(f) != 0)
        row["dropped"][std::string(net::kFrameFaultTexts[f].name)] = lane.frame_faults(f);
    for (size_t f = 1; f < smart::kWireFaultCount; ++f)
      if (lane.wire_faults(f) != 0)
        row["dropped"]["smart_" + std::string(smart::kWireFaultTexts[f].name)] = lane.wire_faults(f);
    list.push_back(std::move(row));
  }
  Json pools = Json::array();
  for (const drivers::Pool* pool : appliance.pools())
    pools.push_back({{"name", pool->name()}, {"packets", pool->packets()}, {"free", pool->available()}});
  return {{"lanes", std::move(list)},
          {"pools", std::move(pools)},
          {"kept_packets", appliance.kept_packets()},
          {"kept_bytes", appliance.kept_bytes()}};
}

}  // namespace linecast::app
