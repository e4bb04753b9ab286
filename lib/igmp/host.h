// IGMP host membership on one interface: joins, answers to queries, leaves. Time is an argument; frames go
// out by a callback.
#pragma once

#include <functional>
#include <vector>

#include "lib/base/random.h"
#include "lib/base/time.h"
#include "lib/net/frame.h"

namespace linecast::igmp {

enum class Version : uint8_t { kV2 = 2, kV3 = 3 };

// What a host does with messages, counted.
#define LINECAST_IGMP_COUNTERS(_)                                        \
  _(kQueries, "igmp_queries", "queries taken")                           \
  _(kReportsSent, "igmp_reports_sent", "reports sent")                   \
  _(kLeavesSent, "igmp_leaves_sent", "leaves sent")                      \
  _(kBadChecksum, "igmp_bad_checksum", "messages with a wrong checksum") \
  _(kBadLength, "igmp_bad_length", "messages of an impossible length")   \
  _(kBadTtl, "igmp_bad_ttl", "messages whose TTL is not 1")              \
  _(kIgnored, "igmp_ignored", "reports and other messages that a host has no use for")
LINECAST_COUNTER_LIST(HostCounter, LINECAST_IGMP_COUNTERS)

struct HostConfig {
  net::Mac mac{};
  Ipv4 address = 0;
  uint16_t mtu = 1500;
  Version version = Version::kV3;
};

class Host {
 public:
  // send: given whole Ethernet frames (TTL 1, Router Alert, DSCP CS6), valid during the call only.
  using Send = std::function<void(Bytes frame)>;

  Host(const HostConfig& config, Random random, Send send);

  // source 0: from any (EXCLUDE {}); otherwise an SSM join (INCLUDE {source}), several sources a group.
  // Before or while running.
  void join(TimeNs now, Ipv4 group, Ipv4 source);
  // Leaves every group, at once: for shutdown.
  void leave_all(TimeNs now);
  // message: behind the IPv4 header.
  void receive(TimeNs now, Ipv4 source, uint8_t ttl, Bytes message);
  // Sends what is due; call it every so often. Bounded work a call.
  void poll(TimeNs now);
  // When poll() next has something to do.
  TimeNs next_due() const;

  uint64_t count(HostCounter c) const { return counters_.get(c); }

 private:
  struct Membership {
    Ipv4 group = 0;
    std::vector<Ipv4> sources;   // empty: any
    TimeNs report_due = kNever;  // answer to a query
    TimeNs unsolicited_due = kNever;
    int unsolicited_left = 0;
  };

  HostConfig config_;
  Random random_;
  Send send_;
  std::vector<Membership> memberships_;
  CounterSet<HostCounter, kHostCounterCount> counters_;
};

}  // namespace linecast::igmp
