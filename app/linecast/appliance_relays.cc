// A repeater's channels: made before the lanes run or for a reload, and the keys that they follow.
#include <fmt/core.h>

#include "app/linecast/appliance.h"
#include "lib/base/error.h"
#include "lib/crypto/key_file.h"

namespace linecast::app {
namespace {

// That the hop above knows a repeater by: the same after a restart.
uint64_t receiver_id(const lineup::Lineup& lineup) {
  const std::string name = "linecast repeater " + lineup.name + " " + to_string(lineup.interfaces[0].address);
  const auto digest = crypto::sha256(Bytes(reinterpret_cast<const uint8_t*>(name.data()), name.size()));
  return load_be64(digest.data()) | 1;  // not 0
}

}  // namespace

Appliance::MadeChannel Appliance::make_relay(const lineup::Lineup& lineup, size_t index, size_t slot,
                                             HopSetup hop, std::shared_ptr<drivers::Pool> frames,
                                             int numa_node) {
  const lineup::Channel& channel = lineup.channels[index];
  const lineup::Interface& interface = lineup.interfaces[channel.source.interface];
  const drivers::Port& port = *ports_[interface.port];
  MadeChannel made;
  made.slot = slot;
  made.running = std::make_unique<RunningChannel>();
  made.running->frames = std::move(frames);
  made.running->window_packets = channel.window_packets;
  made.running->upstream.front() = {channel.source.address, channel.source.udp_port};

  LaneRelaySetup setup;
  setup.channel = &channel;
  setup.hop = std::move(hop);
  setup.upstream.port = static_cast<uint16_t>(interface.port);
  setup.upstream.interface = static_cast<uint16_t>(channel.source.interface);
  setup.upstream.offloads = port.offloads();
  if (interface.vlan != 0)
    setup.upstream.vlan_control = net::vlan_control(interface.vlan, channel.output.dscp);
  setup.upstream.flow.source_mac = port.mac();
  setup.upstream.flow.source = interface.address;
  setup.upstream.flow.destination = channel.source.ssm_source;
  setup.upstream.flow.source_port = upward_port(slot);
  setup.upstream.flow.destination_port = channel.source.udp_port;
  setup.upstream.flow.ttl = 64;
  setup.upstream.flow.dscp = channel.output.dscp;
  setup.seed = random_number();
  setup.receivers = &made.running->receivers;
  setup.stream.upstream = channel.source.ssm_source;
  setup.stream.group = channel.source.address;
  setup.stream.port = channel.source.udp_port;
  setup.stream.tunnel = channel.source.tunnel;
  setup.stream.address = interface.address;
  setup.stream.receiver_id = receiver_id(lineup);
  setup.stream.window = channel.window_packets;
  setup.stream.window_ns = channel.window_ms * kNsPerMs;
  if (!channel.is_clear()) {
    const RelayKeeper::Material material = RelayKeeper::read(channel);
    std::vector<crypto::PublicKey> trusted;
    for (const std::string& file : lineup.trust_files) trusted.push_back(crypto::read_public_key(file));
    made.running->relay = std::make_unique<RelayKeeper>(material, trusted);

    crypto::Manager manager;
    const crypto::CmacKey up(manager, material.hop.up), down(manager, material.hop.down);
    setup.stream.guard =
        material.group_keys.empty() ? smart::RelayGuard::kTrusted : smart::RelayGuard::kOpened;
    setup.upstream_keys = std::make_unique<smart::RelayMessageKeys>(smart::RelayMessageKeys{
        down, crypto::receiver_key(manager, up, setup.stream.receiver_id), material.hop.id});
    setup.hop.message_keys = std::make_unique<MessageKeys>(MessageKeys{down, up});
  }
  made.stream = std::make_unique<LaneRelay>(std::move(setup), *made.running->frames, numa_node);
  return made;
}

const LaneHop* Appliance::hop(size_t index) const {
  const size_t slot = placement_.slot_of[index];
  return slot == kNoSlot ? nullptr : lanes_[placement_.lane_of[slot]]->hop(slot);
}

const LaneRelay* Appliance::relay(size_t index) const {
  const size_t slot = placement_.slot_of[index];
  return slot == kNoSlot ? nullptr : lanes_[placement_.lane_of[slot]]->relay(slot);
}

const RelayKeeper* Appliance::relay_keeper(size_t index) const {
  const size_t slot = placement_.slot_of[index];
  return slot == kNoSlot ? nullptr : running_[slot]->relay.get();
}

// What groups the lanes want joined as the hops above move.
void Appliance::follow_upstream() {
  for (size_t i = 0; i < lineup_.channels.size(); ++i) {
    const LaneRelay* on_lane = relay(i);
    if (on_lane == nullptr) continue;
    const LaneRelay::Places wanted = on_lane->places();
    const size_t slot = placement_.slot_of[i];
    if (wanted == running_[slot]->upstream) continue;
    running_[slot]->upstream = wanted;  // looked at once, also where it can't be
    std::vector<smart::GroupPlace> places(wanted.begin(), wanted.end());
    std::erase(places, smart::GroupPlace{});
    try {
      receive_at(slot, places);
    } catch (const Error& error) {
      fmt::print(stderr, "linecast: channel {}: the hop above moves, and can't be followed: {}\n",
                 lineup_.channels[i].name, error.what());
    }
  }
}

void Appliance::tell_relays_receivers() {
  if (lineup_.role != lineup::Role::kRepeater) return;
  for (const size_t slot : placement_.slot_of)
    if (slot != kNoSlot) running_[slot]->receivers.set(usage_.present(slot));
}

void Appliance::follow_announcements() {
  HeardAnnouncement heard;
  for (const auto& lane : lanes_)
    for (size_t k = 0; k < kAnnouncementQueueRoom && lane->next_announcement(heard); ++k) {
      const LaneRelay* relay = lane->relay(heard.slot);
      if (relay == nullptr || running_[heard.slot] == nullptr || running_[heard.slot]->relay == nullptr)
        continue;
      running_[heard.slot]->relay->take(heard, *relay);
    }
  for (const size_t slot : placement_.slot_of)
    if (slot != kNoSlot && running_[slot]->relay != nullptr)
      running_[slot]->relay->tick(*lanes_[placement_.lane_of[slot]], slot);
}

}  // namespace linecast::app
