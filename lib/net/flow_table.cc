#include "lib/net/flow_table.h"

namespace linecast::net {
namespace {

uint64_t pack(uint16_t interface, Ipv4 destination, uint16_t port) {
  return uint64_t{interface} << 48 | uint64_t{port} << 32 | destination;
}

// The finalizer of MurmurHash3 (Appleby): every input bit reaches every output bit, and lineups differ in
// few.
uint64_t mix(uint64_t key, Ipv4 source) {
  uint64_t h = key ^ (uint64_t{source} * 0x9e3779b97f4a7c15);
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccd;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53;
  return h ^ (h >> 33);
}

}  // namespace

size_t FlowTable::slot_of(uint64_t key, Ipv4 source) const {
  const size_t mask = entries_.size() - 1;
  size_t at = mix(key, source) & mask;
  while (entries_[at].value != kNone && (entries_[at].key != key || entries_[at].source != source))
    at = (at + 1) & mask;  // ends: at most half of the entries are taken
  return at;
}

bool FlowTable::insert(const FlowKey& key, uint32_t value) {
  if (2 * (size_ + 1) > entries_.size()) {
    std::vector<Entry> old(entries_.empty() ? 16 : 2 * entries_.size());
    old.swap(entries_);
    for (const Entry& entry : old)
      if (entry.value != kNone) entries_[slot_of(entry.key, entry.source)] = entry;
  }
  const uint64_t packed = pack(key.interface, key.destination, key.port);
  Entry& entry = entries_[slot_of(packed, key.source)];
  if (entry.value != kNone) return false;
  entry = {packed, key.source, value};
  ++size_;
  any_with_source_ |= key.source != 0;
  return true;
}

uint32_t FlowTable::find(uint16_t interface, Ipv4 destination, uint16_t port, Ipv4 source) const {
  if (entries_.empty()) return kNone;
  const uint64_t key = pack(interface, destination, port);
  if (any_with_source_) {
    const uint32_t value = entries_[slot_of(key, source)].value;
    if (value != kNone) return value;
  }
  return entries_[slot_of(key, 0)].value;
}

}  // namespace linecast::net
