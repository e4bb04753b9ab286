#include "app/linecast/lane_host.h"

#include <cstring>

namespace linecast::app {
namespace {

// Packets a second: far above what networks of thousands of hosts bring, and next to nothing for a lane.
constexpr uint64_t kArpForUsPerSecond = 5'000;
constexpr uint64_t kOtherArpPerSecond = 2'000;
constexpr uint64_t kIgmpQueriesPerSecond = 200;
constexpr uint64_t kIgmpQueriesToUsPerSecond = 20;  // somebody who looks for faults
constexpr uint64_t kOtherIgmpPerSecond = 2'000;
constexpr uint64_t kOtherIgmpBurst = 500;

bool is_for(Bytes arp, Ipv4 address) {
  constexpr size_t kTargetAt = 24;
  return arp.size() >= kTargetAt + 4 && load_be32(&arp[kTargetAt]) == address;
}

bool is_igmp_query(Bytes message) {
  return !message.empty() && message[0] == static_cast<uint8_t>(igmp::MessageType::kQuery);
}

}  // namespace

// A port does not hear what it sends: each of the two is told of the other's frames here.
LaneHost::LaneHost(const HostSetup& setup, const Send& send)
    : mac_(setup.neighbors.mac),
      address_(setup.neighbors.address),
      prefix_length_(setup.neighbors.prefix_length),
      send_(send),
      igmp_(setup.igmp, Random(setup.seed),
            [this](Bytes frame) {
              send_(frame);
              if (querier_) hear(*querier_, frame);
            }),
      neighbors_(setup.neighbors, send),
      icmp_(setup.neighbors.address, setup.igmp.mtu),
      arp_for_us_(kArpForUsPerSecond, kArpForUsPerSecond),
      other_arp_(kOtherArpPerSecond, kOtherArpPerSecond),
      igmp_queries_(kIgmpQueriesPerSecond, kIgmpQueriesPerSecond),
      igmp_queries_to_us_(kIgmpQueriesToUsPerSecond, kIgmpQueriesToUsPerSecond),
      other_igmp_(kOtherIgmpPerSecond, kOtherIgmpBurst),
      frame_(net::kEthernetSize + setup.igmp.mtu) {
  if (setup.querier)
    querier_.emplace(*setup.querier, [this](Bytes frame) {
      send_(frame);
      hear(igmp_, frame);
    });
}

template <typename Listener>
void LaneHost::hear(Listener& listener, Bytes frame) {
  const net::ParsedFrame parsed = net::parse_frame(frame, {.ip_good = true});
  listener.receive(now_, parsed.source, parsed.destination, parsed.ttl, parsed.payload);
}

void LaneHost::start(TimeNs now) {
  neighbors_.link_up(now);
  if (querier_) querier_->link_up(now);
}

void LaneHost::link_up(TimeNs now) {
  start(now);
  igmp_.link_up(now);
}

void LaneHost::leave_all(TimeNs now) {
  now_ = now;
  igmp_.leave_all(now);
}

void LaneHost::receive(TimeNs now, const net::ParsedFrame& frame, Bytes bytes, LaneCounters& counters) {
  now_ = now;
  if (!frame.is_link_group && !std::equal(mac_.begin(), mac_.end(), bytes.begin()))
    return counters.add(LaneCounter::kForeignMac);
  const Bytes packet = bytes.subspan(frame.ethernet_size);
  switch (frame.kind) {
    case net::FrameKind::kArp:
      if (const bool for_us = is_for(packet, address_); !(for_us ? arp_for_us_ : other_arp_).take(now, 1)) {
        if (for_us) neighbors_.request_missed(now);
        return counters.add(LaneCounter::kArpLimited);
      }
      return neighbors_.receive(now, packet);
    case net::FrameKind::kIgmp:
      return receive_igmp(now, frame, counters);
    case net::FrameKind::kIcmp: {
      const size_t size = icmp_.answer_echo(now, packet, frame.is_link_group, ip_id_,
                                            MutableBytes(frame_).subspan(net::kEthernetSize));
      return answer(now, frame, bytes, size);
    }
    case net::FrameKind::kUdp: {
      counters.add(LaneCounter::kNoFlow);
      if (frame.destination != address_) return;
      const size_t size = icmp_.refuse_port(now, packet, frame.is_link_group, ip_id_,
                                            MutableBytes(frame_).subspan(net::kEthernetSize));
      return answer(now, frame, bytes, size);
    }
    case net::FrameKind::kNone:
      return;
  }
}

void LaneHost::frame_lost(TimeNs now) {
  now_ = now;
  igmp_.query_missed(now);
  neighbors_.request_missed(now);
}

void LaneHost::receive_igmp(TimeNs now, const net::ParsedFrame& frame, LaneCounters& counters) {
  // TTL 1 does not prove that it is of this link: whoever is behind a router sends it with more. But no
  // router passes on what is sent to link-local groups, and none sends a group's packet to a unicast MAC.
  // Queries to our own address may come from anywhere: they are answered, but decide nothing.
  const bool to_us = frame.destination == address_;
  if (!frame.is_link_group && !to_us) return counters.add(LaneCounter::kIgmpUnicast);
  const bool good = igmp::check_message(frame.ttl, frame.payload) == igmp::MessageFault::kNone;
  const bool query = good && is_igmp_query(frame.payload);
  if (!frame.is_link_group && !query) return counters.add(LaneCounter::kIgmpUnicast);
  if (frame.source == address_) return counters.add(LaneCounter::kIgmpOwnAddress);
  // Of an allowance of their own: what comes from afar must not crowd out the link's querier.
  TokenBucket& allowance = !query ? other_igmp_ : to_us ? igmp_queries_to_us_ : igmp_queries_;
  if (!allowance.take(now, 1)) {
    if (query && !to_us) igmp_.query_missed(now);
    return counters.add(LaneCounter::kIgmpLimited);
  }
  igmp_.receive(now, frame.source, frame.destination, frame.ttl, frame.payload);
  if (querier_ && !(query && to_us))
    querier_->receive(now, frame.source, frame.destination, frame.ttl, frame.payload);
}

std::optional<net::Mac> LaneHost::way_to(TimeNs now, Ipv4 address, const net::Mac& came_from) {
  if (const std::optional<net::Mac> mac = neighbors_.resolve(now, address)) return mac;
  // The first and the last address of the subnet are no host's (RFC 1122, section 3.2.1.3).
  if (same_subnet(address, address_, prefix_length_) && !neighbors_.is_neighbor(address)) return std::nullopt;
  // Who knows our MAC from before we started does not ask for it: what it sent came from a MAC that leads to
  // it.
  if ((came_from[0] & 1) != 0) return std::nullopt;
  return came_from;
}

void LaneHost::answer(TimeNs now, const net::ParsedFrame& frame, Bytes received, size_t size) {
  if (size == 0) return;
  ++ip_id_;
  net::Mac came_from;
  std::memcpy(came_from.data(), received.data() + came_from.size(), came_from.size());
  const std::optional<net::Mac> mac = way_to(now, frame.source, came_from);
  if (!mac) return;
  ByteWriter header(MutableBytes(frame_).first(net::kEthernetSize));
  header.bytes(*mac);
  header.bytes(mac_);
  header.u16(net::kEtherTypeIpv4);
  send_(Bytes(frame_).first(net::kEthernetSize + size));
}

void LaneHost::poll(TimeNs now) {
  now_ = now;
  if (now >= igmp_.next_due()) igmp_.poll(now);
  if (querier_ && now >= querier_->next_due()) querier_->poll(now);
  if (now >= neighbors_.next_due()) neighbors_.poll(now);
}

TimeNs LaneHost::next_due() const {
  const TimeNs due = std::min(igmp_.next_due(), neighbors_.next_due());
  return querier_ ? std::min(due, querier_->next_due()) : due;
}

void LaneHost::show_igmp(TimeNs now, IgmpPage& page) const {
  page.host = igmp_.status(now);
  page.joined_count = igmp_.rows(page.from, page.joined);
  page.has_querier = querier_.has_value();
  page.heard_count = 0;
  if (!querier_) return;
  page.querier = querier_->status(now);
  page.heard_count = querier_->rows(now, page.from, page.heard);
}

}  // namespace linecast::app
