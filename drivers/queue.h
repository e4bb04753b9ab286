// Bounded queues of pointers between lcores (DPDK rings): any number of writers, one reader.
#pragma once

#include <rte_ring.h>

#include <string>

namespace linecast::drivers {

template <typename T>
class Queue;

// The untyped part.
class PointerQueue {
 public:
  // size: a power of two; size - 1 pointers fit. Throws Error where memory is short.
  PointerQueue(const std::string& name, unsigned size, int numa_node);
  ~PointerQueue();
  PointerQueue(const PointerQueue&) = delete;
  PointerQueue& operator=(const PointerQueue&) = delete;

 protected:
  rte_ring* ring_;
};

template <typename T>
class Queue<T*> : public PointerQueue {
 public:
  using PointerQueue::PointerQueue;
  // False where it is full. Any lcore.
  bool push(T* item) { return rte_ring_mp_enqueue(ring_, item) == 0; }
  // How many were taken, at most `room`. The reading lcore only.
  unsigned pop(T** items, unsigned room) {
    return rte_ring_sc_dequeue_burst(ring_, reinterpret_cast<void**>(items), room, nullptr);
  }
  rte_ring* get() const { return ring_; }
};

}  // namespace linecast::drivers
