// A doubly linked list of places in an array: its links stand in the array's items, so that it takes no
// memory of its own and an item leaves it at once, wherever it stands.
#pragma once

#include <cstdint>
#include <vector>

namespace linecast::smart {

struct PlaceLinks {
  uint32_t before = UINT32_MAX, behind = UINT32_MAX;
};

// links: the member of Item that this list uses.
template <typename Item, PlaceLinks Item::*links>
class PlaceList {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  uint32_t first() const { return first_; }
  uint32_t behind(const std::vector<Item>& items, uint32_t place) const {
    return (items[place].*links).behind;
  }

  void append(std::vector<Item>& items, uint32_t place) {
    items[place].*links = {last_, kNone};
    (last_ != kNone ? (items[last_].*links).behind : first_) = place;
    last_ = place;
  }
  void remove(std::vector<Item>& items, uint32_t place) {
    const auto [before, behind] = items[place].*links;
    (before != kNone ? (items[before].*links).behind : first_) = behind;
    (behind != kNone ? (items[behind].*links).before : last_) = before;
  }

 private:
  uint32_t first_ = kNone, last_ = kNone;
};

}  // namespace linecast::smart
