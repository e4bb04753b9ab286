// The upward keys of receivers that have lately sent good messages, so that they need not be derived for
// each. One thread; nothing is allocated but in the constructor.
#pragma once

#include <optional>
#include <vector>

#include "lib/crypto/cmac.h"

namespace linecast::crypto {

class ReceiverKeys {
 public:
  static constexpr size_t kKeys = 512;  // about 120 KB

  ReceiverKeys() : entries_(kKeys) {}

  // Verifies the 16 bytes of CMAC at `tag` under the key of a receiver; keeps the key where that succeeds, so
  // that forgeries push nobody's out. up_key: told apart by its address, which
  // must stay its own until forget().
  bool verify(Manager& manager, const CmacKey& up_key, uint64_t receiver_id, Bytes message,
              const uint8_t* tag);
  // Another key may stand at this address from now on.
  void forget(const CmacKey& up_key);

 private:
  struct Entry {
    const CmacKey* up_key = nullptr;
    uint64_t receiver_id = 0;
    std::optional<CmacKey> key;
  };
  std::vector<Entry> entries_;  // each receiver has one place, and may be pushed out by another
};

}  // namespace linecast::crypto
