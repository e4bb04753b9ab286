#include "app/linecast/lane_hop.h"

#include <cstring>

#include "lib/smart/trailer.h"

namespace linecast::app {
namespace {

// How often the QUIET field is brought up to date, and whatever else nothing sets a timer for is looked at.
constexpr TimeNs kLookIntervalNs = 20 * kNsPerMs;
constexpr TimeNs kStatusIntervalNs = kNsPerSecond;
constexpr TimeNs kMoveIntervalNs = 100 * kNsPerMs;
constexpr TimeNs kStatusAtStartNs = 100 * kNsPerMs;
constexpr int kStatusesAtStart = 3;
// What the receivers of a channel keep to, however many they are (docs/protocol.md). A flood of more takes
// nothing from other channels.
constexpr uint64_t kFaultReportsASecond = 10'000;
constexpr uint64_t kFaultReportsAtOnce = 1'000;

constexpr size_t kStatusRoom = 96;  // bytes, with its trailer
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
net::UdpFlow hop_flow(const HopSetup& setup) {
  net::UdpFlow flow = setup.flow;
  flow.vlan_control = setup.offloads.vlan_insert ? 0 : setup.vlan_control;
  flow.card_ip_checksum = setup.offloads.ip_checksum;
  return flow;
}

}  // namespace

HopPlace::HopPlace(const HopSetup& setup)
    : header(hop_flow(setup)), group(setup.flow.destination), udp_port(setup.flow.destination_port) {}

HopTerms::HopTerms(const lineup::Channel& channel)
    : repairs(repair_settings(channel)),
      tunnel_repairs(tunnel_repair_settings(channel)),
      repairs_to(channel.repairs_to),
      unicast_prefixes(channel.unicast_prefixes),
      quiet(channel.quiet) {}

LaneHop::LaneHop(const lineup::Channel& channel, HopSetup setup, drivers::Pool& frames, int numa_node)
    : ring_(frames, channel.window_packets, numa_node),
      place_(setup),
      quiet_(channel.quiet.value_or(0)),
      card_udp_checksum_(setup.offloads.udp_checksum),
      segments_(setup.offloads.segments),
      marks_(drivers::frame_marks(setup.offloads, setup.vlan_control, true)),
      out_port_(setup.out_port),
      out_interface_(setup.out_interface),
      engine_(repair_settings(channel)),
      askers_(channel.quiet, channel.window_ms * kNsPerMs),
      fault_allowance_(kFaultReportsASecond, kFaultReportsAtOnce),
      statuses_at_start_(kStatusesAtStart),
      message_keys_(std::move(setup.message_keys)),
      start_number_(setup.start_number) {}

void LaneHop::take(HopTerms& terms, size_t largest_packet) {
  terms.repairs.largest_bytes = place_.header.size() + largest_packet;
  terms.repairs.quiet_bytes = place_.header.size() + quiet_size(1, message_keys_ != nullptr);
  engine_.adjust(terms.repairs);
  if (tunnels_ != nullptr) tunnels_->adjust(terms.tunnel_repairs);
  repairs_to_ = terms.repairs_to;
  unicast_prefixes_.swap(terms.unicast_prefixes);
  askers_.fix_quiet(terms.quiet);
}

void LaneHop::set_position(const StreamPosition& position) {
  if (position.run != stream_.run && tunnels_ != nullptr) tunnels_->begin_anew(position.first_sequence);
  stream_ = position;
  published_sequence_.set(position.next_sequence);
}

void LaneHop::finish_frame(drivers::Packet* packet, size_t payload_size, To to) {
  uint8_t* payload = drivers::payload_bytes(packet);
  const auto size = static_cast<uint16_t>(payload_size);
  const net::UdpTemplate& header = place(to).header;
  header.write(payload, size, ip_id_++);
  if (!card_udp_checksum_) net::UdpTemplate::finish_udp_checksum(payload, size);
  drivers::prepare_frame(packet, marks_, header.size(), size);
}

bool LaneHop::write_message(drivers::Packet* packet, Bytes message, To to) {
  if (message.empty()) return false;
  std::memcpy(drivers::payload_bytes(packet), message.data(), message.size());
  finish_frame(packet, message.size(), to);
  return true;
}

Bytes LaneHop::sign(crypto::Manager& manager, MutableBytes buffer, size_t size) {
  if (message_keys_ != nullptr)
    size = smart::append_cmac_trailer(manager, message_keys_->down,
                                      {start_number_, stream_.key_id, ++message_count_}, stream_.synch_code,
                                      buffer, size);
  return buffer.first(size);
}

smart::SenderStatus LaneHop::status_of(smart::AskingGroup& askers, TimeNs now) const {
  smart::SenderStatus status = askers.status(now);
  status.group = place_.group;
  status.start_number = start_number_;
  status.hops = hops_;
  return status;
}

bool LaneHop::write_status(crypto::Manager& manager, TimeNs now, drivers::Packet* packet, To to) {
  if (to == To::kInUse) {
    status_ = status_of(askers_, now);
    published_askers_.set(askers_.size());
    published_round_trip_ms_.set(status_.round_trip_ms);
  }
  status_.group = place(to).group;
  std::array<uint8_t, kStatusRoom> message;
  if (!write_message(packet, sign(manager, message, smart::encode(status_, message)), to)) return false;
  counters_.add(to == To::kInUse ? ChannelCounter::kStatusesSent : ChannelCounter::kCopiesSent);
  return true;
}

bool LaneHop::write_quiet(crypto::Manager& manager, smart::Quiet quiet, drivers::Packet* packet, To to) {
  quiet.group = place(to).group;
  std::array<uint8_t, quiet_size(smart::kMaxPairs, true)> message;
  if (!write_message(packet, sign(manager, message, smart::encode(quiet, message)), to)) return false;
  counters_.add(to == To::kInUse ? ChannelCounter::kQuietsSent : ChannelCounter::kCopiesSent);
  return true;
}

bool LaneHop::write_move(drivers::Packet* packet) {
  if (!write_message(packet, Bytes(move_->announcement).first(move_->announcement_size))) return false;
  counters_.add(ChannelCounter::kMovesSent);
  return true;
}

// A copy, not by reference: what was sealed a moment ago is in the cache, and needs one packet, not two.
void LaneHop::write_copy(const drivers::Packet* frame, drivers::Packet* copy) {
  const uint8_t* in = drivers::payload_bytes(frame);
  const auto size = static_cast<uint16_t>(drivers::payload_size(frame));
  uint8_t* out = drivers::payload_bytes(copy);
  std::memcpy(out, in, size);
  const net::UdpTemplate& header = place(To::kNext).header;
  header.write(out, size, ip_id_++);
  if (!card_udp_checksum_) net::UdpTemplate::derive_udp_checksum(out, in, 0);
  drivers::prepare_frame(copy, marks_, header.size(), size);
  counters_.add(ChannelCounter::kCopiesSent);
}

void LaneHop::take(const HopMove& move) {
  const bool done = move.phase == HopMove::Phase::kDone;
  if (done) {
    place_ = move.to;
    if (tunnels_ != nullptr) tunnels_->move_to(place_.group, place_.udp_port);
  }
  move_ = done ? nullptr : &move;
  move_due_ = done ? kNever : 0;
  // Who joins the new group first of all hears of it at once.
  if (move.phase == HopMove::Phase::kBoth) {
    status_due_ = 0;
    statuses_at_start_ = kStatusesAtStart;
  }
}

void LaneHop::tell_tunnels_status(crypto::Manager& manager, TimeNs now) {
  std::array<uint8_t, kStatusRoom> message;
  const smart::SenderStatus status = status_of(tunnels_->askers(), now);
  tunnels_->set_message(HopTunnels::Message::kStatus, sign(manager, message, smart::encode(status, message)));
}

void LaneHop::tell_tunnels(crypto::Manager& manager, smart::Quiet quiet, HopTunnels::Message kind) {
  quiet.group = place_.group;
  std::array<uint8_t, quiet_size(smart::kMaxPairs, true)> message;
  tunnels_->set_message(kind, sign(manager, message, smart::encode(quiet, message)));
}

void LaneHop::sent_late(TimeNs now, uint64_t sequence) {
  engine_.sent_late(now, sequence);
  if (tunnels_ != nullptr && !tunnels_->sent_late(sequence)) counters_.add(ChannelCounter::kTunnelBehind);
}

bool LaneHop::take_look(TimeNs now) {
  if (now < look_due_) return false;
  look_due_ = now + kLookIntervalNs;
  quiet_ = askers_.update_quiet(now);
  published_quiet_.set(quiet_);
  return true;
}

bool LaneHop::take_move_due(TimeNs now) {
  if (now < move_due_) return false;
  move_due_ = now + kMoveIntervalNs;
  return true;
}

bool LaneHop::take_status_due(TimeNs now) {
  if (now < status_due_) return false;
  status_due_ = now + (statuses_at_start_ > 1 ? kStatusAtStartNs : kStatusIntervalNs);
  if (statuses_at_start_ > 0) --statuses_at_start_;
  return true;
}

}  // namespace linecast::app
