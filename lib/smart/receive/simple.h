// SIMPLE (docs/protocol.md): by which level a stream is received. Level 0 is native multicast, which stays
// joined throughout; levels 1, 2, ... are tunnels, in the order in which they are configured. Decides only:
// whoever uses it opens and closes tunnels as uses() says, and tells what comes. No key and no socket; one
// thread.
#pragma once

#include <algorithm>
#include <array>
#include <optional>

#include "lib/base/counters.h"
#include "lib/base/random.h"
#include "lib/smart/receive/loss_share.h"
#include "lib/smart/receive/native_watch.h"

namespace linecast::smart {

#define LINECAST_LEVEL_CAUSES(_)                                                      \
  _(kSilence, "silence", "nothing valid has come for 3 s")                            \
  _(kLoss, "loss", "more than 1 % stayed unrecovered over 10 s")                      \
  _(kNativeInOrder, "native_in_order", "native multicast has come in order for 10 s") \
  _(kNothingHelps, "nothing_helps", "no tunnel brings anything; all are tried again in a while")
LINECAST_COUNTER_LIST(LevelCause, LINECAST_LEVEL_CAUSES)

struct LevelChange {
  size_t from = 0, to = 0;
  LevelCause cause = LevelCause::kSilence;
};

class Simple {
 public:
  static constexpr size_t kMaxTunnels = 8;
  static constexpr TimeNs kSilentAfter = 3 * kNsPerSecond;  // and up to kSilenceSpreadNs more
  static constexpr TimeNs kSilenceSpreadNs = kNsPerSecond / 2;
  static constexpr TimeNs kTrialNs = 3 * kNsPerSecond;  // for a grant, and then again for data
  static constexpr TimeNs kLeastRestNs = 5 * kNsPerSecond, kMostRestNs = 30 * kNsPerSecond;
  static constexpr TimeNs kLeastHoldNs = 10 * kNsPerSecond, kMostHoldNs = 600 * kNsPerSecond;
  static constexpr TimeNs kForgottenAfter = 600 * kNsPerSecond;
  // Of the sequences of a span, before repairs, for native multicast to count as in order: the most that
  // repairs can be trusted to mend; less after a climb for what they did not mend.
  static constexpr uint64_t kMostMissingPercent = 10, kMostMissingAfterLossPercent = 1;

  // tunnels: at most kMaxTunnels; with none it never climbs. buffer_ns: what is lost shows that much later.
  // random must outlive it.
  Simple(size_t tunnels, TimeNs buffer_ns, Random& random);

  // A valid packet or message came by this level: 0, or a tunnel's number.
  void heard(TimeNs now, size_t level);
  // What of it came natively.
  NativeWatch& native() { return native_; }
  // Of the tunnel that is tried. refused: until when it is not to be asked again.
  void granted(TimeNs now, size_t level);
  void refused(size_t level, TimeNs until);

  struct Totals {
    uint64_t played = 0;       // packets
    uint64_t unrecovered = 0;  // sequences
    uint64_t next = 0;         // the sequence after the highest known
  };
  // When poll() has something to do. May be early, never late.
  TimeNs next_due() const;
  // At most one change of level; call again where next_due() is not later than `now`.
  std::optional<LevelChange> poll(TimeNs now, const Totals& totals);

  // By which the stream is received.
  size_t level() const { return level_; }
  // The tunnel that is tried beside it; 0: none.
  size_t trying() const { return trying_; }
  // Whether this tunnel (1 ...) is to be open.
  bool uses(size_t tunnel) const { return tunnel == level_ || tunnel == trying_; }

 private:
  bool silent(TimeNs now) const { return now - heard_ns_ >= silence_ns_; }
  // A rest after loss is none from silence.
  TimeNs silence_sought_at() const {
    const TimeNs silent_at = heard_ns_ + silence_ns_;
    return cause_ == LevelCause::kSilence ? std::max(silent_at, rest_until_) : silent_at;
  }
  void seek(TimeNs now, size_t above);
  LevelChange move(TimeNs now, size_t to, LevelCause cause);
  TimeNs uniform(TimeNs least, TimeNs most) {
    return least + static_cast<TimeNs>(random_.unit() * static_cast<double>(most - least));
  }

  const size_t tunnels_;
  const TimeNs buffer_ns_;
  Random& random_;

  bool begun_ = false;
  TimeNs now_ = INT64_MIN;  // never goes back
  size_t level_ = 0;
  TimeNs heard_ns_ = 0;  // anything valid, by any level
  TimeNs silence_ns_ = kSilentAfter;
  LossShare losses_;

  size_t trying_ = 0;
  LevelCause cause_ = LevelCause::kSilence;  // of the trial
  bool trial_granted_ = false, trial_heard_ = false;
  TimeNs trial_until_ = kNever;
  TimeNs rest_until_ = INT64_MIN;  // nothing is tried before
  std::array<TimeNs, kMaxTunnels + 1> refused_until_;

  NativeWatch native_;  // where level() is not 0
  TimeNs hold_ns_ = 0;  // 0: none is remembered
  TimeNs held_until_ = INT64_MIN;
  TimeNs native_since_ = 0;
};

}  // namespace linecast::smart
