// The running headend, put together from a lineup: memory, ports, lanes, channels, keys. Made and taken down
// on the main lcore.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/linecast/lane.h"
#include "app/linecast/port_keeper.h"
#include "app/linecast/stream_keys.h"
#include "drivers/eal.h"
#include "drivers/interface_claim.h"
#include "drivers/lcore.h"
#include "drivers/port.h"
#include "lib/lineup/lineup.h"

namespace linecast::app {

class Appliance {
 public:
  // eal_arguments: behind those of the lineup. Throws Error, and then nothing is left behind.
  Appliance(const lineup::Lineup& lineup, uint64_t start_number,
            const std::vector<std::string>& eal_arguments);
  ~Appliance();  // stops lanes (leaves sent) and ports, gives memory back

  void start();
  // About ten times a second: key epochs, the ports' links, and what receivers report.
  void tick();
  // Sets a port up anew; false where there is none of that name.
  bool reset_port(const std::string& port);
  // False where there is no encrypted channel of that name.
  bool roll_key(const std::string& channel);

  const lineup::Lineup& lineup() const { return lineup_; }
  size_t lanes() const { return lanes_.size(); }
  const Lane& lane(size_t i) const { return *lanes_[i]; }
  size_t lane_of(size_t channel) const { return directory_.lane_of[channel]; }
  const LaneChannel* channel(size_t index) const;  // null: disabled
  size_t ports() const { return ports_.size(); }
  const drivers::Port& port(size_t i) const { return *ports_[i]; }
  const PortKeeper& port_keeper(size_t i) const { return *port_keepers_[i]; }
  // What receivers have reported, by channel; with all that has come until now.
  const smart::FaultReportTable& faults();
  // Of the clock by which lanes say when that was.
  TimeNs now() const { return clock_.now(); }
  // Of the interface, on the lane that answers for it.
  const LaneHost& host(size_t interface) const {
    return *lanes_[directory_.host_lane_of[interface]]->host_of(interface);
  }
  // Copies a page of an interface's IGMP tables from the lane that answers for it. Null where the lane does
  // not answer within 200 ms: it is stuck, or its core is taken by others.
  const IgmpPage* igmp_page(size_t interface, size_t from);
  // Of the packets that are kept for repairs.
  uint64_t kept_packets() const { return kept_packets_; }
  uint64_t kept_bytes() const { return kept_bytes_; }

 private:
  void make_ports();
  std::vector<drivers::SteeringRule> steering(size_t port) const;
  void make_lanes();
  void make_hosts();
  void make_channels();
  void fill_directory();
  void join_sources();
  void take_faults();

  const lineup::Lineup lineup_;
  const uint64_t start_number_;
  std::unique_ptr<crypto::SigningKey> signing_key_;
  std::vector<std::unique_ptr<StreamKeys>> stream_keys_;          // by channel; null: clear or disabled
  std::vector<std::unique_ptr<drivers::InterfaceClaim>> claims_;  // before EAL: its devices open interfaces
  drivers::Eal eal_;
  const drivers::Clock clock_;
  std::vector<std::unique_ptr<drivers::Pool>> receive_pools_;  // by port
  std::vector<std::unique_ptr<drivers::Pool>> frame_pools_;    // by lane: kept frames
  std::vector<std::unique_ptr<drivers::Pool>> control_pools_;  // by lane: repairs and messages
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<std::unique_ptr<drivers::Port>> ports_;  // closed first: cards give back the frames they hold
  std::vector<std::unique_ptr<PortKeeper>> port_keepers_;  // by port
  Directory directory_;
  std::vector<std::function<void()>> lane_mains_;
  std::vector<LaneCall> key_calls_;  // by channel
  std::atomic<bool> stop_{false};    // written by the main lcore, read by the lanes
  smart::FaultReportTable faults_;
  IgmpPage igmp_page_;  // of the call below: the lane's until that is done
  LaneCall igmp_call_;
  TimeNs next_key_tick_ = 0;
  bool running_ = false;
  uint64_t kept_packets_ = 0, kept_bytes_ = 0;
};

// Hugepage memory that the lineup needs, in bytes.
uint64_t needed_memory(const lineup::Lineup& lineup);

}  // namespace linecast::app
