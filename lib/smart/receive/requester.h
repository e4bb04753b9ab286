// All that a receiver decides about asking for what is missing: when, whom, how often, and when not. Knows
// sequences, hops and times, but no key, no packet and no socket. One thread; small with small settings (a
// simulation holds a million).
#pragma once

#include "lib/base/random.h"
#include "lib/smart/receive/hop_table.h"
#include "lib/smart/receive/loss_detector.h"
#include "lib/smart/receive/pair_packer.h"

namespace linecast::smart {

struct RequesterSettings {
  TimeNs buffer_ns = kNsPerSecond;   // after it came a packet is played: what repairs have time for
  TimeNs reorder_ns = 5 * kNsPerMs;  // a packet may be late by so much before it is asked for
  LossLimits limits;
};

template <Memory memory>
class BasicRequester {
 public:
  using Settings = RequesterSettings;

  // So many sequences may be asked for with each packet that comes, and what was not asked for is saved up to
  // as many as are tracked. Enough where four of five packets are lost, and all that a pause took; but
  // sequences that were never sent, which anybody can announce on a clear channel, are not asked for again
  // and again as fast as can be.
  static constexpr uint64_t kAskedAPacket = 4;

  // What one round asks for at most: bounds the datagrams in one call, whatever is missing. A burst fits in
  // one datagram, single losses in 17.
  static constexpr size_t kMaxAskedAtOnce = 17 * kMaxPairs;

  // random and counters must outlive it; several may share them.
  BasicRequester(const Settings& settings, Random& random, ReceiveCounters& counters);
  BasicRequester(const BasicRequester&) = delete;
  BasicRequester& operator=(const BasicRequester&) = delete;

  // A run of sequences begins; `next` is the first that is expected. Forgets what was missing.
  void start(uint64_t next);
  // Until the next start() nothing is asked for.
  void stop() { running_ = false; }
  bool running() const { return running_; }
  // The sequence after the highest that is known to exist. Only while running.
  uint64_t next() const { return losses_.next(); }

  // The hops that are heard; whoever takes a message with a trailer looks here whether it is fresh.
  HopTable& hops() { return hops_; }
  const HopTable& hops() const { return hops_; }
  // A valid data packet or heartbeat came from this address, with this QUIET field. Null (counted) where more
  // hops are heard than are kept apart. The pointer is good until the next call of hops().heard().
  Hop* heard(TimeNs now, Ipv4 source, uint8_t quiet);

  // This sequence came, by the hop that heard() gave (or null). Only while running. Whether it had been asked
  // for.
  bool arrived(TimeNs now, uint64_t sequence, const Hop* hop);
  // All sequences below `end` exist. Only while running.
  void reveal(TimeNs now, uint64_t end, const Hop* hop);
  // What was asked for, or a repair, came by this hop (or null).
  static void answered(Hop* hop);

  // Of its round trip no more is believed than leaves time to ask three times within the buffer.
  void take_status(const SenderStatus& status, Hop& hop) const;
  // Both forms. One that names sequences is an answer.
  void take_quiet(TimeNs now, const Quiet& quiet, Hop& hop);

  // When ask() has something to do; kNever: nothing is missing. May be early, never late.
  TimeNs next_due() const { return running_ ? std::max(losses_.next_due(), ask_from_) : kNever; }

  // Gives out what is due at `now`, as send(Ipv4 hop, const PairList& pairs), a call for each
  // REPLACEMENT.
  template <typename Send>
  void ask(TimeNs now, Send&& send) {
    std::array<uint64_t, kMaxAskedAtOnce> due;
    Ipv4 hop = 0;
    for (std::span<const uint64_t> rest = std::span(due).first(collect(now, due, hop)); !rest.empty();)
      send(hop, take_pairs(rest));
  }

 private:
  size_t collect(TimeNs now, std::span<uint64_t> out, Ipv4& from);
  TimeNs first_asked_at(TimeNs now, const Hop* hop);
  AskTimes times(TimeNs now, const Hop& hop);

  const Settings settings_;
  const TimeNs longest_round_trip_ns_;  // that is believed of a group
  Random& random_;
  ReceiveCounters& counters_;
  BasicLossDetector<memory> losses_;
  HopTable hops_{longest_round_trip_ns_};
  TimeNs ask_from_ = INT64_MIN;
  uint64_t allowance_;              // sequences
  TimeNs quiet_until_ = INT64_MIN;  // the whole group
  bool running_ = false;            // a first sequence is known
};

extern template class BasicRequester<Memory::kGrows>;
extern template class BasicRequester<Memory::kTakenOnce>;
using Requester = BasicRequester<Memory::kGrows>;

}  // namespace linecast::smart
