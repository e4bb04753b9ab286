#include "app/linecast/lane_relay.h"

#include <algorithm>
#include <cstring>

namespace linecast::app {
namespace {

constexpr TimeNs kLookIntervalNs = 2 * kNsPerMs;
// Of KEY_ANNOUNCEs that are not the one that is followed, for the control lcore: ten a second of each standby
// headend, and a few more.
constexpr uint64_t kNewAnnouncementsASecond = 100;
constexpr uint64_t kNewAnnouncementsAtOnce = 20;
// The hop is silent, and says nothing of itself, when nothing has come from above for so long: those below
// are to look for another one.
constexpr TimeNs kSilentAfterNs = 3 * kNsPerSecond;

net::UdpFlow upstream_flow(const UpstreamSetup& setup) {
  net::UdpFlow flow = setup.flow;
  flow.vlan_control = setup.offloads.vlan_insert ? 0 : setup.vlan_control;
  flow.card_ip_checksum = setup.offloads.ip_checksum;
  return flow;
}

bool is_message(Bytes datagram, smart::MessageCommand command, size_t size) {
  smart::CommonHeader header;
  return datagram.size() == size && smart::decode_common(datagram, header) == smart::WireFault::kNone &&
         header.type == smart::PacketType::kMessage && header.command == static_cast<uint8_t>(command);
}

bool is_key_announce(Bytes datagram) {
  return is_message(datagram, smart::MessageCommand::kKeyAnnounce, smart::kKeyAnnounceSize);
}

bool is_move(Bytes datagram) {
  return is_message(datagram, smart::MessageCommand::kAddrRangeChange, smart::kMoveSize);
}

// Of a place that the control lcore reads: group (32) | port (16).
uint64_t number_of(const smart::GroupPlace& place) { return uint64_t{place.group} << 16 | place.port; }

smart::GroupPlace place_of(const Counter& published) {
  const uint64_t number = published.get();
  return {static_cast<Ipv4>(number >> 16), static_cast<uint16_t>(number)};
}

}  // namespace

RelayTerms::RelayTerms(const lineup::Channel& channel)
    : largest_packet(smart::kDataHeaderSize + channel.max_payload +
                     (channel.is_clear() ? 0 : smart::kSealOverhead)),
      hop(channel) {}

LaneRelay::LaneRelay(LaneRelaySetup setup, drivers::Pool& frames, int numa_node)
    : LaneHop(*setup.channel, std::move(setup.hop), frames, numa_node),
      receivers_(*setup.receivers),
      upstream_keys_(std::move(setup.upstream_keys)),
      stream_(setup.stream, upstream_keys_.get(), setup.seed),
      new_announcements_(kNewAnnouncementsASecond, kNewAnnouncementsAtOnce),
      upstream_header_(upstream_flow(setup.upstream)),
      upstream_marks_(drivers::frame_marks(setup.upstream.offloads, setup.upstream.vlan_control, true)),
      upstream_card_checksum_(setup.upstream.offloads.udp_checksum),
      upstream_address_(setup.upstream.flow.destination),
      in_port_(setup.upstream.port),
      in_interface_(setup.upstream.interface) {
  set_relayed(stream_);
  RelayTerms terms(*setup.channel);
  take(terms);
  publish();
  publish_way();
}

void LaneRelay::take(RelayTerms& terms) {
  largest_packet_ = terms.largest_packet;
  LaneHop::take(terms.hop, largest_packet_);
}

LaneRelay::Taken LaneRelay::take(crypto::Manager& manager, TimeNs now, Bytes datagram, const Origin& from,
                                 MutableBytes scratch) {
  count(ChannelCounter::kPacketsIn);
  count(ChannelCounter::kBytesIn, datagram.size());
  upstream_mac_ = from.mac;
  smart::CommonHeader header;
  Taken taken;
  if (is_multicast(from.to.group)) {
    // Of one that has been left something may come still.
    const size_t slot = stream_.groups().find(from.to);
    const Way way = slot == smart::GroupFollower::kNone ? Way::kUnicast : Way::kNative;
    taken = take_by({way, slot}, manager, now, datagram, scratch);
  } else if (smart::decode_common(datagram, header) != smart::WireFault::kNone ||
             header.type != smart::PacketType::kTunnelling) {
    taken = take_by({Way::kUnicast}, manager, now, datagram, scratch);
  } else if (const auto inner = stream_.take_tunnelling(now, from.port, datagram, taken.fault)) {
    taken = take_by({Way::kTunnel}, manager, now, *inner, scratch);
  }
  publish();
  return taken;
}

LaneRelay::Taken LaneRelay::take_by(const Arrival& by, crypto::Manager& manager, TimeNs now, Bytes datagram,
                                    MutableBytes scratch) {
  if (datagram.size() > largest_packet_) [[unlikely]] {
    count(ChannelCounter::kPayloadSize);
    return {};
  }
  smart::CommonHeader header;
  if (const smart::WireFault fault = smart::decode_common(datagram, header); fault != smart::WireFault::kNone)
    return {.fault = fault};
  Taken taken;
  if (header.type == smart::PacketType::kData)
    taken = take_data(by, manager, now, datagram, scratch);
  else if (upstream_keys_ != nullptr && is_key_announce(datagram))
    taken = take_announcement(now, datagram);
  else if (upstream_keys_ != nullptr && is_move(datagram))
    taken = take_move(now, datagram);
  else
    taken.fault = take_message(by, manager, now, datagram);
  taken.datagram = datagram;
  return taken;
}

smart::WireFault LaneRelay::take_message(const Arrival& by, crypto::Manager& manager, TimeNs now,
                                         Bytes datagram) {
  const smart::WireFault fault = stream_.take_message(manager, now, by, datagram);
  publish_way();
  return fault;
}

LaneRelay::Taken LaneRelay::take_data(const Arrival& by, crypto::Manager& manager, TimeNs now, Bytes datagram,
                                      MutableBytes scratch) {
  const smart::RelayStream::Taken taken = stream_.take_data(manager, now, by, datagram, scratch);
  switch (taken.fate) {
    case smart::RelayStream::Fate::kKept:
      return {.kept = keep(now, taken, datagram)};
    case smart::RelayStream::Fate::kCopy:
      replace(taken.sequence, datagram);
      return {};
    case smart::RelayStream::Fate::kHeartbeat:
      return {.pass_on = true};
    case smart::RelayStream::Fate::kDropped:
      break;
  }
  return {.fault = taken.fault};
}

// Repairs, too, go on as originals: those below have not had it.
drivers::Packet* LaneRelay::keep(TimeNs now, const smart::RelayStream::Taken& taken, Bytes datagram) {
  drivers::Packet* packet = ring().claim(taken.sequence);
  if (packet == nullptr) {
    stream_.count(smart::RelayCounter::kNoFrame);
    return nullptr;
  }
  uint8_t* out = drivers::payload_bytes(packet);
  std::memcpy(out, datagram.data(), datagram.size());
  smart::set_data_command(out, smart::DataCommand::kOriginal, quiet_field());
  finish_frame(packet, datagram.size());
  const bool late = taken.sequence < stream_.next_sequence();
  stream_.note_kept(now, taken);
  if (late) sent_late(now, taken.sequence);
  count(ChannelCounter::kPacketsSent);
  return packet;
}

// Whoever made the first of two that differ, nothing here can tell; the later one is kept for repairs.
void LaneRelay::replace(uint64_t sequence, Bytes datagram) {
  const drivers::Packet* kept = ring().at(sequence);
  const uint8_t* in = drivers::payload_bytes(kept);
  const Bytes body(in + smart::kDataHeaderSize, drivers::payload_size(kept) - smart::kDataHeaderSize);
  if (smart::data_aad(in) == smart::data_aad(datagram.data()) &&
      std::ranges::equal(body, datagram.subspan(smart::kDataHeaderSize)))
    return;
  drivers::Packet* packet = ring().claim(sequence);
  if (packet == nullptr) return stream_.count(smart::RelayCounter::kNoFrame);
  uint8_t* out = drivers::payload_bytes(packet);
  std::memcpy(out, datagram.data(), datagram.size());
  smart::set_data_command(out, smart::DataCommand::kOriginal, quiet_field());
  finish_frame(packet, datagram.size());
  if (tunnels() != nullptr) tunnels()->replaced(sequence);
  stream_.count(smart::RelayCounter::kReplaced);
}

LaneRelay::Taken LaneRelay::take_announcement(TimeNs now, Bytes datagram) {
  const smart::RelayEpochs* epochs = stream_.epochs();
  if (epochs != nullptr && std::ranges::equal(datagram, epochs->announcement)) {
    if (stream_.too_far() || now - announced_ns_ < kAnnounceIntervalNs) return {};
    announced_ns_ = now;
    return {.pass_on = true};
  }
  return look_at(now);
}

LaneRelay::Taken LaneRelay::take_move(TimeNs now, Bytes datagram) {
  if (!std::ranges::equal(datagram, followed_move_)) return look_at(now);
  stream_.announced_again(now);
  return {};
}

LaneRelay::Taken LaneRelay::look_at(TimeNs now) {
  if (new_announcements_.take(now, 1)) return {.announcement = true};
  stream_.count(smart::RelayCounter::kAnnounceLimit);
  return {};
}

void LaneRelay::write_passed(Bytes datagram, drivers::Packet* packet) {
  uint8_t* out = drivers::payload_bytes(packet);
  std::memcpy(out, datagram.data(), datagram.size());
  const bool announcement = is_key_announce(datagram);
  if (announcement) {
    count(ChannelCounter::kAnnouncesSent);
  } else {
    smart::set_data_command(out, smart::DataCommand::kHeartbeat, quiet_field());
    count(ChannelCounter::kHeartbeatsSent);
  }
  finish_frame(packet, datagram.size());
  if (tunnels() == nullptr) return;
  using enum HopTunnels::Message;
  tunnels()->set_message(announcement ? kAnnounce : kHeartbeat, datagram);
}

void LaneRelay::follow(const smart::RelayEpochs& epochs) {
  stream_.follow(epochs);
  announce_now_ = true;
  publish();
}

void LaneRelay::follow(TimeNs now, const UpstreamMove& move) {
  followed_move_ = move.announcement;
  stream_.follow(now, move.to);
  publish_way();
}

LaneRelay::Places LaneRelay::places() const {
  Places places;
  std::ranges::transform(published_places_, places.begin(), place_of);
  return places;
}

smart::GroupPlace LaneRelay::place_above() const { return place_of(published_place_above_); }

bool LaneRelay::write_announcement(drivers::Packet* packet) {
  write_passed(stream_.epochs()->announcement, packet);
  return true;
}

smart::Quiet LaneRelay::wait_for(const smart::PairList& missing) const {
  return {.duration_ms = static_cast<uint16_t>(stream_.wait_ns() / kNsPerMs), .list = missing};
}

// Nothing is said of a stream that is not heard: those below are to look for another hop.
LaneRelay::Due LaneRelay::take_due(TimeNs now) {
  look_due_ = now + kLookIntervalNs;
  take_look(now);
  publish_way();
  Due due;
  const bool heard = stream_.heard_ns() != kNever && now - stream_.heard_ns() < kSilentAfterNs;
  if (heard && stream_.hops() != 0 && !stream_.too_far()) {
    due.status = take_status_due(now);
    due.announce = announce_now_;
    if (announce_now_) announced_ns_ = now;
    announce_now_ = false;
  }
  return due;
}

void LaneRelay::publish_way() {
  published_by_tunnel_.set(stream_.by_tunnel() ? 1 : 0);
  for (size_t i = 0; i < kMaxPlaces; ++i) {
    const smart::GroupPlace* place = stream_.groups().held_in(i);
    published_places_[i].set(place == nullptr ? 0 : number_of(*place));
  }
  published_place_above_.set(number_of(stream_.place_above()));
  published_hop_start_.set(stream_.hop_start_number());
}

void LaneRelay::publish() {
  if (up_key() == nullptr && stream_.restarts() != restarts_) renew_start();
  restarts_ = stream_.restarts();
  set_hops(stream_.hops());
  set_position({stream_.first_sequence(), stream_.next_sequence(),
                upstream_keys_ != nullptr ? upstream_keys_->key_id : uint16_t{0}, stream_.synch_code(),
                stream_.run()});
  published_hops_.set(stream_.hops());
  published_heard_ns_.set(stream_.heard_ns() == kNever ? 0 : static_cast<uint64_t>(stream_.heard_ns()));
}

void LaneRelay::write_upward(Bytes message, const net::Mac& way, drivers::Packet* packet) {
  uint8_t* payload = drivers::payload_bytes(packet);
  const auto size = static_cast<uint16_t>(message.size());
  std::memcpy(payload, message.data(), message.size());
  upstream_header_.write(payload, size, upstream_ip_id_++);
  if (!upstream_card_checksum_) net::UdpTemplate::finish_udp_checksum(payload, size);
  upstream_header_.readdress(payload, {way, upstream_address_, stream_.port_of(message)},
                             upstream_card_checksum_);
  drivers::prepare_frame(packet, upstream_marks_, upstream_header_.size(), size);
}

}  // namespace linecast::app
