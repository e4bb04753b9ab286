// IGMP host membership on one interface, versions 1 to 3: joins, answers to queries, leaves. Time is an
// argument and never runs backwards; frames go out by a callback. One thread at a time; only the constructor
// allocates.
#pragma once

#include <functional>
#include <vector>

#include "lib/base/random.h"
#include "lib/base/time.h"
#include "lib/igmp/membership_table.h"
#include "lib/igmp/packet.h"
#include "lib/net/frame.h"

namespace linecast::igmp {

// What a host does with messages, counted.
#define LINECAST_IGMP_COUNTERS(_)                                                                           \
  _(kQueries, "igmp_queries", "queries taken")                                                              \
  _(kReportsSent, "igmp_reports_sent", "frames with reports sent")                                          \
  _(kLeavesSent, "igmp_leaves_sent", "leaves of version 2 sent; of version 3 frames sent at shutdown")      \
  _(kSuppressed, "igmp_suppressed", "reports left out, as another host's for the group was heard")          \
  _(kSsmLeftOut, "igmp_ssm_left_out", "reports for groups of 232/8 left out, as only version 3 has them")   \
  _(kVersionChanges, "igmp_version_changes", "changes of the version, found from queries or their absence") \
  _(kJoinsRefused, "igmp_joins_refused", "joins for which the table has no room, or of no group")           \
  _(kBadChecksum, "igmp_bad_checksum", "messages with a wrong checksum")                                    \
  _(kBadLength, "igmp_bad_length", "messages of an impossible length")                                      \
  _(kBadTtl, "igmp_bad_ttl", "messages whose TTL is not 1")                                                 \
  _(kBadDestination, "igmp_bad_destination", "queries and reports sent to an address that is not theirs")   \
  _(kBadGroup, "igmp_bad_group", "queries for what is no group, or for sources of no group")                \
  _(kNotJoined, "igmp_not_joined", "queries for groups or sources that are not joined")                     \
  _(kOwnReports, "igmp_own_reports", "reports with this interface's own address as their source")           \
  _(kIgnored, "igmp_ignored", "reports of no use to a host, and other messages")
LINECAST_COUNTER_LIST(HostCounter, LINECAST_IGMP_COUNTERS)

struct HostConfig {
  net::Mac mac{};
  Ipv4 address = 0;
  uint16_t mtu = 1500;  // bytes of IPv4 packet; at least kMinMtu
  // Speaks this version whatever it hears. None: the version of the queries that it hears.
  std::optional<Version> forced{};
  size_t max_groups = 2048;
  size_t max_sources = 4096;  // of all groups together; of one: MembershipTable::kMaxSourcesAGroup
};

// What a group's next report is for.
enum class PendingReport : uint8_t { kNone, kAnswer, kJoin, kLeave };

struct MembershipRow {
  static constexpr size_t kSources = 8;

  Ipv4 group = 0;
  bool exclude = false;       // from any source; else from `sources` only
  uint16_t source_count = 0;  // of which the first kSources are in `sources`
  std::array<Ipv4, kSources> sources{};
  PendingReport pending = PendingReport::kNone;
  uint8_t changes_left = 0;  // unsolicited reports still to be sent
};

struct HostStatus {
  Version version = Version::kV3;
  bool forced = false;
  size_t groups = 0;
  uint8_t robustness = 0;
  TimeNs query_interval_ns = 0;    // as the last v3 query has it, else the default
  Ipv4 querier = 0;                // source of the last query; 0: none heard, or one without an address
  TimeNs since_query_ns = kNever;  // since the last query; kNever: none heard
  TimeNs v1_querier_ns = 0;        // for how long an older querier is still taken to be there; 0: none is
  TimeNs v2_querier_ns = 0;
};

class Host {
 public:
  // send: given whole Ethernet frames (TTL 1, Router Alert, DSCP CS6), valid during the call only; not padded
  // to Ethernet's 60 bytes. It must not call back into the host.
  using Send = std::function<void(Bytes frame)>;

  // Frames that one poll() sends at most.
  static constexpr size_t kMaxFramesAPoll = 32;
  // Answers are drawn onto moments this far apart (rounded towards now), so that many share a poll().
  static constexpr TimeNs kTickNs = 5 * kNsPerMs;

  // Throws Error where the MTU is impossible.
  Host(const HostConfig& config, Random random, Send send);

  // source 0: from any (EXCLUDE {}); otherwise an SSM join (INCLUDE {source}), several sources a group. A
  // join from any covers those from a source. Joins are counted: each takes a leave. Reports go out with the
  // next polls, so that many joins share one. Groups in 224.0.0/24 are received without a report (RFC 3376,
  // section 5) and need no leave. False, and counted, where the table is full or `group` is no group.
  bool join(TimeNs now, Ipv4 group, Ipv4 source);
  // Takes one join back; does nothing where there is none. The report goes out with the next polls.
  void leave(TimeNs now, Ipv4 group, Ipv4 source);
  // Leaves every group, at once: for shutdown. Sends as many frames as that takes.
  void leave_all(TimeNs now);
  // Reports every group anew, as just joined: what is at the link's other end may know nothing of them.
  void link_up(TimeNs now);

  // message: behind the IPv4 header. source: 0.0.0.0 is taken, as snooping switches query from it. The
  // queries of this interface's own Querier belong here too: the other routers and switches on the link wait
  // for the answers as well.
  void receive(TimeNs now, Ipv4 source, Ipv4 destination, uint8_t ttl, Bytes message);
  // A query had to be dropped unread (there were too many): answers as if it had asked for everything, within
  // a second.
  void query_missed(TimeNs now);
  // Sends what is due; call it every so often. Bounded work a call, next to none where nothing is due.
  void poll(TimeNs now);
  // When poll() next has something to do; kNever: not before the next join() or receive().
  TimeNs next_due() const { return next_due_; }

  Version version() const { return version_; }
  HostStatus status(TimeNs now) const;
  // Copies groups, by address, from the `from`th on; returns how many. 0: there are no more.
  size_t rows(size_t from, std::span<MembershipRow> out) const;
  uint64_t count(HostCounter c) const { return counters_.get(c); }
  // What the groups and sources take of memory, in bytes.
  size_t table_memory() const { return table_.memory(); }

 private:
  void schedule(TimeNs& timer, TimeNs due);
  void change(TimeNs now, size_t group);
  void change_mode(TimeNs now, size_t group);
  void announce(TimeNs now, size_t group);

  void receive_query(TimeNs now, Ipv4 source, Ipv4 destination, Bytes message);
  void receive_report(Ipv4 source, Ipv4 destination, Ipv4 group);
  void learn_from(TimeNs now, Ipv4 source, const Query& query);
  void update_version(TimeNs now);
  void restart(TimeNs now);
  TimeNs draw(TimeNs now, TimeNs within_ns);
  void ask_all(TimeNs now, TimeNs within_ns);
  void ask_group(TimeNs now, size_t group, const Query& query);
  bool mark_asked(size_t group, Bytes sources);
  void forget_asked(size_t group);

  size_t most_frames_of(size_t group) const;
  void report(TimeNs now, TimeNs repeat_at, size_t group);
  void report_older(TimeNs now, size_t group);
  void put_changes(size_t group, HostCounter counter);
  void put_answer(size_t group);
  template <typename Predicate>
  void put_record(RecordType type, size_t group, HostCounter counter, Predicate wanted);
  void send_report(HostCounter counter);
  void send_message(MessageType type, Ipv4 group, Ipv4 destination, HostCounter counter);
  void send_frame(size_t message_size, Ipv4 destination, HostCounter counter);

  HostConfig config_;
  Random random_;
  Send send_;
  MembershipTable table_;
  Version version_;
  uint8_t robustness_ = kDefaultRobustness;
  TimeNs query_interval_ns_ = kDefaultQueryIntervalNs;
  Ipv4 querier_ = 0;
  TimeNs queried_at_ = kNever;
  TimeNs v1_querier_until_ = 0;
  TimeNs v2_querier_until_ = 0;
  TimeNs general_due_ = kNever;  // answer to a general query, v3
  TimeNs next_due_ = kNever;     // no later than the earliest of all timers
  bool sweep_due_ = false;       // the table holds what is left and reported
  std::vector<uint8_t> frame_;   // Ethernet header and MTU
  ReportPacker packer_;          // into frame_
  size_t frames_sent_ = 0;       // in this poll
  CounterSet<HostCounter, kHostCounterCount> counters_;
};

}  // namespace linecast::igmp
