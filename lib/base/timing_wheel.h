// Timers of one thread by when they are due: a ring of ticks, each with a list of those due then, in
// whichever round of the ring (a hashed timing wheel: Varghese and Lauck, SOSP 1987, scheme 6). To arm one or
// to take it costs the same however many there are.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "lib/base/time.h"

namespace linecast {

class TimingWheel {
 public:
  // Its owner's, who disarms it before it goes.
  class Timer {
   public:
    bool is_armed() const { return armed_; }

   private:
    friend class TimingWheel;
    TimeNs due_ = 0;
    Timer* next_ = nullptr;
    uint32_t slot_ = 0;
    bool armed_ = false;
  };

  TimingWheel() : slots_(kSlots) {}

  bool is_empty() const { return armed_ == 0; }

  // due: may have passed already. The timer is not armed.
  void arm(Timer& timer, TimeNs due, TimeNs now) {
    if (armed_++ == 0) tick_ = tick_of(now);
    timer.due_ = due;
    timer.slot_ = slot_of(std::max(tick_of(due), tick_));
    timer.next_ = slots_[timer.slot_];
    timer.armed_ = true;
    slots_[timer.slot_] = &timer;
  }
  // Nothing happens where it is not armed.
  void disarm(Timer& timer) {
    if (!timer.armed_) return;
    Timer** at = &slots_[timer.slot_];
    while (*at != &timer) at = &(*at)->next_;
    take_out(at);
  }
  // Disarms one that is due, and returns it; null: none is. What falls into one tick comes in any order.
  Timer* take(TimeNs now) {
    if (armed_ == 0) return nullptr;
    const int64_t tick = tick_of(now);
    for (tick_ = std::max(tick_, tick - kSlots);; ++tick_) {
      for (Timer** at = &slots_[slot_of(tick_)]; *at != nullptr; at = &(*at)->next_)
        if ((*at)->due_ <= now) return take_out(at);
      if (tick_ >= tick) return nullptr;
    }
  }

 private:
  static constexpr int kTickShift = 12;    // 4 us
  static constexpr int64_t kSlots = 1024;  // a round takes 4 ms

  static int64_t tick_of(TimeNs time) { return time >> kTickShift; }
  static uint32_t slot_of(int64_t tick) { return static_cast<uint32_t>(tick & (kSlots - 1)); }
  Timer* take_out(Timer** at) {
    Timer* timer = *at;
    *at = timer->next_;
    timer->armed_ = false;
    --armed_;
    return timer;
  }

  std::vector<Timer*> slots_;
  int64_t tick_ = 0;  // what was due before it has been taken
  size_t armed_ = 0;
};

}  // namespace linecast
