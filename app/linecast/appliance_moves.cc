// Channels on their way to another group: begun, seen through and ended on the control lcore.
#include <fmt/core.h>

#include <algorithm>

#include "app/linecast/appliance.h"
#include "lib/base/error.h"
#include "lib/lineup/move_fault.h"

namespace linecast::app {

const ChannelMove* Appliance::move_of(size_t channel) const {
  const auto found = moves_.find(placement_.slot_of[channel]);
  return found == moves_.end() ? nullptr : found->second.get();
}

std::vector<FormerPlace> Appliance::former_places() const {
  std::vector<FormerPlace> places;
  for (const auto& [slot, move] : moves_) places.push_back({slot, move->from()});
  return places;
}

// channel: in this lineup, with the output that it moves to; it runs in the slot, at `from`.
std::unique_ptr<ChannelMove> Appliance::make_move(const lineup::Lineup& lineup, size_t channel, size_t slot,
                                                  const lineup::Output& from, TimeNs overlap_ns) {
  const RunningChannel& running = *running_[slot];
  const LaneChannel& on_lane = *lanes_[placement_.lane_of[slot]]->channel(slot);
  const bool encrypted = running.keys != nullptr;
  return std::make_unique<ChannelMove>(
      ChannelMove::Setup{.slot = slot,
                         .from = from,
                         .to = lineup.channels[channel].output,
                         .place = HopPlace(hop_setup(lineup, channel, running.start_number)),
                         .signing_key = encrypted ? signing_key_.get() : nullptr,
                         .start_number = running.start_number,
                         .count = ++moves_made_,
                         .synch_code = encrypted ? smart::synch_code(on_lane.epoch()) : uint8_t{0},
                         .next_sequence = on_lane.next_sequence(),
                         .bitrate_cap_bps = lineup.channels[channel].bitrate_cap_bps,
                         .now = clock_.now(),
                         .overlap_ns = overlap_ns});
}

void Appliance::move(const std::string& name, Ipv4 group, uint16_t port, TimeNs overlap_ns) {
  if (lineup_.role == lineup::Role::kRepeater)
    throw Error(
        "a repeater's channels cannot be moved while they run: change its lineup and reload, which "
        "begins them anew");
  const auto found = std::ranges::find_if(
      lineup_.channels, [&](const lineup::Channel& c) { return c.name == name && c.enabled; });
  if (found == lineup_.channels.end()) throw Error(fmt::format("no running channel is named \"{}\"", name));
  const auto channel = static_cast<size_t>(found - lineup_.channels.begin());
  if (const ChannelMove* move = move_of(channel); move != nullptr)
    throw Error(fmt::format("channel {} is on its way to {}:{}: wait until it is there", name,
                            to_string(move->to().group), move->to().udp_port));
  lineup::Lineup wanted = lineup_;
  lineup::Output& to = wanted.channels[channel].output;
  to.group = group;
  to.udp_port = port;
  if (const std::string fault = lineup::move_fault(lineup_, channel, to); !fault.empty())
    throw Error(fmt::format("channel {}: {}", name, fault));
  for (const FormerPlace& place : former_places())
    if (place.output.interface == to.interface && place.output.group == group &&
        place.output.udp_port == port)
      throw Error(
          fmt::format("channel {}: another channel is just moving away from {}:{}: wait until it has "
                      "gone",
                      name, to_string(group), port));
  const size_t slot = placement_.slot_of[channel];
  auto made = make_move(wanted, channel, slot, lineup_.channels[channel].output, overlap_ns);
  std::vector<FormerPlace> former = former_places();
  former.push_back({slot, made->from()});
  auto directory = std::make_unique<Directory>(make_directory(wanted, placement_, former));

  // From here on nothing fails. Requests for either group are taken before the other is announced.
  change_directory(std::move(directory));
  moves_[slot] = std::move(made);
  lineup_ = std::move(wanted);
  set_tunnels(lineup_, placement_, channel);
}

void Appliance::tick_moves(TimeNs now) {
  const size_t ended = std::erase_if(moves_, [&](const auto& entry) {
    if (!entry.second->tick(now, *lanes_[placement_.lane_of[entry.first]])) return false;
    tunnel_keeper_->end_former(static_cast<uint16_t>(entry.first));
    return true;
  });
  if (ended > 0)
    change_directory(std::make_unique<Directory>(make_directory(lineup_, placement_, former_places())));
}

void Appliance::change_directory(std::unique_ptr<Directory> directory) {
  std::vector<LaneChange> changes(lanes_.size());
  for (LaneChange& change : changes) change.directory = directory.get();
  change_lanes(changes);
  directory_ = std::move(directory);
}

}  // namespace linecast::app
