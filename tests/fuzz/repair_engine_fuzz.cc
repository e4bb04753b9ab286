// A repair engine under requests, new packets and time as the input says. Whatever comes: no sequence is
// repaired twice within a round trip (but once more to the group after it went by unicast), no more bytes
// leave than the budget allows, the queue is bounded, and QUIET names what will be repaired and nothing else.
#include <cstdlib>
#include <map>

#include "lib/base/bytes.h"
#include "lib/smart/send/repair_engine.h"

namespace {

using namespace linecast;
using smart::RepairEngine;

void require(bool good) {
  if (!good) std::abort();
}

constexpr uint32_t kWindow = 64;
constexpr uint64_t kRate = 200'000, kBurst = 50'000, kLargest = 2000, kQuiet = 90;  // bytes

struct Sent {
  TimeNs at;
  smart::RepairTarget target;
};

class Run {
 public:
  explicit Run(ByteReader in)
      : in_(in),
        always_unicast_((in_.u8() & 1) != 0),
        round_trip_((1 + in_.u8()) * kNsPerMs),
        engine_({.window = kWindow,
                 .budget_bytes_a_second = kRate,
                 .budget_burst_bytes = kBurst,
                 .largest_bytes = kLargest,
                 .quiet_bytes = kQuiet,
                 .left_to_others_bytes = kBurst / 4,
                 .longest_lock_ns = kWindow * kNsPerMs,
                 .always_unicast = always_unicast_}) {
    kept_.first = kept_.next = in_.u64() % (uint64_t{1} << 48) + 1;
  }

  void go() {
    while (in_.ok() && in_.remaining() > 0) {
      switch (in_.u8() % 4) {
        case 0:
          now_ += in_.u16() * kNsPerUs * 100;
          break;
        case 1:
          kept_.next += in_.u8();
          kept_.first = std::max(kept_.first, kept_.next - std::min<uint64_t>(kept_.next, kWindow));
          break;
        case 2:
          request();
          break;
        default:
          take();
          break;
      }
      require(engine_.pending() <= kWindow);
    }
  }

 private:
  void request() {
    smart::RepairTarget from;
    const uint8_t who = in_.u8();
    from.address = who % 4;  // 0: the group
    from.port = from.is_group() ? 0 : 1;
    smart::PairList asked, quiet;
    asked.count = who / 4 % (smart::kMaxPairs + 1);
    uint32_t sequences = 0;
    for (size_t k = 0; k < asked.count; ++k) {
      // Mostly near what there is.
      const auto near = static_cast<uint16_t>(kept_.next - 70 + in_.u8() % 80);
      asked.pairs[k] = {who >= 0xf0 ? in_.u16() : near, in_.u16()};
      sequences += 1 + static_cast<uint32_t>(__builtin_popcount(asked.pairs[k].mask));
    }
    const size_t before = engine_.pending();
    const RepairEngine::Outcome outcome =
        engine_.request(now_, round_trip_, kept_, asked, from, shares_[who % 4], quiet);
    require(outcome.sum() == sequences);
    require(engine_.pending() >= before && engine_.pending() - before <= outcome.accepted);
    require(quiet.count <= asked.count);
    uint32_t named = 0;
    for (const smart::SequencePair& pair : quiet.view())
      named += 1 + static_cast<uint32_t>(__builtin_popcount(pair.mask));
    if (quiet.count > 0) bytes_ += kQuiet + 4 * (quiet.count - 1);
    require(from.is_group() ? named == outcome.accepted : named <= outcome.accepted);
  }

  void take() {
    const size_t before = engine_.pending();
    const uint64_t size = in_.u16() % (kLargest + 1);
    RepairEngine::Repair repair;
    const RepairEngine::Taken taken = engine_.take(
        now_, kept_, [size](uint64_t) { return size; }, repair);
    require((taken == RepairEngine::Taken::kNothing) == (before == 0));
    require(engine_.pending() == before - (before > 0 ? 1 : 0));
    if (taken != RepairEngine::Taken::kRepair) return;
    require(repair.sequence >= kept_.first && repair.sequence < kept_.next);
    bytes_ += size;
    require(static_cast<double>(bytes_) <=
            kBurst + static_cast<double>(kRate) * static_cast<double>(now_) / kNsPerSecond + 1);
    if (const auto last = sent_.find(repair.sequence);
        last != sent_.end() && now_ - last->second.at < round_trip_) {
      require(!last->second.target.is_group());
      require(repair.target.is_group() || (always_unicast_ && !repair.target.is(last->second.target)));
    }
    sent_[repair.sequence] = {now_, repair.target};
  }

  ByteReader in_;
  bool always_unicast_;
  TimeNs round_trip_;
  RepairEngine engine_;
  std::array<smart::SourceShare, 4> shares_;
  smart::KeptSequences kept_;
  TimeNs now_ = 0;
  uint64_t bytes_ = 0;
  std::map<uint64_t, Sent> sent_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Run(ByteReader(Bytes(data, size))).go();
  return 0;
}
