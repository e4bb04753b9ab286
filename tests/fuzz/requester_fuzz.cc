// What a receiver asks for, against a plain model of what it has, whatever packets, QUIET, SENDER_STATUS and
// times it meets: never what came, never what was not missing, never after its deadline, never more than a
// round holds in a millisecond, and it never wants to be called without end.
#include <cstdlib>
#include <map>

#include "lib/base/bytes.h"
#include "lib/base/serial.h"
#include "lib/smart/receive/requester.h"

namespace {

using namespace linecast;         // NOLINT(google-build-using-namespace)
using namespace linecast::smart;  // NOLINT(google-build-using-namespace)

constexpr Requester::Settings kSettings{
    .buffer_ns = 200 * kNsPerMs, .reorder_ns = 5 * kNsPerMs, .limits = {.window = 1024, .max_timers = 32}};

void require(bool holds) {
  if (!holds) std::abort();
}

class Model {
 public:
  void start(uint64_t next) {
    requester_.start(next);
    deadlines_.clear();
  }
  void data(Ipv4 source, uint8_t quiet, uint64_t sequence, bool repair) {
    Hop* hop = requester_.heard(now_, source, quiet);
    if (repair) Requester::answered(hop);
    if (!requester_.running()) return;
    missing_below(sequence);
    deadlines_.erase(sequence);
    requester_.arrived(now_, sequence, hop);
  }
  void heartbeat(Ipv4 source, uint64_t end) {
    const Hop* hop = requester_.heard(now_, source, 0);
    if (!requester_.running()) return;
    missing_below(end);
    requester_.reveal(now_, end, hop);
  }
  void status(Ipv4 source, const SenderStatus& status) {
    if (Hop* hop = requester_.hops().heard(source, now_)) requester_.take_status(status, *hop);
  }
  void quiet(Ipv4 source, const Quiet& quiet) {
    if (Hop* hop = requester_.hops().heard(source, now_)) requester_.take_quiet(now_, quiet, *hop);
  }
  void pass(TimeNs span) {
    const TimeNs end = now_ + span;
    for (int calls = 0; requester_.next_due() <= end; ++calls) {
      require(calls < 10'000);
      now_ = std::max(now_, requester_.next_due());
      ask();
    }
    now_ = end;
  }
  uint64_t next() const { return requester_.next(); }
  void stop() { requester_.stop(); }

 private:
  void missing_below(uint64_t end) {
    for (uint64_t s = requester_.next(); s < end; ++s) deadlines_[s] = now_ + kSettings.buffer_ns;
  }
  void ask() {
    size_t asked = 0;
    requester_.ask(now_, [&](Ipv4 hop, const PairList& pairs) {
      require(requester_.running() && pairs.count > 0);
      const Hop* known = requester_.hops().find(hop);
      require(known != nullptr && known->quiet != kQuietDoNotAsk);
      for (const SequencePair& pair : pairs.view())
        for (unsigned i = 0; i <= 16; ++i) {
          if (i > 0 && (pair.mask >> (i - 1) & 1) == 0) continue;
          const uint64_t sequence = extend_serial(requester_.next() - 1, pair.sequence) + i;
          const auto missing = deadlines_.find(sequence);
          require(missing != deadlines_.end() && now_ < missing->second);
          ++asked;
        }
    });
    require(asked <= Requester::kMaxAskedAtOnce);
    if (asked == 0) return;
    require(now_ - asked_ns_ >= kNsPerMs);
    asked_ns_ = now_;
  }

  Random random_{1};
  ReceiveCounters counters_;
  Requester requester_{kSettings, random_, counters_};
  std::map<uint64_t, TimeNs> deadlines_;  // of what is missing
  TimeNs now_ = kNsPerSecond;
  TimeNs asked_ns_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader in(Bytes(data, size));
  Model model;
  model.start(65'000);
  while (in.ok() && in.remaining() > 0) {
    const uint8_t op = in.u8();
    const uint8_t how = in.u8();
    const Ipv4 source = 1 + (op >> 6);
    switch (op % 8) {
      case 0:
      case 1:
        model.data(source, how & 15, model.next() + (how >> 4), false);
        break;
      case 2:
        model.data(source, how & 15, model.next() + in.u16() % 2048, false);
        break;
      case 3:
        model.data(source, 0, model.next() - 1 - how, true);
        break;
      case 4:
        model.heartbeat(source, model.next() + how);
        break;
      case 5: {
        SenderStatus status;
        status.round_trip_ms = in.u16();
        status.log2_group_size = how;
        model.status(source, status);
        break;
      }
      case 6: {
        Quiet quiet;
        quiet.duration_ms = in.u16();
        quiet.list.count = how % (kMaxPairs + 1);
        for (size_t i = 0; i < quiet.list.count; ++i)
          quiet.list.pairs[i] = {static_cast<uint16_t>(model.next() - in.u8()), in.u16()};
        model.quiet(source, quiet);
        break;
      }
      default:
        if (how == 255) model.stop();
        if (how >= 254) model.start(model.next() + in.u16());
        model.pass(how * kNsPerMs / 4);
        break;
    }
  }
  model.pass(kNsPerSecond);
  return 0;
}
