#include "tests/sim/origin.h"

#include "tests/sim/named_sequences.h"

namespace linecast::sim {
namespace {

constexpr TimeNs kHeartbeatFirstNs = 20 * kNsPerMs, kHeartbeatLastNs = kNsPerSecond;

}  // namespace

Origin::Origin(NodeId id, const ResponderSettings& settings)
    : id_(id), responder_(id, settings), window_(settings.window) {}

void Origin::stream(Network& network, TimeNs interval_ns, TimeNs end) {
  interval_ns_ = interval_ns;
  end_ns_ = end;
  packet_due_ = network.now();
  network.wake(id_, due());
}

void Origin::send(Network& network) {
  heartbeat_due_ = kNever;
  lose(network.now());
  responder_.send_original(network, {next_ - 1, network.now(), false});
}

void Origin::lose(TimeNs now) {
  sent_ns_.push_back(now);
  requests_.push_back(0);
  ++next_;
}

void Origin::receive(Network& network, const Packet& packet) {
  if (const auto* join = std::get_if<smart::UsageReport>(&packet.body)) {
    responder_.take_join(network.now(), *join);
  } else if (const auto* request = std::get_if<smart::Replacement>(&packet.body)) {
    responder_.count_request();
    for_each_named(request->list, next_ - 1, [this](uint64_t sequence) {
      if (sequence >= kFirstSequence && sequence < next_) ++requests_[sequence - kFirstSequence];
    });
    const uint64_t first = next_ > kFirstSequence + window_ ? next_ - window_ : kFirstSequence;
    responder_.repair(network, {first, next_}, request->list,
                      [this](uint64_t sequence) { return sent_ns_[sequence - kFirstSequence]; });
  }
}

void Origin::poll(Network& network) {
  const TimeNs now = network.now();
  responder_.poll(network);
  if (now >= packet_due_) {
    send(network);
    packet_due_ = now + interval_ns_ < end_ns_ ? now + interval_ns_ : kNever;
    heartbeat_interval_ns_ = kHeartbeatFirstNs;
    heartbeat_due_ = now + heartbeat_interval_ns_;
  }
  if (now >= heartbeat_due_) {
    responder_.send_heartbeat(network, next_ - 1);
    heartbeat_interval_ns_ = std::min(2 * heartbeat_interval_ns_, kHeartbeatLastNs);
    heartbeat_due_ = now + heartbeat_interval_ns_;
  }
  network.wake(id_, due());
}

}  // namespace linecast::sim
