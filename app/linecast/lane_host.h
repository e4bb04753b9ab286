// What an interface answers for itself, as there is no kernel behind it: ARP, ICMP and IGMP. Owned by the
// lane that answers for the interface.
#pragma once

#include <functional>
#include <optional>

#include "app/linecast/counters.h"
#include "app/linecast/igmp_page.h"
#include "lib/base/token_bucket.h"
#include "lib/igmp/host.h"
#include "lib/igmp/querier.h"
#include "lib/net/icmp.h"
#include "lib/net/neighbors.h"

namespace linecast::app {

struct HostSetup {
  igmp::HostConfig igmp;
  std::optional<igmp::QuerierConfig> querier;
  net::NeighborsConfig neighbors;
  uint64_t seed = 0;
};

class LaneHost {
 public:
  // Given whole untagged Ethernet frames, valid during the call only.
  using Send = std::function<void(Bytes frame)>;
  LaneHost(const HostSetup& setup, const Send& send);

  // Before the lane runs, or on it.
  bool join(TimeNs now, Ipv4 group, Ipv4 source) { return igmp_.join(now, group, source); }
  void leave(TimeNs now, Ipv4 group, Ipv4 source) { igmp_.leave(now, group, source); }
  // Announces the address and starts the joins' reports.
  void start(TimeNs now);
  // The link has come up again: the switch may have forgotten all about us.
  void link_up(TimeNs now);
  void leave_all(TimeNs now);

  // Any frame that belongs to no channel. bytes: the whole frame.
  void receive(TimeNs now, const net::ParsedFrame& frame, Bytes bytes, LaneCounters& counters);
  // Frames had to be dropped unread, on their way from another lane: there may have been queries and requests
  // among them.
  void frame_lost(TimeNs now);
  void poll(TimeNs now);
  TimeNs next_due() const;
  // The MAC that leads to a host of whom we have heard, by a frame from `came_from`; none where nothing does.
  std::optional<net::Mac> way_to(TimeNs now, Ipv4 address, const net::Mac& came_from);
  const net::Mac& mac() const { return mac_; }
  void show_igmp(TimeNs now, IgmpPage& page) const;

  // Counters of these: read by the control lcore.
  const igmp::Host& igmp() const { return igmp_; }
  const igmp::Querier* querier() const { return querier_ ? &*querier_ : nullptr; }
  const net::Neighbors& neighbors() const { return neighbors_; }
  const net::IcmpResponder& icmp() const { return icmp_; }

 private:
  void receive_igmp(TimeNs now, const net::ParsedFrame& frame, LaneCounters& counters);
  // Sends the packet of `size` bytes that stands in frame_ in answer to `received`; none where it is 0.
  void answer(TimeNs now, const net::ParsedFrame& frame, Bytes received, size_t size);

  template <typename Listener>
  void hear(Listener& listener, Bytes frame);

  net::Mac mac_;
  Ipv4 address_;
  uint8_t prefix_length_;
  Send send_;
  igmp::Host igmp_;
  std::optional<igmp::Querier> querier_;
  TimeNs now_ = 0;  // of the call under way, for the frames that it sends
  net::Neighbors neighbors_;
  net::IcmpResponder icmp_;
  // What floods may take of the lane's time, and none may take from another: a storm of reports must not hide
  // a query. ICMP is limited by its answers.
  TokenBucket arp_for_us_, other_arp_, igmp_queries_, igmp_queries_to_us_, other_igmp_;
  std::vector<uint8_t> frame_;  // to be sent: Ethernet header and MTU
  uint16_t ip_id_ = 0;
};

}  // namespace linecast::app
