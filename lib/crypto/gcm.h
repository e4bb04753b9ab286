// AES-GCM with the explicit IV of RFC 4106: nonce = salt (4) | IV (8). The key tables (about 2 KB) are read
// only once made, so one GcmKey may serve several threads, each with its own Manager.
#pragma once

#include <immintrin.h>
#include <intel-ipsec-mb.h>

#include "lib/crypto/manager.h"

namespace linecast::smart {
class StreamSealer;
}

namespace linecast::crypto {

class alignas(64) GcmKey {
 public:
  // key: key_size(cipher) bytes; salt: the nonce salt. Throws Error on a wrong length.
  GcmKey(Manager& manager, Cipher cipher, Bytes key, std::array<uint8_t, 4> salt);
  ~GcmKey();  // wipes
  GcmKey(const GcmKey&) = delete;
  GcmKey& operator=(const GcmKey&) = delete;

  Cipher cipher() const { return cipher_; }
  // Fetches the tables into the second-level cache: those of many keys do not stay there.
  void prefetch() const {
    constexpr size_t kCacheLine = 64;
    for (size_t at = 0; at < sizeof tables_; at += kCacheLine)
      __builtin_prefetch(reinterpret_cast<const uint8_t*>(&tables_) + at, 0, 2);
  }

  // Opens `ciphertext` into `plaintext` (same length; may be the same memory). False, and plaintext wiped,
  // where the tag (16 bytes, compared in constant time) does not fit. iv: 8 bytes.
  bool open(Manager& manager, const uint8_t* iv, Bytes aad, Bytes ciphertext, const uint8_t* tag,
            uint8_t* plaintext) const;

 private:
  // Only StreamSealer can seal: it owns the counters, so that no nonce can be used twice.
  friend class smart::StreamSealer;
  // iv: 8 bytes; ciphertext: as long as the plaintext, and the same memory or none of it; tag: 16 bytes.
  void seal(Manager& manager, const uint8_t* iv, Bytes aad, Bytes plaintext, uint8_t* ciphertext,
            uint8_t* tag) const {
    const Nonce nonce = make_nonce(iv);
    gcm_context_data context;
    (cipher_ == Cipher::kAes256Gcm ? manager.get()->gcm256_enc : manager.get()->gcm128_enc)(
        &tables_, &context, ciphertext, plaintext.data(), plaintext.size(), nonce.bytes, aad.data(),
        aad.size(), tag, kGcmTagSize);
  }

  // salt | IV and 4 bytes that nobody reads. Stored at once: ipsec-mb loads it at once, and a load that two
  // stores feed has to wait for both to reach the cache (some 6 ns a packet).
  struct alignas(16) Nonce {
    uint8_t bytes[16];
  };
  Nonce make_nonce(const uint8_t* iv) const {
    uint64_t iv_word;
    uint32_t salt_word;
    std::memcpy(&iv_word, iv, sizeof iv_word);
    std::memcpy(&salt_word, salt_.data(), sizeof salt_word);
    Nonce nonce;
    _mm_store_si128(
        reinterpret_cast<__m128i*>(nonce.bytes),
        _mm_set_epi64x(static_cast<int64_t>(iv_word >> 32), static_cast<int64_t>(iv_word << 32 | salt_word)));
    return nonce;
  }

  gcm_key_data tables_;
  Cipher cipher_;
  std::array<uint8_t, 4> salt_;
};

}  // namespace linecast::crypto
