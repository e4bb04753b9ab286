#include <fmt/core.h>
#include <rte_errno.h>
#include <rte_mempool.h>

#include "drivers/packet.h"
#include "lib/base/error.h"

namespace linecast::drivers {

Pool::Pool(const std::string& name, unsigned packets, uint16_t room_bytes, int numa_node)
    : pool_(rte_pktmbuf_pool_create(name.c_str(), packets, packets >= 1024 ? 256 : 0, 0, room_bytes,
                                    numa_node)) {
  if (pool_ == nullptr)
    throw Error(fmt::format(
        "no memory for {} packets of {} bytes (pool {}): {}. Reserve more hugepages, or make windows shorter",
        packets, room_bytes, name, rte_strerror(rte_errno)));
}

Pool::~Pool() { rte_mempool_free(pool_); }

size_t Pool::bytes_per_packet() const { return pool_->header_size + pool_->elt_size + pool_->trailer_size; }

}  // namespace linecast::drivers
