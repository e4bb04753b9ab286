#include "lib/smart/send/repair_engine.h"

#include <bit>

#include "lib/base/error.h"
#include "lib/base/serial.h"

namespace linecast::smart {
namespace {

constexpr uint32_t kMostPackets = 1 << 16;

TimeNs share_ns(const RepairEngine::Settings& settings) {
  const uint64_t largest = settings.largest_bytes + settings.quiet_bytes;
  return static_cast<TimeNs>(RepairEngine::kShares * largest * kNsPerSecond /
                             std::max<uint64_t>(settings.budget_bytes_a_second, 1));
}

uint32_t checked_window(uint32_t window) {
  if (!std::has_single_bit(window) || window > kMostPackets)
    throw Error("a repair window is a power of two of at most 65536 packets");
  return window;
}

}  // namespace

RepairEngine::RepairEngine(const Settings& settings)
    : slots_(checked_window(settings.window)),
      queue_(settings.window),
      mask_(settings.window - 1),
      budget_(settings.budget_bytes_a_second, settings.budget_burst_bytes),
      largest_bytes_(settings.largest_bytes),
      quiet_bytes_(settings.quiet_bytes),
      left_to_others_(settings.left_to_others_bytes),
      share_ns_(share_ns(settings)),
      longest_lock_ns_(settings.longest_lock_ns),
      always_unicast_(settings.always_unicast) {}

void RepairEngine::adjust(const Settings& settings) {
  budget_ = TokenBucket(settings.budget_bytes_a_second, settings.budget_burst_bytes);
  largest_bytes_ = settings.largest_bytes;
  quiet_bytes_ = settings.quiet_bytes;
  left_to_others_ = settings.left_to_others_bytes;
  share_ns_ = share_ns(settings);
  longest_lock_ns_ = settings.longest_lock_ns;
  always_unicast_ = settings.always_unicast;
}

RepairEngine::Outcome RepairEngine::request(TimeNs now, TimeNs round_trip_ns, const KeptSequences& kept,
                                            const PairList& asked, const RepairTarget& from,
                                            SourceShare& share, PairList& quiet) {
  Outcome outcome;
  quiet.count = 0;
  for (const SequencePair& pair : asked.view()) {
    uint32_t wanted = uint32_t{pair.mask} << 1 | 1;  // bit n: the pair's sequence + n
    uint32_t named = 0;                              // likewise, for `quiet`
    for (; wanted != 0; wanted &= wanted - 1) {
      const int n = std::countr_zero(wanted);
      switch (judge(now, round_trip_ns, kept, static_cast<uint16_t>(pair.sequence + n), from, share)) {
        case Verdict::kAccepted:
          ++outcome.accepted;
          if (from.is_group()) named |= 1u << n;
          break;
        case Verdict::kNowToGroup:
          ++outcome.accepted;
          named |= 1u << n;
          break;
        case Verdict::kRepeated:
          ++outcome.repeated;
          break;
        case Verdict::kNotSent:
          ++outcome.not_sent;
          break;
        case Verdict::kTooOld:
          ++outcome.too_old;
          break;
        case Verdict::kOverBudget:
          ++outcome.over_budget;
          break;
        case Verdict::kOverShare:
          ++outcome.over_share;
          break;
      }
    }
    if (named == 0) continue;
    const int first = std::countr_zero(named);
    quiet.pairs[quiet.count++] = {static_cast<uint16_t>(pair.sequence + first),
                                  static_cast<uint16_t>(named >> first >> 1)};
  }
  if (quiet.count > 0) budget_.take(now, quiet_bytes_ + (quiet.count - 1) * sizeof(SequencePair));
  return outcome;
}

RepairEngine::Verdict RepairEngine::judge(TimeNs now, TimeNs round_trip_ns, const KeptSequences& kept,
                                          uint16_t number, const RepairTarget& from, SourceShare& share) {
  const uint64_t sequence = extend_serial(kept.next - 1, number);
  if (sequence >= kept.next) return Verdict::kNotSent;
  if (sequence < kept.first || sequence + slots_.size() < kept.next) return Verdict::kTooOld;
  Slot& slot = slots_[sequence & mask_];
  const bool of_this = slot.sequence == sequence;
  const bool pending = slot.state == State::kPending;  // of whichever sequence: it stands in the queue
  const bool lingering = slot.state == State::kLingering && now - slot.left_ns < lock_ns(slot, round_trip_ns);
  Verdict verdict = Verdict::kAccepted;
  RepairTarget target = from;
  if (of_this && (pending || lingering)) {
    if (slot.target.is_group() || slot.target.is(from)) return Verdict::kRepeated;
    // It goes, or went, by unicast to somebody else.
    if (always_unicast_ && !from.is_group()) {
      if (pending) return Verdict::kRepeated;
    } else {
      target = {};
      verdict = Verdict::kNowToGroup;
    }
  }
  // Each in the queue with a QUIET of its own, the most that it can take; also where that alone is new.
  const uint64_t promised = (queued_ + (pending ? 0 : 1)) * (largest_bytes_ + quiet_bytes_);
  if (!budget_.holds(now, promised)) return Verdict::kOverBudget;
  if (share.is_exceeded(now) && !budget_.holds(now, promised + left_to_others_)) return Verdict::kOverShare;
  share.charge(now, share_ns_);
  if (!of_this) slot = {.sequence = sequence};
  slot.target = target;
  slot.state = State::kPending;
  if (!pending) enqueue(sequence);
  return verdict;
}

void RepairEngine::enqueue(uint64_t sequence) {
  queue_[(queue_head_ + queued_) & mask_] = static_cast<uint16_t>(sequence & mask_);
  ++queued_;
}

}  // namespace linecast::smart
