// A repeater's part of a lane: what it takes from upstream, and says there.
#include "app/linecast/lane.h"

namespace linecast::app {

void Lane::relay_burst(TimeNs now, const Relayed* relayed, unsigned count) {
  for (unsigned k = 0; k < count; ++k) {
    LaneRelay& relay = *relayed[k].relay;
    const LaneRelay::Taken taken = relay.take(manager_, now, relayed[k].payload, relayed[k].from, scratch_);
    if (taken.kept != nullptr) {
      drivers::hold(taken.kept);  // the ring keeps its own hold
      queue_frame(relay.out_port(), taken.kept, &relay);
    } else if (taken.pass_on) {
      drivers::Packet* packet = take_control_packet();
      if (packet == nullptr) continue;
      relay.write_passed(taken.datagram, packet);
      queue_frame(relay.out_port(), packet, nullptr);
    } else if (taken.announcement) {
      HeardAnnouncement heard{.time = now, .slot = relayed[k].slot, .size = taken.datagram.size()};
      std::copy(taken.datagram.begin(), taken.datagram.end(), heard.datagram.begin());
      if (!announcements_.push(heard)) counters_.add(LaneCounter::kAnnounceQueueFull);
    } else if (taken.fault != smart::WireFault::kNone) {
      wire_faults_.add(taken.fault);
    }
  }
}

bool Lane::poll_relay(LaneRelay& relay, TimeNs now) {
  const LaneRelay::Due due = relay.take_due(now);
  const auto send = [&](auto&& write) {
    drivers::Packet* packet = take_control_packet();
    if (packet == nullptr) return;
    if (write(packet))
      queue_frame(relay.out_port(), packet, nullptr);
    else
      drivers::release(packet);
  };
  // The announcement first: without its keys the rest can't be opened.
  if (due.announce) send([&](drivers::Packet* p) { return relay.write_announcement(p); });
  if (due.status)
    send([&](drivers::Packet* p) { return relay.write_status(manager_, now, p, LaneHop::To::kInUse); });
  if (due.status && relay.tunnels() != nullptr) relay.tell_tunnels_status(manager_, now);
  bool said = false;
  relay.poll_upward(manager_, now, [&](Bytes message) {
    said = true;
    send_upward(relay, message, now);
  });
  return said || due.status || due.announce;
}

// Nothing more is said for it.
void Lane::leave_upstream(LaneRelay& relay, TimeNs now) {
  relay.leave(manager_, now, [&](Bytes message) { send_upward(relay, message, now); });
}

void Lane::send_upward(LaneRelay& relay, Bytes message, TimeNs now) {
  // Another lane's host is not asked, nor one that has not heard of the hop: what came from there says by
  // which way it came.
  LaneHost* host = interfaces_[relay.in_interface()].host.get();
  std::optional<net::Mac> way;
  if (host != nullptr) way = host->way_to(now, relay.upstream_address(), relay.upstream_mac());
  if (!way) way = relay.upstream_mac();
  if (*way == net::Mac{} || ((*way)[0] & 1) != 0) return counters_.add(LaneCounter::kNoWayUp);
  drivers::Packet* packet = take_control_packet();
  if (packet == nullptr) return;
  relay.write_upward(message, *way, packet);
  queue_frame(relay.in_port(), packet, nullptr);
}

}  // namespace linecast::app
