// The public keys whose signed messages are believed.
#pragma once

#include <algorithm>
#include <vector>

#include "lib/crypto/signature.h"
#include "lib/smart/trailer.h"

namespace linecast::smart {

class TrustedKeys {
 public:
  explicit TrustedKeys(const std::vector<crypto::PublicKey>& keys) {
    for (const crypto::PublicKey& key : keys) keys_.push_back({crypto::public_key_hint(key), key});
  }

  // hint: the key id of a signed trailer.
  bool any(uint16_t hint) const {
    return std::any_of(keys_.begin(), keys_.end(), [=](const Trusted& t) { return t.hint == hint; });
  }
  // datagram: the whole, trailer included. Two keys may share a hint: each is tried, 0.1 ms a key.
  bool verify(uint16_t hint, Bytes datagram) const {
    return std::any_of(keys_.begin(), keys_.end(), [&](const Trusted& t) {
      return t.hint == hint && verify_signed_trailer(t.key, datagram);
    });
  }

 private:
  struct Trusted {
    uint16_t hint;
    crypto::PublicKey key;
  };
  std::vector<Trusted> keys_;
};

}  // namespace linecast::smart
