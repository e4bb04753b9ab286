// What goes to receivers by unicast because they have asked for it: the lane's side of tunnels. Requests for
// them are the control lcore's.
#include "app/linecast/lane.h"
#include "lib/net/udp_template.h"

namespace linecast::app {
namespace {

// So much a live packet may have to wait for: twice a burst. And so many from one hop before it is another's
// turn.
constexpr unsigned kFramesATurn = 2 * kBurst;
constexpr unsigned kFramesAHop = kBurst / 2;
// Hops that have nothing to send cost a look each.
constexpr unsigned kLooksATurn = 64;
constexpr unsigned kRepliesATurn = 16;
constexpr size_t kWireOverhead = 24;  // bytes of a frame: preamble, checksum, gap
constexpr size_t kLargestFrame = 9216;
constexpr uint8_t kDscpCs6 = 48;  // network control (RFC 4594)

}  // namespace

void Lane::pass_on_tunnel_ask(const Request& request, TimeNs now) {
  HeardTunnelAsk ask;
  const Bytes datagram = request.frame.payload;
  if (datagram.size() > ask.datagram.size()) return wire_faults_.add(smart::WireFault::kBadLength);
  const net::Mac came_from = drivers::source_mac(request.packet);
  LaneHost* host = interfaces_[request.interface].host.get();
  const std::optional<net::Mac> way =
      host != nullptr ? host->way_to(now, request.frame.source, came_from) : came_from;
  if (!way || ((*way)[0] & 1) != 0) return counters_.add(LaneCounter::kTunnelNoWay);
  ask.time = now;
  ask.from = {request.frame.source, request.frame.source_port};
  ask.way = {request.interface, *way};
  ask.to = request.frame.destination;
  ask.to_port = request.frame.destination_port;
  ask.size = static_cast<uint8_t>(datagram.size());
  std::memcpy(ask.datagram.data(), datagram.data(), datagram.size());
  counters_.add(tunnel_asks_.push(ask) ? LaneCounter::kTunnelAsks : LaneCounter::kTunnelQueueFull);
}

bool Lane::send_tunnel_replies() {
  TunnelReply reply;
  unsigned sent = 0;
  for (; sent < kRepliesATurn && tunnel_replies_.pop(reply); ++sent) {
    const LaneInterface& on = interfaces_[reply.way.interface];
    net::UdpFlow flow;
    flow.source_mac = on.host->mac();
    flow.destination_mac = reply.way.mac;
    flow.source = reply.from;
    flow.destination = reply.to.address;
    flow.source_port = reply.from_port;
    flow.destination_port = reply.to.port;
    flow.ttl = 64;
    flow.dscp = kDscpCs6;
    const Bytes message = reply.answer.view();
    std::array<uint8_t, net::kUdpFrameOverhead + sizeof(reply.answer.bytes)> frame;
    uint8_t* payload = frame.data() + net::kUdpFrameOverhead;
    std::memcpy(payload, message.data(), message.size());
    const auto size = static_cast<uint16_t>(message.size());
    net::UdpTemplate(flow).write(payload, size, 0);
    net::UdpTemplate::finish_udp_checksum(payload, size);
    send_control_frame(reply.way.interface, Bytes(frame).first(net::kUdpFrameOverhead + size));
  }
  return sent > 0;
}

void Lane::set_tunnels(size_t slot, HopTunnels* tunnels, const smart::TunnelList* list) {
  LaneHop& hop = *streams_[slot].hop();
  if (tunnels == nullptr) return forget_tunnels(hop);
  if (hop.tunnels() == nullptr) tunnelled_[tunnelled_count_++] = &hop;
  hop.set_tunnels(tunnels);
  tunnels->take(*list, hop.kept().next);
}

void Lane::forget_tunnels(LaneHop& hop) {
  if (hop.tunnels() == nullptr) return;
  hop.set_tunnels(nullptr);
  size_t kept = 0;
  for (size_t i = 0; i < tunnelled_count_; ++i)
    if (tunnelled_[i] != &hop) tunnelled_[kept++] = tunnelled_[i];
  tunnelled_count_ = kept;
  // It may have waited for its turn because of them alone.
  if (!hop.repairs_pending()) forget_repairs(hop);
}

void Lane::set_tunnel_rate(uint64_t rate_bps) {
  // What a turn sends at most, of frames of the usual MTU.
  constexpr uint64_t kBurstBytes = kFramesATurn * (1514 + kWireOverhead) + kLargestFrame;
  for (LanePort& port : ports_) port.tunnel_rate = TokenBucket(rate_bps / 8, kBurstBytes);
}

// Hops in turn, until there is nothing left or it is enough for this turn.
bool Lane::send_into_tunnels(TimeNs now) {
  unsigned left = kFramesATurn;
  size_t idle = 0;
  for (unsigned looks = 0; looks < kLooksATurn && left > 0 && idle < tunnelled_count_; ++looks) {
    if (next_tunnelled_ >= tunnelled_count_) next_tunnelled_ = 0;
    const unsigned most = std::min(left, kFramesAHop);
    const unsigned sent = send_into_tunnels(*tunnelled_[next_tunnelled_++], most, now);
    left -= sent;
    idle = sent < most ? idle + 1 : 0;
  }
  return left < kFramesATurn;
}

unsigned Lane::send_into_tunnels(LaneHop& hop, unsigned most, TimeNs now) {
  HopTunnels& tunnels = *hop.tunnels();
  LanePort& port = ports_[tunnels.port()];
  const smart::KeptSequences kept = hop.kept();
  const auto frame_of = [&hop](uint64_t sequence) { return hop.kept_frame(sequence); };
  unsigned sent = 0;
  while (sent < most && tunnels.has_next(kept, frame_of, hop.counters_of_lane()) &&
         port.tunnel_rate.holds(now, kLargestFrame)) {
    drivers::Packet* packet = setup_.tunnel_packets->take();
    drivers::Packet* tail =
        packet != nullptr && tunnels.wants_tail() ? setup_.tunnel_packets->take() : nullptr;
    if (packet == nullptr || (tail == nullptr && tunnels.wants_tail())) {
      if (packet != nullptr) drivers::release(packet);
      counters_.add(LaneCounter::kTunnelNoPacket);
      break;
    }
    const size_t bytes = tunnels.write_next(packet, tail, hop.counters_of_lane());
    port.tunnel_rate.take(now, bytes + kWireOverhead);
    queue_frame(tunnels.port(), packet, &hop);
    ++sent;
  }
  return sent;
}

void Lane::send_tunnel_repair(LaneHop& hop, TimeNs now) {
  HopTunnels* tunnels = hop.tunnels();
  smart::RepairEngine::Repair repair;
  if (tunnels == nullptr || !tunnels->take_repair(repair)) return;
  drivers::Packet* kept = hop.kept_frame(repair.sequence);
  if (repair.sequence < hop.kept().first || kept == nullptr) return hop.count(ChannelCounter::kRequestTooOld);
  drivers::Packet* packet = setup_.tunnel_packets->take();
  drivers::Packet* tail =
      packet != nullptr && tunnels->sends_segments() ? setup_.tunnel_packets->take() : nullptr;
  if (packet == nullptr || (tail == nullptr && tunnels->sends_segments())) {
    if (packet != nullptr) drivers::release(packet);
    return hop.count(ChannelCounter::kRepairNoPacket);
  }
  if (!tunnels->write_repair(now, repair.target, kept, packet, tail)) {
    drivers::release(packet);
    if (tail != nullptr) drivers::release(tail);
    return hop.count(ChannelCounter::kTunnelTooLarge);
  }
  hop.count(ChannelCounter::kTunnelRepairs);
  queue_frame(tunnels->port(), packet, &hop);
}

}  // namespace linecast::app
