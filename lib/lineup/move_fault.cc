#include "lib/lineup/move_fault.h"

#include <fmt/core.h>

#include "lib/lineup/group_mac.h"

namespace linecast::lineup {

std::string move_fault(const Lineup& lineup, size_t channel, const Output& to) {
  const Output& now = lineup.channels[channel].output;
  const std::string place = fmt::format("{}:{}", to_string(to.group), to.udp_port);
  if (to.group == now.group && to.udp_port == now.udp_port)
    return fmt::format("it is sent to {} already", place);
  if (to.udp_port != now.udp_port && lineup.tunnels && lineup.channels[channel].tunnels)
    return fmt::format("its tunnels are asked for at port {}: move it to another group of that port",
                       now.udp_port);
  if (aliases_link_local(to.group))
    return fmt::format(
        "group {} has the same MAC address as 224.0.0.{}, which switches send to every port: take a group "
        "whose last three numbers are not 0.0.X or 128.0.X",
        to_string(to.group), to.group & 255);
  for (size_t i = 0; i < lineup.channels.size(); ++i) {
    const Channel& other = lineup.channels[i];
    const Interface& fed_by = lineup.interfaces[other.source.interface];
    if (!other.enabled) continue;
    if (i != channel && other.output.interface == now.interface && other.output.group == to.group &&
        other.output.udp_port == to.udp_port)
      return fmt::format("{} is the output of channel {}: take another group or port", place, other.name);
    if (other.source.interface != now.interface || other.source.udp_port != to.udp_port) continue;
    const bool own = other.source.ssm_source == 0 || other.source.ssm_source == fed_by.address;
    if (other.source.address == to.group && own)
      return fmt::format("{} is the feed of channel {}: take another group or port", place, other.name);
    if (!is_multicast(other.source.address))
      return fmt::format(
          "channel {} is fed at port {} of {}, where requests for this one would come: take "
          "another port",
          other.name, to.udp_port, to_string(other.source.address));
  }
  return {};
}

}  // namespace linecast::lineup
