// Where a lineup's channels run, and what follows from that: the lanes' directory, the cards' filters and
// rules, the hosts' memberships. Computed from lineups alone; control lcore.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "app/linecast/directory.h"
#include "app/linecast/lane_change.h"
#include "drivers/steering.h"
#include "lib/lineup/lineup.h"
#include "lib/smart/group_place.h"

namespace linecast::app {

// Places for channels on the lanes. Twice as many as a lineup may have channels: while a reload is under way
// a channel that begins anew stands in two.
inline constexpr size_t kChannelSlots = 2 * lineup::kMaxChannels;
inline constexpr size_t kNoSlot = SIZE_MAX;

// From which UDP port a repeater sends to the hop above what it has to say of the channel in a slot, and
// where it is answered.
constexpr uint16_t upward_port(size_t slot) { return static_cast<uint16_t>(49152 + slot); }  // dynamic ones
static_assert(49152 + kChannelSlots <= 65536);

struct Placement {
  std::vector<size_t> slot_of;                                            // by channel; kNoSlot: disabled
  std::vector<uint8_t> lane_of = std::vector<uint8_t>(kChannelSlots, 0);  // by slot
  // By slot, of a repeater's: what groups the channel is received at since the hop above has moved.
  std::map<size_t, std::vector<smart::GroupPlace>> upstream;
};

// What an enabled channel is received by: its source in the lineup, or that with each of the groups in its
// place.
std::vector<lineup::Source> sources_of(const lineup::Lineup& lineup, const Placement& placement,
                                       size_t channel);

// Each enabled channel has the slot that it is given in `kept` (by channel; kNoSlot: none), or a new one, not
// among those of `running`, on the lane with the fewest channels.
Placement place_channels(const lineup::Lineup& lineup, const Placement& running,
                         const std::vector<size_t>& kept);

// Where a channel is sent beside its output in the lineup, while it moves away from there.
struct FormerPlace {
  size_t slot = 0;
  lineup::Output output;
};

// Throws Error where two channels take the same datagrams, or requests of two can't be told apart.
Directory make_directory(const lineup::Lineup& lineup, const Placement& placement,
                         const std::vector<FormerPlace>& former);

// The lane that polls a port's first receive queue, where all goes that is steered nowhere else, and that
// answers for the port.
size_t host_lane(size_t port, size_t lanes);
// Which of a port's queues a lane polls.
std::optional<uint16_t> receive_queue(size_t port, size_t lane, uint16_t queues, size_t lanes);
// Each channel's feed to the queue that its lane polls.
std::vector<drivers::SteeringRule> steering_rules(const lineup::Lineup& lineup, const Placement& placement,
                                                  size_t port);

// What the port's card is to let through, sorted.
std::vector<net::Mac> group_macs(const lineup::Lineup& lineup, const Placement& placement, size_t port);
// What the hosts are to join for the enabled channels, sorted; one of each for each channel.
std::vector<LaneChange::Membership> memberships(const lineup::Lineup& lineup, const Placement& placement);
// Throws Error where a host has no room for both at once.
void check_memberships(const std::vector<LaneChange::Membership>& memberships);

}  // namespace linecast::app
