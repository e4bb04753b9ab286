// Who has which channel by tunnel: `linecast show tunnels`.
#include <fmt/core.h>

#include "app/linecast/report.h"

namespace linecast::app {
namespace {

using Json = nlohmann::ordered_json;
using smart::LeaseTable;

Json describe(const lineup::Lineup& lineup, const LeaseTable::Lease& lease, const std::string& channel,
              TimeNs now) {
  return {
      {"channel", channel},
      {"address", to_string(lease.key.peer.address)},
      {"port", lease.key.peer.port},
      {"receiver", lease.holder.receiver == 0 ? Json() : Json(fmt::format("{:x}", lease.holder.receiver))},
      {"interface", lineup.interfaces[lease.way.interface].name},
      {"since_s", std::max<TimeNs>(now - lease.since_ns, 0) / kNsPerSecond},
      {"until_s", std::max<TimeNs>(lease.until_ns - now, 0) / kNsPerSecond}};
}

}  // namespace

Json report_tunnels(const Appliance& appliance) {
  const lineup::Lineup& lineup = appliance.lineup();
  const TunnelKeeper& tunnels = appliance.tunnels();
  const LeaseTable& leases = tunnels.leases();
  const TimeNs now = appliance.now();
  Json list = Json::array(), channels = Json::array(), ports = Json::array();
  for (size_t i = 0; i < lineup.channels.size(); ++i) {
    const lineup::Channel& channel = lineup.channels[i];
    const LaneHop* running = appliance.hop(i);
    if (running == nullptr) continue;
    const auto slot = static_cast<uint16_t>(appliance.slot_of(i));
    leases.for_each(slot, [&](const LeaseTable::Lease& lease) {
      list.push_back(describe(lineup, lease, channel.name, now));
    });
    Json row{{"name", channel.name},
             {"granted", lineup.tunnels.has_value() && channel.tunnels},
             {"tunnels", leases.tunnels_of(slot)}};
    for (const ChannelCounter counter :
         {ChannelCounter::kTunnelPackets, ChannelCounter::kTunnelRepairs, ChannelCounter::kTunnelBehind,
          ChannelCounter::kTunnelTooLarge, ChannelCounter::kRepairQueueFull})
      row[std::string(kChannelCounterTexts[static_cast<size_t>(counter)].name)] =
          running->counters().get(counter);
    channels.push_back(std::move(row));
  }
  for (size_t i = 0; i < lineup.ports.size(); ++i)
    ports.push_back({{"name", lineup.ports[i].name},
                     {"tunnels", leases.tunnels_on(static_cast<uint16_t>(i))},
                     {"rate_bps", leases.rate_on(static_cast<uint16_t>(i))},
                     {"limit_bps", lineup.tunnels ? lineup.tunnels->rate_bps : 0}});
  Json counters = Json::object(), dropped = Json::object();
  for (size_t i = 0; i < smart::kTunnelCounterCount; ++i) {
    const std::string name(smart::kTunnelCounterTexts[i].name);
    const uint64_t count = tunnels.counters().at(i);
    if (i < static_cast<size_t>(smart::kFirstTunnelDrop))
      counters[name] = count;
    else if (count != 0)
      dropped[name] = count;
  }
  return {{"tunnels", std::move(list)},
          {"channels", std::move(channels)},
          {"ports", std::move(ports)},
          {"in_all", leases.size()},
          {"limit", lineup.tunnels ? lineup.tunnels->limit : 0},
          {"limit_per_address", lineup.tunnels ? lineup.tunnels->limit_per_address : 0},
          {"counters", std::move(counters)},
          {"dropped", std::move(dropped)}};
}

}  // namespace linecast::app
