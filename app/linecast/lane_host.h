// What a port answers for itself, as there is no kernel behind it: ARP and IGMP. Owned by the lane that polls
// the port.
#pragma once

#include "app/linecast/counters.h"
#include "lib/igmp/host.h"
#include "lib/net/arp.h"

namespace linecast::app {

class LaneHost {
 public:
  LaneHost(const igmp::HostConfig& config, Random random, igmp::Host::Send send);

  // Before the lane runs, or on it.
  void join(TimeNs now, Ipv4 group, Ipv4 source) { igmp_.join(now, group, source); }
  // Announces the address and starts the joins' reports.
  void start();
  void leave_all(TimeNs now) { igmp_.leave_all(now); }

  void receive_arp(Bytes packet, LaneCounters& counters);
  void receive_igmp(TimeNs now, const net::ParsedFrame& frame) {
    igmp_.receive(now, frame.source, frame.ttl, frame.payload);
  }
  void poll(TimeNs now) {
    if (now >= igmp_.next_due()) igmp_.poll(now);
  }

  const igmp::Host& igmp() const { return igmp_; }

 private:
  net::Mac mac_;
  Ipv4 address_;
  igmp::Host::Send send_;
  igmp::Host igmp_;
};

}  // namespace linecast::app
