#include "lib/smart/send/tunnel_repairs.h"

#include <algorithm>
#include <bit>

#include "lib/base/serial.h"

namespace linecast::smart {

TunnelRepairs::TunnelRepairs(const Settings& settings)
    : places_(size_t{1} << kPlaceBits),
      most_until_(size_t{1} << kPlaceBits),
      seed_(settings.seed),
      queue_(kQueueRoom) {
  adjust(settings);
}

void TunnelRepairs::adjust(const Settings& settings) {
  budget_ =
      TokenBucket(settings.budget_bytes_a_second * kTokensAByte, settings.budget_burst_bytes * kTokensAByte);
  largest_bytes_ = settings.largest_bytes;
  left_to_others_bytes_ = settings.budget_burst_bytes / RepairEngine::kShares;
  share_ns_ = static_cast<TimeNs>(settings.largest_bytes * kNsPerSecond /
                                  std::max<uint64_t>(settings.budget_bytes_a_second, 1));
  longest_lock_ns_ = settings.longest_lock_ns;
}

TunnelRepairs::Place& TunnelRepairs::place_of(uint64_t sequence, uint64_t peer) {
  return places_[((peer ^ sequence << 48 ^ sequence * 0xff51afd7ed558ccd) * 0x9e3779b97f4a7c15) >>
                 (64 - kPlaceBits)];
}

// Tunnels that share a place share that.
TimeNs& TunnelRepairs::most_of(uint64_t peer) {
  uint64_t h = (peer ^ seed_) * 0x9e3779b97f4a7c15;
  h = (h ^ h >> 32) * (seed_ | 1);
  h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9;
  return most_until_[h >> (64 - kPlaceBits)];
}

bool TunnelRepairs::is_locked(const Place& place, TimeNs now, TimeNs round_trip_ns) const {
  const TimeNs lock =
      std::max(round_trip_ns, std::min(round_trip_ns << (place.repairs - 1), longest_lock_ns_));
  return now - place.since_ns < lock;
}

TunnelRepairs::Outcome TunnelRepairs::request(TimeNs now, TimeNs round_trip_ns, const KeptSequences& kept,
                                              const PairList& asked, const RepairTarget& from,
                                              SourceShare& share, size_t tunnels) {
  Outcome outcome;
  const uint64_t peer = uint64_t{from.address} << 16 | from.port;
  TimeNs& most_until = most_of(peer);
  for (const SequencePair& pair : asked.view()) {
    for (uint32_t wanted = uint32_t{pair.mask} << 1 | 1; wanted != 0; wanted &= wanted - 1) {
      const auto number = static_cast<uint16_t>(pair.sequence + std::countr_zero(wanted));
      const uint64_t sequence = extend_serial(kept.next - 1, number);
      if (sequence >= kept.next) {
        ++outcome.not_sent;
        continue;
      }
      if (sequence < kept.first) {
        ++outcome.too_old;
        continue;
      }
      Place& place = place_of(sequence, peer);
      const bool again = place.repairs > 0 && place.sequence == sequence && place.peer == peer;
      if (again && is_locked(place, now, round_trip_ns)) {
        ++outcome.repeated;
        continue;
      }
      if (queued_ == queue_.size()) {
        ++outcome.queue_full;
        continue;
      }
      const uint64_t promised = (queued_ + 1) * largest_bytes_;
      if (!budget_.holds(now, tokens(promised, tunnels))) {
        ++outcome.over_budget;
        continue;
      }
      if (most_until > now + kMostAtOnceNs) {
        ++outcome.over_share;
        continue;
      }
      // What is left to others is a part of all tunnels' budgets, as that itself is.
      if (share.is_exceeded(now) &&
          !budget_.holds(now, tokens(promised, tunnels) + left_to_others_bytes_ * kTokensAByte)) {
        ++outcome.over_share;
        continue;
      }
      share.charge(now, share_ns_);
      most_until = std::max(most_until, now) + share_ns_ / kMostShares;
      if (!again) place = {.sequence = sequence, .peer = peer};
      place.since_ns = now;
      if (place.repairs < kMostRepairs) ++place.repairs;
      queue_[(queue_head_ + queued_++) % queue_.size()] = {sequence, from};
      ++outcome.accepted;
    }
  }
  return outcome;
}

bool TunnelRepairs::take(RepairEngine::Repair& out) {
  if (queued_ == 0) return false;
  out = queue_[queue_head_];
  queue_head_ = (queue_head_ + 1) % queue_.size();
  --queued_;
  return true;
}

}  // namespace linecast::smart
