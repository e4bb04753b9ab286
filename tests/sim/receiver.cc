#include "tests/sim/receiver.h"

namespace linecast::sim {

Receiver::Receiver(NodeId id, ReceiverContext& context, uint64_t first_sequence)
    : id_(id),
      context_(context),
      requester_(context.settings, context.random, context.counters),
      usage_(0, id, context.random),
      next_(first_sequence) {
  requester_.start(first_sequence);
}

void Receiver::receive(Network& network, const Packet& packet) {
  const TimeNs now = network.now();
  if (const auto* data = std::get_if<Data>(&packet.body)) {
    take_data(network, packet, *data);
  } else if (const auto* heartbeat = std::get_if<Heartbeat>(&packet.body)) {
    const smart::Hop* hop = requester_.heard(now, packet.from, packet.quiet);
    requester_.reveal(now, heartbeat->last_sequence + 1, hop);
    miss_until(heartbeat->last_sequence + 1);
  } else if (const auto* status = std::get_if<smart::SenderStatus>(&packet.body)) {
    if (smart::Hop* hop = requester_.hops().heard(packet.from, now)) requester_.take_status(*status, *hop);
    if (requester_.hops().carries(packet.from)) usage_.take_status(now, packet.from, *status);
  } else if (const auto* quiet = std::get_if<smart::Quiet>(&packet.body)) {
    if (smart::Hop* hop = requester_.hops().heard(packet.from, now)) requester_.take_quiet(now, *quiet, *hop);
  }
  network.wake(id_, std::min(requester_.next_due(), usage_.next_due()));
}

void Receiver::take_data(Network& network, const Packet& packet, const Data& data) {
  const TimeNs now = network.now();
  smart::Hop* hop = requester_.heard(now, packet.from, packet.quiet);
  if (data.repair) smart::Requester::answered(hop);
  requester_.arrived(now, data.sequence, hop);

  ReceiverStatistics& statistics = context_.statistics;
  if (data.sequence >= next_) {
    miss_until(data.sequence);
    ++next_;
    ++statistics.received;
    return;
  }
  const auto place = std::lower_bound(missing_.begin(), missing_.end(), data.sequence);
  if (place == missing_.end() || *place != data.sequence) {
    ++statistics.unneeded;
    return;
  }
  missing_.erase(place);
  const TimeNs late_ns = now - data.original_ns - network.path_delay(id_);
  if (late_ns > context_.settings.buffer_ns) {
    ++statistics.unrecovered;
  } else {
    ++statistics.received;
    ++statistics.recovered;
    statistics.delay_ms.add(static_cast<double>(late_ns) / kNsPerMs);
  }
}

void Receiver::poll(Network& network) {
  const TimeNs now = network.now();
  requester_.ask(now, [&](Ipv4, const smart::PairList& pairs) {
    ++context_.statistics.requests;
    network.send_up({.from = id_, .body = smart::Replacement{.list = pairs}});
  });
  if (const auto join = usage_.join(now)) network.send_up({.from = id_, .body = *join});
  network.wake(id_, std::min(requester_.next_due(), usage_.next_due()));
}

void Receiver::miss_until(uint64_t end) {
  for (; next_ < end; ++next_) {
    missing_.push_back(next_);
    ++context_.statistics.missed;
  }
}

void Receiver::finish(uint64_t end) {
  miss_until(end);
  context_.statistics.unrecovered += missing_.size();
  missing_.clear();
}

}  // namespace linecast::sim
