// The frames of one stream that were sent and are kept for repairs: a ring over the full sequence, in
// hugepage memory. A slot owns its frame and is written over in place; a frame that a card still reads is
// left to the card and replaced from the pool.
#pragma once

#include <cstdint>

#include "drivers/packet.h"

namespace linecast::drivers {

// One lane writes and reads it.
class FrameRing {
 public:
  // slots: a power of two. Takes that many packets from `frames`; throws Error where they are not there.
  FrameRing(Pool& frames, uint32_t slots, int numa_node);
  ~FrameRing();
  FrameRing(const FrameRing&) = delete;
  FrameRing& operator=(const FrameRing&) = delete;

  uint32_t slots() const { return mask_ + 1; }
  void prefetch(uint64_t sequence) const { prefetch_frame(slots_[sequence & mask_]); }

  // The packet to write `sequence` into, or null where the card holds the old one and the pool is empty. The
  // frame that stood there is gone from now on.
  Packet* claim(uint64_t sequence) {
    Packet*& slot = slots_[sequence & mask_];
    if (held_once(slot)) [[likely]]
      return slot;
    return replace(slot);
  }
  // The kept frame of a sequence within the last slots() ones that were claimed.
  Packet* at(uint64_t sequence) const { return slots_[sequence & mask_]; }

  static constexpr size_t bytes_per_slot() { return sizeof(Packet*); }

 private:
  Packet* replace(Packet*& slot);

  Pool& frames_;
  Packet** slots_;
  uint64_t mask_;
};

}  // namespace linecast::drivers
