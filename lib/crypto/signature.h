// Ed25519 (RFC 8032) by OpenSSL. Control path and receivers only.
#pragma once

#include "lib/crypto/manager.h"

namespace linecast::crypto {

inline constexpr size_t kSignatureSize = 64;  // bytes
using PublicKey = std::array<uint8_t, 32>;
using Signature = std::array<uint8_t, kSignatureSize>;

// The 2-byte hint in a signed trailer's key id field: the first two bytes of SHA-256 of the public key.
uint16_t public_key_hint(const PublicKey& key);

class SigningKey {
 public:
  explicit SigningKey(const std::array<uint8_t, 32>& seed);
  ~SigningKey();  // wipes
  SigningKey(const SigningKey&) = delete;
  SigningKey& operator=(const SigningKey&) = delete;

  const PublicKey& public_key() const { return public_key_; }
  Signature sign(Bytes message) const;

 private:
  std::array<uint8_t, 32> seed_;
  PublicKey public_key_;
};

bool verify_signature(const PublicKey& key, Bytes message, const uint8_t* signature);

}  // namespace linecast::crypto
