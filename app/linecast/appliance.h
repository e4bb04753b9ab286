// The running headend or repeater, put together from a lineup: memory, ports, lanes, channels, keys. Made and
// taken down on the main lcore.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "app/linecast/channel_move.h"
#include "app/linecast/lane.h"
#include "app/linecast/placement.h"
#include "app/linecast/port_keeper.h"
#include "app/linecast/relay_keeper.h"
#include "app/linecast/stream_keys.h"
#include "app/linecast/tunnel_carrier.h"
#include "app/linecast/usage_keeper.h"
#include "drivers/eal.h"
#include "drivers/interface_claim.h"
#include "drivers/lcore.h"
#include "drivers/port.h"
#include "lib/lineup/difference.h"

namespace linecast::app {

class Appliance {
 public:
  // eal_arguments: behind those of the lineup. Throws Error, and then nothing is left behind.
  Appliance(const lineup::Lineup& lineup, uint64_t start_number,
            const std::vector<std::string>& eal_arguments);
  ~Appliance();  // stops lanes (leaves sent) and ports, gives memory back

  void start();
  // About every 20 ms: tunnels, and a repeater's KEY_ANNOUNCEs; a fifth as often key epochs, the ports'
  // links, what receivers report, and who watches.
  void tick();
  // Sets a port up anew; false where there is none of that name.
  bool reset_port(const std::string& port);
  // False where there is no encrypted channel of that name.
  bool roll_key(const std::string& channel);
  // Moves a channel to another group or port of its interface; lanes run. Throws Error where it cannot, and
  // then nothing has changed.
  void move(const std::string& channel, Ipv4 group, uint16_t port, TimeNs overlap_ns);
  // Null: none is under way.
  const ChannelMove* move_of(size_t channel) const;
  // What reload() would change. Throws Error where a key file can't be read.
  lineup::Difference difference(const lineup::Lineup& wanted) const;
  // Goes over to another lineup, whose difference() needs no restart; lanes run. Channels that do not change
  // go on undisturbed. start_number: of the streams that begin. Throws Error, and then nothing has changed.
  void reload(const lineup::Lineup& wanted, const lineup::Difference& difference, uint64_t start_number);

  const TunnelKeeper& tunnels() const { return *tunnel_keeper_; }
  const lineup::Lineup& lineup() const { return lineup_; }
  size_t lanes() const { return lanes_.size(); }
  const Lane& lane(size_t i) const { return *lanes_[i]; }
  size_t lane_of(size_t channel) const { return placement_.lane_of[placement_.slot_of[channel]]; }
  const LaneChannel* channel(size_t index) const;       // null: disabled, or a repeater's
  const LaneRelay* relay(size_t index) const;           // null: disabled, or a headend's
  const LaneHop* hop(size_t index) const;               // null: disabled
  const RelayKeeper* relay_keeper(size_t index) const;  // null: no relay, or a clear one
  size_t ports() const { return ports_.size(); }
  const drivers::Port& port(size_t i) const { return *ports_[i]; }
  const PortKeeper& port_keeper(size_t i) const { return *port_keepers_[i]; }
  // Where faults() has an enabled channel.
  size_t slot_of(size_t channel) const { return placement_.slot_of[channel]; }
  // What receivers have reported, by slot; with all that has come until now.
  const smart::FaultReportTable& faults();
  // Who watches, with all that has come until now.
  const UsageKeeper& usage();
  // Of the clock by which lanes say when that was.
  TimeNs now() const { return clock_.now(); }
  // Of the interface, on the lane that answers for it.
  const LaneHost& host(size_t interface) const {
    const Lane& lane = *lanes_[directory_->host_lane_of[interface]];
    return lane.host(interface);
  }
  // Copies a page of an interface's IGMP tables from the lane that answers for it. Null where the lane does
  // not answer within 200 ms: it is stuck, or its core is taken by others.
  const IgmpPage* igmp_page(size_t interface, size_t from);
  // Those for reception, for messages and repairs, for tunnels, and for kept frames.
  std::vector<const drivers::Pool*> pools() const;
  // Of the packets that are kept for repairs.
  uint64_t kept_packets() const;
  uint64_t kept_bytes() const { return kept_packets() * bytes_per_kept_packet_; }

 private:
  // What the control lcore has of a channel that runs.
  struct RunningChannel {
    std::unique_ptr<StreamKeys> keys;       // null: a clear channel
    std::shared_ptr<drivers::Pool> frames;  // shared with others that began with it on its lane
    LaneCall key_call;
    std::unique_ptr<RelayKeeper> relay;  // null: a headend's, or a clear channel
    LaneRelay::Places upstream;          // the groups that a relay has wanted last
    Counter receivers;                   // of a relay: behind it; read by its lane
    uint64_t start_number = 0;
    uint32_t window_packets = 0;
  };
  struct MadeChannel {
    size_t slot = 0;
    std::unique_ptr<RunningChannel> running;
    LaneStream stream;
  };

  void make_ports();
  void make_lanes();
  void make_hosts();
  void join_sources();
  void take_faults();
  void take_usage();
  void open_accounts(const lineup::Lineup& lineup, const Placement& placement);
  // Throws Error where there is no memory for so many frames, by lane.
  void require_frames(const std::vector<unsigned>& packets) const;
  std::shared_ptr<drivers::Pool> make_frames(size_t lane, unsigned packets);

  // appliance_channels.cc
  // wanted: indices into the lineup's channels.
  std::vector<MadeChannel> make_channels(const lineup::Lineup& lineup, const Placement& placement,
                                         const std::vector<size_t>& wanted, uint64_t start_number);
  std::unique_ptr<StreamKeys> make_keys(const lineup::Lineup& lineup, size_t index,
                                        const LaneChannelSetup& setup) const;
  HopSetup hop_setup(const lineup::Lineup& lineup, size_t index, uint64_t start_number) const;
  void tick_keys();
  // appliance_relays.cc
  MadeChannel make_relay(const lineup::Lineup& lineup, size_t index, size_t slot, HopSetup hop,
                         std::shared_ptr<drivers::Pool> frames, int numa_node);
  void follow_announcements();
  void follow_upstream();
  // Lanes say it to the hop above.
  void tell_relays_receivers();
  // appliance_moves.cc
  std::unique_ptr<ChannelMove> make_move(const lineup::Lineup& lineup, size_t channel, size_t slot,
                                         const lineup::Output& from, TimeNs overlap_ns);
  std::vector<FormerPlace> former_places() const;
  void tick_moves(TimeNs now);
  void change_directory(std::unique_ptr<Directory> directory);
  // appliance_tunnels.cc
  void make_tunnels();
  void set_tunnels(const lineup::Lineup& lineup, const Placement& placement, size_t channel);
  void end_tunnels(size_t slot);
  // appliance_reload.cc
  lineup::Lineup with_upstream_of(const lineup::Lineup& wanted) const;
  void change_lanes(std::vector<LaneChange>& changes);
  void free_frames();
  void receive_at(size_t slot, const std::vector<smart::GroupPlace>& places);

  lineup::Lineup lineup_;
  std::unique_ptr<crypto::SigningKey> signing_key_;
  Placement placement_;
  std::vector<std::unique_ptr<drivers::InterfaceClaim>> claims_;  // before EAL: its devices open interfaces
  const bool hugepages_;
  drivers::Eal eal_;
  const drivers::Clock clock_;
  UsageKeeper usage_;  // behind EAL, whose control lcore its threads inherit
  std::vector<std::unique_ptr<drivers::Pool>> receive_pools_;  // by port
  std::vector<std::unique_ptr<RunningChannel>> running_ =
      std::vector<std::unique_ptr<RunningChannel>>(kChannelSlots);  // by slot
  std::set<std::shared_ptr<drivers::Pool>> retired_frames_;         // cards may still hold some
  std::vector<std::unique_ptr<drivers::Pool>> control_pools_;       // by lane: repairs and messages
  std::vector<std::unique_ptr<drivers::Pool>> tunnel_pools_;  // by lane; none where there are no tunnels
  std::unique_ptr<Directory> directory_;                      // read by the lanes
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<std::unique_ptr<drivers::Port>> ports_;  // closed first: cards give back the frames they hold
  std::vector<std::unique_ptr<PortKeeper>> port_keepers_;  // by port
  std::vector<std::function<void()>> lane_mains_;
  std::atomic<bool> stop_{false};                         // written by the main lcore, read by the lanes
  std::map<size_t, std::unique_ptr<ChannelMove>> moves_;  // by slot: those under way
  uint64_t moves_made_ = 0;
  smart::FaultReportTable faults_;
  IgmpPage igmp_page_;  // of the call below: the lane's until that is done
  LaneCall igmp_call_;
  std::unique_ptr<TunnelKeeper> tunnel_keeper_;
  std::unique_ptr<TunnelCarrier> tunnel_carrier_;
  TimeNs next_tick_ = 0, next_key_tick_ = 0;
  unsigned frame_pools_made_ = 0;
  uint64_t bytes_per_kept_packet_ = 0;
  bool running_lanes_ = false;
};

uint64_t random_number();

// Hugepage memory that the lineup needs, in bytes.
uint64_t needed_memory(const lineup::Lineup& lineup);

}  // namespace linecast::app
