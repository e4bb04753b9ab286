// Port, parse, act: every frame that a port or another lane hands this lane goes through here.
#include "app/linecast/lane.h"

namespace linecast::app {

bool Lane::receive(TimeNs now) {
  std::array<drivers::Packet*, kBurst> packets;
  bool busy = false;
  for (size_t i = 0; i < ports_.size(); ++i) {
    LanePort& port = ports_[i];
    if (!port.receive_queue || port.paused) continue;
    const unsigned count = port.port->receive(*port.receive_queue, packets.data(), kBurst);
    if (count == 0) continue;
    busy = true;
    counters_.add(LaneCounter::kReceived, count);
    if (count == kBurst) counters_.add(LaneCounter::kFullBursts);
    for (unsigned k = 0; k < count; ++k) drivers::set_input_port(packets[k], static_cast<uint16_t>(i));
    take_burst(packets.data(), count, now);
  }
  for (auto* inbox : {&inbox_, &request_inbox_}) {
    const unsigned count = inbox->pop(packets.data(), kBurst);
    if (count == 0) continue;
    busy = true;
    take_burst(packets.data(), count, now);
  }
  return busy;
}

void Lane::take_burst(drivers::Packet** packets, unsigned count, TimeNs now) {
  std::array<Ingest, kBurst> ingest;
  std::array<Relayed, kBurst> relayed;
  std::array<Request, kBurst> requests;
  std::array<drivers::Packet*, kBurst> used;
  unsigned ingests = 0, relays = 0, requested = 0, done = 0;

  for (unsigned k = 0; k < count; ++k) drivers::prefetch_headers_of_data(packets[k]);
  for (unsigned k = 0; k < count; ++k) {
    drivers::Packet* packet = packets[k];
    used[done++] = packet;
    if (!drivers::is_whole(packet)) [[unlikely]] {
      counters_.add(LaneCounter::kMultiSegment);
      continue;
    }
    const net::ParsedFrame frame = net::parse_frame(drivers::view(packet), drivers::card_findings(packet));
    if (frame.kind == net::FrameKind::kNone) [[unlikely]] {
      frame_faults_.add(frame.fault);
      continue;
    }
    const uint16_t interface = directory_->interface_of(drivers::input_port(packet), frame.vlan);
    if (interface == Directory::kNoInterface) [[unlikely]] {
      counters_.add(LaneCounter::kVlanUnexpected);
      continue;
    }
    const uint32_t flow =
        frame.kind == net::FrameKind::kUdp
            ? directory_->flows.find(interface, frame.destination, frame.destination_port, frame.source)
            : net::FlowTable::kNone;
    if (flow < streams_.size()) [[likely]] {
      if (LaneChannel* channel = streams_[flow].channel.get(); channel != nullptr) [[likely]] {
        channel->prefetch();
        ingest[ingests++] = {channel, frame.payload};
      } else if (LaneRelay* relay = streams_[flow].relay.get(); relay != nullptr) {
        relay->prefetch();
        relayed[relays++] = {
            relay,
            flow,
            {drivers::source_mac(packet), frame.source_port, {frame.destination, frame.destination_port}},
            frame.payload};
      } else if (hand_over(directory_->lane_of[flow], packet, &Lane::inbox_)) {
        --done;
      }
    } else if (flow == Directory::kRequests) {
      --done;
      requests[requested++] = {frame, packet, interface};
    } else if (receive_for_host(interface, frame, packet, now)) {
      --done;
    }
  }

  seal_burst(now, ingest.data(), ingests);
  relay_burst(now, relayed.data(), relays);
  // Repairs go behind the live packets of their turn.
  if (requested > 0) {
    flush_all();
    for (unsigned k = 0; k < requested; ++k)
      if (!answer(requests[k], now)) used[done++] = requests[k].packet;
  }
  drivers::release_bulk(used.data(), done);
}

void Lane::seal_burst(TimeNs now, const Ingest* ingest, unsigned count) {
  for (unsigned k = 0; k < count; ++k) {
    LaneChannel& channel = *ingest[k].channel;
    if (drivers::Packet* frame = channel.seal(manager_, now, ingest[k].payload); frame != nullptr) {
      drivers::hold(frame);  // the ring keeps its own hold
      queue_frame(channel.out_port(), frame, &channel);
      if (channel.sends_to_both()) [[unlikely]]
        send_copy(channel, frame);
    }
  }
}

bool Lane::receive_for_host(uint16_t interface, const net::ParsedFrame& frame, drivers::Packet* packet,
                            TimeNs now) {
  if (frame.kind == net::FrameKind::kUdp && is_multicast(frame.destination)) {
    counters_.add(LaneCounter::kNoFlow);  // nothing that its host answers
    return false;
  }
  LaneInterface& on = interfaces_[interface];
  if (on.host == nullptr) {
    const size_t owner = directory_->host_lane_of[interface];
    if (hand_over(owner, packet, &Lane::request_inbox_)) return true;
    peers_[owner]->host_frame_lost_.store(true, std::memory_order_relaxed);
    return false;
  }
  on.host->receive(now, frame, drivers::view(packet), counters_);
  hosts_due_ = std::min(hosts_due_, on.host->next_due());
  return false;
}

bool Lane::hand_over(size_t lane, drivers::Packet* packet, drivers::Queue<drivers::Packet*> Lane::*inbox) {
  if (!(peers_[lane]->*inbox).push(packet)) {
    counters_.add(LaneCounter::kInboxFull);
    return false;
  }
  counters_.add(LaneCounter::kHandedOver);
  return true;
}

}  // namespace linecast::app
