// Anti-replay window after RFC 6479: a ring of bit words over the full sequence. Check before, mark after the
// tag verifies.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace linecast::smart {

class ReplayWindow {
 public:
  static constexpr uint64_t kWidth = 1 << 15;  // twice the widest retransmit window

  enum class Verdict : uint8_t { kNew, kSeen, kTooOld };
  Verdict check(uint64_t sequence) const;
  // Only after the packet's tag verified.
  void mark(uint64_t sequence);
  void reset();

 private:
  static constexpr size_t kWordBits = 64;
  static constexpr size_t kWords = 2 * kWidth / kWordBits;  // twice, so that whole words can be cleared ahead

  std::array<uint64_t, kWords> words_{};
  uint64_t highest_ = 0;
  bool any_ = false;
};

}  // namespace linecast::smart
