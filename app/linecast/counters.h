// What the lanes count. Each list makes the enum, the counters, the JSON names and the texts.
#pragma once

#include "lib/base/counters.h"

namespace linecast::app {

#define LINECAST_CHANNEL_COUNTERS(_)                                                                      \
  _(kPacketsIn, "packets_in", "datagrams taken from the source")                                          \
  _(kBytesIn, "bytes_in", "payload bytes taken from the source")                                          \
  _(kPacketsSent, "packets_sent", "data packets sent to the group")                                       \
  _(kHeartbeatsSent, "heartbeats_sent", "heartbeats sent")                                                \
  _(kAnnouncesSent, "announces_sent", "KEY_ANNOUNCE messages sent")                                       \
  _(kStatusesSent, "statuses_sent", "SENDER_STATUS messages sent")                                        \
  _(kRequests, "requests", "REPLACEMENT messages taken")                                                  \
  _(kRequestedSequences, "requested_sequences", "sequences asked for in them")                            \
  _(kRepairsSent, "repairs_sent", "repairs sent")                                                         \
  _(kRepairsUnicast, "repairs_unicast", "of these, sent by unicast to who asked")                         \
  _(kTunnelPackets, "tunnel_packets", "data packets sent into tunnels, one for each of them")             \
  _(kTunnelRepairs, "tunnel_repairs", "repairs sent into tunnels")                                        \
  _(kQuietsSent, "quiets_sent", "QUIET messages sent")                                                    \
  _(kJoins, "joins", "USAGE_REPORT_JOIN messages taken")                                                  \
  _(kLeaves, "leaves", "USAGE_REPORT_LEAVE messages taken")                                               \
  _(kErrorReports, "error_reports", "ERROR_REPORT messages taken")                                        \
  _(kProblemReports, "problem_reports", "PROBLEM_REPORT messages taken")                                  \
  _(kMovesSent, "moves_sent", "ADDR_RANGE_CHANGE messages sent")                                          \
  _(kCopiesSent, "copies_sent", "frames sent to a second group as well, while the channel moves to it")   \
  _(kPayloadFormat, "payload_format", "dropped: the datagram is not of the channel's format")             \
  _(kPayloadSize, "payload_size", "dropped: the datagram is empty or too large for the output's MTU")     \
  _(kOverCap, "over_bitrate_cap", "dropped: more than bitrate_cap")                                       \
  _(kNoFrame, "no_frame", "dropped: the card holds the oldest kept frame and no other is free")           \
  _(kCounterUsedUp, "counter_used_up", "dropped: 2^48 packets under one start; start the headend anew")   \
  _(kTransmitFull, "transmit_full", "not sent: the card's transmit queue stayed full (can be repaired)")  \
  _(kRequestTrailer, "request_trailer",                                                                   \
    "request or report refused: trailer missing, or of the wrong key id")                                 \
  _(kRequestMac, "request_mac", "request or report refused: its MAC is wrong")                            \
  _(kRequestStale, "request_stale", "request or report refused: its count is not of the last window")     \
  _(kRequestSourceLimit, "request_source_limit", "request refused: too many sequences for one address")   \
  _(kRequestNotSent, "request_not_sent", "sequence not repaired: never sent")                             \
  _(kRequestTooOld, "request_too_old", "sequence not repaired: no longer kept")                           \
  _(kRequestRepeated, "request_repeated", "sequence not repaired: it was, a moment ago")                  \
  _(kRequestOverBudget, "request_over_budget",                                                            \
    "sequence not repaired: the channel's repair budget is used up")                                      \
  _(kRequestSourceShare, "request_source_share",                                                          \
    "sequence not repaired: who asks has had its share of the repair budget")                             \
  _(kReportSourceLimit, "report_source_limit", "report refused: too many of one receiver or address")     \
  _(kReportEcho, "report_echo", "report refused: the hop time that it echoes is not of the last seconds") \
  _(kReportChannelLimit, "report_channel_limit",                                                          \
    "ERROR_REPORT or PROBLEM_REPORT refused: more of them a second than a channel takes")                 \
  _(kReportQueueFull, "report_queue_full",                                                                \
    "ERROR_REPORT or PROBLEM_REPORT dropped: the control lcore is behind with taking them")               \
  _(kUsageQueueFull, "usage_queue_full",                                                                  \
    "JOIN or LEAVE not accounted: the control lcore is behind with taking them")                          \
  _(kCopyNoPacket, "copy_no_packet", "frame not sent to the second group as well: no packet free")        \
  _(kQuietNoPacket, "quiet_no_packet", "QUIET not sent: no packet free to send it in")                    \
  _(kRepairNoPacket, "repair_no_packet", "sequence not repaired: no packet free to send it in")           \
  _(kRepairQueueFull, "tunnel_repair_queue_full",                                                         \
    "sequence not repaired: as many repairs wait to go into tunnels as there may be")                     \
  _(kTunnelBehind, "tunnel_behind", "packets not sent into tunnels: these are too far behind")            \
  _(kTunnelTooLarge, "tunnel_too_large", "packets not sent into tunnels: larger than the MTU leaves room for")
LINECAST_COUNTER_LIST(ChannelCounter, LINECAST_CHANNEL_COUNTERS)
// The first one that counts something dropped or refused.
inline constexpr ChannelCounter kFirstChannelDrop = ChannelCounter::kPayloadFormat;

#define LINECAST_LANE_COUNTERS(_)                                                                          \
  _(kReceived, "received", "frames taken from ports")                                                      \
  _(kTransmitted, "transmitted", "frames given to ports")                                                  \
  _(kPolls, "polls", "turns of the lane")                                                                  \
  _(kBusyPolls, "busy_polls", "turns with work in them")                                                   \
  _(kFullBursts, "full_bursts", "receive bursts that were full: the lane is behind")                       \
  _(kLongestTurnNs, "longest_turn_ns", "the longest turn so far, in ns")                                   \
  _(kHandedOver, "handed_over",                                                                            \
    "frames handed to the lane that owns their channel or answers for their interface")                    \
  _(kCommandsDone, "commands_done", "commands of the control lcore carried out")                           \
  _(kTunnelAsks, "tunnel_asks", "REQUEST_TUNNEL and LEAVE_TUNNEL messages passed on to the control lcore") \
  _(kTunnelNoPacket, "tunnel_no_packet", "turns in which tunnels had to wait, as no packet was free")      \
  _(kArpLimited, "arp_rate_limited", "dropped: more ARP packets a second than an interface takes")         \
  _(kIgmpLimited, "igmp_rate_limited", "dropped: more IGMP messages a second than an interface takes")     \
  _(kForeignMac, "foreign_mac", "dropped: for no channel, and sent to another host's MAC address")         \
  _(kIgmpUnicast, "igmp_unicast",                                                                          \
    "dropped: IGMP by unicast that is no query to our address: a link's own comes to groups")              \
  _(kIgmpOwnAddress, "igmp_own_address", "dropped: IGMP of somebody else with our address as its source")  \
  _(kVlanUnexpected, "vlan_unexpected",                                                                    \
    "dropped: of a VLAN that its port does not serve, or of none where it serves VLANs only")              \
  _(kMultiSegment, "multi_segment", "dropped: a frame larger than a receive buffer")                       \
  _(kNoFlow, "no_flow", "dropped: UDP for no channel's address, port and source")                          \
  _(kInboxFull, "inbox_full", "dropped: the owning lane's inbox was full")                                 \
  _(kUnknownGroup, "unknown_group", "dropped: a request or report for a group that is not sent here")      \
  _(kRequestTurnFull, "request_turn_full",                                                                 \
    "dropped: a request, as a turn looks at so many sequences only and live packets wait")                 \
  _(kTunnelQueueFull, "tunnel_queue_full",                                                                 \
    "dropped: REQUEST_TUNNEL or LEAVE_TUNNEL, as the control lcore is behind with taking them")            \
  _(kTunnelNoWay, "tunnel_no_way",                                                                         \
    "dropped: REQUEST_TUNNEL or LEAVE_TUNNEL of who can't be reached from here")                           \
  _(kMessageIgnored, "message_ignored", "dropped: a SMART message that a hop does not act on")             \
  _(kAnnounceQueueFull, "announce_queue_full",                                                             \
    "dropped: a KEY_ANNOUNCE from upstream, as the control lcore is behind with taking them")              \
  _(kNoWayUp, "no_way_up", "not sent: a message to the hop above, of which nothing has been heard yet")    \
  _(kNoControlPacket, "no_control_packet", "not sent: no packet free for a message, ARP, ICMP or IGMP")    \
  _(kPortPaused, "port_paused",                                                                            \
    "not sent: the port was being set up anew (channels' packets can be repaired)")                        \
  _(kControlTransmitFull, "control_transmit_full", "not sent: a message, and the transmit queue stayed full")
LINECAST_COUNTER_LIST(LaneCounter, LINECAST_LANE_COUNTERS)
inline constexpr LaneCounter kFirstLaneDrop = LaneCounter::kArpLimited;

using ChannelCounters = CounterSet<ChannelCounter, kChannelCounterCount>;
using LaneCounters = CounterSet<LaneCounter, kLaneCounterCount>;

}  // namespace linecast::app
