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

void Lane::queue_frame(size_t interface, drivers::Packet* packet, LaneChannel* channel) {
  TransmitBatch& batch = batches_[interface];
  if (batch.count == batch.packets.size()) flush(interface);
  batch.packets[batch.count] = packet;
  batch.channels[batch.count++] = channel;
}

void Lane::send_control_frame(size_t interface, Bytes frame) {
  drivers::Packet* packet = take_control_packet();
  if (packet == nullptr) return;
  std::memcpy(drivers::frame_bytes(packet), frame.data(), frame.size());
  drivers::prepare_frame(packet, static_cast<uint16_t>(frame.size()), false);
  queue_frame(interface, packet, nullptr);
}

void Lane::flush(size_t interface) {
  TransmitBatch& batch = batches_[interface];
  LanePort& port = ports_[interface];
  unsigned sent = 0;
  for (int tries = 0; sent < batch.count && tries < kTransmitTries; ++tries)
    sent += port.port->transmit(port.transmit_queue, &batch.packets[sent], batch.count - sent);
  counters_.add(LaneCounter::kTransmitted, sent);
  for (unsigned k = sent; k < batch.count; ++k) {
    if (batch.channels[k] != nullptr)
      batch.channels[k]->count(ChannelCounter::kTransmitFull);
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
