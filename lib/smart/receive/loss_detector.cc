#include "lib/smart/receive/loss_detector.h"

#include <algorithm>

namespace linecast::smart {
namespace {

// Gaps that were asked for together share a timer where no more than this lies between them: looking over a
// few sequences that have come costs less than a timer each.
constexpr uint64_t kMergeDistance = 64;

}  // namespace

LossDetector::LossDetector(const Limits& limits, ReceiveCounters& counters)
    : max_timers_(limits.max_timers), counters_(counters), tracked_(limits.window) {}

void LossDetector::start(uint64_t next) {
  tracked_.restart(next);
  timers_.clear();
}

void LossDetector::reveal(uint64_t end, TimeNs due, TimeNs deadline) {
  if (end <= next()) return;
  const uint64_t first = next();
  const bool timed = timers_.size() < max_timers_;
  if (timed)
    push_timer({due, first, end - 1});
  else
    counters_.add(ReceiveCounter::kRequestOverflow, end - first);
  const Entry missing{timed ? due : kNever, deadline, true, false};
  while (next() < end) push(missing);
}

void LossDetector::arrived(uint64_t sequence, TimeNs due, TimeNs deadline) {
  reveal(sequence, due, deadline);
  if (sequence == next()) {
    if (tracked_.empty())
      tracked_.restart(sequence + 1);
    else
      push(Entry{});
  } else if (tracked_.contains(sequence)) {
    tracked_[sequence].missing = false;
    while (!tracked_.empty() && !tracked_.front().missing) tracked_.pop();
  }
}

void LossDetector::hold(std::span<const uint64_t> sequences, TimeNs until) {
  uint64_t first = UINT64_MAX, last = 0;
  for (const uint64_t s : sequences) {
    if (!tracked_.contains(s) || !tracked_[s].missing || tracked_[s].due >= until) continue;
    first = std::min(first, s);
    last = std::max(last, s);
  }
  if (first > last || timers_.size() >= max_timers_) return;  // too early rather than never
  push_timer({until, first, last});
  for (const uint64_t s : sequences)
    if (tracked_.contains(s) && tracked_[s].missing) tracked_[s].due = std::max(tracked_[s].due, until);
}

size_t LossDetector::collect(TimeNs now, const Asking& asking, std::span<uint64_t> out) {
  trim(now);
  size_t found = 0;
  Timer again{asking.again_at, 0, 0};
  bool any_again = false;
  while (!timers_.empty() && timers_.front().due <= now && found < out.size()) {
    const Timer timer = pop_timer();
    uint64_t s = std::max(timer.first, tracked_.begin());
    uint64_t first_asked = UINT64_MAX, last_asked = 0;
    for (; s <= timer.last && s < next() && found < out.size(); ++s) {
      Entry& entry = tracked_[s];
      if (!entry.missing || entry.due > now) continue;
      if (now >= entry.deadline || (entry.asked && asking.answer_at > entry.deadline)) {
        entry.due = kNever;
        continue;
      }
      out[found++] = s;
      entry.asked = true;
      entry.due = asking.again_at;
      first_asked = std::min(first_asked, s);
      last_asked = s;
    }
    if (s <= timer.last && s < next()) push_timer({timer.due, s, timer.last});
    if (first_asked > last_asked) continue;
    if (any_again && first_asked <= again.last + kMergeDistance &&
        last_asked + kMergeDistance >= again.first) {
      again.first = std::min(again.first, first_asked);
      again.last = std::max(again.last, last_asked);
    } else {
      if (any_again) push_timer(again);
      again = {asking.again_at, first_asked, last_asked};
      any_again = true;
    }
  }
  if (any_again) push_timer(again);
  return found;
}

void LossDetector::push_timer(const Timer& timer) {
  timers_.push_back(timer);
  std::push_heap(timers_.begin(), timers_.end());
}

LossDetector::Timer LossDetector::pop_timer() {
  std::pop_heap(timers_.begin(), timers_.end());
  const Timer timer = timers_.back();
  timers_.pop_back();
  return timer;
}

void LossDetector::push(const Entry& entry) {
  if (tracked_.full()) {
    if (tracked_.front().missing && tracked_.front().due != kNever)
      counters_.add(ReceiveCounter::kRequestOverflow);
    tracked_.pop();
  }
  tracked_.push(entry);
}

void LossDetector::trim(TimeNs now) {
  while (!tracked_.empty() && (!tracked_.front().missing || tracked_.front().deadline <= now)) tracked_.pop();
}

}  // namespace linecast::smart
