// Clear channels carry 16 bits of the sequence and nothing that vouches for them: extends them, and believes
// a jump only when it goes on or the sender is known to have started anew.
#pragma once

#include <cstdint>

namespace linecast::smart {

class ClearSequence {
 public:
  enum class Verdict : uint8_t {
    kPlaced,   // `sequence` is near the last one
    kStart,    // a new run of sequences begins at `sequence`: the first ever, or the sender started anew
    kJump,     // the third of a row that begins far from the last one: a new run begins at `sequence - 2`
    kDoubtful  // far from the last one, and not yet three in a row
  };
  struct Place {
    Verdict verdict;
    uint64_t sequence;  // full; not set when doubtful
    bool row_begins;    // doubtful only: the first of a row
  };

  // For each original.
  Place place(uint16_t number);

  // For heartbeats, whose number is the last sent, and repairs: kPlaced, kStart or (too far off, nothing
  // changed) kDoubtful.
  Place place_near(uint16_t number);

  // False until the next run has begun.
  bool started() const { return started_; }

  // The next original or heartbeat begins a new run, whatever its number.
  void expect_start() { started_ = false; }

 private:
  Place start(uint16_t number);

  uint64_t highest_ = 0;
  uint16_t doubtful_ = 0;  // the last number that was doubted
  uint8_t row_ = 0;        // how many in a row ended with it
  bool started_ = false;
};

}  // namespace linecast::smart
