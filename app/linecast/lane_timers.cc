// What a lane does of itself: heartbeats, SENDER_STATUS, KEY_ANNOUNCE, ADDR_RANGE_CHANGE, and what its hosts
// owe their networks.
#include "app/linecast/lane.h"

namespace linecast::app {
namespace {

// Channels looked at in one turn: bounds the turn however many there are.
constexpr size_t kTimersPerTurn = 16;

}  // namespace

bool Lane::poll_timers(TimeNs now) {
  bool busy = false;
  const size_t looks = std::min(kTimersPerTurn, own_count_);
  for (size_t k = 0; k < looks; ++k) {
    if (++next_timer_ >= own_count_) next_timer_ = 0;
    if (now < first_due_[next_timer_]) continue;
    const LaneStream& stream = streams_[own_streams_[next_timer_]];
    if (stream.relay != nullptr) {
      busy |= poll_relay(*stream.relay, now);
      first_due_[next_timer_] = stream.relay->first_due();
      continue;
    }
    LaneChannel& channel = *stream.channel;
    const LaneChannel::Due due = channel.take_due(now);
    first_due_[next_timer_] = channel.first_due();
    HopTunnels* tunnels = channel.tunnels();
    // kind: of what goes into tunnels and to both groups, as it is.
    const auto send = [&](auto&& write, std::optional<HopTunnels::Message> kind = std::nullopt) {
      drivers::Packet* packet = take_control_packet();
      if (packet == nullptr) return;
      if (write(packet)) {
        if (tunnels != nullptr && kind)
          tunnels->set_message(*kind, Bytes(drivers::payload_bytes(packet), drivers::payload_size(packet)));
        if (kind && channel.sends_to_both()) send_copy(channel, packet);
        queue_frame(channel.out_port(), packet, nullptr);
      } else {
        drivers::release(packet);
      }
      busy = true;
    };
    using enum HopTunnels::Message;
    // The announcement first: without its keys the rest can't be opened.
    if (due.announce) send([&](drivers::Packet* p) { return channel.write_announcement(p); }, kAnnounce);
    for (const auto to : {LaneHop::To::kInUse, LaneHop::To::kNext})
      if (due.status && (to == LaneHop::To::kInUse || channel.sends_to_both()))
        send([&](drivers::Packet* p) { return channel.write_status(manager_, now, p, to); });
    if (due.status && tunnels != nullptr) channel.tell_tunnels_status(manager_, now);
    if (due.heartbeat)
      send([&](drivers::Packet* p) { return channel.write_heartbeat(manager_, p); }, kHeartbeat);
    if (due.move) send([&](drivers::Packet* p) { return channel.write_move(p); }, kMove);
  }
  return busy;
}

void Lane::poll_hosts(TimeNs now) {
  if (host_frame_lost_.load(std::memory_order_relaxed)) [[unlikely]] {
    host_frame_lost_.store(false, std::memory_order_relaxed);
    for (LaneInterface& interface : interfaces_)
      if (interface.host != nullptr) interface.host->frame_lost(now);
    hosts_due_ = now;
  }
  if (now < hosts_due_) return;
  hosts_due_ = kNever;
  for (LaneInterface& interface : interfaces_) {
    if (interface.host == nullptr) continue;
    if (now >= interface.host->next_due()) interface.host->poll(now);
    hosts_due_ = std::min(hosts_due_, interface.host->next_due());
  }
}

}  // namespace linecast::app
