// IGMP host membership on one interface: joins, answers to queries, leaves. Time is an argument; frames go
// out by a callback. One thread at a time; nothing is allocated but in the constructor and in join().
#pragma once

#include <functional>
#include <vector>

#include "lib/base/random.h"
#include "lib/base/time.h"
#include "lib/igmp/packet.h"
#include "lib/net/frame.h"

namespace linecast::igmp {

enum class Version : uint8_t { kV2 = 2, kV3 = 3 };

// What a host does with messages, counted.
#define LINECAST_IGMP_COUNTERS(_)                                                                  \
  _(kQueries, "igmp_queries", "queries taken")                                                     \
  _(kReportsSent, "igmp_reports_sent", "reports sent")                                             \
  _(kLeavesSent, "igmp_leaves_sent", "leaves sent; of version 3 reports that leave")               \
  _(kSuppressed, "igmp_suppressed", "reports left out, as another host's for the group was heard") \
  _(kBadChecksum, "igmp_bad_checksum", "messages with a wrong checksum")                           \
  _(kBadLength, "igmp_bad_length", "messages of an impossible length")                             \
  _(kBadTtl, "igmp_bad_ttl", "messages whose TTL is not 1")                                        \
  _(kIgnored, "igmp_ignored", "reports, queries for other groups, and others that a host has no use for")
LINECAST_COUNTER_LIST(HostCounter, LINECAST_IGMP_COUNTERS)

struct HostConfig {
  net::Mac mac{};
  Ipv4 address = 0;
  uint16_t mtu = 1500;  // bytes of IPv4 packet; at least 68 (RFC 791)
  Version version = Version::kV3;
};

class Host {
 public:
  // send: given whole Ethernet frames (TTL 1, Router Alert, DSCP CS6), valid during the call only; not padded
  // to Ethernet's 60 bytes. It must not call back into the host.
  using Send = std::function<void(Bytes frame)>;

  // Frames that one poll() sends, but for one group's many sources, which go out together.
  static constexpr size_t kMaxFramesAPoll = 32;

  // Throws Error where the MTU is impossible.
  Host(const HostConfig& config, Random random, Send send);

  // source 0: from any (EXCLUDE {}); otherwise an SSM join (INCLUDE {source}), several sources a group. A
  // join from any covers those from a source. Before or while running; the reports go out with the next
  // polls, so that many joins share a report. group: a multicast address outside 224.0.0/24, which is never
  // reported.
  void join(TimeNs now, Ipv4 group, Ipv4 source);
  // Leaves every group, at once: for shutdown. Sends as many frames as that takes.
  void leave_all(TimeNs now);
  // message: behind the IPv4 header. source: 0.0.0.0 is taken, as snooping switches query from it.
  void receive(TimeNs now, Ipv4 source, uint8_t ttl, Bytes message);
  // Sends what is due; call it every so often. Bounded work a call, next to none where nothing is due.
  void poll(TimeNs now);
  // When poll() next has something to do; kNever: not before the next join() or receive().
  TimeNs next_due() const { return next_due_; }

  uint64_t count(HostCounter c) const { return counters_.get(c); }

 private:
  struct Membership {
    Ipv4 group = 0;
    std::vector<Ipv4> sources;        // empty: any
    TimeNs report_due = kNever;       // answer to a query
    TimeNs unsolicited_due = kNever;  // report of a join
    int unsolicited_left = 0;
  };

  Membership* find(Ipv4 group);
  void schedule(TimeNs& timer, TimeNs due);
  void receive_query(TimeNs now, Bytes message);
  void receive_report(Ipv4 source, Ipv4 group);
  bool joined_any_of(const Membership& membership, Bytes sources) const;

  void report_v2(TimeNs now, Membership& membership);
  void report_v3(TimeNs now, TimeNs repeat_at, Membership& membership);
  void put_record(RecordType type, const Membership& membership, HostCounter counter);
  void send_report(HostCounter counter);
  void send_message(MessageType type, Ipv4 group, Ipv4 destination, HostCounter counter);
  void send_frame(size_t message_size, Ipv4 destination, HostCounter counter);

  HostConfig config_;
  Random random_;
  Send send_;
  std::vector<Membership> memberships_;  // by group, ascending
  TimeNs general_due_ = kNever;          // answer to a general query, v3
  TimeNs next_due_ = kNever;             // the earliest of all timers
  std::vector<uint8_t> frame_;           // Ethernet header and MTU
  ReportPacker packer_;                  // into frame_
  size_t frames_sent_ = 0;
  CounterSet<HostCounter, kHostCounterCount> counters_;
};

}  // namespace linecast::igmp
