// A new lineup for the running appliance: all that can fail is made first, and lanes are changed then.
#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "app/linecast/appliance.h"
#include "lib/base/error.h"
#include "lib/crypto/key_file.h"

namespace linecast::app {
namespace {

constexpr TimeNs kLaneAnswersNs = 5 * kNsPerSecond;
constexpr uint32_t kPauseUs = 100;
constexpr TimeNs kOverlapNs = ChannelMove::kOverlapS * kNsPerSecond;

std::vector<net::Mac> both(const std::vector<net::Mac>& a, const std::vector<net::Mac>& b) {
  std::vector<net::Mac> all;
  std::ranges::set_union(a, b, std::back_inserter(all));
  return all;
}

std::vector<LaneChange::Membership> without(const std::vector<LaneChange::Membership>& a,
                                            const std::vector<LaneChange::Membership>& b) {
  std::vector<LaneChange::Membership> rest;
  constexpr auto kKey = &LaneChange::Membership::key;
  std::ranges::set_difference(a, b, std::back_inserter(rest), {}, kKey, kKey);
  return rest;
}

}  // namespace

// The running lineup; but where the hop above has moved to what is wanted, that is what it says.
lineup::Lineup Appliance::with_upstream_of(const lineup::Lineup& wanted) const {
  lineup::Lineup running = lineup_;
  for (size_t i = 0; i < running.channels.size(); ++i) {
    const LaneRelay* on_lane = relay(i);
    if (on_lane == nullptr) continue;
    const smart::GroupPlace above = on_lane->place_above();
    lineup::Source& source = running.channels[i].source;
    for (const lineup::Channel& channel : wanted.channels)
      if (channel.id == running.channels[i].id && channel.source.address == above.group &&
          channel.source.udp_port == above.port) {
        source.address = above.group;
        source.udp_port = above.port;
      }
  }
  return running;
}

lineup::Difference Appliance::difference(const lineup::Lineup& wanted) const {
  lineup::Difference difference = lineup::compare(with_upstream_of(wanted), wanted);
  // The files' names may be the same and the keys in them others.
  if (difference.restart_needed.empty() && signing_key_ != nullptr &&
      crypto::read_signing_key(wanted.signing_key_file)->public_key() != signing_key_->public_key())
    difference.restart_needed.emplace_back("headend.signing_key: another one in the same file");
  for (lineup::ChannelDifference& channel : difference.channels) {
    using enum lineup::Change;
    // A repeater's channel begins anew at its other place.
    if (channel.change == kMoved && wanted.role == lineup::Role::kRepeater) channel.change = kRestarted;
    if (channel.change != kNone && channel.change != kAdjusted && channel.change != kMoved) continue;
    if (!channel.before || !channel.after) continue;
    const size_t slot = placement_.slot_of[*channel.before];
    if (slot == kNoSlot || wanted.channels[*channel.after].is_clear()) continue;
    const lineup::Channel& after = wanted.channels[*channel.after];
    if (running_[slot]->relay != nullptr
            ? running_[slot]->relay->hop_key() == RelayKeeper::read(after).hop
            : running_[slot]->keys->group_key() == crypto::read_group_key(after.key_file))
      continue;
    channel.change = kRestarted;
    channel.details.push_back("key: another one in the same file");
  }
  return difference;
}

void Appliance::reload(const lineup::Lineup& wanted, const lineup::Difference& difference,
                       uint64_t start_number) {
  for (size_t i = 0; i < ports_.size(); ++i)
    if (!port_keepers_[i]->running())
      throw Error(
          fmt::format("port {} is being set up anew: try again when that is done", ports_[i]->name()));
  for (size_t i = 0; i < lineup_.channels.size(); ++i)
    if (const ChannelMove* move = move_of(i); move != nullptr)
      throw Error(fmt::format("channel {} is moving to another group: try again in {} s",
                              lineup_.channels[i].name,
                              1 + (std::max(move->ends_ns(), clock_.now()) - clock_.now()) / kNsPerSecond));

  std::vector<size_t> kept(wanted.channels.size(), kNoSlot);
  std::vector<size_t> added;
  std::vector<size_t> removed;  // slots
  std::vector<LaneChange> adjust(lanes_.size()), install(lanes_.size()), retire(lanes_.size());
  for (const lineup::ChannelDifference& channel : difference.channels) {
    using enum lineup::Change;
    const size_t slot = channel.before ? placement_.slot_of[*channel.before] : kNoSlot;
    if (channel.change == kRemoved || channel.change == kRestarted) removed.push_back(slot);
    if (channel.change == kAdded || channel.change == kRestarted) added.push_back(*channel.after);
    const bool goes_on = channel.change == kAdjusted || channel.change == kMoved;
    if ((channel.change == kNone || goes_on) && channel.after) kept[*channel.after] = slot;
    if (goes_on && wanted.role == lineup::Role::kRepeater)
      adjust[placement_.lane_of[slot]].relay_adjustments.push_back(
          {slot, RelayTerms(wanted.channels[*channel.after])});
    else if (goes_on)
      adjust[placement_.lane_of[slot]].adjustments.push_back(
          {slot, ChannelTerms(wanted.channels[*channel.after])});
  }
  Placement placement = place_channels(wanted, placement_, kept);
  std::vector<std::unique_ptr<ChannelMove>> moves;
  std::vector<FormerPlace> former;
  for (const lineup::ChannelDifference& channel : difference.channels) {
    if (channel.change != lineup::Change::kMoved) continue;
    const lineup::Output& from = lineup_.channels[*channel.before].output;
    moves.push_back(make_move(wanted, *channel.after, kept[*channel.after], from, kOverlapNs));
    former.push_back({kept[*channel.after], from});
  }
  auto directory = std::make_unique<Directory>(make_directory(wanted, placement, former));
  const auto before = memberships(lineup_, placement_), after = memberships(wanted, placement);
  const auto joins = without(after, before), leaves = without(before, after);
  {
    auto all = before;
    all.insert(all.end(), joins.begin(), joins.end());
    check_memberships(all);
  }
  free_frames();  // of an earlier reload, perhaps a moment ago
  std::vector<MadeChannel> made = make_channels(wanted, placement, added, start_number);

  // From here on nothing fails. First what the old directory knows nothing of.
  for (MadeChannel& next : made) {
    install[placement.lane_of[next.slot]].swaps.push_back({next.slot, std::move(next.stream)});
    running_[next.slot] = std::move(next.running);
    faults_.clear(next.slot);
  }
  open_accounts(wanted, placement);
  usage_.set_repeaters(wanted.usage.repeaters);
  for (const LaneChange::Membership& of : joins)
    install[directory_->host_lane_of[of.interface]].joins.push_back(of);
  for (size_t i = 0; i < ports_.size(); ++i)
    ports_[i]->receive_groups(both(group_macs(lineup_, placement_, i), group_macs(wanted, placement, i)));
  change_lanes(install);
  for (size_t i = 0; i < wanted.channels.size(); ++i)
    if (wanted.channels[i].enabled) set_tunnels(wanted, placement, i);

  for (LaneChange& change : adjust) change.directory = directory.get();
  change_lanes(adjust);

  for (const size_t slot : removed) end_tunnels(slot);
  for (const size_t slot : removed) retire[placement_.lane_of[slot]].swaps.push_back({slot, {}});
  for (const LaneChange::Membership& of : leaves)
    retire[directory_->host_lane_of[of.interface]].leaves.push_back(of);
  change_lanes(retire);
  for (size_t i = 0; i < ports_.size(); ++i) {
    ports_[i]->receive_groups(group_macs(wanted, placement, i));
    ports_[i]->steer_to(steering_rules(wanted, placement, i));
  }

  for (auto& move : moves) moves_[move->slot()] = std::move(move);

  directory_ = std::move(directory);
  placement_ = std::move(placement);
  lineup_ = wanted;
  for (size_t i = 0; i < lineup_.channels.size(); ++i)
    if (const size_t slot = placement_.slot_of[i]; slot != kNoSlot && running_[slot]->keys != nullptr)
      running_[slot]->keys->set_bitrate_cap(lineup_.channels[i].bitrate_cap_bps);
  take_usage();  // the last of the channels that were
  for (const size_t slot : removed) usage_.close(slot);
  retire.clear();  // the channels that were, and with them their keys
  for (const size_t slot : removed) {
    tunnel_carrier_->free_hop(static_cast<uint16_t>(slot));
    retired_frames_.insert(std::move(running_[slot]->frames));
    running_[slot].reset();
  }
}

// Has a relay's channel received at these groups and no others. Throws Error where it cannot be, and then
// nothing has changed.
void Appliance::receive_at(size_t slot, const std::vector<smart::GroupPlace>& places) {
  Placement placement = placement_;
  placement.upstream[slot] = places;
  auto directory = std::make_unique<Directory>(make_directory(lineup_, placement, former_places()));
  const auto before = memberships(lineup_, placement_), after = memberships(lineup_, placement);
  const auto joins = without(after, before), leaves = without(before, after);
  auto all = before;
  all.insert(all.end(), joins.begin(), joins.end());
  check_memberships(all);

  // From here on nothing fails.
  std::vector<LaneChange> join(lanes_.size()), leave(lanes_.size());
  for (const LaneChange::Membership& of : joins)
    join[directory_->host_lane_of[of.interface]].joins.push_back(of);
  for (const LaneChange::Membership& of : leaves)
    leave[directory_->host_lane_of[of.interface]].leaves.push_back(of);
  for (size_t i = 0; i < ports_.size(); ++i)
    ports_[i]->receive_groups(both(group_macs(lineup_, placement_, i), group_macs(lineup_, placement, i)));
  change_lanes(join);
  change_directory(std::move(directory));
  change_lanes(leave);
  for (size_t i = 0; i < ports_.size(); ++i) {
    ports_[i]->receive_groups(group_macs(lineup_, placement, i));
    ports_[i]->steer_to(steering_rules(lineup_, placement, i));
  }
  placement_ = std::move(placement);
}

// Has every lane carry out its change, and waits for all.
void Appliance::change_lanes(std::vector<LaneChange>& changes) {
  std::vector<LaneCall> calls(lanes_.size());
  for (size_t i = 0; i < lanes_.size(); ++i) {
    if (changes[i].empty()) continue;
    calls[i].command.kind = LaneCommand::Kind::kChange;
    calls[i].command.change = &changes[i];
    calls[i].issue(*lanes_[i]);
  }
  const TimeNs until = clock_.now() + kLaneAnswersNs;
  for (const LaneCall& call : calls)
    while (!call.done()) {
      // Nothing that it may still read can be freed, and half a change is none: there is no way on from here.
      if (clock_.now() > until) {
        fmt::print(stderr, "linecast: a lane has not answered for {} s: stopping\n",
                   kLaneAnswersNs / kNsPerSecond);
        std::abort();
      }
      drivers::sleep_us(kPauseUs);
    }
}

// Frames that cards held when their channel ended come back with what is sent next.
void Appliance::free_frames() {
  std::erase_if(retired_frames_, [](const auto& pool) { return pool.use_count() == 1 && pool->is_full(); });
}

}  // namespace linecast::app
