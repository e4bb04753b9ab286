// The appliance's tunnels: what the lineup says of them, told to those who grant and carry them.
#include <algorithm>

#include "app/linecast/appliance.h"
#include "lib/lineup/dimensions.h"

namespace linecast::app {
namespace {

// Bytes around the payload of a datagram on the wire: headers of the frame, the tunnel and the channel, and
// what Ethernet takes beside the frame.
constexpr uint64_t kEthernetOverhead = 24;  // preamble, checksum, gap

// Of one tunnel: the channel's cap in datagrams of the usual size, and as many repairs as it may have.
uint64_t tunnel_rate(const lineup::Channel& channel) {
  const uint64_t payload = std::min<uint64_t>(lineup::kTsDatagram, channel.max_payload);
  const uint64_t around = kEthernetOverhead + net::kUdpFrameOverhead + smart::TunnelTemplate::kInnerHeaders +
                          smart::kDataHeaderSize + (channel.is_clear() ? 0 : smart::kSealOverhead);
  const uint64_t data = channel.bitrate_cap_bps * (payload + around) / payload;
  return data * (100 + channel.budget_percent) / 100;
}

}  // namespace

void Appliance::make_tunnels() {
  const lineup::Tunnels limits = lineup_.tunnels.value_or(lineup::Tunnels{.limit = 0, .prefixes = {}});
  TunnelKeeper::Settings settings;
  settings.slots = kChannelSlots;
  settings.leases.tunnels = limits.limit;
  settings.leases.tunnels_of_a_peer = limits.limit_per_address;
  settings.leases.ports.assign(lineup_.ports.size(), {limits.limit, limits.rate_bps});
  for (const lineup::Interface& interface : lineup_.interfaces)
    settings.leases.port_of_interface.push_back(static_cast<uint16_t>(interface.port));
  settings.leases.seed = random_number();
  settings.prefixes = limits.prefixes;
  tunnel_keeper_ = std::make_unique<TunnelKeeper>(clock_.now(), std::move(settings), [this](uint16_t slot) {
    const Lane& lane = *lanes_[placement_.lane_of[slot]];
    const uint64_t next = lane.hop(slot)->next_sequence();
    TunnelKeeper::HopState state;
    state.kept = {next - std::min<uint64_t>(next, running_[slot]->window_packets), next};
    if (const LaneRelay* relay = lane.relay(slot); relay != nullptr)
      state.hops = static_cast<uint8_t>(relay->hops());
    return state;
  });
  tunnel_carrier_ = std::make_unique<TunnelCarrier>(*tunnel_keeper_, lanes_, directory_->host_lane_of,
                                                    kChannelSlots, limits.rate_bps);
}

void Appliance::set_tunnels(const lineup::Lineup& lineup, const Placement& placement, size_t index) {
  const lineup::Channel& channel = lineup.channels[index];
  const auto slot = static_cast<uint16_t>(placement.slot_of[index]);
  const RunningChannel& running = *running_[slot];
  TunnelHop hop;
  hop.channel = channel.id;
  hop.interface = static_cast<uint16_t>(channel.output.interface);
  hop.group = channel.output.group;
  hop.port = channel.output.udp_port;
  hop.allowed = lineup.tunnels.has_value() && channel.tunnels;
  hop.rate_bps = tunnel_rate(channel);
  if (running.keys != nullptr)
    hop.up_key = {crypto::derive_up_key(running.keys->group_key(), channel.id), running.keys->group_key().id};
  else if (running.relay != nullptr)
    hop.up_key = {running.relay->hop_key().up, running.relay->hop_key().id};
  tunnel_keeper_->set_hop(slot, hop);

  const HopSetup sent = hop_setup(lineup, index, 0);
  HopTunnelsSetup setup;
  setup.port = sent.out_port;
  setup.interface = sent.out_interface;
  setup.segments = sent.offloads.segments;
  setup.window_packets = channel.window_packets;
  setup.window_ns = channel.window_ms * kNsPerMs;
  setup.marks = drivers::frame_marks(sent.offloads, sent.vlan_control, true);
  setup.repairs = tunnel_repair_settings(channel);
  setup.repairs.seed = random_number();
  setup.flow.inner = sent.flow;
  setup.flow.outer = sent.flow;
  setup.flow.outer.ttl = 64;
  setup.flow.outer.vlan_control = sent.offloads.vlan_insert ? 0 : sent.vlan_control;
  setup.flow.outer.card_ip_checksum = sent.offloads.ip_checksum;
  setup.flow.card_udp_checksum = sent.offloads.udp_checksum;
  setup.flow.mtu = lineup.ports[sent.out_port].mtu;
  tunnel_carrier_->set_hop(slot, placement.lane_of[slot], setup);
}

void Appliance::end_tunnels(size_t slot) {
  tunnel_keeper_->end_hop(static_cast<uint16_t>(slot));
  tunnel_carrier_->end_hop(static_cast<uint16_t>(slot));
}

}  // namespace linecast::app
