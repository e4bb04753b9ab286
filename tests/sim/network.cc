#include "tests/sim/network.h"

#include <algorithm>

namespace linecast::sim {
namespace {

constexpr size_t kPrefetched = 640;  // bytes of a node that is about to be touched: a receiver

}  // namespace

NodeId Network::add(Node* node) {
  places_.push_back({.node = node});
  return static_cast<NodeId>(places_.size() - 1);
}

void Network::connect(const Branch& branch, const std::vector<TimeNs>& member_delays_ns) {
  const auto index = static_cast<uint32_t>(branches_.size());
  branches_.push_back({.about = branch,
                       .down = {.delay_ns = branch.upper_delay_ns},
                       .up = {.delay_ns = branch.upper_delay_ns}});
  if (branches_of_.size() <= branch.hop) branches_of_.resize(branch.hop + 1);
  branches_of_[branch.hop].push_back(index);
  for (uint32_t k = 0; k < branch.count; ++k) {
    Place& place = places_[branch.first + k];
    place.branch = index;
    place.down.delay_ns = place.up.delay_ns = member_delays_ns[k];
    place.path_delay_ns = places_[branch.hop].path_delay_ns + branch.upper_delay_ns + member_delays_ns[k];
  }
}

void Network::multicast(const Packet& packet) {
  const PacketPool::Index index = packets_.add(packet);
  for (const uint32_t b : branches_of_[packet.from]) {
    BranchState& branch = branches_[b];
    for (const TimeNs at : branch.down.pass(now(), *branch.about.upper, random_))
      for (uint32_t k = 0; k < branch.about.count; ++k)
        pass_member(branch.about.first + k, *branch.about.lower, at, index);
  }
  packets_.drop_unheld(index);
}

void Network::send_down(const Packet& packet, NodeId to) {
  const PacketPool::Index index = packets_.add(packet);
  BranchState& branch = branches_[places_[to].branch];
  for (const TimeNs at : branch.down.pass(now(), *branch.about.upper, random_))
    pass_member(to, *branch.about.lower, at, index);
  packets_.drop_unheld(index);
}

void Network::send_up(const Packet& packet) {
  const PacketPool::Index index = packets_.add(packet);
  Place& place = places_[packet.from];
  BranchState& branch = branches_[place.branch];
  for (const TimeNs middle : place.up.pass(now(), *branch.about.lower, random_))
    for (const TimeNs at : branch.up.pass(middle, *branch.about.upper, random_))
      deliver(at, branch.about.hop, index);
  packets_.drop_unheld(index);
}

void Network::pass_member(NodeId member, const LinkModel& model, TimeNs at, PacketPool::Index packet) {
  for (const TimeNs arrival : places_[member].down.pass(at, model, random_)) deliver(arrival, member, packet);
}

void Network::deliver(TimeNs at, NodeId node, PacketPool::Index packet) {
  packets_.retain(packet);
  queue_.push(at, {node, packet});
}

void Network::wake(NodeId node, TimeNs at) {
  Place& place = places_[node];
  at = std::max(at, now());
  if (at >= place.wake_at) return;
  place.wake_at = at;
  if (at != kNever) queue_.push(at, {node, kNone});
}

void Network::run_until(TimeNs end) {
  queue_.push(end, {kNone, kNone});
  while (true) {
    const Event event = queue_.pop([this](const Event& soon) {
      if (soon.node == kNone) return;
      const char* node = reinterpret_cast<const char*>(places_[soon.node].node);
      for (size_t line = 0; line < kPrefetched; line += 64) __builtin_prefetch(node + line);
    });
    if (event.node == kNone) return;
    Place& place = places_[event.node];
    if (event.packet != kNone) {
      ++deliveries_;
      place.node->receive(*this, packets_[event.packet]);
      packets_.release(event.packet);
    } else if (place.wake_at == now()) {  // else an earlier one came in its place
      place.wake_at = kNever;
      place.node->poll(*this);
    }
  }
}

}  // namespace linecast::sim
