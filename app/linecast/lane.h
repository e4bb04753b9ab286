// A lane: one lcore that takes frames from its ports, seals channels' datagrams, keeps and sends them,
// answers requests, and runs its timers. It owns all it touches; it takes no lock and makes no system call
// (but an idle sleep where configured).
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "app/linecast/lane_channel.h"
#include "app/linecast/lane_host.h"
#include "drivers/lcore.h"
#include "drivers/port.h"
#include "drivers/queue.h"
#include "lib/net/flow_table.h"
#include "lib/smart/source_limiter.h"

namespace linecast::app {

inline constexpr unsigned kBurst = 32;        // packets
inline constexpr unsigned kInboxSize = 1024;  // one less fits

// A port as a lane sees it. The index in the lane's list is the `interface` of the flow tables.
struct LanePort {
  drivers::Port* port = nullptr;
  uint16_t transmit_queue = 0;
  std::unique_ptr<LaneHost> host;  // null: another lane polls it
};

// What the control lcore asks of a lane. Made and kept by the control lcore; the lane only reads it.
struct LaneCommand {
  size_t channel = 0;
  const Announcement* announcement = nullptr;
};

// The same on every lane, and read only once lanes run.
struct Directory {
  static constexpr uint32_t kRequests = UINT32_MAX - 1;  // a flow's value: SMART messages to one of our hops
  net::FlowTable flows;          // (interface, destination, port, source) -> channel, or kRequests
  net::FlowTable groups;         // (interface, group, port) sent to -> channel
  std::vector<uint8_t> lane_of;  // by channel
};

class Lane {
 public:
  struct Setup {
    unsigned index = 0;
    int numa_node = 0;
    uint32_t idle_sleep_us = 0;
    const Directory* directory = nullptr;
    drivers::Pool* control_packets = nullptr;  // for repairs and messages
    size_t channels = 0;                       // of all lanes
  };
  explicit Lane(const Setup& setup);

  // Before it runs: all by the thread that sets it up.
  crypto::Manager& manager() { return manager_; }
  // ports by interface index; where `host` is given this lane polls the port.
  void add_port(drivers::Port& port, uint16_t transmit_queue);
  void add_host(size_t interface, const igmp::HostConfig& config, uint64_t seed);
  LaneHost& host(size_t interface) { return *ports_[interface].host; }
  void add_channel(size_t index, std::unique_ptr<LaneChannel> channel);
  void set_peers(std::vector<Lane*> lanes) { peers_ = std::move(lanes); }

  // On its lcore, until `stop`; then leaves all groups and sends what is queued.
  void run(const drivers::Clock& clock, const std::atomic<bool>& stop);
  // One turn; true where there was work.
  bool poll(TimeNs now);
  void start();
  void finish(TimeNs now);

  // Any lcore: false where its queue is full.
  bool command(LaneCommand& command) { return commands_.push(&command); }

  // Read by the control lcore.
  const LaneCounters& counters() const { return counters_; }
  uint64_t frame_faults(size_t i) const { return frame_faults_.at(i); }
  uint64_t wire_faults(size_t i) const { return wire_faults_.at(i); }
  const LaneHost* host_of(size_t interface) const { return ports_[interface].host.get(); }
  const LaneChannel* channel(size_t index) const { return channels_[index].get(); }

 private:
  struct Ingest {
    LaneChannel* channel;
    Bytes payload;
  };
  struct Request {
    net::ParsedFrame frame;
    drivers::Packet* packet;
    uint16_t interface;
  };
  struct TransmitBatch {
    std::array<drivers::Packet*, 2 * kBurst> packets;
    std::array<LaneChannel*, 2 * kBurst> channels;  // null: a message
    unsigned count = 0;
  };

  // lane_receive.cc: port, parse, act
  bool receive(TimeNs now);
  void take_burst(drivers::Packet** packets, unsigned count, TimeNs now);
  bool hand_over(size_t channel, drivers::Packet* packet, drivers::Queue<drivers::Packet*> Lane::*inbox);
  void seal_burst(TimeNs now, const Ingest* ingest, unsigned count);
  // lane_requests.cc: true where the packet was handed to another lane
  bool answer(const Request& request, TimeNs now);
  void repair(LaneChannel& channel, uint16_t sequence, TimeNs now);
  // lane_transmit.cc
  drivers::Packet* take_control_packet();
  void queue_frame(size_t interface, drivers::Packet* packet, LaneChannel* channel);
  void send_control_frame(size_t interface, Bytes frame);
  void flush(size_t interface);
  void flush_all();
  // lane_timers.cc
  bool poll_timers(TimeNs now);
  bool poll_commands();

  const Setup setup_;
  const Directory& directory_;
  crypto::Manager manager_;
  std::vector<LanePort> ports_;
  std::vector<TransmitBatch> batches_;                  // by interface
  std::vector<std::unique_ptr<LaneChannel>> channels_;  // by channel; null: another lane's
  std::vector<size_t> own_channels_;
  std::vector<TimeNs>
      first_due_;  // by position in own_channels_: kept together, so that a turn reads few cache lines
  size_t next_timer_ = 0;
  smart::SourceLimiter source_limiter_;
  std::vector<Lane*> peers_;                // by lane index
  drivers::Queue<drivers::Packet*> inbox_;  // written by other lanes, read by this one
  drivers::Queue<drivers::Packet*>
      request_inbox_;                      // likewise: so that a flood of requests pushes out no feed
  drivers::Queue<LaneCommand*> commands_;  // written by the control lcore, read by this one

  LaneCounters counters_;  // written by this lane, read by the control lcore; so are the two below
  CounterSet<net::FrameFault, net::kFrameFaultCount> frame_faults_;
  CounterSet<smart::WireFault, smart::kWireFaultCount> wire_faults_;
};

}  // namespace linecast::app
