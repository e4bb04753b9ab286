#include "lib/smart/receive/loss_detector.h"

#include <algorithm>

namespace linecast::smart {
namespace {

// Gaps that were asked for together share a timer where no more than this lies between them: looking over a
// few sequences that have come costs less than a timer each.
constexpr uint64_t kMergeDistance = 64;

template <typename T>
void add(std::vector<T>& list, const T& item) {
  list.push_back(item);
}
template <typename T>
void add(BoundedList<T>& list, const T& item) {
  list.add(item);
}
template <typename T>
T take_last(std::vector<T>& list) {
  const T last = list.back();
  list.pop_back();
  return last;
}
template <typename T>
T take_last(BoundedList<T>& list) {
  const T last = list[list.size() - 1];
  list.truncate(list.size() - 1);
  return last;
}
template <typename T>
void clear(std::vector<T>& list) {
  list.clear();
}
template <typename T>
void clear(BoundedList<T>& list) {
  list.truncate(0);
}

}  // namespace

template <Memory memory>
const typename BasicLossDetector<memory>::Timer BasicLossDetector<memory>::kNoTimer{kNever, 0, 0};

template <Memory memory>
BasicLossDetector<memory>::BasicLossDetector(const Limits& limits, ReceiveCounters& counters)
    : max_timers_(limits.max_timers),
      counters_(counters),
      tracked_(limits.window),
      timers_(memory == Memory::kGrows ? 0 : limits.max_timers) {}

template <Memory memory>
void BasicLossDetector<memory>::start(uint64_t next) {
  tracked_.restart(next);
  clear(timers_);
}

template <Memory memory>
void BasicLossDetector<memory>::reveal(uint64_t end, TimeNs due, TimeNs deadline) {
  if (end <= next()) return;
  const Timer timer{due, next(), end - 1};
  const Entry missing{due, deadline, true, 0};
  while (next() < end) push(missing);
  push_timer(timer);
}

template <Memory memory>
bool BasicLossDetector<memory>::arrived(uint64_t sequence, TimeNs due, TimeNs deadline) {
  reveal(sequence, due, deadline);
  if (sequence == next()) {
    if (tracked_.empty())
      tracked_.restart(sequence + 1);
    else
      push(Entry{});
    return false;
  }
  if (!tracked_.contains(sequence)) return false;
  Entry& entry = tracked_[sequence];
  const bool asked = entry.missing && entry.asked > 0;
  entry.missing = false;
  while (!tracked_.empty() && !tracked_.front().missing) tracked_.pop();
  return asked;
}

template <Memory memory>
void BasicLossDetector<memory>::hold(std::span<const uint64_t> sequences, TimeNs until, TimeNs asked_until,
                                     const AskTimes& times) {
  // Some timers are left to new gaps, however much is held.
  const size_t most_timers = max_timers_ - max_timers_ / 4;
  Timer run = kNoTimer;
  for (const uint64_t s : sequences) {
    if (!tracked_.contains(s)) continue;
    Entry& entry = tracked_[s];
    if (!entry.missing || entry.due == kNever) continue;
    const TimeNs due = times.held(entry.asked > 0 ? asked_until : until, entry.deadline);
    if (entry.due >= due) continue;
    if (!extends(run, due, s) && timers_.size() + (run.due != kNever) >= most_timers)
      break;  // too early rather than never
    arm(run, due, s);
    entry.due = due;
  }
  push_timer(run);
}

template <Memory memory>
size_t BasicLossDetector<memory>::collect(const AskTimes& times, std::span<uint64_t> out) {
  const TimeNs now = times.now;
  trim(now);
  size_t found = 0;
  Timer run = kNoTimer;
  while (timers_.size() > 0 && timers_.begin()->due <= now && found < out.size()) {
    const Timer timer = pop_timer();
    uint64_t s = std::max(timer.first, tracked_.begin());
    for (; s <= timer.last && s < next() && found < out.size(); ++s) {
      Entry& entry = tracked_[s];
      if (!entry.missing || entry.due > now) continue;
      const TimeNs quiet_until = times.quiet_until_for(entry.deadline);
      const TimeNs due = quiet_until > now ? times.held(quiet_until, entry.deadline) : now;
      if (now >= entry.deadline || (entry.asked > 0 && times.too_late(entry.deadline))) {
        entry.due = kNever;
      } else if (due > now) {
        entry.due = due;
      } else {
        out[found++] = s;
        entry.due = times.again(entry.deadline, entry.asked);
        if (entry.asked < kMostAsked) ++entry.asked;
      }
      if (entry.due != kNever) arm(run, entry.due, s);
    }
    if (s <= timer.last && s < next()) push_timer({timer.due, s, timer.last});
  }
  push_timer(run);
  return found;
}

template <Memory memory>
bool BasicLossDetector<memory>::extends(const Timer& run, TimeNs due, uint64_t sequence) {
  return run.due == due && sequence <= run.last + kMergeDistance && run.first <= sequence + kMergeDistance;
}

// Adds the sequence to the run where it is near and due together with it; else begins another run with it.
template <Memory memory>
void BasicLossDetector<memory>::arm(Timer& run, TimeNs due, uint64_t sequence) {
  if (extends(run, due, sequence)) {
    run.first = std::min(run.first, sequence);
    run.last = std::max(run.last, sequence);
  } else {
    push_timer(run);
    run = {due, sequence, sequence};
  }
}

template <Memory memory>
void BasicLossDetector<memory>::push_timer(const Timer& timer) {
  if (timer.due == kNever) return;
  if (timers_.size() >= max_timers_) {
    for (uint64_t s = std::max(timer.first, tracked_.begin()); s <= timer.last && s < next(); ++s) {
      if (!tracked_[s].missing || tracked_[s].due != timer.due) continue;
      tracked_[s].due = kNever;
      counters_.add(ReceiveCounter::kRequestOverflow);
    }
    return;
  }
  add(timers_, timer);
  std::push_heap(timers_.begin(), timers_.end());
}

template <Memory memory>
typename BasicLossDetector<memory>::Timer BasicLossDetector<memory>::pop_timer() {
  std::pop_heap(timers_.begin(), timers_.end());
  return take_last(timers_);
}

template <Memory memory>
void BasicLossDetector<memory>::push(const Entry& entry) {
  if (tracked_.full()) {
    if (tracked_.front().missing && tracked_.front().due != kNever)
      counters_.add(ReceiveCounter::kRequestOverflow);
    tracked_.pop();
  }
  tracked_.push(entry);
}

template <Memory memory>
void BasicLossDetector<memory>::trim(TimeNs now) {
  while (!tracked_.empty() && (!tracked_.front().missing || tracked_.front().deadline <= now)) tracked_.pop();
  if (tracked_.empty()) clear(timers_);  // also those for which there was no room in `out`
}

template class BasicLossDetector<Memory::kGrows>;
template class BasicLossDetector<Memory::kTakenOnce>;

}  // namespace linecast::smart
