#include "lib/smart/receive/simple.h"

#include <algorithm>
#include <cassert>

namespace linecast::smart {
namespace {

constexpr TimeNs kRevealedWithinNs = kNsPerSecond;  // a heartbeat comes at least so often

}  // namespace

Simple::Simple(size_t tunnels, TimeNs buffer_ns, Random& random)
    : tunnels_(tunnels), buffer_ns_(buffer_ns), random_(random) {
  assert(tunnels <= kMaxTunnels);
  refused_until_.fill(INT64_MIN);
}

void Simple::heard(TimeNs now, size_t level) {
  heard_ns_ = std::max(heard_ns_, now);
  if (level == 0 && level_ != 0) native_.message(now);
  if (level != 0 && level == trying_) trial_heard_ = true;
}

void Simple::granted(TimeNs now, size_t level) {
  if (level != trying_ || trial_granted_) return;
  trial_granted_ = true;
  trial_until_ = now + kTrialNs;
}

void Simple::refused(size_t level, TimeNs until) { refused_until_[level] = until; }

TimeNs Simple::next_due() const {
  if (tunnels_ == 0) return kNever;
  if (!begun_) return INT64_MIN;
  if (trial_heard_) return now_;
  TimeNs due = losses_.next_due();
  if (trying_ != 0) {
    due = std::min(due, trial_until_);
    if (cause_ == LevelCause::kSilence && !silent(now_)) due = now_;
  } else {
    due = std::min(due, silence_sought_at());
  }
  if (level_ != 0) due = std::min(due, native_.next_due());
  if (level_ != 0 && native_.in_order()) due = std::min(due, held_until_);
  return due;
}

std::optional<LevelChange> Simple::poll(TimeNs now, const Totals& totals) {
  if (tunnels_ == 0) return std::nullopt;
  now_ = now = std::max(now_, now);
  if (!begun_) {
    begun_ = true;
    heard_ns_ = std::max(heard_ns_, now);
    silence_ns_ = uniform(kSilentAfter, kSilentAfter + kSilenceSpreadNs);
    losses_.restart(now);
  }
  losses_.sample(now, totals.played, totals.unrecovered);
  if (level_ != 0) native_.poll(now, totals.next);

  if (trying_ != 0 && trial_heard_) return move(now, trying_, cause_);
  if (level_ != 0 && native_.in_order() && now >= held_until_)
    return move(now, 0, LevelCause::kNativeInOrder);
  if (trying_ != 0 && cause_ == LevelCause::kSilence && !silent(now)) trying_ = 0;
  if (trying_ != 0) {
    if (now < trial_until_) return std::nullopt;
    seek(now, trying_);
  } else if (now >= silence_sought_at()) {
    cause_ = LevelCause::kSilence;
    seek(now, level_);
  } else if (now >= rest_until_ && !silent(now) && losses_.too_much()) {
    cause_ = LevelCause::kLoss;
    seek(now, level_);
  } else {
    return std::nullopt;
  }
  // Nothing above brings anything either: from the bottom again, after a while.
  if (trying_ == 0 && cause_ == LevelCause::kSilence && level_ != 0)
    return move(now, 0, LevelCause::kNothingHelps);
  return std::nullopt;
}

// The next tunnel that may be asked is tried; where there is none, nothing is for a while.
void Simple::seek(TimeNs now, size_t above) {
  trying_ = 0;
  trial_granted_ = trial_heard_ = false;
  for (size_t tunnel = above + 1; tunnel <= tunnels_ && trying_ == 0; ++tunnel)
    if (refused_until_[tunnel] <= now) trying_ = tunnel;
  if (trying_ != 0)
    trial_until_ = now + kTrialNs;
  else
    rest_until_ = now + uniform(kLeastRestNs, kMostRestNs);
}

LevelChange Simple::move(TimeNs now, size_t to, LevelCause cause) {
  const LevelChange change{level_, to, cause};
  if (level_ == 0) {
    const bool forgotten = hold_ns_ == 0 || now - native_since_ >= kForgottenAfter;
    hold_ns_ = forgotten ? kLeastHoldNs : std::min(2 * hold_ns_, kMostHoldNs);
    held_until_ = now + hold_ns_;
    native_.restart(cause == LevelCause::kLoss ? kMostMissingAfterLossPercent : kMostMissingPercent);
  }
  if (to == 0) native_since_ = now;
  level_ = to;
  trying_ = 0;
  trial_granted_ = trial_heard_ = false;
  silence_ns_ = uniform(kSilentAfter, kSilentAfter + kSilenceSpreadNs);
  losses_.restart(now + kRevealedWithinNs + buffer_ns_);  // what was lost before is given up by then
  return change;
}

}  // namespace linecast::smart
