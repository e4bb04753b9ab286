// Gives each of at most so many 64-bit keys a place of its own, below the capacity, that stays the same until
// the key is removed: what belongs to a key stands in arrays of the caller's. A chained hash table; nothing
// is allocated but in the constructor.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace linecast::smart {

class PlaceTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // capacity: below 2^31. seed: secret and random, so that nobody can choose keys that share a chain.
  PlaceTable(size_t capacity, uint64_t seed)
      : nodes_(capacity),
        chains_(std::bit_floor(std::max<size_t>(capacity, 2)), kNone),  // of one or two keys when full
        shift_(64 - std::countr_zero(chains_.size())),
        seed_(seed) {
    for (size_t i = capacity; i > 0; --i) {
      nodes_[i - 1].next = free_;
      free_ = static_cast<uint32_t>(i - 1);
    }
  }

  // The key's place; kNone where it has none.
  uint32_t find(uint64_t key) const {
    uint32_t place = chains_[chain_of(key)];
    while (place != kNone && nodes_[place].key != key) place = nodes_[place].next;
    return place;
  }

  // A place for a key that has none; kNone where all are taken.
  uint32_t add(uint64_t key) {
    const uint32_t place = free_;
    if (place == kNone) return kNone;
    uint32_t& chain = chains_[chain_of(key)];
    free_ = nodes_[place].next;
    nodes_[place] = {key, chain};
    chain = place;
    ++size_;
    return place;
  }

  // place: one that a key has.
  void remove(uint32_t place) {
    uint32_t* link = &chains_[chain_of(nodes_[place].key)];
    while (*link != place) link = &nodes_[*link].next;
    *link = nodes_[place].next;
    nodes_[place].next = free_;
    free_ = place;
    --size_;
  }

  uint64_t key(uint32_t place) const { return nodes_[place].key; }
  size_t size() const { return size_; }
  size_t capacity() const { return nodes_.size(); }

 private:
  struct Node {
    uint64_t key = 0;
    uint32_t next = kNone;  // of the chain, or of the free ones
  };

  // Two rounds of multiplying and folding, both keyed: the upper bits depend on all of key and seed.
  size_t chain_of(uint64_t key) const {
    uint64_t h = (key ^ seed_) * 0x9e3779b97f4a7c15;
    h = (h ^ h >> 32) * (seed_ | 1);
    h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9;
    return h >> shift_;
  }

  std::vector<Node> nodes_;
  std::vector<uint32_t> chains_;  // first place of each
  int shift_;
  uint64_t seed_;
  uint32_t free_ = kNone;
  size_t size_ = 0;
};

}  // namespace linecast::smart
