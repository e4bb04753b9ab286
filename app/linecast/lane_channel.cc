#include "app/linecast/lane_channel.h"

#include <cstring>

#include "lib/media/payload.h"
#include "lib/smart/trailer.h"

namespace linecast::app {
namespace {

constexpr TimeNs kHeartbeatFirstNs = 20 * kNsPerMs;
constexpr TimeNs kHeartbeatLastNs = kNsPerSecond;
constexpr TimeNs kAnnounceIntervalNs = 100 * kNsPerMs;
constexpr TimeNs kStatusIntervalNs = kNsPerSecond;
constexpr TimeNs kStatusAtStartNs = 100 * kNsPerMs;
constexpr uint64_t kCapBurstMs = 500;  // how long a burst may exceed the cap
// What the receivers of a channel keep to, however many they are (docs/protocol.md). A flood of more takes
// nothing from other channels.
constexpr uint64_t kFaultReportsASecond = 10'000;
constexpr uint64_t kFaultReportsAtOnce = 1'000;

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

constexpr size_t quiet_size(size_t pairs, bool trailer) {
  return smart::kCommonHeaderSize + 8 + 4 * pairs + (trailer ? smart::kCmacTrailerSize : 0);
}

smart::RepairEngine::Settings repair_settings(const lineup::Channel& channel) {
  constexpr uint64_t kBurstMs = 1000;  // how long repairs may save up
  constexpr uint64_t kLeastBurstBytes = 64 * 1514;
  // That are left to a packet which is lost again and again. Of half of all packets 1 in 2^16 stays lost.
  constexpr TimeNs kRepairsAWindow = 16;
  smart::RepairEngine::Settings settings;
  settings.window = channel.window_packets;
  settings.budget_bytes_a_second = channel.bitrate_cap_bps / 8 * channel.budget_percent / 100;
  // No budget at all is no repair at all, not the least burst.
  const uint64_t least = channel.budget_percent == 0 ? 0 : kLeastBurstBytes;
  settings.budget_burst_bytes = std::max(settings.budget_bytes_a_second * kBurstMs / 1000, least);
  settings.left_to_others_bytes = settings.budget_burst_bytes / smart::RepairEngine::kShares;
  settings.longest_lock_ns = channel.window_ms * kNsPerMs / kRepairsAWindow;
  settings.always_unicast = channel.repairs_to == lineup::RepairsTo::kUnicast;
  return settings;
}

// The headers as software writes them: what the card adds is left out.
net::UdpFlow hop_flow(const LaneChannelSetup& setup) {
  net::UdpFlow flow = setup.flow;
  flow.vlan_control = setup.offloads.vlan_insert ? 0 : setup.vlan_control;
  flow.card_ip_checksum = setup.offloads.ip_checksum;
  return flow;
}

}  // namespace

ChannelTerms::ChannelTerms(const lineup::Channel& channel)
    : cap(channel.bitrate_cap_bps / 8,
          std::max<uint64_t>(channel.bitrate_cap_bps / 8 * kCapBurstMs / 1000, channel.max_payload)),
      max_payload(channel.max_payload),
      format(channel.source.format),
      repairs(repair_settings(channel)),
      repairs_to(channel.repairs_to),
      unicast_prefixes(channel.unicast_prefixes),
      quiet(channel.quiet) {}

LaneChannel::LaneChannel(LaneChannelSetup setup, drivers::Pool& frames, int numa_node)
    : sealer_(setup.sender_id, setup.first_sequence, setup.key),
      ring_(frames, setup.channel->window_packets, numa_node),
      header_(hop_flow(setup)),
      quiet_(setup.channel->quiet.value_or(0)),
      card_udp_checksum_(setup.offloads.udp_checksum),
      segments_(setup.offloads.segments),
      marks_(drivers::frame_marks(setup.offloads, setup.vlan_control, true)),
      out_port_(setup.out_port),
      out_interface_(setup.out_interface),
      engine_(repair_settings(*setup.channel)),
      askers_(setup.channel->quiet, setup.channel->window_ms * kNsPerMs),
      fault_allowance_(kFaultReportsASecond, kFaultReportsAtOnce),
      statuses_at_start_(3),
      announcement_(setup.announcement),
      message_keys_(std::move(setup.message_keys)),
      start_number_(setup.start_number),
      group_(setup.channel->output.group) {
  if (announcement_ == nullptr) timers_.announce = kNever;
  ChannelTerms terms(*setup.channel);
  take(terms);
  published_sequence_.set(sealer_.next_sequence());
  published_epoch_.set(sealer_.epoch());
}

void LaneChannel::take(ChannelTerms& terms) {
  cap_ = terms.cap;
  max_payload_ = terms.max_payload;
  format_ = terms.format;
  terms.repairs.largest_bytes = header_.size() + sealer_.packet_size(max_payload_);
  terms.repairs.quiet_bytes = header_.size() + quiet_size(1, message_keys_ != nullptr);
  engine_.adjust(terms.repairs);
  repairs_to_ = terms.repairs_to;
  unicast_prefixes_.swap(terms.unicast_prefixes);
  askers_.fix_quiet(terms.quiet);
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

bool LaneChannel::write_signed(crypto::Manager& manager, MutableBytes buffer, size_t size,
                               drivers::Packet* packet) {
  if (message_keys_ != nullptr)
    size = smart::append_cmac_trailer(manager, message_keys_->down,
                                      {start_number_, sealer_.key_id(), ++message_count_},
                                      sealer_.current_synch_code(), buffer, size);
  return write_message(packet, buffer.first(size));
}

bool LaneChannel::write_status(crypto::Manager& manager, TimeNs now, drivers::Packet* packet) {
  smart::SenderStatus status = askers_.status(now);
  published_askers_.set(askers_.size());
  published_round_trip_ms_.set(status.round_trip_ms);
  status.group = group_;
  status.start_number = start_number_;
  std::array<uint8_t, 96> message;
  if (!write_signed(manager, message, smart::encode(status, message), packet)) return false;
  counters_.add(ChannelCounter::kStatusesSent);
  return true;
}

bool LaneChannel::write_quiet(crypto::Manager& manager, const smart::PairList& list,
                              drivers::Packet* packet) {
  smart::Quiet quiet = askers_.quiet_for(list);
  quiet.group = group_;
  std::array<uint8_t, quiet_size(smart::kMaxPairs, true)> message;
  if (!write_signed(manager, message, smart::encode(quiet, message), packet)) return false;
  counters_.add(ChannelCounter::kQuietsSent);
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
    quiet_ = askers_.update_quiet(now);
    published_quiet_.set(quiet_);
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
