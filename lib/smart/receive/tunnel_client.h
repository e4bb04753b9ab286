// The receiving end of one tunnel (docs/protocol.md, "Tunnels"): what to say to the hop that is asked for it,
// and when; which of its answers to believe; and the datagrams inside what it sends. No key and no socket;
// one thread.
#pragma once

#include <optional>

#include "lib/base/random.h"
#include "lib/base/time.h"
#include "lib/smart/group_place.h"
#include "lib/smart/wire.h"

namespace linecast::smart {

// A hop that can be asked for a tunnel.
struct FarEnd {
  Ipv4 address = 0;
  uint16_t port = kDefaultPort;
  friend bool operator==(const FarEnd&, const FarEnd&) = default;
};

#define LINECAST_TUNNEL_CLIENT_COUNTERS(_)                                                                   \
  _(kRequests, "tunnel_requests", "REQUEST_TUNNEL sent, renewals included")                                  \
  _(kLeaves, "tunnel_leaves", "LEAVE_TUNNEL sent")                                                           \
  _(kChallenges, "tunnel_challenges", "TUNNEL_CHALLENGE answered")                                           \
  _(kGrants, "tunnel_grants", "TUNNEL_GRANT taken, renewals included")                                       \
  _(kRefused, "tunnel_refused", "tunnels that were refused")                                                 \
  _(kExpired, "tunnel_expired", "leases that ended because no renewal was answered")                         \
  _(kData, "tunnel_data", "TUNNEL_DATA taken")                                                               \
  _(kAfterLeave, "tunnel_after_leave", "TUNNEL_DATA taken although the tunnel had been left")                \
  _(kNotAsked, "tunnel_not_asked", "tunnel messages from an address or port that is no configured hop's")    \
  _(kUnexpected, "tunnel_unexpected", "answers to nothing that was asked, or challenges without end")        \
  _(kWrongCookie, "tunnel_wrong_cookie", "TUNNEL_GRANT without the cookie that was sent")                    \
  _(kWrongGroup, "tunnel_wrong_group", "answers about another group")                                        \
  _(kNotGranted, "tunnel_not_granted", "TUNNEL_DATA of a hop that has granted nothing")                      \
  _(kInnerMalformed, "tunnel_inner_malformed", "inner packets whose lengths, checksums or source are wrong") \
  _(kInnerFragment, "tunnel_inner_fragment", "inner packets that are fragments")                             \
  _(kInnerOptions, "tunnel_inner_options", "inner packets with IPv4 options")                                \
  _(kInnerNotUdp, "tunnel_inner_not_udp", "inner packets that are not UDP")                                  \
  _(kInnerElsewhere, "tunnel_inner_elsewhere", "inner packets to another group or port")                     \
  _(kInnerNested, "tunnel_inner_nested", "inner packets with tunnel messages in them")
LINECAST_COUNTER_LIST(TunnelClientCounter, LINECAST_TUNNEL_CLIENT_COUNTERS)

using TunnelClientCounters = CounterSet<TunnelClientCounter, kTunnelClientCounterCount>;

class TunnelClient {
 public:
  static constexpr TimeNs kFirstRetryNs = 250 * kNsPerMs;  // doubling, up to
  static constexpr TimeNs kLongestRetryNs = 4 * kNsPerSecond;
  static constexpr TimeNs kRenewNs = 15 * kNsPerSecond;  // or a quarter of the lease, where that is less
  static constexpr TimeNs kLeastRefusedNs = 5 * kNsPerSecond, kMostRefusedNs = 30 * kNsPerSecond;
  static constexpr unsigned kMaxEchoes = 3;  // challenges answered between two messages of its own accord

  // group, port: to which the inner packets must go. random and counters must outlive it.
  TunnelClient(const FarEnd& far_end, Ipv4 group, uint16_t port, Random& random,
               TunnelClientCounters& counters)
      : far_end_(far_end),
        configured_{group, port},
        place_(configured_),
        before_(place_),
        random_(random),
        counters_(counters) {}

  const FarEnd& far_end() const { return far_end_; }

  // What is asked for, and what the inner packets go to.
  const GroupPlace& place() const { return place_; }
  bool takes(Ipv4 group) const { return group == place_.group || group == before_.group; }
  // The stream moves: the next request, at once where there is a lease, names the new group. What goes to the
  // group before is taken as well. Where the far end does not carry the new one, the one before is asked for
  // again, or that of the configuration: a far end that starts anew may be back there.
  void follow(TimeNs now, const GroupPlace& to);

  // Asks until close(). After a refusal not before refused_until().
  void open(TimeNs now);
  // Gives the lease back, where there is or may be one.
  void close(TimeNs now);

  bool granted() const { return state_ == State::kGranted; }
  // It was refused, and is not asked again before; in the past, where it was not.
  TimeNs refused_until() const { return refused_until_; }

  // REQUEST_TUNNEL or LEAVE_TUNNEL.
  struct Message {
    TunnellingCommand command = TunnellingCommand::kRequest;
    TunnelRequest body;
  };
  // When take_due() has something to do; kNever: nothing but an answer can change it.
  TimeNs next_due() const;
  // What is to be sent to the far end now; call until there is nothing.
  std::optional<Message> take_due(TimeNs now);

  // From the far end's address and port alone; whoever calls has seen to that.
  void take_challenge(TimeNs now, const TunnelRequest& challenge);
  enum class Answer : uint8_t { kIgnored, kGranted, kRefused };
  Answer take_grant(TimeNs now, const TunnelGrant& grant);
  // The datagram inside a TUNNEL_DATA's body, as long as that lasts; none where it is refused (counted).
  std::optional<Bytes> take_data(TimeNs now, Bytes body);

 private:
  enum class State : uint8_t {
    kClosed,
    kAsking,   // also while it waits after a refusal
    kGranted,  // until lease_end_ns_
    kLeft      // LEAVE_TUNNEL was sent; what still comes until lease_end_ns_ is taken
  };

  Message message(TimeNs now, TunnellingCommand command);
  bool is_answer(Ipv4 group);
  void leave_again(TimeNs now);
  void ask_for(TimeNs now, const GroupPlace& place);
  bool ask_elsewhere(TimeNs now);
  std::optional<TunnelClientCounter> fault_of(Bytes packet, Bytes& payload) const;

  const FarEnd far_end_;
  const GroupPlace configured_;
  GroupPlace place_, before_;
  bool may_go_back_ = false, may_go_home_ = false;  // to before_ and configured_, where place_ is not carried
  Random& random_;
  TunnelClientCounters& counters_;

  State state_ = State::kClosed;
  std::array<uint8_t, 16> cookie_{};  // of the last challenge; 0: none has come
  bool outstanding_ = false;          // a message was sent that has not been answered
  bool echoes_ = false;               // the next message answers a challenge
  unsigned echoes_left_ = 0;
  TimeNs due_ns_ = kNever;  // of the next message
  TimeNs retry_ns_ = kFirstRetryNs;
  TimeNs leave_again_from_ns_ = kNever;  // where something still comes then
  TimeNs lease_end_ns_ = INT64_MIN;
  TimeNs refused_until_ = INT64_MIN;
};

}  // namespace linecast::smart
