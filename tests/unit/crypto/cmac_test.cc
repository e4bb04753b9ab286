#include "lib/crypto/cmac.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "lib/base/random.h"
#include "tests/unit/crypto/hex.h"

namespace linecast::crypto {
namespace {

constexpr const char* kKey = "2b7e151628aed2a6abf7158809cf4f3c";

TEST(Cmac, Rfc4493Section4) {
  Manager manager;
  const CmacKey key(manager, array_from_hex<16>(kKey));
  const std::vector<uint8_t> message = from_hex(
      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
      "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
  const struct {
    size_t length;
    const char* tag;
  } kExamples[] = {{0, "bb1d6929e95937287fa37d129b756746"},
                   {16, "070a16b46b4d4144f79bdd9dd04a287c"},
                   {40, "dfa66747de9ae63030ca32611497c827"},
                   {64, "51f0bebf7e3b9d92fc49741779363cfe"}};
  for (const auto& example : kExamples) {
    const Bytes part = Bytes(message).first(example.length);
    EXPECT_EQ(to_hex(key.mac(manager, part)), example.tag) << example.length;
    EXPECT_TRUE(key.verify(manager, part, from_hex(example.tag).data())) << example.length;
  }
}

std::string openssl_cmac(Bytes key, Bytes message) {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "CMAC", nullptr);
  EVP_MAC_CTX* context = EVP_MAC_CTX_new(mac);
  char cipher[] = "AES-128-CBC";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
                                   OSSL_PARAM_construct_end()};
  CmacTag tag{};
  size_t size = 0;
  EXPECT_EQ(EVP_MAC_init(context, key.data(), key.size(), parameters), 1);
  EXPECT_EQ(EVP_MAC_update(context, message.data(), message.size()), 1);
  EXPECT_EQ(EVP_MAC_final(context, tag.data(), &size, tag.size()), 1);
  EVP_MAC_CTX_free(context);
  EVP_MAC_free(mac);
  return to_hex(tag);
}

TEST(Cmac, AgreesWithOpenSslAtEveryLength) {
  Manager manager;
  Random random(4493);
  std::vector<uint8_t> message(300);
  for (uint8_t& b : message) b = static_cast<uint8_t>(random.next());
  for (size_t length = 0; length <= message.size(); ++length) {
    std::array<uint8_t, 16> key;
    for (uint8_t& b : key) b = static_cast<uint8_t>(random.next());
    const Bytes part = Bytes(message).first(length);
    EXPECT_EQ(to_hex(CmacKey(manager, key).mac(manager, part)), openssl_cmac(key, part)) << length;
  }
}

TEST(Cmac, AnyFlippedBitIsRefused) {
  Manager manager;
  const CmacKey key(manager, array_from_hex<16>(kKey));
  std::vector<uint8_t> message(28, 7);
  CmacTag tag = key.mac(manager, message);
  for (size_t bit = 0; bit < 8 * message.size(); ++bit) {
    message[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(key.verify(manager, message, tag.data())) << bit;
    message[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  for (size_t bit = 0; bit < 8 * tag.size(); ++bit) {
    tag[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(key.verify(manager, message, tag.data())) << bit;
    tag[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  EXPECT_TRUE(key.verify(manager, message, tag.data()));
}

TEST(Cmac, ReceiverKeyIsTheCmacOfItsId) {
  Manager manager;
  const std::array<uint8_t, 16> up = array_from_hex<16>(kKey);
  const CmacKey up_key(manager, up);
  const std::vector<uint8_t> message = from_hex("0102030405");
  const std::string expected =
      openssl_cmac(from_hex(openssl_cmac(up, from_hex("0123456789abcdef"))), message);
  EXPECT_EQ(to_hex(receiver_key(manager, up_key, 0x0123456789abcdef).mac(manager, message)), expected);
}

}  // namespace
}  // namespace linecast::crypto
