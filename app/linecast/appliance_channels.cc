// The appliance's channels: made before the lanes run or for a reload, and their key epochs.
#include <algorithm>
#include <set>

#include "app/linecast/appliance.h"
#include "lib/crypto/key_file.h"

namespace linecast::app {

std::vector<Appliance::MadeChannel> Appliance::make_channels(const lineup::Lineup& lineup,
                                                             const Placement& placement,
                                                             const std::vector<size_t>& wanted,
                                                             uint64_t start_number) {
  const auto lane_of = [&](size_t channel) { return placement.lane_of[placement.slot_of[channel]]; };
  std::vector<unsigned> frames(lanes_.size(), 0);
  for (const size_t i : wanted) frames[lane_of(i)] += lineup.channels[i].window_packets;
  require_frames(frames);
  std::vector<std::shared_ptr<drivers::Pool>> pools(lanes_.size());
  for (size_t lane = 0; lane < lanes_.size(); ++lane)
    if (frames[lane] > 0) pools[lane] = make_frames(lane, frames[lane]);

  std::vector<MadeChannel> made;
  for (const size_t i : wanted) {
    const int numa_node = drivers::lcore_numa_node(lineup.lanes.lcores[lane_of(i)]);
    HopSetup hop = hop_setup(lineup, i, start_number);
    if (lineup.role == lineup::Role::kRepeater) {
      made.push_back(
          make_relay(lineup, i, placement.slot_of[i], std::move(hop), pools[lane_of(i)], numa_node));
      continue;
    }
    MadeChannel& next = made.emplace_back();
    next.slot = placement.slot_of[i];
    next.running = std::make_unique<RunningChannel>();
    next.running->frames = pools[lane_of(i)];
    next.running->start_number = start_number;
    next.running->window_packets = lineup.channels[i].window_packets;
    LaneChannelSetup setup;
    setup.channel = &lineup.channels[i];
    setup.hop = std::move(hop);
    setup.sender_id = lineup.sender_id;
    setup.first_sequence = 2 + random_number() % 0xfffe;  // 2 .. 65535: a receiver's count of 0 says "none"
    if (!lineup.channels[i].key_file.empty()) {
      next.running->keys = make_keys(lineup, i, setup);
      setup.key = &next.running->keys->current();
      setup.announcement = &next.running->keys->announcement();
      setup.hop.message_keys = next.running->keys->message_keys();
    }
    next.stream = std::make_unique<LaneChannel>(std::move(setup), *next.running->frames, numa_node);
  }
  return made;
}

HopSetup Appliance::hop_setup(const lineup::Lineup& lineup, size_t index, uint64_t start_number) const {
  const lineup::Channel& channel = lineup.channels[index];
  const lineup::Interface& interface = lineup.interfaces[channel.output.interface];
  const drivers::Port& port = *ports_[interface.port];
  HopSetup hop;
  hop.start_number = start_number;
  hop.out_port = static_cast<uint16_t>(interface.port);
  hop.out_interface = static_cast<uint16_t>(channel.output.interface);
  hop.offloads = port.offloads();
  if (interface.vlan != 0) hop.vlan_control = net::vlan_control(interface.vlan, channel.output.dscp);
  hop.flow.source_mac = port.mac();
  hop.flow.destination_mac = net::multicast_mac(channel.output.group);
  hop.flow.source = interface.address;
  hop.flow.destination = channel.output.group;
  hop.flow.source_port = hop.flow.destination_port = channel.output.udp_port;
  hop.flow.ttl = channel.output.ttl;
  hop.flow.dscp = channel.output.dscp;
  return hop;
}

std::unique_ptr<StreamKeys> Appliance::make_keys(const lineup::Lineup& lineup, size_t index,
                                                 const LaneChannelSetup& setup) const {
  StreamKeys::Setup keys;
  keys.signing_key = signing_key_.get();
  keys.group_key = crypto::read_group_key(lineup.channels[index].key_file);
  keys.channel_id = lineup.channels[index].id;
  keys.sender_id = setup.sender_id;
  keys.start_number = setup.hop.start_number;
  keys.first_sequence = setup.first_sequence;
  keys.bitrate_cap_bps = lineup.channels[index].bitrate_cap_bps;
  return std::make_unique<StreamKeys>(keys);
}

const LaneChannel* Appliance::channel(size_t index) const {
  const size_t slot = placement_.slot_of[index];
  return slot == kNoSlot ? nullptr : lanes_[placement_.lane_of[slot]]->channel(slot);
}

void Appliance::tick_keys() {
  for (size_t i = 0; i < lineup_.channels.size(); ++i) {
    const size_t slot = placement_.slot_of[i];
    if (slot == kNoSlot || running_[slot]->keys == nullptr) continue;
    LaneCall& call = running_[slot]->key_call;
    const Announcement* announcement = running_[slot]->keys->tick(*channel(i), call.done());
    if (announcement == nullptr) continue;
    call.command.kind = LaneCommand::Kind::kAnnounce;
    call.command.index = slot;
    call.command.announcement = announcement;
    call.issue(*lanes_[placement_.lane_of[slot]]);
  }
}

bool Appliance::roll_key(const std::string& name) {
  for (size_t i = 0; i < lineup_.channels.size(); ++i) {
    const size_t slot = placement_.slot_of[i];
    if (lineup_.channels[i].name != name || slot == kNoSlot || running_[slot]->keys == nullptr) continue;
    running_[slot]->keys->roll();
    return true;
  }
  return false;
}

}  // namespace linecast::app
