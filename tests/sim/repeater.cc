#include "tests/sim/repeater.h"

#include "tests/sim/named_sequences.h"

namespace linecast::sim {

Repeater::Repeater(NodeId id, ReceiverContext& context, const ResponderSettings& settings,
                   uint64_t first_sequence)
    : id_(id),
      first_sequence_(first_sequence),
      requester_(context.settings, context.random, context.counters),
      usage_(0, id, context.random),
      responder_(id, settings),
      kept_(settings.window) {
  requester_.start(first_sequence);
}

void Repeater::receive(Network& network, const Packet& packet) {
  const TimeNs now = network.now();
  if (const auto* request = std::get_if<smart::Replacement>(&packet.body)) {
    responder_.count_request();
    take_request(network, request->list);
  } else if (const auto* join = std::get_if<smart::UsageReport>(&packet.body)) {
    responder_.take_join(now, *join);
  } else if (const auto* data = std::get_if<Data>(&packet.body)) {
    take_data(network, packet, *data);
  } else if (const auto* heartbeat = std::get_if<Heartbeat>(&packet.body)) {
    requester_.reveal(now, heartbeat->last_sequence + 1, requester_.heard(now, packet.from, packet.quiet));
    responder_.send_heartbeat(network, heartbeat->last_sequence);
  } else if (smart::Hop* hop = requester_.hops().heard(packet.from, now)) {
    if (const auto* status = std::get_if<smart::SenderStatus>(&packet.body)) {
      requester_.take_status(*status, *hop);
      if (requester_.hops().carries(packet.from)) usage_.take_status(now, packet.from, *status);
    } else if (const auto* quiet = std::get_if<smart::Quiet>(&packet.body)) {
      requester_.take_quiet(now, *quiet, *hop);
    }
  }
  wake(network);
}

void Repeater::take_data(Network& network, const Packet& packet, const Data& data) {
  const TimeNs now = network.now();
  smart::Hop* hop = requester_.heard(now, packet.from, packet.quiet);
  if (data.repair) smart::Requester::answered(hop);
  requester_.arrived(now, data.sequence, hop);
  Kept& kept = place(data.sequence);
  if (kept.held) return;  // a full sequence is passed on once
  kept.held = true;
  kept.original_ns = data.original_ns;
  if (data.repair)
    repair(network, std::span(&data.sequence, 1));  // so that requests under way are not answered again
  else
    responder_.send_original(network, data);
}

void Repeater::take_request(Network& network, const smart::PairList& asked) {
  std::vector<uint64_t> held, missing;
  for_each_named(asked, requester_.next() - 1, [&](uint64_t sequence) {
    if (sequence >= oldest() && sequence < requester_.next())
      (place(sequence).held ? held : missing).push_back(sequence);
  });
  if (!held.empty()) repair(network, held);
  if (!missing.empty()) ask_to_wait(network, missing);
}

// It has noticed these losses itself, and asks for them or will.
void Repeater::ask_to_wait(Network& network, std::span<const uint64_t> missing) {
  responder_.count_not_held(missing.size());
  const smart::Hop* above = requester_.hops().find(network.upstream(id_));
  if (above == nullptr) return;
  const TimeNs wait = 2 * above->round_trip_ns;
  std::vector<uint64_t> named;
  for (const uint64_t sequence : missing) {
    Kept& kept = place(sequence);
    if (network.now() < kept.quiet_until_ns) continue;
    kept.quiet_until_ns = network.now() + wait;
    named.push_back(sequence);
  }
  for (std::span<const uint64_t> rest = named; !rest.empty();)
    responder_.send_quiet(
        network, {.duration_ms = static_cast<uint16_t>(wait / kNsPerMs), .list = smart::take_pairs(rest)});
}

uint64_t Repeater::oldest() const {
  const uint64_t next = requester_.next();
  return next > first_sequence_ + kept_.size() ? next - kept_.size() : first_sequence_;
}

Repeater::Kept& Repeater::place(uint64_t sequence) {
  Kept& kept = kept_[sequence & (kept_.size() - 1)];
  if (kept.sequence != sequence) kept = {.sequence = sequence};
  return kept;
}

void Repeater::repair(Network& network, std::span<const uint64_t> sequences) {
  while (!sequences.empty())
    responder_.repair(network, {oldest(), requester_.next()}, smart::take_pairs(sequences),
                      [this](uint64_t sequence) { return place(sequence).original_ns; });
}

void Repeater::poll(Network& network) {
  const TimeNs now = network.now();
  responder_.poll(network);
  requester_.ask(now, [&](Ipv4, const smart::PairList& pairs) {
    network.send_up({.from = id_, .body = smart::Replacement{.list = pairs}});
  });
  if (const auto join = usage_.join(now)) network.send_up({.from = id_, .body = *join});
  wake(network);
}

void Repeater::wake(Network& network) {
  network.wake(id_, std::min({responder_.due(), requester_.next_due(), usage_.next_due()}));
}

}  // namespace linecast::sim
