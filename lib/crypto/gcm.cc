#include "lib/crypto/gcm.h"

#include <fmt/format.h>

#include "lib/base/error.h"

namespace linecast::crypto {

GcmKey::GcmKey(Manager& manager, Cipher cipher, Bytes key, std::array<uint8_t, 4> salt)
    : cipher_(cipher), salt_(salt) {
  if (cipher != Cipher::kAes128Gcm && cipher != Cipher::kAes256Gcm)
    throw Error(fmt::format("cipher {} is not known", static_cast<int>(cipher)));
  if (key.size() != key_size(cipher))
    throw Error(fmt::format("an AES-GCM key of {} bytes where {} are needed", key.size(), key_size(cipher)));
  if (cipher == Cipher::kAes256Gcm) {
    IMB_AES256_GCM_PRE(manager.get(), key.data(), &tables_);
  } else {
    IMB_AES128_GCM_PRE(manager.get(), key.data(), &tables_);
  }
}

GcmKey::~GcmKey() {
  wipe_object(tables_);
  wipe_object(salt_);
}

bool GcmKey::open(Manager& manager, const uint8_t* iv, Bytes aad, Bytes ciphertext, const uint8_t* tag,
                  uint8_t* plaintext) const {
  const Nonce nonce = make_nonce(iv);
  gcm_context_data context;
  std::array<uint8_t, kGcmTagSize> expected;
  (cipher_ == Cipher::kAes256Gcm ? manager.get()->gcm256_dec : manager.get()->gcm128_dec)(
      &tables_, &context, plaintext, ciphertext.data(), ciphertext.size(), nonce.bytes, aad.data(),
      aad.size(), expected.data(), kGcmTagSize);
  if (tags_equal(expected.data(), tag)) return true;
  wipe(MutableBytes(plaintext, ciphertext.size()));
  return false;
}

}  // namespace linecast::crypto
