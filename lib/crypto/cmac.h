// AES-128-CMAC (RFC 4493) by ipsec-mb.
#pragma once

#include "lib/crypto/manager.h"

namespace linecast::crypto {

using CmacTag = std::array<uint8_t, kCmacSize>;

class alignas(16) CmacKey {
 public:
  CmacKey(Manager& manager, const std::array<uint8_t, 16>& key);
  ~CmacKey();  // wipes

  // No allocation, no system call: fit for a lane.
  CmacTag mac(Manager& manager, Bytes message) const;
  // Constant-time comparison with the first 16 bytes at `tag`.
  bool verify(Manager& manager, Bytes message, const uint8_t* tag) const;

 private:
  std::array<uint32_t, 4 * 11> round_keys_;
  std::array<uint32_t, 4> subkey1_;
  std::array<uint32_t, 4> subkey2_;
};

// K_r = AES-CMAC(up key, receiver id as 8 bytes big-endian): the upward key of one receiver.
CmacKey receiver_key(Manager& manager, const CmacKey& up_key, uint64_t receiver_id);

}  // namespace linecast::crypto
