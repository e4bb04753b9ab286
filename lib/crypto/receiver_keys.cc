#include "lib/crypto/receiver_keys.h"

#include <bit>

namespace linecast::crypto {

bool ReceiverKeys::verify(Manager& manager, const CmacKey& up_key, uint64_t receiver_id, Bytes message,
                          const uint8_t* tag) {
  static_assert(std::has_single_bit(kKeys));
  const uint64_t hash = (receiver_id ^ reinterpret_cast<uintptr_t>(&up_key)) * 0x9e3779b97f4a7c15;
  Entry& entry = entries_[hash >> (64 - std::countr_zero(kKeys))];
  if (entry.up_key == &up_key && entry.receiver_id == receiver_id) [[likely]]
    return entry.key->verify(manager, message, tag);
  const CmacKey key = receiver_key(manager, up_key, receiver_id);
  if (!key.verify(manager, message, tag)) return false;
  entry.up_key = &up_key;
  entry.receiver_id = receiver_id;
  entry.key.emplace(key);
  return true;
}

void ReceiverKeys::forget(const CmacKey& up_key) {
  for (Entry& entry : entries_)
    if (entry.up_key == &up_key) entry = {};
}

}  // namespace linecast::crypto
