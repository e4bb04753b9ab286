#include "app/linecast/hop_tunnels.h"

#include <cstring>
#include <utility>

#include "lib/net/checksum.h"

namespace linecast::app {

using smart::TunnelTemplate;

smart::TunnelRepairs::Settings tunnel_repair_settings(const lineup::Channel& channel) {
  constexpr uint64_t kLeastBurstBytes = 64 * 1514;
  constexpr TimeNs kRepairsAWindow = 16;
  smart::TunnelRepairs::Settings settings;
  settings.budget_bytes_a_second = channel.bitrate_cap_bps / 8 * channel.budget_percent / 100;
  // A second's worth; no budget at all is no repair at all.
  settings.budget_burst_bytes =
      channel.budget_percent == 0 ? 0 : std::max(settings.budget_bytes_a_second, kLeastBurstBytes);
  settings.largest_bytes = net::kUdpFrameOverhead + TunnelTemplate::kInnerHeaders + smart::kDataHeaderSize +
                           smart::kSealOverhead + channel.max_payload;
  settings.longest_lock_ns = channel.window_ms * kNsPerMs / kRepairsAWindow;
  return settings;
}

HopTunnels::HopTunnels(const HopTunnelsSetup& setup)
    : setup_(setup),
      headers_(setup.flow),
      repair_headers_(setup.flow),
      repairs_(setup.repairs),
      askers_(uint8_t{0}, setup.window_ns) {}

void HopTunnels::take(const smart::TunnelList& list, uint64_t next) {
  if (destinations_.empty()) cursor_ = next;  // the first
  const auto begun = list.view().begin();
  if (in_round_) {
    // The round goes on with whoever would have been next, or comes behind.
    const smart::TunnelPeer peer = destinations_[next_destination_].peer;
    const auto from = std::ranges::lower_bound(list.view(), peer, {}, &smart::TunnelDestination::peer);
    next_destination_ = static_cast<size_t>(from - begun);
  }
  destinations_ = list.view();
  if (next_destination_ == destinations_.size()) in_round_ = false;
}

const smart::TunnelDestination* HopTunnels::find(const smart::TunnelPeer& peer) const {
  const auto found = std::ranges::lower_bound(destinations_, peer, {}, &smart::TunnelDestination::peer);
  return found != destinations_.end() && found->peer == peer ? &*found : nullptr;
}

void HopTunnels::set_message(Message kind, Bytes message) {
  if (message.size() > kMessageRoom) return;  // none of these is as long
  Stored& stored = messages_[static_cast<size_t>(kind)];
  std::memcpy(stored.bytes.data(), message.data(), message.size());
  stored.size = static_cast<uint16_t>(message.size());
  stored.number = ++messages_set_;
  // What it says of QUIET is for the group.
  if (kind == Message::kHeartbeat)
    smart::set_data_command(stored.bytes.data(), smart::DataCommand::kHeartbeat, 0);
}

void HopTunnels::move_to(Ipv4 group, uint16_t udp_port) {
  setup_.flow.inner.destination = group;
  setup_.flow.inner.source_port = setup_.flow.inner.destination_port = udp_port;
  setup_.flow.outer.source_port = udp_port;  // where tunnels are asked for from now on
  repair_headers_ = TunnelTemplate(setup_.flow);
  moved_ = true;
}

bool HopTunnels::sent_late(uint64_t sequence) {
  if (sequence >= cursor_) return true;  // it still has its turn
  if (late_count_ == late_sequences_.size()) return false;
  late_sequences_[(late_head_ + late_count_++) % late_sequences_.size()] = sequence;
  return true;
}

void HopTunnels::begin_anew(uint64_t first) {
  cursor_ = first;
  late_count_ = 0;
  if (!is_message_) in_round_ = false;
}

bool HopTunnels::is_quiet(const Stored& stored) const {
  const auto kind = static_cast<Message>(&stored - messages_.data());
  return kind == Message::kHold || kind == Message::kWait;
}

HopTunnels::Stored* HopTunnels::next_message() {
  Stored* next = nullptr;
  for (size_t kind = 0; kind < static_cast<size_t>(Message::kHeartbeat); ++kind)
    if (Stored& stored = messages_[kind];
        stored.number != 0 && (next == nullptr || stored.number < next->number))
      next = &stored;
  return next;
}

// Messages in their order, as their counts rise: whoever has heard a later one refuses it. Keys come before
// what they open, and a heartbeat tells of packets that have gone out before it. QUIET is what any of them
// can draw for all: behind one it is the stream's turn.
bool HopTunnels::begin_round(const smart::KeptSequences& kept) {
  next_destination_ = 0;
  frame_ = nullptr;
  if (std::exchange(moved_, false)) headers_ = TunnelTemplate(setup_.flow);
  const bool has_data = late_count_ > 0 || cursor_ < kept.next;
  if (!std::exchange(quiet_said_, false) || !has_data)
    while (Stored* message = next_message()) {
      quiet_said_ = is_quiet(*message);
      if (begin_message(*message)) return true;
    }
  if (late_count_ > 0) {
    const uint64_t sequence = late_sequences_[late_head_];
    late_head_ = (late_head_ + 1) % late_sequences_.size();
    --late_count_;
    return begin_data(sequence, true);
  }
  if (cursor_ < kept.next) return begin_data(cursor_++, false);
  Stored& heartbeat = messages_[static_cast<size_t>(Message::kHeartbeat)];
  return heartbeat.number != 0 && begin_message(heartbeat);
}

bool HopTunnels::begin_data(uint64_t sequence, bool late) {
  sequence_ = sequence;
  late_ = late;
  is_message_ = prepared_ = false;
  in_round_ = true;
  return true;
}

bool HopTunnels::begin_message(Stored& stored) {
  stored.number = 0;
  round_message_ = stored;
  const Bytes bytes = Bytes(round_message_.bytes).first(round_message_.size);
  in_round_ = is_message_ = headers_.prepare(bytes.size(), net::checksum_add(bytes));
  return in_round_;
}

uint64_t HopTunnels::sum_of(const drivers::Packet* frame, const Front& front) const {
  if (setup_.flow.card_udp_checksum) return 0;
  return TunnelTemplate::sum_from_checksum(drivers::payload_bytes(frame),
                                           static_cast<uint16_t>(drivers::payload_size(frame)), front);
}

bool HopTunnels::prepare_frame(const drivers::Packet* frame) {
  std::memcpy(front_.data(), drivers::payload_bytes(frame), front_.size());
  smart::set_data_command(front_.data(), smart::DataCommand::kOriginal, 0);
  prepared_ = headers_.prepare(drivers::payload_size(frame), sum_of(frame, front_));
  return prepared_;
}

// Headers, the SMART header among them, in `packet`; and the rest of the kept frame behind that.
size_t HopTunnels::write(const TunnelTemplate& headers, const net::UdpEndpoint& to, const Front& front,
                         drivers::Packet* kept, drivers::Packet* packet, drivers::Packet* tail) const {
  uint8_t* out = drivers::payload_bytes(packet);
  headers.write(out, to);
  out += TunnelTemplate::kInnerHeaders;
  std::memcpy(out, front.data(), front.size());
  const size_t size = drivers::payload_size(kept);
  if (tail == nullptr)
    std::memcpy(out + front.size(), drivers::payload_bytes(kept) + front.size(), size - front.size());
  drivers::prepare_frame(packet, setup_.marks, headers.size(),
                         TunnelTemplate::kInnerHeaders + (tail == nullptr ? size : front.size()));
  if (tail != nullptr) drivers::append_kept(packet, tail, kept, front.size());
  return headers.size() + TunnelTemplate::kInnerHeaders + size;
}

size_t HopTunnels::write_next(drivers::Packet* packet, drivers::Packet* tail, ChannelCounters& counters) {
  const smart::TunnelDestination& destination = destinations_[next_destination_];
  const net::UdpEndpoint to{destination.way.mac, destination.peer.address, destination.peer.port};
  size_t bytes = 0;
  if (is_message_) {
    uint8_t* out = drivers::payload_bytes(packet);
    headers_.write(out, to);
    std::memcpy(out + TunnelTemplate::kInnerHeaders, round_message_.bytes.data(), round_message_.size);
    const size_t payload = TunnelTemplate::kInnerHeaders + round_message_.size;
    drivers::prepare_frame(packet, setup_.marks, headers_.size(), payload);
    bytes = headers_.size() + payload;
  } else {
    bytes = write(headers_, to, front_, frame_, packet, tail);
    counters.add(ChannelCounter::kTunnelPackets);
  }
  if (++next_destination_ == destinations_.size()) in_round_ = false;
  return bytes;
}

smart::TunnelRepairs::Outcome HopTunnels::request(TimeNs now, const smart::KeptSequences& kept,
                                                  const smart::PairList& asked,
                                                  const smart::TunnelDestination& to,
                                                  smart::SourceShare& share) {
  return repairs_.request(now, askers_.round_trip_ns(), kept, asked,
                          {to.peer.address, to.peer.port, to.way.mac}, share, destinations_.size());
}

bool HopTunnels::write_repair(TimeNs now, const smart::RepairTarget& to, drivers::Packet* kept,
                              drivers::Packet* packet, drivers::Packet* tail) {
  Front front;
  std::memcpy(front.data(), drivers::payload_bytes(kept), front.size());
  smart::set_data_command(front.data(), smart::DataCommand::kRepair, 0);
  if (!repair_headers_.prepare(drivers::payload_size(kept), sum_of(kept, front))) return false;
  const size_t bytes = write(repair_headers_, {to.mac, to.address, to.port}, front, kept, packet, tail);
  repairs_.charge(now, bytes, destinations_.size());
  return true;
}

}  // namespace linecast::app
