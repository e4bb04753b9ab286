#include "lib/smart/receive/packet_pool.h"

namespace linecast::smart {

uint8_t* PacketPool::take(size_t size) {
  if (size > kLargeBlock) return nullptr;
  SizeClass& c = size <= kSmallBlock ? small_ : large_;
  if (c.free.empty() && !grow(c)) return nullptr;
  uint8_t* block = c.free.back();
  c.free.pop_back();
  return block;
}

bool PacketPool::grow(SizeClass& c) {
  const size_t slab_bytes = c.block_bytes * c.blocks_a_slab;
  if (slab_bytes > limit_bytes_ - allocated_bytes_) return false;
  // Slabs stay with their class: large packets, which few streams have, get half at most beyond their first
  // slab.
  if (&c == &large_ && !c.slabs.empty() && slab_bytes * (c.slabs.size() + 1) > limit_bytes_ / 2) return false;
  c.slabs.push_back(std::make_unique_for_overwrite<uint8_t[]>(slab_bytes));
  allocated_bytes_ += slab_bytes;
  c.free.reserve(c.slabs.size() * c.blocks_a_slab);  // so that give() never allocates
  for (size_t i = 0; i < c.blocks_a_slab; ++i) c.free.push_back(c.slabs.back().get() + i * c.block_bytes);
  return true;
}

}  // namespace linecast::smart
