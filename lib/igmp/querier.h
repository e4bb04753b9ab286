// IGMP querier on one interface, for links without a multicast router: versions 2 and 3, election, and a
// table of the members. Time is an argument and never runs backwards; frames go out by a callback. One thread
// at a time; only the constructor allocates.
//
// The memberships of this interface's own Host are not in the table unless receive() is given the Host's
// frames: a port does not hear what it sends.
#pragma once

#include <functional>
#include <vector>

#include "lib/base/counters.h"
#include "lib/base/token_bucket.h"
#include "lib/igmp/group_records.h"
#include "lib/igmp/group_table.h"
#include "lib/igmp/packet.h"
#include "lib/net/frame.h"

namespace linecast::igmp {

// What a querier does with messages, counted.
#define LINECAST_QUERIER_COUNTERS(_)                                                                         \
  _(kGeneralSent, "querier_general_sent", "general queries sent")                                            \
  _(kSpecificSent, "querier_specific_sent", "queries about a group or its sources sent")                     \
  _(kSpecificLimited, "querier_specific_rate_limited",                                                       \
    "leaves that no query followed, as there were too many: members expire instead")                         \
  _(kRecordsLimited, "querier_records_rate_limited",                                                         \
    "reports left aside, or the rest of them, as there were too many records")                               \
  _(kOffLink, "querier_off_link", "queries from outside of the subnet, which win no election")               \
  _(kQueriesHeard, "querier_queries_heard", "others' queries taken")                                         \
  _(kElectionsLost, "querier_elections_lost", "times that another querier took over")                        \
  _(kElectionsWon, "querier_elections_won", "times that the other querier fell silent")                      \
  _(kReports, "querier_reports", "reports taken")                                                            \
  _(kLeaves, "querier_leaves", "leaves of version 2 taken")                                                  \
  _(kBadChecksum, "querier_bad_checksum", "messages with a wrong checksum")                                  \
  _(kBadLength, "querier_bad_length", "messages of an impossible length")                                    \
  _(kBadTtl, "querier_bad_ttl", "messages whose TTL is not 1")                                               \
  _(kBadDestination, "querier_bad_destination", "messages sent to an address that is not theirs")            \
  _(kBadRecords, "querier_bad_records", "reports dropped, as their records are longer than they are")        \
  _(kBadGroup, "querier_bad_group", "records and queries for what is no group, or sources of no group")      \
  _(kLinkLocal, "querier_link_local", "records for groups in 224.0.0/24, which are not kept")                \
  _(kSsmMode, "querier_ssm_mode", "records that ask for any source of a group in 232/8")                     \
  _(kWrongVersion, "querier_wrong_version", "reports of version 3 while querying in version 2")              \
  _(kOlderHosts, "querier_older_hosts", "records left aside, as a host of an older version is in the group") \
  _(kRecordType, "querier_record_type", "records of an unknown type")                                        \
  _(kGroupsFull, "querier_groups_full", "records for which the table has no group left")                     \
  _(kSourcesFull, "querier_sources_full", "sources for which their group has no room left")                  \
  _(kOwnMessages, "querier_own_messages", "queries with this interface's own address as their source")       \
  _(kIgnored, "querier_ignored", "messages of other types")
LINECAST_COUNTER_LIST(QuerierCounter, LINECAST_QUERIER_COUNTERS)

struct QuerierConfig {
  net::Mac mac{};
  Ipv4 address = 0;
  uint8_t prefix_length = 24;      // queriers of other subnets take no part in the election
  uint16_t mtu = 1500;             // bytes of IPv4 packet; at least kMinMtu
  Version version = Version::kV3;  // or kV2
  // RFC 3376, section 8, where the other intervals follow from these.
  uint8_t robustness = kDefaultRobustness;  // 1 to 7
  TimeNs query_interval_ns = kDefaultQueryIntervalNs;
  TimeNs query_response_interval_ns = 10 * kNsPerSecond;
  TimeNs last_member_query_interval_ns = kNsPerSecond;
  size_t max_groups = 2048;
  size_t max_sources_a_group = 32;  // at most Querier::kMaxSourcesAGroup
};

struct HeardGroupRow {
  static constexpr size_t kSources = 8;
  struct Source {
    Ipv4 address = 0;
    TimeNs left_ns = 0;  // 0: not forwarded
  };

  Ipv4 group = 0;
  bool exclude = false;
  Version compatibility = Version::kV3;  // the oldest version among its members
  TimeNs left_ns = 0;                    // of EXCLUDE mode
  Ipv4 last_reporter = 0;
  uint16_t source_count = 0;  // of which the first kSources are in `sources`
  std::array<Source, kSources> sources{};
};

struct QuerierStatus {
  bool is_querier = false;
  Ipv4 querier = 0;  // our own address, or the other's
  Version version = Version::kV3;
  uint8_t robustness = 0;        // in force: the other querier's, where there is one
  TimeNs query_interval_ns = 0;  // likewise
  TimeNs next_query_ns = 0;      // where we are the querier
  TimeNs other_querier_ns = 0;   // where we are not: for how long the other is still taken to be there
  size_t groups = 0;
};

class Querier {
 public:
  // send: given whole Ethernet frames, as Host's.
  using Send = std::function<void(Bytes frame)>;

  static constexpr size_t kMaxFramesAPoll = 32;
  // Series of queries about a group that leaves begin: joining and leaving in turn must not make a flood of
  // queries.
  static constexpr uint64_t kSpecificPerSecond = 100;
  static constexpr uint64_t kSpecificBurst = 256;
  // Records that are applied: a report has room for 183 of them, or 1121 in a jumbo frame. As many at once as
  // two hosts in every group of the table report.
  static constexpr uint64_t kRecordsPerSecond = 20'000;
  static constexpr uint64_t kRecordsBurst = 5'000;
  static constexpr size_t kSourcesARecord = 8;   // that take as long as a record without any
  static constexpr size_t kMaxGroupsAPoll = 64;  // whose timers one poll() looks into
  static constexpr size_t kMaxSourcesAGroup = 64;
  // Expiries take effect up to this much later, so that many share a poll().
  static constexpr TimeNs kTickNs = 5 * kNsPerMs;

  // Throws Error where a value is impossible.
  Querier(const QuerierConfig& config, Send send);

  // Begins, or begins anew: startup queries, as the querier until another is heard. Before the first call
  // nothing is sent.
  void link_up(TimeNs now);
  // message: behind the IPv4 header. Reports are taken from 0.0.0.0 too (RFC 3376, section 4.2.13); queries
  // from there do not take part in the election (RFC 4541, section 2.1.1).
  void receive(TimeNs now, Ipv4 source, Ipv4 destination, uint8_t ttl, Bytes message);
  // Sends what is due and lets go of what has expired; call it every so often. Bounded work a call, next to
  // none where nothing is due.
  void poll(TimeNs now);
  // When poll() next has something to do; kNever: not before the next call of another kind.
  TimeNs next_due() const { return next_due_; }

  QuerierStatus status(TimeNs now) const;
  // Copies groups, by address, from the `from`th on; returns how many. 0: there are no more.
  size_t rows(TimeNs now, size_t from, std::span<HeardGroupRow> out) const;
  uint64_t count(QuerierCounter c) const { return counters_.get(c); }

 private:
  TimeNs membership_interval() const;
  TimeNs last_member_query_time() const;

  void receive_query(TimeNs now, Ipv4 source, Ipv4 destination, Bytes message);
  void elect(TimeNs now, Ipv4 source, const Query& query);
  void lower_timers(TimeNs now, const Query& query);
  void receive_older(TimeNs now, Ipv4 source, Ipv4 destination, MessageType type, Ipv4 group);
  void receive_v3_report(TimeNs now, Ipv4 source, Ipv4 destination, Bytes message);
  bool allows(TimeNs now, const GroupRecord& record);
  void apply(TimeNs now, Ipv4 source, Version version, GroupRecord record);
  void schedule_queries(TimeNs now, HeardGroup& group, const RecordOutcome& outcome);
  void update_due(size_t i);

  size_t most_frames_of(const HeardGroup& group) const;
  void send_general(TimeNs now);
  void send_specific(TimeNs now, HeardGroup& group);
  void send_source_queries(TimeNs now, HeardGroup& group, bool suppress);
  void send_query(const Query& query, Ipv4 destination, QuerierCounter counter);

  QuerierConfig config_;
  Send send_;
  GroupTable table_;
  bool is_querier_ = true;
  Ipv4 other_querier_ = 0;
  TimeNs other_querier_until_ = kNever;
  uint8_t robustness_;        // in force
  TimeNs query_interval_ns_;  // in force
  int startup_left_ = 0;      // startup queries still to be sent
  TimeNs general_due_ = kNever;
  TimeNs next_due_ = kNever;  // no later than the earliest of all timers
  TokenBucket specific_{kSpecificPerSecond, kSpecificBurst};
  TokenBucket records_{kRecordsPerSecond, kRecordsBurst};
  bool sweep_due_ = false;  // the table holds empty groups
  std::vector<uint8_t> frame_;
  std::array<uint8_t, kMaxSourcesAGroup * kSourceSize> source_list_{};  // of the query being put together
  size_t frames_sent_ = 0;                                              // in this poll
  CounterSet<QuerierCounter, kQuerierCounterCount> counters_;
};

}  // namespace linecast::igmp
