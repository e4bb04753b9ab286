#include "lib/crypto/signature.h"

#include <openssl/evp.h>

#include <memory>

#include "lib/base/error.h"
#include "lib/crypto/derive.h"

namespace linecast::crypto {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

Key private_key(const std::array<uint8_t, 32>& seed) {
  return {EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()), EVP_PKEY_free};
}

[[noreturn]] void fail(const char* what) {
  throw Error(std::string("OpenSSL: Ed25519 ") + what +
              " failed; check the libssl3 installation (openssl list -signature-algorithms)");
}

}  // namespace

uint16_t public_key_hint(const PublicKey& key) { return load_be16(sha256(key).data()); }

SigningKey::SigningKey(const std::array<uint8_t, 32>& seed) : seed_(seed) {
  const Key key = private_key(seed_);
  size_t size = public_key_.size();
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), public_key_.data(), &size) != 1) {
    wipe_object(seed_);
    fail("key set-up");
  }
}

SigningKey::~SigningKey() { wipe_object(seed_); }

Signature SigningKey::sign(Bytes message) const {
  const Key key = private_key(seed_);
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  Signature signature;
  size_t size = signature.size();
  if (!key || !context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1 ||
      size != signature.size())
    fail("signing");
  return signature;
}

bool verify_signature(const PublicKey& key, Bytes message, const uint8_t* signature) {
  const Key made(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()),
                 EVP_PKEY_free);
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return made && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, made.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature, kSignatureSize, message.data(), message.size()) == 1;
}

}  // namespace linecast::crypto
