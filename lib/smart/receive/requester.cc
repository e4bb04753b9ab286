#include "lib/smart/receive/requester.h"

#include <algorithm>

#include "lib/base/serial.h"
#include "lib/smart/receive/back_off.h"

namespace linecast::smart {
namespace {

constexpr TimeNs kAskPauseNs = kNsPerMs;  // between two rounds
// That are left where repairs are lost again and again.
constexpr TimeNs kRequestsABuffer = 16;
constexpr TimeNs kLongestQuietNs = kNsPerSecond;
constexpr TimeNs kLeastRoundTripNs = kNsPerMs;
constexpr uint8_t kMostLog2GroupSize = 32;

}  // namespace

template <Memory memory>
BasicRequester<memory>::BasicRequester(const Settings& settings, Random& random, ReceiveCounters& counters)
    : settings_(settings),
      longest_round_trip_ns_(std::max(settings.buffer_ns / kRoundTripsInTime, kLeastRoundTripNs)),
      random_(random),
      counters_(counters),
      losses_(settings.limits, counters),
      allowance_(settings.limits.window) {}

template <Memory memory>
void BasicRequester<memory>::start(uint64_t next) {
  running_ = true;
  losses_.start(next);
}

template <Memory memory>
Hop* BasicRequester<memory>::heard(TimeNs now, Ipv4 source, uint8_t quiet) {
  Hop* hop = hops_.heard(source, now, true);
  if (hop != nullptr) {
    hop->quiet = quiet;
    hop->data_ns = hop->data_ns == kNever ? now : std::max(hop->data_ns, now);  // some have waited
  } else {
    counters_.add(ReceiveCounter::kHopOverflow);
  }
  return hop;
}

template <Memory memory>
bool BasicRequester<memory>::arrived(TimeNs now, uint64_t sequence, const Hop* hop) {
  const TimeNs asked_at = sequence > next() ? first_asked_at(now, hop) : now;
  allowance_ = std::min(allowance_ + kAskedAPacket, uint64_t{settings_.limits.window});
  return losses_.arrived(sequence, asked_at, now + settings_.buffer_ns);
}

template <Memory memory>
void BasicRequester<memory>::reveal(TimeNs now, uint64_t end, const Hop* hop) {
  if (end > next()) losses_.reveal(end, first_asked_at(now, hop), now + settings_.buffer_ns);
}

template <Memory memory>
void BasicRequester<memory>::answered(Hop* hop) {
  if (hop != nullptr) hop->asked_ns = kNever;
}

template <Memory memory>
TimeNs BasicRequester<memory>::first_asked_at(TimeNs now, const Hop* hop) {
  const TimeNs from = now + settings_.reorder_ns;
  return hop == nullptr ? from : times(now, *hop).first(from, now + settings_.buffer_ns);
}

template <Memory memory>
AskTimes BasicRequester<memory>::times(TimeNs now, const Hop& hop) {
  // Where it may not be asked at all: to look then whether it may be.
  const TimeNs window = hop.quiet == kQuietDoNotAsk ? 2 * hop.round_trip_ns : quiet_window_ns(hop.quiet);
  return {.now = now,
          .round_trip_ns = hop.round_trip_ns,
          // Until the hop has told its round trip, an answer may come at once.
          .answer_ns = hop.status_known ? hop.round_trip_ns : 0,
          .back_off = {window, hop.log2_group_size, random_.unit()},
          .quiet_until = quiet_until_,
          .quiet_spares_ns = settings_.buffer_ns / 2,
          .longest_pause_ns = settings_.buffer_ns / kRequestsABuffer};
}

template <Memory memory>
void BasicRequester<memory>::take_status(const SenderStatus& status, Hop& hop) const {
  hop.status_known = true;
  hop.round_trip_ns = std::clamp(status.round_trip_ms * kNsPerMs, kLeastRoundTripNs, longest_round_trip_ns_);
  hop.log2_group_size = std::min(status.log2_group_size, kMostLog2GroupSize);
}

template <Memory memory>
void BasicRequester<memory>::take_quiet(TimeNs now, const Quiet& quiet, Hop& hop) {
  const TimeNs longest = std::min(kLongestQuietNs, settings_.buffer_ns);
  const TimeNs duration = quiet.duration_ms * kNsPerMs;
  if (quiet.list.count == 0) {
    quiet_until_ = std::max(quiet_until_, now + std::min(duration, longest));
    return;
  }
  hop.asked_ns = kNever;
  if (!running_) return;
  std::array<uint64_t, kMaxAskedAtOnce> named;
  size_t count = 0;
  for (const SequencePair& pair : quiet.list.view()) {
    const uint64_t first = extend_serial(next() - 1, pair.sequence);
    named[count++] = first;
    for (unsigned bit = 0; bit < 16; ++bit)
      if (pair.mask >> bit & 1) named[count++] = first + 1 + bit;
  }
  // Who asked asks again two round trips after that, who did not two after this.
  const auto until = [&](TimeNs least) { return now + std::min(std::max(duration, least), longest); };
  // Another hop may be the one that is asked, and this one need not have told the truth about itself.
  AskTimes held = times(now, hop);
  held.answer_ns = std::max(held.answer_ns, hops_.longest_round_trip(now));
  losses_.hold(std::span(named).first(count), until(2 * hop.round_trip_ns), until(hop.round_trip_ns), held);
}

template <Memory memory>
size_t BasicRequester<memory>::collect(TimeNs now, std::span<uint64_t> out, Ipv4& from) {
  if (next_due() > now) return 0;
  Hop* hop = hops_.choose(now);
  if (hop == nullptr || hop->quiet == kQuietDoNotAsk) {
    ask_from_ = now + 2 * (hop != nullptr ? hop->round_trip_ns : Hop{}.round_trip_ns);
    return 0;
  }
  const size_t count =
      losses_.collect(times(now, *hop), out.first(std::min<uint64_t>(out.size(), allowance_)));
  ask_from_ = now + kAskPauseNs;
  if (count == 0) return 0;
  allowance_ -= count;
  if (hop->asked_ns == kNever) hop->asked_ns = now;
  counters_.add(ReceiveCounter::kSequencesRequested, count);
  from = hop->address;
  return count;
}

template class BasicRequester<Memory::kGrows>;
template class BasicRequester<Memory::kTakenOnce>;

}  // namespace linecast::smart
