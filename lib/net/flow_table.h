// Which flow a UDP datagram belongs to: interface it came in by, destination address and port, and source
// where given. Open addressing, linear probing, filled before any lane has it, read only from then on. The
// source is hashed with the rest, so that any number of sources may share one group and port without long
// chains.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/base/ipv4.h"

namespace linecast::net {

struct FlowKey {
  uint16_t interface = 0;  // index of the interface
  Ipv4 destination = 0;
  uint16_t port = 0;  // UDP
  Ipv4 source = 0;    // 0: any source
};

class FlowTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // False where the key is there already (a key with a source and one without may stand side by side; the
  // former wins). value: anything but kNone. Control path: it may allocate.
  bool insert(const FlowKey& key, uint32_t value);
  // The value of the flow, or kNone.
  uint32_t find(uint16_t interface, Ipv4 destination, uint16_t port, Ipv4 source) const;
  size_t size() const { return size_; }

 private:
  struct Entry {
    uint64_t key = 0;        // interface (16) | port (16) | destination (32)
    Ipv4 source = 0;         // 0: any
    uint32_t value = kNone;  // kNone: empty
  };
  // Where the key is, or where it would go. Needs an empty entry.
  size_t slot_of(uint64_t key, Ipv4 source) const;

  std::vector<Entry> entries_;  // a power of two, at most half full
  size_t size_ = 0;
  bool any_with_source_ = false;  // otherwise one probe is enough
};

}  // namespace linecast::net
