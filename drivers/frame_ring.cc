#include "drivers/frame_ring.h"

#include <rte_malloc.h>

#include "lib/base/error.h"

namespace linecast::drivers {

FrameRing::FrameRing(Pool& frames, uint32_t slots, int numa_node)
    : frames_(frames),
      slots_(static_cast<Packet**>(
          rte_zmalloc_socket("frame ring", slots * sizeof(Packet*), RTE_CACHE_LINE_SIZE, numa_node))),
      mask_(slots - 1) {
  if (slots_ == nullptr) throw Error("no hugepage memory for a retransmit ring. Reserve more hugepages");
  for (uint32_t i = 0; i < slots; ++i) {
    slots_[i] = frames.take();
    if (slots_[i] == nullptr) {
      while (i-- > 0) release(slots_[i]);
      rte_free(slots_);
      throw Error("the pool of kept frames is too small for its retransmit rings");
    }
  }
}

FrameRing::~FrameRing() {
  for (uint64_t i = 0; i <= mask_; ++i) release(slots_[i]);
  rte_free(slots_);
}

Packet* FrameRing::replace(Packet*& slot) {
  Packet* fresh = frames_.take();
  if (fresh == nullptr) return nullptr;
  release(slot);  // the card's own hold keeps it alive until it is sent
  slot = fresh;
  return fresh;
}

}  // namespace linecast::drivers
