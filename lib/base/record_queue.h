// A bounded queue of small structs from one thread to another: one writer, one reader. It takes its memory
// once, and neither side ever waits for the other.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <type_traits>
#include <vector>

namespace linecast {

template <typename T>
class RecordQueue {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  // At least `room` records fit: rounded up to a power of two.
  explicit RecordQueue(size_t room) : records_(std::bit_ceil(room)) {}

  // The writer's. False, and nothing is taken, where it is full.
  bool push(const T& record) {
    const size_t written = written_.load(std::memory_order_relaxed);
    if (written - read_.load(std::memory_order_acquire) == records_.size()) return false;
    records_[written & (records_.size() - 1)] = record;
    written_.store(written + 1, std::memory_order_release);
    return true;
  }

  // The reader's. False where it is empty.
  bool pop(T& record) {
    const size_t read = read_.load(std::memory_order_relaxed);
    if (read == written_.load(std::memory_order_acquire)) return false;
    record = records_[read & (records_.size() - 1)];
    read_.store(read + 1, std::memory_order_release);
    return true;
  }

  size_t room() const { return records_.size(); }

 private:
  static constexpr size_t kCacheLine = 64;  // bytes

  std::vector<T> records_;
  alignas(kCacheLine) std::atomic<size_t> written_{0};  // by the writer: pushed since the start, and wraps
  alignas(kCacheLine) std::atomic<size_t> read_{0};     // by the reader: popped since the start
};

}  // namespace linecast
