// A list of at most so many items, in memory that is taken once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace linecast {

template <typename T>
class BoundedList {
 public:
  explicit BoundedList(size_t capacity) : items_(capacity) {}

  size_t size() const { return size_; }
  size_t capacity() const { return items_.size(); }
  bool full() const { return size_ == items_.size(); }
  T* begin() { return items_.data(); }
  T* end() { return items_.data() + size_; }
  const T* begin() const { return items_.data(); }
  const T* end() const { return items_.data() + size_; }
  T& operator[](size_t i) { return items_[i]; }
  const T& operator[](size_t i) const { return items_[i]; }

  // Null where the list is full.
  T* add(const T& item) {
    if (full()) return nullptr;
    items_[size_] = item;
    return &items_[size_++];
  }
  // Before the i-th, i <= size(); what was there from then on moves up. Null where the list is full.
  T* insert(size_t i, const T& item) {
    if (full()) return nullptr;
    std::move_backward(begin() + i, end(), end() + 1);
    items_[i] = item;
    ++size_;
    return &items_[i];
  }
  // Its place is taken by the last one.
  void remove(size_t i) { items_[i] = items_[--size_]; }
  // Keeps the first `count`, count <= size().
  void truncate(size_t count) { size_ = count; }

 private:
  std::vector<T> items_;  // the first size_; never changes its own length
  size_t size_ = 0;
};

}  // namespace linecast
