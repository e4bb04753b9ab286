// What the granting side of tunnels counts. One list: enum, counters, texts.
#pragma once

#include "lib/base/counters.h"

namespace linecast::smart {

#define LINECAST_TUNNEL_COUNTERS(_)                                                                        \
  _(kRequests, "tunnel_requests", "REQUEST_TUNNEL messages that came")                                     \
  _(kLeaves, "tunnel_leaves", "LEAVE_TUNNEL messages that came")                                           \
  _(kChallenges, "tunnel_challenges", "answered with a challenge: no cookie, or not a good one")           \
  _(kGranted, "tunnels_granted", "tunnels opened")                                                         \
  _(kRenewed, "tunnels_renewed", "leases renewed")                                                         \
  _(kLeft, "tunnels_left", "tunnels ended by their receiver")                                              \
  _(kExpired, "tunnels_expired", "tunnels ended because nobody renewed them")                              \
  _(kEnded, "tunnels_ended", "tunnels ended from here: the channel went, or is too many hops away")        \
  _(kBadCookie, "tunnel_bad_cookie", "messages whose cookie is not good, or no longer")                    \
  _(kNotARequest, "tunnel_not_a_request", "dropped: a tunnelling message that asks for nothing")           \
  _(kBadSource, "tunnel_bad_source", "dropped: from our own address, or from UDP port 0")                  \
  _(kThirdParty, "tunnel_third_party", "dropped: asks for another address than its own")                   \
  _(kChallengeSourceLimit, "tunnel_challenge_source_limit",                                                \
    "dropped: more challenges a second than an address draws")                                             \
  _(kChallengeLimit, "tunnel_challenge_limit", "dropped: more challenges a second than are sent in all")   \
  _(kRequestSourceLimit, "tunnel_request_source_limit",                                                    \
    "dropped: more requests with a good cookie a second than an address may send")                         \
  _(kRequestLimit, "tunnel_request_limit",                                                                 \
    "dropped: more requests with a good cookie a second than are taken in all")                            \
  _(kLeaveUnknown, "tunnel_leave_unknown", "LEAVE_TUNNEL of who has no tunnel, or no longer")              \
  _(kLeaveRefused, "tunnel_leave_refused",                                                                 \
    "LEAVE_TUNNEL of another receiver than the tunnel's, or of before it had opened any packet: a replay") \
  _(kTrailer, "tunnel_trailer", "dropped: trailer missing, or of the wrong key id")                        \
  _(kMac, "tunnel_mac", "dropped: the trailer's MAC is wrong")                                             \
  _(kStale, "tunnel_stale", "dropped: the trailer's count is not of the last window")                      \
  _(kAnswerQueueFull, "tunnel_answer_queue_full", "not answered: the lane is behind with sending answers") \
  _(kNotCarried, "tunnel_not_carried", "refused: the group is not carried here")                           \
  _(kNotAllowed, "tunnel_not_allowed", "refused: not to this address")                                     \
  _(kTooManyHops, "tunnel_too_many_hops", "refused: more than 8 hops from the origin, or a loop")          \
  _(kTableFull, "tunnel_table_full", "refused: as many tunnels as there may be")                           \
  _(kPeerFull, "tunnel_peer_full", "refused: as many tunnels as one address may have")                     \
  _(kPortFull, "tunnel_port_full", "refused: as many tunnels as the output's port may have")               \
  _(kPortRateFull, "tunnel_port_rate_full", "refused: the output's port has no bandwidth left for tunnels")
LINECAST_COUNTER_LIST(TunnelCounter, LINECAST_TUNNEL_COUNTERS)
// The first one that counts something dropped or refused.
inline constexpr TunnelCounter kFirstTunnelDrop = TunnelCounter::kBadCookie;

using TunnelCounters = CounterSet<TunnelCounter, kTunnelCounterCount>;

}  // namespace linecast::smart
