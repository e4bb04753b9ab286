// ICMP for the host that an interface is: echo replies and port unreachables (RFC 792, RFC 1122
// section 3.2.2). Everything else is ignored: no error that comes in changes how a stream is sent.
#pragma once

#include "lib/base/time.h"
#include "lib/base/token_bucket.h"
#include "lib/net/frame.h"

namespace linecast::net {

#define LINECAST_ICMP_COUNTERS(_)                                                                   \
  _(kEchoAnswered, "icmp_echo_answered", "echo requests answered")                                  \
  _(kEchoLimited, "icmp_echo_rate_limited", "echo requests not answered, as there were too many")   \
  _(kUnreachableSent, "icmp_unreachable_sent", "port unreachables sent")                            \
  _(kUnreachableLimited, "icmp_unreachable_rate_limited",                                           \
    "port unreachables not sent, as there were too many")                                           \
  _(kBadChecksum, "icmp_bad_checksum", "ICMP messages with a wrong checksum")                       \
  _(kBadLength, "icmp_bad_length", "ICMP messages too short to be one, or too long to be answered") \
  _(kIgnored, "icmp_ignored", "packets that a host gives no ICMP answer to")
LINECAST_COUNTER_LIST(IcmpCounter, LINECAST_ICMP_COUNTERS)

// The packets that it writes are IPv4 from the first header byte (no options, TTL 64, both checksums
// complete), without Ethernet header: where they go is what Neighbors::resolve() says of the packet's source.
// One thread at a time; allocates nothing.
class IcmpResponder {
 public:
  // Enough for `ping -f` and for any monitoring; a flood at an MTU of 1500 gets 12 Mbit/s back.
  static constexpr uint64_t kEchoesPerSecond = 1000;
  // A person or a program that tries a closed port needs one; RFC 1812 (section 4.3.2.8) wants a limit. A
  // stream sent to the wrong host is answered with less than 80 kbit/s.
  static constexpr uint64_t kUnreachablesPerSecond = 100;
  // IPv4 header, ICMP header, and of the packet in question its header (60 bytes at most) and 8 bytes.
  static constexpr size_t kMaxUnreachableSize = kIpv4Size + 8 + 60 + 8;

  // address: the interface's, of which alone it speaks. mtu: bytes of IPv4 packet.
  IcmpResponder(Ipv4 address, uint16_t mtu) : address_(address), mtu_(mtu) {}

  // Both: packet: an IPv4 packet that parse_frame() has taken, from its first header byte; Ethernet padding
  // may follow. to_group_mac: whether the frame came to a group's or the broadcast MAC. ip_id: identification
  // of the packet written. Returns the size of what stands in `out`, which does not overlap `packet`; 0 where
  // no answer is due.

  // The reply to an echo request with the same identifier, sequence, payload and DSCP. IPv4 options are not
  // echoed. out: at least the MTU, or what is longer is not answered.
  size_t answer_echo(TimeNs now, Bytes packet, bool to_group_mac, uint16_t ip_id, MutableBytes out);
  // The answer to a UDP datagram for which nobody listens. out: at least kMaxUnreachableSize.
  size_t refuse_port(TimeNs now, Bytes packet, bool to_group_mac, uint16_t ip_id, MutableBytes out);

  uint64_t count(IcmpCounter c) const { return counters_.get(c); }

 private:
  size_t none(IcmpCounter counter) {
    counters_.add(counter);
    return 0;
  }

  Ipv4 address_;
  size_t mtu_;
  TokenBucket echoes_{kEchoesPerSecond, kEchoesPerSecond};
  TokenBucket unreachables_{kUnreachablesPerSecond, kUnreachablesPerSecond};
  CounterSet<IcmpCounter, kIcmpCounterCount> counters_;
};

}  // namespace linecast::net
