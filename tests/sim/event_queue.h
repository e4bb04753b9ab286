// What is to happen next on simulated time, in a fixed order: by time, and what falls on the same nanosecond
// in the order in which it was pushed.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <vector>

#include "lib/base/time.h"

namespace linecast::sim {

// A radix heap (Ahuja, Mehlhorn, Orlin, Tarjan, "Faster Algorithms for the Shortest Path Problem", 1990) with
// digits of 8 bits. Time only moves on, so an event lies by the highest digit in which its time differs from
// now, is moved at most once for each digit, and always through memory that lies in a row. Events of one time
// are always in one bucket, in the order in which they came.
template <typename Event>
class EventQueue {
 public:
  bool empty() const { return size_ == 0; }
  // The time of the event that pop() gave last; 0 before.
  TimeNs now() const { return static_cast<TimeNs>(now_); }

  // Not before now().
  void push(TimeNs at, const Event& event) {
    insert({static_cast<uint64_t>(at), event});
    ++size_;
  }

  // Only while not empty. soon(event) hears of each event that comes within 256 ns, before it comes: a chance
  // to fetch what it is about from memory.
  template <typename Soon>
  Event pop(const Soon& soon) {
    while (next_ == current().size()) move_on(soon);
    --size_;
    return current()[next_++].event;
  }

 private:
  static constexpr size_t kDigitBits = 8, kDigits = 1 << kDigitBits, kLevels = 64 / kDigitBits;
  static constexpr size_t kKeptCapacity = 4096;

  struct Item {
    uint64_t at;
    Event event;
  };
  using Bucket = std::vector<Item>;
  struct Level {
    std::array<Bucket, kDigits> buckets;
    std::array<uint64_t, kDigits / 64> filled{};  // a bit for each bucket
  };

  static size_t digit(uint64_t at, size_t level) { return at >> (level * kDigitBits) & (kDigits - 1); }
  // All that happens at now_.
  Bucket& current() { return levels_[0].buckets[digit(now_, 0)]; }

  void insert(const Item& item) {
    const uint64_t difference = item.at ^ now_;
    const size_t level =
        difference == 0 ? 0 : static_cast<size_t>(std::bit_width(difference) - 1) / kDigitBits;
    const size_t d = digit(item.at, level);
    levels_[level].buckets[d].push_back(item);
    levels_[level].filled[d / 64] |= uint64_t{1} << d % 64;
  }

  // The least digit in use, or kDigits.
  static size_t first_filled(const Level& level) {
    for (size_t word = 0; word < level.filled.size(); ++word)
      if (level.filled[word] != 0)
        return word * 64 + static_cast<size_t>(std::countr_zero(level.filled[word]));
    return kDigits;
  }

  Bucket& take(Level& level, size_t d) {
    level.filled[d / 64] &= ~(uint64_t{1} << d % 64);
    return level.buckets[d];
  }

  // To the next time at which something happens, or nearer to it.
  template <typename Soon>
  void move_on(const Soon& soon) {
    take(levels_[0], digit(now_, 0)).clear();
    next_ = 0;
    size_t level = 0, d = 0;
    while ((d = first_filled(levels_[level])) == kDigits) ++level;
    if (level == 0) {
      now_ = levels_[0].buckets[d].front().at;
      return;
    }
    Bucket& bucket = take(levels_[level], d);
    const size_t below = level * kDigitBits;
    now_ = bucket.front().at >> below << below;
    for (const Item& item : bucket) {
      if (level == 1) soon(item.event);
      insert(item);
    }
    bucket.clear();
    if (bucket.capacity() > kKeptCapacity) bucket.shrink_to_fit();  // each of the many may have its day
  }

  std::array<Level, kLevels> levels_;
  size_t next_ = 0;  // in current()
  size_t size_ = 0;
  uint64_t now_ = 0;
};

}  // namespace linecast::sim
