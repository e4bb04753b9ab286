// A lane: one lcore that takes frames from its ports, seals channels' datagrams or takes a repeater's from
// upstream, keeps and sends them, answers requests, and runs its timers. It owns all it touches; it takes no
// lock and makes no system call (but an idle sleep where configured).
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "app/linecast/directory.h"
#include "app/linecast/lane_change.h"
#include "app/linecast/lane_command.h"
#include "app/linecast/lane_host.h"
#include "app/linecast/lane_stream.h"
#include "app/linecast/tunnel_records.h"
#include "drivers/lcore.h"
#include "drivers/port.h"
#include "drivers/queue.h"
#include "lib/base/record_queue.h"
#include "lib/smart/send/fault_report_table.h"
#include "lib/smart/send/source_limiter.h"
#include "lib/smart/send/source_share.h"
#include "lib/usage/heard_usage.h"

namespace linecast::app {

inline constexpr unsigned kBurst = 32;        // packets
inline constexpr unsigned kInboxSize = 1024;  // one less fits
// Of faults that receivers report: what four channels at their limits bring between two looks of the control
// lcore.
inline constexpr size_t kFaultQueueRoom = 4096;
// Of JOINs and LEAVEs, between the same looks: 160,000 a second.
inline constexpr size_t kUsageQueueRoom = 16'384;
// No sooner does anybody refresh a JOIN, but a repeater that has others behind it now (docs/protocol.md,
// "Usage at scale").
inline constexpr uint64_t kLeastRefreshS = 30;
// Of announcements that a repeater's channels hear.
inline constexpr size_t kAnnouncementQueueRoom = 256;

// A KEY_ANNOUNCE or ADDR_RANGE_CHANGE that a relay does not know yet.
struct HeardAnnouncement {
  static constexpr size_t kMostBytes = std::max(smart::kKeyAnnounceSize, smart::kMoveSize);

  TimeNs time = 0;
  size_t slot = 0;
  std::array<uint8_t, kMostBytes> datagram{};
  size_t size = 0;
  Bytes view() const { return Bytes(datagram).first(size); }
};
// Of requests for tunnels, and of answers to them: more than come between two looks of the control lcore, or
// than it takes at once.
inline constexpr size_t kTunnelQueueRoom = 1024;

// A port as a lane sees it.
struct LanePort {
  drivers::Port* port = nullptr;
  uint16_t transmit_queue = 0;
  std::optional<uint16_t> receive_queue;  // none: this lane polls none of its queues
  bool paused = false;                    // the control lcore is setting it up anew; the lane's alone
  TokenBucket tunnel_rate;                // bytes into tunnels; likewise
};

// An interface as a lane sees it: a port's untagged frames, or a VLAN on it.
struct LaneInterface {
  size_t port = 0;
  uint16_t vlan_control = 0;       // of the tag that software puts on; 0: none
  drivers::FrameMarks marks;       // of frames that are no channel's
  std::unique_ptr<LaneHost> host;  // null: another lane answers for it
};

class Lane {
 public:
  struct Setup {
    unsigned index = 0;
    int numa_node = 0;
    uint32_t idle_sleep_us = 0;
    const Directory* directory = nullptr;
    drivers::Pool* control_packets = nullptr;  // for repairs and messages
    drivers::Pool* tunnel_packets = nullptr;   // for what goes into tunnels; null: there are none
    size_t slots = 0;                          // for channels, of all lanes
  };
  explicit Lane(const Setup& setup);

  // Before it runs: all by the thread that sets it up.
  crypto::Manager& manager() { return manager_; }
  // Ports and interfaces by their indices, the same on every lane.
  void add_port(drivers::Port& port, uint16_t transmit_queue, std::optional<uint16_t> receive_queue);
  void add_interface(size_t port, uint16_t vlan);
  // This lane answers for the interface.
  void add_host(size_t interface, const HostSetup& setup);
  LaneHost& host(size_t interface) { return *interfaces_[interface].host; }
  void add_channel(size_t slot, LaneStream stream);
  void set_peers(std::vector<Lane*> lanes) { peers_ = std::move(lanes); }

  // On its lcore, until `stop`; then leaves all groups and sends what is queued.
  void run(const drivers::Clock& clock, const std::atomic<bool>& stop);
  // One turn; true where there was work.
  bool poll(TimeNs now);
  void start(TimeNs now);
  void finish(TimeNs now);

  // Control lcore. The command must live until it is done; 0 where the queue is full, else its number.
  uint64_t command(LaneCommand& command) { return commands_.push(&command) ? ++commands_issued_ : 0; }
  bool has_done(uint64_t number) const { return counters_.get(LaneCounter::kCommandsDone) >= number; }
  // Control lcore. The next fault that a receiver of one of the lane's channels has reported; false: none.
  bool next_fault(smart::HeardFault& fault) { return faults_.pop(fault); }
  // Likewise the next JOIN or LEAVE; its channel is the slot.
  bool next_usage(usage::HeardUsage& heard) { return usage_.pop(heard); }
  // Likewise the next announcement that a relay does not know.
  bool next_announcement(HeardAnnouncement& heard) { return announcements_.pop(heard); }
  // Control lcore. The next message about tunnels that has come, by whichever interface; false: none.
  bool next_tunnel_ask(HeardTunnelAsk& ask) { return tunnel_asks_.pop(ask); }
  // Control lcore. Has the lane, who answers for the interface, send it; false where it is behind with that.
  bool send(const TunnelReply& reply) { return tunnel_replies_.push(reply); }

  // Read by the control lcore.
  const LaneCounters& counters() const { return counters_; }
  uint64_t frame_faults(size_t i) const { return frame_faults_.at(i); }
  uint64_t wire_faults(size_t i) const { return wire_faults_.at(i); }
  const LaneHost& host(size_t interface) const { return *interfaces_[interface].host; }
  const LaneChannel* channel(size_t slot) const { return streams_[slot].channel.get(); }
  const LaneRelay* relay(size_t slot) const { return streams_[slot].relay.get(); }
  const LaneHop* hop(size_t slot) const { return streams_[slot].hop(); }

 private:
  struct Ingest {
    LaneChannel* channel;
    Bytes payload;
  };
  struct Relayed {
    LaneRelay* relay;
    size_t slot;
    LaneRelay::Origin from;
    Bytes payload;
  };
  struct Request {
    net::ParsedFrame frame;
    drivers::Packet* packet;
    uint16_t interface;
  };
  struct TransmitBatch {
    std::array<drivers::Packet*, 2 * kBurst> packets;
    std::array<LaneHop*, 2 * kBurst> hops;  // null: a message
    unsigned count = 0;
  };

  // lane_receive.cc: port, parse, act
  bool receive(TimeNs now);
  void take_burst(drivers::Packet** packets, unsigned count, TimeNs now);
  // Whatever is for the interface itself; true where it was handed to another lane.
  bool receive_for_host(uint16_t interface, const net::ParsedFrame& frame, drivers::Packet* packet,
                        TimeNs now);
  bool hand_over(size_t lane, drivers::Packet* packet, drivers::Queue<drivers::Packet*> Lane::*inbox);
  void seal_burst(TimeNs now, const Ingest* ingest, unsigned count);
  // lane_relays.cc: what a repeater takes from upstream, and says there
  void relay_burst(TimeNs now, const Relayed* relayed, unsigned count);
  bool poll_relay(LaneRelay& relay, TimeNs now);
  void send_upward(LaneRelay& relay, Bytes message, TimeNs now);
  void leave_upstream(LaneRelay& relay, TimeNs now);
  // lane_requests.cc: true where the packet was handed to another lane
  bool answer(const Request& request, TimeNs now);
  void answer_replacement(LaneHop& channel, uint32_t index, const Request& request,
                          const smart::PairList& asked, smart::SourceShare& share, TimeNs now);
  void account(LaneHop& channel, const smart::UsageReport& report, usage::HeardUsage heard);
  void pass_on(LaneHop& channel, const smart::HeardFault& fault);
  bool send_repairs(TimeNs now);
  void send_repair(LaneHop& channel, TimeNs now);
  void send_quiet(LaneHop& channel, const smart::Quiet& quiet);
  // lane_tunnels.cc
  void pass_on_tunnel_ask(const Request& request, TimeNs now);
  bool send_tunnel_replies();
  void set_tunnels(size_t slot, HopTunnels* tunnels, const smart::TunnelList* list);
  void forget_tunnels(LaneHop& hop);
  void set_tunnel_rate(uint64_t rate_bps);
  bool send_into_tunnels(TimeNs now);
  unsigned send_into_tunnels(LaneHop& hop, unsigned most, TimeNs now);
  void send_tunnel_repair(LaneHop& hop, TimeNs now);
  // lane_transmit.cc
  drivers::Packet* take_control_packet();
  void queue_frame(size_t port, drivers::Packet* packet, LaneHop* hop);
  // Has the group that the hop moves to have this frame as well.
  void send_copy(LaneHop& hop, const drivers::Packet* frame);
  void send_control_frame(size_t interface, Bytes frame);
  void flush(size_t port);
  void flush_all();
  // lane_timers.cc
  bool poll_timers(TimeNs now);
  void poll_hosts(TimeNs now);
  // lane_commands.cc
  bool poll_commands(TimeNs now);
  void carry_out(const LaneCommand& command, TimeNs now);
  bool advance(LaneChange& change, TimeNs now);
  void take_step(LaneChange& change, size_t step, TimeNs now);
  void swap_stream(size_t slot, LaneStream& stream, TimeNs now);
  void forget_stream(size_t slot);
  void forget_repairs(const LaneHop& hop);

  const Setup setup_;
  const Directory* directory_;  // the control lcore's, who changes none that a lane reads
  crypto::Manager manager_;
  std::vector<LanePort> ports_;
  std::vector<TransmitBatch> batches_;  // by port
  std::vector<LaneInterface> interfaces_;
  TimeNs hosts_due_ = 0;             // no later than the earliest of all hosts' timers
  std::vector<LaneStream> streams_;  // by slot; neither: another lane's, or no channel
  std::vector<size_t> own_streams_;  // slots, the first own_count_
  size_t own_count_ = 0;
  std::vector<TimeNs>
      first_due_;  // by position in own_streams_: kept together, so that a turn reads few cache lines
  size_t next_timer_ = 0;
  crypto::ReceiverKeys receiver_keys_;
  smart::SourceLimiter source_limiter_;  // of sequences asked for, by address
  smart::SourceShares source_shares_;    // of repairs, by receiver
  smart::SourceLimiter report_limiter_;  // of reports, by receiver
  smart::SourceLimiter totals_limiter_;  // of JOINs for many, each by the ordinary time until the next
  uint32_t sequences_left_ = 0;          // that may be asked for in this turn
  // Channels with pending repairs, each once, in the order of their turns: a ring of as many as there are
  // slots.
  std::vector<LaneHop*> repairing_;
  size_t repairing_head_ = 0, repairing_count_ = 0;
  // Hops that have tunnels, the first tunnelled_count_: they take turns.
  std::vector<LaneHop*> tunnelled_;
  size_t tunnelled_count_ = 0, next_tunnelled_ = 0;
  std::vector<Lane*> peers_;                // by lane index
  drivers::Queue<drivers::Packet*> inbox_;  // written by other lanes, read by this one
  drivers::Queue<drivers::Packet*>
      request_inbox_;  // likewise: so that a flood of requests pushes out no feed
  // Another lane had no room there for what was one of this lane's hosts'. Set by other lanes, cleared by
  // this one.
  std::atomic<bool> host_frame_lost_{false};
  drivers::Queue<LaneCommand*> commands_;         // written by the control lcore, read by this one
  uint64_t commands_issued_ = 0;                  // of the control lcore
  std::array<uint8_t, 16384> scratch_;            // of relays; never read
  LaneChange* change_ = nullptr;                  // under way; no command is looked at meanwhile
  RecordQueue<smart::HeardFault> faults_;         // written by this lane, read by the control lcore
  RecordQueue<HeardTunnelAsk> tunnel_asks_;       // likewise
  RecordQueue<TunnelReply> tunnel_replies_;       // written by the control lcore, read by this lane
  RecordQueue<usage::HeardUsage> usage_;          // written by this lane, read by the control lcore
  RecordQueue<HeardAnnouncement> announcements_;  // likewise

  LaneCounters counters_;  // written by this lane, read by the control lcore; so are the two below
  CounterSet<net::FrameFault, net::kFrameFaultCount> frame_faults_;
  CounterSet<smart::WireFault, smart::kWireFaultCount> wire_faults_;
};

}  // namespace linecast::app
