#include "lib/crypto/derive.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <memory>

#include "lib/base/error.h"

namespace linecast::crypto {
namespace {

// An info string: label, then fields behind it.
class Info {
 public:
  explicit Info(std::string_view label) : writer_(bytes_) {
    writer_.bytes(Bytes(reinterpret_cast<const uint8_t*>(label.data()), label.size()));
  }
  ByteWriter& operator*() { return writer_; }
  ByteWriter* operator->() { return &writer_; }
  Bytes bytes() const { return writer_.written(); }

 private:
  std::array<uint8_t, 64> bytes_{};  // more than the longest: 16 + 8 + 2 + 4 + 1
  ByteWriter writer_;
};

std::array<uint8_t, 16> derive_mac_key(const GroupKey& group, const ChannelId& channel,
                                       std::string_view label) {
  Info info(label);
  info->bytes(channel);
  info->u16(group.id);
  std::array<uint8_t, 16> key;
  hkdf_sha256(group.key(), {}, info.bytes(), key);
  return key;
}

// OpenSSL's parameters are not const, but inputs are only read.
OSSL_PARAM octets(const char* name, Bytes value) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<uint8_t*>(value.data()), value.size());
}

}  // namespace

void hkdf_sha256(Bytes ikm, Bytes salt, Bytes info, MutableBytes out) {
  const std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> kdf(
      EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_HKDF, nullptr), EVP_KDF_free);
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(
      kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr, EVP_KDF_CTX_free);
  char digest[] = "SHA256";
  std::array<OSSL_PARAM, 5> parameters;
  size_t n = 0;
  parameters[n++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
  parameters[n++] = octets(OSSL_KDF_PARAM_KEY, ikm);
  parameters[n++] = octets(OSSL_KDF_PARAM_INFO, info);
  if (!salt.empty()) parameters[n++] = octets(OSSL_KDF_PARAM_SALT, salt);
  parameters[n] = OSSL_PARAM_construct_end();
  if (!context || EVP_KDF_derive(context.get(), out.data(), out.size(), parameters.data()) != 1)
    throw Error("OpenSSL: HKDF-SHA256 failed; check the libssl3 installation (openssl list -kdf-algorithms)");
}

std::array<uint8_t, 32> sha256(Bytes message) {
  std::array<uint8_t, 32> digest;
  if (EVP_Digest(message.data(), message.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1)
    throw Error("OpenSSL: SHA-256 failed; check the libssl3 installation (openssl list -digest-algorithms)");
  return digest;
}

TrafficKey derive_traffic_key(const GroupKey& group, const StartSalt& salt, const ChannelId& channel,
                              uint16_t sender_id, uint32_t epoch) {
  Info info("SMART traffic v1");
  info->bytes(channel);
  info->u16(sender_id);
  info->u32(epoch);
  info->u8(static_cast<uint8_t>(group.cipher));
  std::array<uint8_t, 32 + 4> material;
  const size_t size = key_size(group.cipher);
  hkdf_sha256(group.key(), salt, info.bytes(), MutableBytes(material).first(size + 4));
  TrafficKey traffic;
  std::memcpy(traffic.key.data(), material.data(), size);
  std::memcpy(traffic.nonce_salt.data(), material.data() + size, traffic.nonce_salt.size());
  wipe_object(material);
  return traffic;
}

std::array<uint8_t, 16> derive_down_key(const GroupKey& group, const ChannelId& channel) {
  return derive_mac_key(group, channel, "SMART down v1");
}

std::array<uint8_t, 16> derive_up_key(const GroupKey& group, const ChannelId& channel) {
  return derive_mac_key(group, channel, "SMART up v1");
}

HopKey derive_hop_key(const GroupKey& group, const ChannelId& channel) {
  HopKey key;
  key.id = group.id;
  key.channel = channel;
  key.down = derive_down_key(group, channel);
  key.up = derive_up_key(group, channel);
  return key;
}

ChannelId channel_id_from_name(std::string_view name) {
  const auto digest = sha256(Bytes(reinterpret_cast<const uint8_t*>(name.data()), name.size()));
  ChannelId id;
  std::memcpy(id.data(), digest.data(), id.size());
  return id;
}

void random_bytes(MutableBytes out) {
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1)
    throw Error("OpenSSL: no randomness from the operating system; check that getrandom() is not blocked");
}

}  // namespace linecast::crypto
