// Send: frames are gathered by port and given to the card in bursts.
#include <cstring>

#include "app/linecast/lane.h"

namespace linecast::app {
namespace {

// How often a full transmit queue is tried again within a turn: the virtual devices drain in bursts, cards
// while we try.
constexpr int kTransmitTries = 8;

}  // namespace

drivers::Packet* Lane::take_control_packet() {
  drivers::Packet* packet = setup_.control_packets->take();
  if (packet == nullptr) counters_.add(LaneCounter::kNoControlPacket);
  return packet;
}

void Lane::queue_frame(size_t port, drivers::Packet* packet, LaneHop* hop) {
  TransmitBatch& batch = batches_[port];
  if (batch.count == batch.packets.size()) flush(port);
  batch.packets[batch.count] = packet;
  batch.hops[batch.count++] = hop;
}

void Lane::send_copy(LaneHop& hop, const drivers::Packet* frame) {
  drivers::Packet* copy = setup_.control_packets->take();
  if (copy == nullptr) return hop.count(ChannelCounter::kCopyNoPacket);
  hop.write_copy(frame, copy);
  queue_frame(hop.out_port(), copy, &hop);
}

void Lane::send_control_frame(size_t interface, Bytes frame) {
  drivers::Packet* packet = take_control_packet();
  if (packet == nullptr) return;
  // The frame comes untagged, and behind its Ethernet header goes what a payload's place is for.
  const LaneInterface& on = interfaces_[interface];
  const size_t tag = on.vlan_control != 0 ? net::kVlanTagSize : 0;
  const size_t headers = net::kEthernetSize + tag;
  uint8_t* behind = drivers::payload_bytes(packet);
  std::memcpy(behind, frame.data() + net::kEthernetSize, frame.size() - net::kEthernetSize);
  std::memcpy(behind - headers, frame.data(), net::kEthernetSize);
  if (tag != 0) {
    std::memcpy(behind - 2, frame.data() + net::kEthernetSize - 2, 2);  // EtherType
    store_be16(behind - 6, net::kEtherTypeVlan);
    store_be16(behind - 4, on.vlan_control);
  }
  drivers::prepare_frame(packet, on.marks, headers, frame.size() - net::kEthernetSize);
  queue_frame(on.port, packet, nullptr);
}

void Lane::flush(size_t port_index) {
  TransmitBatch& batch = batches_[port_index];
  LanePort& port = ports_[port_index];
  unsigned sent = 0;
  for (int tries = 0; sent < batch.count && tries < kTransmitTries && !port.paused; ++tries)
    sent += port.port->transmit(port.transmit_queue, &batch.packets[sent], batch.count - sent);
  counters_.add(LaneCounter::kTransmitted, sent);
  for (unsigned k = sent; k < batch.count; ++k) {
    if (port.paused)
      counters_.add(LaneCounter::kPortPaused);
    else if (batch.hops[k] != nullptr)
      batch.hops[k]->count(ChannelCounter::kTransmitFull);
    else
      counters_.add(LaneCounter::kControlTransmitFull);
    drivers::release(batch.packets[k]);
  }
  batch.count = 0;
}

void Lane::flush_all() {
  for (size_t i = 0; i < batches_.size(); ++i)
    if (batches_[i].count > 0) flush(i);
}

}  // namespace linecast::app
