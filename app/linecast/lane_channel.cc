#include "app/linecast/lane_channel.h"

#include <cstring>

#include "lib/base/serial.h"
#include "lib/media/payload.h"
#include "lib/smart/trailer.h"

namespace linecast::app {
namespace {

constexpr TimeNs kHeartbeatFirstNs = 20 * kNsPerMs;
constexpr TimeNs kHeartbeatLastNs = kNsPerSecond;
constexpr TimeNs kAnnounceIntervalNs = 100 * kNsPerMs;
constexpr TimeNs kStatusIntervalNs = kNsPerSecond;
constexpr TimeNs kStatusAtStartNs = 100 * kNsPerMs;
// A repaired sequence is not repaired again for one group round trip: 50 ms before any was measured.
constexpr uint32_t kRoundTripMs = 50;
// How long a burst may exceed the cap, and how long repairs may save up.
constexpr uint64_t kCapBurstMs = 500;
constexpr uint64_t kBudgetBurstMs = 1000;
constexpr uint64_t kBudgetLeastBytes = 64 * 1514;

bool has_format(smart::PacketFormat format, Bytes payload) {
  switch (format) {
    case smart::PacketFormat::kMpegTs:
      return media::is_mpeg_ts(payload);
    case smart::PacketFormat::kRtp:
      return media::is_rtp(payload);
    default:
      return true;
  }
}

TokenBucket budget(const lineup::Channel& channel) {
  const uint64_t bytes_per_second = channel.bitrate_cap_bps / 8 * channel.budget_percent / 100;
  // No budget at all is no repair at all, not the least burst.
  const uint64_t least = channel.budget_percent == 0 ? 0 : kBudgetLeastBytes;
  return TokenBucket(bytes_per_second, std::max(bytes_per_second * kBudgetBurstMs / 1000, least));
}

// The headers as software writes them: what the card adds is left out.
net::UdpFlow hop_flow(const LaneChannelSetup& setup) {
  net::UdpFlow flow = setup.flow;
  flow.vlan_control = setup.offloads.vlan_insert ? 0 : setup.vlan_control;
  flow.card_ip_checksum = setup.offloads.ip_checksum;
  return flow;
}

}  // namespace

LaneChannel::LaneChannel(LaneChannelSetup setup, drivers::Pool& frames, int numa_node)
    : sealer_(setup.sender_id, setup.first_sequence, setup.key),
      ring_(frames, setup.channel->window_packets, numa_node),
      header_(hop_flow(setup)),
      cap_(setup.channel->bitrate_cap_bps / 8,
           std::max<uint64_t>(setup.channel->bitrate_cap_bps / 8 * kCapBurstMs / 1000,
                              setup.channel->max_payload)),
      max_payload_(setup.channel->max_payload),
      format_(setup.channel->source.format),
      quiet_(setup.channel->quiet.value_or(0)),
      card_udp_checksum_(setup.offloads.udp_checksum),
      segments_(setup.offloads.segments),
      marks_(drivers::frame_marks(setup.offloads, setup.vlan_control, true)),
      out_port_(setup.out_port),
      repair_budget_(budget(*setup.channel)),
      statuses_at_start_(3),
      announcement_(setup.announcement),
      message_keys_(std::move(setup.message_keys)),
      start_number_(setup.start_number),
      group_(setup.channel->output.group) {
  if (announcement_ == nullptr) timers_.announce = kNever;
  published_sequence_.set(sealer_.next_sequence());
  published_epoch_.set(sealer_.epoch());
}

drivers::Packet* LaneChannel::seal(crypto::Manager& manager, TimeNs now, Bytes payload) {
  counters_.add(ChannelCounter::kPacketsIn);
  counters_.add(ChannelCounter::kBytesIn, payload.size());
  if (payload.size() - 1 >= max_payload_) [[unlikely]] {  // empty ones wrap
    counters_.add(ChannelCounter::kPayloadSize);
    return nullptr;
  }
  if (!has_format(format_, payload)) [[unlikely]] {
    counters_.add(ChannelCounter::kPayloadFormat);
    return nullptr;
  }
  if (!cap_.take(now, payload.size())) [[unlikely]] {
    counters_.add(ChannelCounter::kOverCap);
    return nullptr;
  }
  drivers::Packet* packet = ring_.claim(sealer_.next_sequence());
  if (packet == nullptr) [[unlikely]] {
    counters_.add(ChannelCounter::kNoFrame);
    return nullptr;
  }
  const size_t size = sealer_.seal_data(manager, format_, quiet_, payload, drivers::payload_bytes(packet));
  if (size == 0) [[unlikely]] {
    counters_.add(ChannelCounter::kCounterUsedUp);
    return nullptr;
  }
  finish_frame(packet, size);
  last_data_ns_ = now;
  // The epoch first: who sees a sequence beyond a switch sees the epoch that it switched to.
  published_epoch_.set(sealer_.epoch());
  published_sequence_.set(sealer_.next_sequence());
  counters_.add(ChannelCounter::kPacketsSent);
  return packet;
}

void LaneChannel::finish_frame(drivers::Packet* packet, size_t payload_size) {
  uint8_t* payload = drivers::payload_bytes(packet);
  const auto size = static_cast<uint16_t>(payload_size);
  header_.write(payload, size, ip_id_++);
  if (!card_udp_checksum_) net::UdpTemplate::finish_udp_checksum(payload, size);
  drivers::prepare_frame(packet, marks_, header_.size(), size);
}

bool LaneChannel::admit_request(crypto::Manager& manager, Bytes datagram, Bytes trailer) {
  counters_.add(ChannelCounter::kRequests);
  if (message_keys_ == nullptr) {
    if (trailer.empty()) return true;
    counters_.add(ChannelCounter::kRequestTrailer);
    return false;
  }
  if (trailer.size() != smart::kCmacTrailerSize) {
    counters_.add(ChannelCounter::kRequestTrailer);
    return false;
  }
  const smart::TrailerFields fields = smart::read_trailer(trailer);
  if (fields.key_id != sealer_.key_id()) {
    counters_.add(ChannelCounter::kRequestTrailer);
    return false;
  }
  const crypto::CmacKey key = crypto::receiver_key(manager, message_keys_->up, fields.id);
  if (!smart::verify_cmac_trailer(manager, key, datagram)) {
    counters_.add(ChannelCounter::kRequestMac);
    return false;
  }
  // The count is the highest sequence that the receiver has opened: of this stream, and not older than what
  // is kept.
  if (fields.count >= sealer_.next_sequence() || fields.count + ring_.slots() < sealer_.next_sequence() ||
      fields.count + 1 < sealer_.first_sequence()) {
    counters_.add(ChannelCounter::kRequestStale);
    return false;
  }
  return true;
}

drivers::Packet* LaneChannel::due_repair(TimeNs now, uint16_t sequence) {
  counters_.add(ChannelCounter::kRequestedSequences);
  const uint64_t next = sealer_.next_sequence();
  const uint64_t full = extend_serial(next - 1, sequence);
  if (full >= next) {
    counters_.add(ChannelCounter::kRequestNotSent);
    return nullptr;
  }
  if (full < sealer_.first_sequence() || full + ring_.slots() < next) {
    counters_.add(ChannelCounter::kRequestTooOld);
    return nullptr;
  }
  const auto now_ms = static_cast<uint32_t>(now / kNsPerMs) | 1;  // never 0, which says "not yet"
  const uint32_t repaired_ms = ring_.repaired_ms(full);
  if (repaired_ms != 0 && now_ms - repaired_ms < kRoundTripMs) {
    counters_.add(ChannelCounter::kRequestRepeated);
    return nullptr;
  }
  drivers::Packet* kept = ring_.at(full);
  if (!repair_budget_.take(now, drivers::view(kept).size())) {
    counters_.add(ChannelCounter::kRequestOverBudget);
    return nullptr;
  }
  ring_.set_repaired_ms(full, now_ms);
  return kept;
}

// The kept frame may still be read by the card, so the repair has headers of its own: CMD 1, and the same
// ciphertext and tag behind it.
void LaneChannel::write_repair(drivers::Packet* kept, drivers::Packet* packet, drivers::Packet* tail) {
  const uint8_t* in = drivers::payload_bytes(kept);
  const auto size = static_cast<uint16_t>(drivers::payload_size(kept));
  uint8_t* out = drivers::payload_bytes(packet);
  const size_t own = tail == nullptr ? size : smart::kDataHeaderSize;
  std::memcpy(out, in, own);
  smart::set_data_command(out, smart::DataCommand::kRepair, quiet_);
  header_.write(out, size, ip_id_++);
  if (!card_udp_checksum_) net::UdpTemplate::derive_udp_checksum(out, in, smart::kDataHeaderSize);
  drivers::prepare_frame(packet, marks_, header_.size(), own);
  if (tail != nullptr) drivers::append_kept(packet, tail, kept, own);
  counters_.add(ChannelCounter::kRepairsSent);
}

bool LaneChannel::write_message(drivers::Packet* packet, Bytes message) {
  if (message.empty()) return false;
  std::memcpy(drivers::payload_bytes(packet), message.data(), message.size());
  finish_frame(packet, message.size());
  return true;
}

bool LaneChannel::write_heartbeat(crypto::Manager& manager, drivers::Packet* packet) {
  const size_t size = sealer_.seal_heartbeat(manager, quiet_, drivers::payload_bytes(packet));
  if (size == 0) return false;
  finish_frame(packet, size);
  counters_.add(ChannelCounter::kHeartbeatsSent);
  return true;
}

bool LaneChannel::write_status(crypto::Manager& manager, TimeNs now, drivers::Packet* packet) {
  smart::SenderStatus status;
  status.group = group_;
  status.hop_time_us = static_cast<uint32_t>(now / kNsPerUs);
  status.round_trip_ms = kRoundTripMs;
  status.start_number = start_number_;
  std::array<uint8_t, 96> message;
  size_t size = smart::encode(status, message);
  if (message_keys_ != nullptr)
    size = smart::append_cmac_trailer(manager, message_keys_->down,
                                      {start_number_, sealer_.key_id(), ++message_count_},
                                      sealer_.current_synch_code(), message, size);
  if (!write_message(packet, Bytes(message).first(size))) return false;
  counters_.add(ChannelCounter::kStatusesSent);
  return true;
}

bool LaneChannel::write_announcement(drivers::Packet* packet) {
  if (!write_message(packet, announcement_->datagram)) return false;
  counters_.add(ChannelCounter::kAnnouncesSent);
  return true;
}

void LaneChannel::take(const Announcement& announcement) {
  announcement_ = &announcement;
  if (announcement.next_key != nullptr) sealer_.schedule(announcement.next_key, announcement.next_from);
  timers_.announce = 0;
}

LaneChannel::Due LaneChannel::take_due(TimeNs now) {
  Due due;
  if (now >= timers_.heartbeat) {
    if (last_data_ns_ != heartbeat_data_ns_) {  // data since the last heartbeat
      next_heartbeat_ns_ = last_data_ns_ + kHeartbeatFirstNs;
      heartbeat_interval_ns_ = kHeartbeatFirstNs;
    }
    if (now >= next_heartbeat_ns_) {
      due.heartbeat = true;
      heartbeat_data_ns_ = last_data_ns_;
      heartbeat_interval_ns_ = heartbeat_interval_ns_ == 0
                                   ? kHeartbeatFirstNs
                                   : std::min(2 * heartbeat_interval_ns_, kHeartbeatLastNs);
      next_heartbeat_ns_ = now + heartbeat_interval_ns_;
    }
    // Data sets no timer: a look every 20 ms finds it.
    timers_.heartbeat = std::min(next_heartbeat_ns_, now + kHeartbeatFirstNs);
  }
  if (now >= timers_.status) {
    due.status = true;
    timers_.status = now + (statuses_at_start_ > 1 ? kStatusAtStartNs : kStatusIntervalNs);
    if (statuses_at_start_ > 0) --statuses_at_start_;
  }
  if (now >= timers_.announce) {
    due.announce = true;
    timers_.announce = now + kAnnounceIntervalNs;
  }
  return due;
}

}  // namespace linecast::app
