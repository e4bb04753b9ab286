#include "drivers/queue.h"

#include <fmt/core.h>
#include <rte_errno.h>

#include "lib/base/error.h"

namespace linecast::drivers {

PointerQueue::PointerQueue(const std::string& name, unsigned size, int numa_node)
    : ring_(rte_ring_create(name.c_str(), size, numa_node, RING_F_SC_DEQ)) {
  if (ring_ == nullptr)
    throw Error(fmt::format("no memory for the queue {}: {}", name, rte_strerror(rte_errno)));
}

PointerQueue::~PointerQueue() { rte_ring_free(ring_); }

}  // namespace linecast::drivers
