// The ARP side of one interface: answers for its address, finds and keeps its neighbours' MACs, and notices
// who else claims the address (RFC 826, RFC 5227, RFC 1122 section 2.3.2). Time is an argument and never goes
// back; frames go out by a callback. One thread at a time; nothing is allocated but in the constructor.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "lib/base/bounded_list.h"
#include "lib/base/time.h"
#include "lib/base/token_bucket.h"
#include "lib/net/arp.h"

namespace linecast::net {

#define LINECAST_ARP_COUNTERS(_)                                                                            \
  _(kAnswered, "arp_answered", "ARP requests for our address answered")                                     \
  _(kAnswersLimited, "arp_answers_rate_limited", "ARP requests not answered, as there were too many")       \
  _(kRequestsSent, "arp_requests_sent", "ARP requests sent")                                                \
  _(kAnnouncementsSent, "arp_announcements_sent", "announcements of our address, defences among them")      \
  _(kConflicts, "arp_conflicts", "ARP packets in which another host claims our address")                    \
  _(kMacChanges, "arp_mac_changes", "neighbours heard from with another MAC than before")                   \
  _(kUnresolved, "arp_unresolved", "look-ups of neighbours whose MAC is not known yet")                     \
  _(kUnreachable, "arp_unreachable", "neighbours given up, as they answered no request")                    \
  _(kNoRoute, "arp_no_route", "look-ups of addresses that no neighbour and no gateway leads to")            \
  _(kTableFull, "arp_table_full", "neighbours not taken up, as the table was full of those in use")         \
  _(kEvicted, "arp_evicted", "neighbours that made room for others")                                        \
  _(kMalformed, "arp_malformed", "ARP packets that are none for IPv4 over Ethernet, or from no host")       \
  _(kForeignSender, "arp_foreign_sender", "ARP packets from addresses that no neighbour in the subnet has") \
  _(kIgnored, "arp_ignored", "ARP packets that are neither for us nor from a neighbour that we keep")
LINECAST_COUNTER_LIST(ArpCounter, LINECAST_ARP_COUNTERS)

struct NeighborsConfig {
  Mac mac{};
  Ipv4 address = 0;           // required
  uint8_t prefix_length = 0;  // 1 .. 31
  Ipv4 gateway = 0;           // in the subnet; 0: none
};

struct NeighborsStatus {
  size_t known = 0;            // neighbours whose MAC is known, the gateway among them
  bool gateway_known = false;  // always false where there is no gateway
};

class Neighbors {
 public:
  // send: given whole untagged Ethernet frames, valid during the call only; not padded to Ethernet's 60
  // bytes. It must not call back into this object.
  using Send = std::function<void(Bytes frame)>;

  static constexpr size_t kCapacity = 256;  // neighbours
  // Neighbours that are looked for at once: a sweep of forged sources cannot push out those in use, nor make
  // us send more requests a second than this.
  static constexpr size_t kMaxAsking = 64;
  static constexpr size_t kMaxFramesAPoll = 32;
  // An honest host asks once a second at most (RFC 1122, section 2.3.2.1); a storm must not take the port.
  static constexpr uint64_t kAnswersPerSecond = 1000;

  static constexpr TimeNs kAnnounceIntervalNs = 2 * kNsPerSecond;  // RFC 5227, section 1.1
  static constexpr int kAnnouncements = 2;                         // likewise
  static constexpr TimeNs kDefendIntervalNs = 10 * kNsPerSecond;   // likewise
  static constexpr TimeNs kRetryNs = kNsPerSecond;                 // RFC 1122, section 2.3.2.1
  static constexpr int kTries = 3;
  static constexpr TimeNs kFailedNs = 10 * kNsPerSecond;     // how long a silent address is not asked again
  static constexpr TimeNs kReachableNs = 60 * kNsPerSecond;  // then a neighbour in use is asked by unicast
  static constexpr TimeNs kInUseNs = 60 * kNsPerSecond;      // so long after use only resolve() may evict
  static constexpr TimeNs kForgetNs = 1200 * kNsPerSecond;   // unused so long, a neighbour is forgotten

  // Throws Error where address, prefix length or gateway are impossible.
  Neighbors(const NeighborsConfig& config, Send send);

  // At start, and whenever the link has come up: the next polls announce our address, and the gateway is
  // asked for, and kept for good. What was known is asked again when it is next used.
  void link_up(TimeNs now);
  // packet: behind the Ethernet header. Sends one frame at most: an answer, or a defence of our address.
  void receive(TimeNs now, Bytes packet);
  // A request for us had to be dropped unread (there were too many): our address is announced instead, once a
  // second at most. Neighbours that are asking learn it from that, too.
  void request_missed(TimeNs now);
  // Whether a host of the subnet, other than us, can have the address.
  bool is_neighbor(Ipv4 address) const;
  // The MAC that leads to a unicast destination: its own on the subnet, otherwise the gateway's. None where
  // nothing leads there, or while it is looked for: no packet is kept waiting here. Whoever asks ARP for us
  // is taken up, so that an answer seldom finds nothing; but a peer may have our MAC from before we started,
  // so an answer for which this has none had better go to the MAC that the question came from than be
  // dropped.
  std::optional<Mac> resolve(TimeNs now, Ipv4 destination);
  // Sends what is due; call it every so often. Next to no work where nothing is due.
  void poll(TimeNs now);
  // When poll() next has something to do; kNever: not before the next call of another kind.
  TimeNs next_due() const { return next_due_; }

  uint64_t count(ArpCounter c) const { return counters_.get(c); }
  NeighborsStatus status() const;
  // Who last claimed our address: 48 bits, 0 for nobody. Any thread.
  uint64_t conflict_mac() const { return conflict_mac_.get(); }

 private:
  enum class State : uint8_t {
    kAsking,  // by broadcast, no MAC to use
    kKnown,
    kPolling,  // known, but old: asked by unicast, and used meanwhile
    kFailed,
  };
  struct Entry {
    Ipv4 address = 0;
    Mac mac{};  // the last that was heard; zero: none
    State state = State::kFailed;
    int tries_left = 0;
    TimeNs due = kNever;      // of asking, polling and failed
    TimeNs used = INT64_MIN;  // by resolve(); INT64_MIN: of no use, first to be evicted
    TimeNs confirmed = 0;
  };

  Ipv4 next_hop(Ipv4 destination) const;
  Entry* find(Ipv4 address);
  Entry* add(Ipv4 address, TimeNs evict_used_until);
  bool learn(TimeNs now, const ArpPacket& packet, bool asks_for_us);
  void meet_conflict(TimeNs now, const Mac& mac);
  void answer(TimeNs now, const ArpPacket& request);
  void ask(TimeNs now, State state, Entry& entry);
  TimeNs due(const Entry& entry) const;
  bool act(TimeNs now, Entry& entry);
  void schedule(TimeNs due) { next_due_ = std::min(next_due_, due); }
  void send_announcement();
  void send_request(const Entry& entry);
  void send_frame(size_t size, ArpCounter counter);

  NeighborsConfig config_;
  Ipv4 mask_ = 0;
  Send send_;
  BoundedList<Entry> entries_{kCapacity};  // in no order
  TimeNs next_due_ = kNever;
  TimeNs announce_due_ = kNever;
  int announcements_left_ = 0;
  TimeNs next_defence_ = INT64_MIN;
  Counter conflict_mac_;
  TokenBucket answers_{kAnswersPerSecond, kAnswersPerSecond};
  std::array<uint8_t, kArpFrameSize> frame_{};
  size_t frames_sent_ = 0;
  CounterSet<ArpCounter, kArpCounterCount> counters_;
};

}  // namespace linecast::net
