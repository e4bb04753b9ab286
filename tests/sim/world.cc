#include "tests/sim/world.h"

#include <bit>

namespace linecast::sim {
namespace {

constexpr uint64_t kPacketBytes = 1358;  // 1316 of MPEG-TS and what is around them, as IPv4 carries it
constexpr uint64_t kQuietBytes = 76;     // likewise
// As the headend has them.
constexpr uint64_t kBudgetBurstMs = 1000, kBudgetLeastBytes = 64 * 1514;
constexpr TimeNs kRepairsAWindow = 16;

smart::Requester::Settings requester_settings(const Configuration& configuration) {
  return {.buffer_ns = configuration.buffer_ns, .reorder_ns = configuration.reorder_ns};
}

ResponderSettings responder_settings(const Configuration& configuration) {
  const double bytes_a_second = configuration.rate * static_cast<double>(kPacketBytes) * configuration.budget;
  const auto budget = static_cast<uint64_t>(bytes_a_second);
  // Twice what the receivers' buffers hold.
  const double kept = 2 * configuration.rate * static_cast<double>(configuration.buffer_ns) / kNsPerSecond;
  return {.window = std::bit_ceil(std::clamp(static_cast<uint32_t>(kept), 64u, 1u << 16)),
          .packet_bytes = kPacketBytes,
          .budget_bytes_a_second = budget,
          .budget_burst_bytes = budget == 0 ? 0 : std::max(budget * kBudgetBurstMs / 1000, kBudgetLeastBytes),
          .quiet_bytes = kQuietBytes,
          .longest_lock_ns = configuration.buffer_ns / kRepairsAWindow,
          .window_ns = configuration.buffer_ns,
          .quiet = configuration.quiet};
}

}  // namespace

World::World(const Configuration& configuration)
    : configuration_(configuration),
      random_(configuration.seed),
      receiver_context_{requester_settings(configuration), random_, counters_, receiver_statistics_},
      repeater_context_{requester_settings(configuration), random_, repeater_counters_, repeater_statistics_},
      network_(random_),
      origin_(kOrigin, responder_settings(configuration)) {
  network_.add(&origin_);
  const uint32_t branches =
      (configuration.receivers + configuration.branch_size - 1) / configuration.branch_size;
  if (configuration.repeaters) {
    for (uint32_t k = 0; k < branches; ++k) {
      repeaters_.emplace_back(kFirstBelow + k, repeater_context_, responder_settings(configuration),
                              Origin::kFirstSequence);
      network_.add(&repeaters_.back());
    }
  }
  const NodeId first = kFirstBelow + static_cast<NodeId>(repeaters_.size());
  for (uint32_t k = 0; k < configuration.receivers; ++k) {
    receivers_.emplace_back(first + k, receiver_context_, Origin::kFirstSequence);
    network_.add(&receivers_.back());
  }
  connect(branches);
  network_.wake(kOrigin, 0);
  for (NodeId repeater = kFirstBelow; repeater < first; ++repeater) network_.wake(repeater, 0);
}

void World::connect(uint32_t branches) {
  static constexpr LinkModel kDirect;  // no link at all
  const NodeId first = kFirstBelow + static_cast<NodeId>(repeaters_.size());
  for (uint32_t b = 0; b < branches; ++b) {
    const TimeNs upper = draw_delay(random_, configuration_.upper_delay);
    const uint32_t begin = b * configuration_.branch_size;
    const uint32_t count = std::min(configuration_.branch_size, configuration_.receivers - begin);
    std::vector<TimeNs> delays(count);
    for (TimeNs& delay : delays) delay = draw_delay(random_, configuration_.lower_delay);
    if (repeaters_.empty()) {
      network_.connect({kOrigin, first + begin, count, upper, &configuration_.upper, &configuration_.lower},
                       delays);
    } else {
      network_.connect({kOrigin, kFirstBelow + b, 1, upper, &configuration_.upper, &kDirect}, {0});
      network_.connect({kFirstBelow + b, first + begin, count, 0, &kDirect, &configuration_.lower}, delays);
    }
  }
}

void World::settle() {
  // Receivers tell a hop that they are there once data comes from it.
  origin_.stream(network_, 100 * kNsPerMs, 300 * kNsPerMs);
  run_for(4 * kNsPerSecond);
}

void World::finish() {
  for (Receiver& receiver : receivers_) receiver.finish(origin_.next_sequence());
}

}  // namespace linecast::sim
