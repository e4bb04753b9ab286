#include "lib/smart/send/pacer.h"

#include <algorithm>
#include <bit>

#include "lib/base/error.h"

namespace linecast::smart {
namespace {

// By how much one arrival may move the line, and with it the distance between two packets that leave.
constexpr double kMostStepNs = 10'000;
// Packets, however often some are out of pace.
constexpr double kLeastMemory = 64;

}  // namespace

Pacer::Pacer(TimeNs delay_ns, uint32_t room) : delay_ns_(delay_ns), due_ns_(room) {
  if (!std::has_single_bit(room)) throw Error("a pacer's room is a power of two");
  set_delay(delay_ns);
}

// A packet beside the line by half of the delay, the most that counts, moves it by 4 / memory of that.
void Pacer::set_delay(TimeNs delay_ns) {
  delay_ns_ = delay_ns;
  longest_memory_ = std::max(kLeastMemory, 4 * static_cast<double>(delay_ns) / 2 / kMostStepNs);
}

bool Pacer::arrive(TimeNs now) {
  const TimeNs gap = now - last_arrival_ns_;
  last_arrival_ns_ = now;
  bool in_pace = true;
  if (gap > delay_ns_) {
    // The first, or the first after a pause: nothing waits any more. The line goes on from here, as steep as
    // it was.
    line_ns_ = 0;
    memory_ = std::max(memory_, 1.0);
  } else {
    const double most = static_cast<double>(delay_ns_) / 2;
    double beside = static_cast<double>(gap) - line_ns_ - interval_ns_;
    if (beside > most || beside < -most) {
      // Once is an accident, and after a few times the feed has another rate.
      in_pace = false;
      beside = std::clamp(beside, -most, most);
      memory_ = std::min(memory_, std::max(memory_ / 2, kLeastMemory));
    }
    memory_ = std::min(memory_ + 1, longest_memory_);
    // Of a least-squares line through `memory_` points, as the last is added.
    const double points = memory_ * (memory_ + 1);
    const double alpha = 2 * (2 * memory_ - 1) / points, beta = 6 / points;
    line_ns_ = (alpha - 1) * beside;
    interval_ns_ = std::max(0.0, interval_ns_ + beta * beside);
  }
  const TimeNs due = now + delay_ns_ / 2 + static_cast<TimeNs>(line_ns_);
  // Together with the one before, while the line is still looked for: no wonder.
  if (due <= last_due_ns_ && memory_ >= kLeastMemory) in_pace = false;
  last_due_ns_ = std::max(last_due_ns_, due);
  due_ns_[arrived_++ & (due_ns_.size() - 1)] = last_due_ns_;
  return in_pace;
}

}  // namespace linecast::smart
