#include "app/linecast/lane_channel.h"

#include "lib/media/payload.h"

namespace linecast::app {
namespace {

constexpr TimeNs kHeartbeatFirstNs = 20 * kNsPerMs;
constexpr TimeNs kHeartbeatLastNs = kNsPerSecond;
constexpr TimeNs kAnnounceIntervalNs = 100 * kNsPerMs;
constexpr uint64_t kCapBurstMs = 500;  // how long a burst may exceed the cap

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

}  // namespace

ChannelTerms::ChannelTerms(const lineup::Channel& channel)
    : cap(channel.bitrate_cap_bps / 8,
          std::max<uint64_t>(channel.bitrate_cap_bps / 8 * kCapBurstMs / 1000, channel.max_payload)),
      max_payload(channel.max_payload),
      format(channel.source.format),
      hop(channel) {}

LaneChannel::LaneChannel(LaneChannelSetup setup, drivers::Pool& frames, int numa_node)
    : LaneHop(*setup.channel, std::move(setup.hop), frames, numa_node),
      sealer_(setup.sender_id, setup.first_sequence, setup.key),
      announce_due_(setup.announcement == nullptr ? kNever : 0),
      announcement_(setup.announcement) {
  ChannelTerms terms(*setup.channel);
  take(terms);
  publish();
}

void LaneChannel::take(ChannelTerms& terms) {
  cap_ = terms.cap;
  max_payload_ = terms.max_payload;
  format_ = terms.format;
  LaneHop::take(terms.hop, sealer_.packet_size(max_payload_));
}

drivers::Packet* LaneChannel::seal(crypto::Manager& manager, TimeNs now, Bytes payload) {
  count(ChannelCounter::kPacketsIn);
  count(ChannelCounter::kBytesIn, payload.size());
  if (payload.size() - 1 >= max_payload_) [[unlikely]] {  // empty ones wrap
    count(ChannelCounter::kPayloadSize);
    return nullptr;
  }
  if (!has_format(format_, payload)) [[unlikely]] {
    count(ChannelCounter::kPayloadFormat);
    return nullptr;
  }
  if (!cap_.take(now, payload.size())) [[unlikely]] {
    count(ChannelCounter::kOverCap);
    return nullptr;
  }
  drivers::Packet* packet = ring().claim(sealer_.next_sequence());
  if (packet == nullptr) [[unlikely]] {
    count(ChannelCounter::kNoFrame);
    return nullptr;
  }
  const size_t size =
      sealer_.seal_data(manager, format_, quiet_field(), payload, drivers::payload_bytes(packet));
  if (size == 0) [[unlikely]] {
    count(ChannelCounter::kCounterUsedUp);
    return nullptr;
  }
  finish_frame(packet, size);
  last_data_ns_ = now;
  publish();
  count(ChannelCounter::kPacketsSent);
  return packet;
}

// The epoch first: who sees a sequence beyond a switch sees the epoch that it switched to.
void LaneChannel::publish() {
  published_epoch_.set(sealer_.epoch());
  set_position(
      {sealer_.first_sequence(), sealer_.next_sequence(), sealer_.key_id(), sealer_.current_synch_code()});
}

bool LaneChannel::write_heartbeat(crypto::Manager& manager, drivers::Packet* packet) {
  const size_t size = sealer_.seal_heartbeat(manager, quiet_field(), drivers::payload_bytes(packet));
  if (size == 0) return false;
  finish_frame(packet, size);
  count(ChannelCounter::kHeartbeatsSent);
  return true;
}

bool LaneChannel::write_announcement(drivers::Packet* packet) {
  if (!write_message(packet, announcement_->datagram)) return false;
  count(ChannelCounter::kAnnouncesSent);
  return true;
}

void LaneChannel::take(const Announcement& announcement) {
  announcement_ = &announcement;
  if (announcement.next_key != nullptr) sealer_.schedule(announcement.next_key, announcement.next_from);
  announce_due_ = 0;
}

// Data sets no timer: a look every 20 ms finds it.
bool LaneChannel::is_heartbeat_due(TimeNs now) {
  if (last_data_ns_ != heartbeat_data_ns_) {  // data since the last heartbeat
    next_heartbeat_ns_ = last_data_ns_ + kHeartbeatFirstNs;
    heartbeat_interval_ns_ = kHeartbeatFirstNs;
  }
  if (now < next_heartbeat_ns_) return false;
  heartbeat_data_ns_ = last_data_ns_;
  heartbeat_interval_ns_ = heartbeat_interval_ns_ == 0
                               ? kHeartbeatFirstNs
                               : std::min(2 * heartbeat_interval_ns_, kHeartbeatLastNs);
  next_heartbeat_ns_ = now + heartbeat_interval_ns_;
  return true;
}

LaneChannel::Due LaneChannel::take_due(TimeNs now) {
  Due due;
  if (take_look(now)) {
    due.heartbeat = is_heartbeat_due(now);
    look_by(next_heartbeat_ns_);
  }
  due.status = take_status_due(now);
  due.move = take_move_due(now);
  if (now >= announce_due_) {
    due.announce = true;
    announce_due_ = now + kAnnounceIntervalNs;
  }
  return due;
}

}  // namespace linecast::app
