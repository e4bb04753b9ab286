// Packet storage that grows to what is in use, up to a bound: blocks of two sizes, reused. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace linecast::smart {

class PacketPool {
 public:
  static constexpr size_t kSmallBlock = 2048;   // bytes
  static constexpr size_t kLargeBlock = 65536;  // bytes: any UDP datagram

  // limit_bytes: of all blocks together, in use or free.
  explicit PacketPool(size_t limit_bytes) : limit_bytes_(limit_bytes) {}
  PacketPool(const PacketPool&) = delete;
  PacketPool& operator=(const PacketPool&) = delete;

  // A block of at least `size` bytes; null where the bound is reached or size > kLargeBlock.
  uint8_t* take(size_t size);
  // `size` as it was taken with.
  void give(uint8_t* block, size_t size) { (size <= kSmallBlock ? small_ : large_).free.push_back(block); }

  size_t allocated_bytes() const { return allocated_bytes_; }

 private:
  struct SizeClass {
    size_t block_bytes;
    size_t blocks_a_slab;
    std::vector<std::unique_ptr<uint8_t[]>> slabs;
    std::vector<uint8_t*> free;
  };
  bool grow(SizeClass& c);

  size_t limit_bytes_;
  size_t allocated_bytes_ = 0;
  SizeClass small_{kSmallBlock, 64, {}, {}};
  SizeClass large_{kLargeBlock, 1, {}, {}};
};

}  // namespace linecast::smart
