// Port, parse, act: every frame that a port or another lane hands this lane goes through here.
#include "app/linecast/lane.h"

namespace linecast::app {

bool Lane::receive(TimeNs now) {
  std::array<drivers::Packet*, kBurst> packets;
  bool busy = false;
  for (size_t i = 0; i < ports_.size(); ++i) {
    if (ports_[i].host == nullptr) continue;
    const unsigned count = ports_[i].port->receive(packets.data(), kBurst);
    if (count > 0) {
      busy = true;
      counters_.add(LaneCounter::kReceived, count);
      if (count == kBurst) counters_.add(LaneCounter::kFullBursts);
      for (unsigned k = 0; k < count; ++k) drivers::set_input_port(packets[k], static_cast<uint16_t>(i));
      take_burst(packets.data(), count, now);
    }
    ports_[i].host->poll(now);
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
  std::array<Request, kBurst> requests;
  std::array<drivers::Packet*, kBurst> used;
  unsigned ingests = 0, requested = 0, done = 0;

  for (unsigned k = 0; k < count; ++k) drivers::prefetch_headers_of_data(packets[k]);
  for (unsigned k = 0; k < count; ++k) {
    drivers::Packet* packet = packets[k];
    const uint16_t interface = drivers::input_port(packet);
    used[done++] = packet;
    if (!drivers::is_whole(packet)) [[unlikely]] {
      counters_.add(LaneCounter::kMultiSegment);
      continue;
    }
    const net::ParsedFrame frame = net::parse_frame(drivers::view(packet), drivers::checksums_known(packet));
    switch (frame.kind) {
      [[likely]] case net::FrameKind::kUdp : {
        const uint32_t flow =
            directory_.flows.find(interface, frame.destination, frame.destination_port, frame.source);
        if (flow < channels_.size()) [[likely]] {
          if (LaneChannel* channel = channels_[flow].get(); channel != nullptr) [[likely]] {
            channel->prefetch();
            ingest[ingests++] = {channel, frame.payload};
          } else if (hand_over(flow, packet, &Lane::inbox_)) {
            --done;
          }
        } else if (flow == Directory::kRequests) {
          --done;
          requests[requested++] = {frame, packet, interface};
        } else {
          counters_.add(LaneCounter::kNoFlow);
        }
        break;
      }
      case net::FrameKind::kArp:
        if (ports_[interface].host != nullptr) ports_[interface].host->receive_arp(frame.payload, counters_);
        break;
      case net::FrameKind::kIgmp:
        if (ports_[interface].host != nullptr) ports_[interface].host->receive_igmp(now, frame);
        break;
      case net::FrameKind::kIcmp:
        counters_.add(LaneCounter::kIcmpIgnored);
        break;
      case net::FrameKind::kNone:
        frame_faults_.add(frame.fault);
        break;
    }
  }

  seal_burst(now, ingest.data(), ingests);
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
    }
  }
}

bool Lane::hand_over(size_t channel, drivers::Packet* packet, drivers::Queue<drivers::Packet*> Lane::*inbox) {
  if (!(peers_[directory_.lane_of[channel]]->*inbox).push(packet)) {
    counters_.add(LaneCounter::kInboxFull);
    return false;
  }
  counters_.add(LaneCounter::kHandedOver);
  return true;
}

}  // namespace linecast::app
