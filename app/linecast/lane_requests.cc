// SMART messages that reach one of our hops: replacement requests are answered from the kept frames.
#include <bit>

#include "app/linecast/lane.h"

namespace linecast::app {

bool Lane::answer(const Request& request, TimeNs now) {
  smart::Split message;
  const smart::WireFault fault = smart::split_message(request.frame.payload, message);
  if (fault != smart::WireFault::kNone) {
    wire_faults_.add(fault);
    return false;
  }
  if (message.header.type != smart::PacketType::kReplacement ||
      message.header.command != static_cast<uint8_t>(smart::ReplacementCommand::kReplacement)) {
    counters_.add(LaneCounter::kMessageIgnored);
    return false;
  }
  smart::Replacement asked;
  if (!smart::decode(message.body, asked)) {
    wire_faults_.add(smart::WireFault::kBadLength);
    return false;
  }
  const uint32_t index = directory_.groups.find(request.interface, asked.group,
                                                request.frame.destination_port, request.frame.source);
  if (index >= channels_.size()) {
    counters_.add(LaneCounter::kUnknownGroup);
    return false;
  }
  LaneChannel* channel = channels_[index].get();
  if (channel == nullptr) return hand_over(directory_.lane_of[index], request.packet, &Lane::request_inbox_);
  // The MAC first: forged requests must not use up the allowance of those whose address they bear.
  if (!channel->admit_request(manager_, request.frame.payload, message.trailer)) return false;
  uint64_t sequences = 0;
  for (const smart::SequencePair& pair : asked.list.view()) sequences += 1 + std::popcount(pair.mask);
  if (!source_limiter_.admit(now, request.frame.source, index, sequences)) {
    channel->count(ChannelCounter::kRequestSourceLimit);
    return false;
  }
  for (const smart::SequencePair& pair : asked.list.view()) {
    repair(*channel, pair.sequence, now);
    for (uint16_t bit = 0; bit < 16; ++bit)
      if (pair.mask >> bit & 1) repair(*channel, static_cast<uint16_t>(pair.sequence + 1 + bit), now);
  }
  return false;
}

void Lane::repair(LaneChannel& channel, uint16_t sequence, TimeNs now) {
  drivers::Packet* kept = channel.due_repair(now, sequence);
  if (kept == nullptr) return;
  drivers::Packet* packet = setup_.control_packets->take();
  if (packet == nullptr) return channel.count(ChannelCounter::kRepairNoPacket);
  channel.write_repair(kept, packet, channel.sends_segments() ? setup_.control_packets->take() : nullptr);
  queue_frame(channel.out_port(), packet, &channel);
}

}  // namespace linecast::app
