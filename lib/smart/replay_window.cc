#include "lib/smart/replay_window.h"

#include <algorithm>

namespace linecast::smart {

ReplayWindow::Verdict ReplayWindow::check(uint64_t sequence) const {
  if (!any_ || sequence > highest_) return Verdict::kNew;
  if (highest_ - sequence >= kWidth) return Verdict::kTooOld;
  const uint64_t word = words_[sequence / kWordBits % kWords];
  return (word >> sequence % kWordBits & 1) != 0 ? Verdict::kSeen : Verdict::kNew;
}

void ReplayWindow::mark(uint64_t sequence) {
  if (!any_ || sequence > highest_) {
    // Words that come into the ring are cleared; those behind the window may keep old bits (RFC 6479, section
    // 2).
    const uint64_t from = highest_ / kWordBits, to = sequence / kWordBits;
    const uint64_t steps = any_ ? std::min<uint64_t>(to - from, kWords) : kWords;
    for (uint64_t i = 0; i < steps; ++i) words_[(to - i) % kWords] = 0;
    highest_ = sequence;
    any_ = true;
  } else if (highest_ - sequence >= kWidth) {
    return;  // too old to be told from a replay: its word may belong to a newer sequence
  }
  words_[sequence / kWordBits % kWords] |= uint64_t{1} << sequence % kWordBits;
}

void ReplayWindow::reset() { any_ = false; }

}  // namespace linecast::smart
