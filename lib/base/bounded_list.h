// A list of at most so many items, in memory that is taken once.
#pragma once

#include <cstddef>
#include <vector>

namespace linecast {

template <typename T>
class BoundedList {
 public:
  explicit BoundedList(size_t capacity) : items_(capacity) {}

  size_t size() const { return size_; }
  T* begin() { return items_.data(); }
  T* end() { return items_.data() + size_; }
  const T* begin() const { return items_.data(); }
  const T* end() const { return items_.data() + size_; }
  T& operator[](size_t i) { return items_[i]; }

  // Null where the list is full.
  T* add(const T& item) {
    if (size_ == items_.size()) return nullptr;
    items_[size_] = item;
    return &items_[size_++];
  }
  // Its place is taken by the last one.
  void remove(size_t i) { items_[i] = items_[--size_]; }

 private:
  std::vector<T> items_;  // the first size_; never changes its own length
  size_t size_ = 0;
};

}  // namespace linecast
