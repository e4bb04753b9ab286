#include "lib/smart/send/group_round_trip.h"

#include <algorithm>
#include <bit>

namespace linecast::smart {

namespace {

int64_t round_trip_us(TimeNs now, uint32_t echoed_us, uint32_t held_us) {
  const uint32_t away_us = hop_time_us(now) - echoed_us;  // right across the wrap
  return int64_t{away_us} - held_us;
}

}  // namespace

bool GroupRoundTrip::is_possible(TimeNs now, uint32_t echoed_us, uint32_t held_us) {
  const int64_t us = round_trip_us(now, echoed_us, held_us);
  return us >= -kClockErrorNs / kNsPerUs && us < kImpossibleNs / kNsPerUs;
}

bool GroupRoundTrip::add(TimeNs now, uint32_t echoed_us, uint32_t held_us) {
  if (!is_possible(now, echoed_us, held_us)) return false;
  const auto us = static_cast<uint32_t>(
      std::clamp(round_trip_us(now, echoed_us, held_us), kLeastNs / kNsPerUs, kMostNs / kNsPerUs));
  const int bits = std::bit_width(us) - 1;
  const size_t bucket = static_cast<size_t>(bits - kLeastBits) * kSteps + (us >> (bits - 3)) % kSteps;
  const int64_t number = now / kGenerationNs;
  Generation& generation = generations_[static_cast<uint64_t>(number) % kGenerations];
  if (generation.number != number) generation = {number, {}};
  ++generation.counts[bucket];
  return true;
}

TimeNs GroupRoundTrip::estimate(TimeNs now) {
  const int64_t oldest = now / kGenerationNs - static_cast<int64_t>(kGenerations - 1);
  std::array<uint64_t, kBuckets> counts{};
  uint64_t sum = 0;
  for (const Generation& generation : generations_) {
    if (generation.number < oldest) continue;
    for (size_t i = 0; i < kBuckets; ++i) {
      counts[i] += generation.counts[i];
      sum += generation.counts[i];
    }
  }
  if (sum == 0) return estimate_ns_;
  const uint64_t rank = sum - sum / 20;  // the least that 95 % do not exceed
  uint64_t below = 0;
  size_t bucket = 0;
  for (; bucket < kBuckets - 1; ++bucket)
    if ((below += counts[bucket]) >= rank) break;
  // Its upper end.
  const int64_t us = static_cast<int64_t>(kSteps + bucket % kSteps + 1) << (kLeastBits - 3 + bucket / kSteps);
  return estimate_ns_ = std::clamp<TimeNs>(us * kNsPerUs, kLeastNs, kMostNs);
}

}  // namespace linecast::smart
