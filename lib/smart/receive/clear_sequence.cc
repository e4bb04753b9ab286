#include "lib/smart/receive/clear_sequence.h"

#include <algorithm>

#include "lib/base/serial.h"
#include "lib/smart/wire.h"

namespace linecast::smart {
namespace {

constexpr uint8_t kRowBelieved = 3;

bool near(uint64_t highest, uint64_t sequence) {
  return sequence <= highest + kMaxSequenceJump && highest <= sequence + kMaxSequenceJump;
}

}  // namespace

// Runs never overlap: a new one begins more than 2^16 above all that was used before, and the first far
// enough above 0 for older sequences to have a place below it.
ClearSequence::Place ClearSequence::start(uint16_t number) {
  highest_ = (highest_ & ~uint64_t{0xffff}) + 0x20000 + number;
  row_ = 0;
  started_ = true;
  return {Verdict::kStart, highest_, false};
}

ClearSequence::Place ClearSequence::place(uint16_t number) {
  if (!started_) return start(number);
  const uint64_t sequence = extend_serial(highest_, number);
  if (near(highest_, sequence)) {
    highest_ = std::max(highest_, sequence);
    return {Verdict::kPlaced, sequence, false};
  }
  if (row_ > 0 && number == doubtful_) return {Verdict::kDoubtful, 0, false};  // a second copy
  const bool goes_on = row_ > 0 && number == static_cast<uint16_t>(doubtful_ + 1);
  row_ = goes_on ? row_ + 1 : 1;
  doubtful_ = number;
  if (row_ < kRowBelieved) return {Verdict::kDoubtful, 0, !goes_on};
  return {Verdict::kJump, start(number).sequence, false};
}

ClearSequence::Place ClearSequence::place_near(uint16_t number) {
  if (!started_) return start(number);
  const uint64_t sequence = extend_serial(highest_, number);
  if (!near(highest_, sequence)) return {Verdict::kDoubtful, 0, false};
  highest_ = std::max(highest_, sequence);
  return {Verdict::kPlaced, sequence, false};
}

}  // namespace linecast::smart
