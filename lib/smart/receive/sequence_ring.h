// Entries for a run of consecutive sequences [begin, end), in a ring of at most so many.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace linecast::smart {

enum class Memory : uint8_t {
  kGrows,     // follows what is in use, up to the bound: the ring doubles as the run grows
  kTakenOnce  // all in the constructor: for lanes, which allocate nothing
};

template <typename T, Memory memory = Memory::kGrows>
class SequenceRing {
 public:
  // limit: entries, a power of two.
  explicit SequenceRing(size_t limit) : limit_(limit), slots_(memory == Memory::kTakenOnce ? limit : 0) {}

  // Empties the ring; `begin` is the sequence that the next push() makes.
  void restart(uint64_t begin) { begin_ = end_ = begin; }

  uint64_t begin() const { return begin_; }
  uint64_t end() const { return end_; }
  size_t size() const { return static_cast<size_t>(end_ - begin_); }
  bool empty() const { return begin_ == end_; }
  bool full() const { return size() == limit_; }
  bool contains(uint64_t sequence) const { return sequence >= begin_ && sequence < end_; }

  // Only for sequences that it contains.
  T& operator[](uint64_t sequence) { return slots_[index(sequence)]; }
  const T& operator[](uint64_t sequence) const { return slots_[index(sequence)]; }
  T& front() { return (*this)[begin_]; }
  const T& front() const { return (*this)[begin_]; }

  // Only while not full.
  void push(const T& entry) {
    if constexpr (memory == Memory::kGrows)
      if (size() == slots_.size()) grow();
    slots_[index(end_++)] = entry;
  }
  // Only while not empty.
  void pop() { ++begin_; }

 private:
  static constexpr size_t kFirstSize = 8;

  size_t index(uint64_t sequence) const { return static_cast<size_t>(sequence) & (slots_.size() - 1); }

  void grow() {
    std::vector<T> larger(std::min(limit_, slots_.empty() ? kFirstSize : 2 * slots_.size()));
    for (uint64_t s = begin_; s != end_; ++s)
      larger[static_cast<size_t>(s) & (larger.size() - 1)] = slots_[index(s)];
    slots_.swap(larger);
  }

  size_t limit_;
  std::vector<T> slots_;
  uint64_t begin_ = 0;
  uint64_t end_ = 0;
};

}  // namespace linecast::smart
