#include "lib/crypto/signature.h"

#include <gtest/gtest.h>

#include "tests/unit/crypto/hex.h"

namespace linecast::crypto {
namespace {

// RFC 8032, section 7.1: tests 1, 2, 3 and SHA(abc).
const struct {
  const char* seed;
  const char* public_key;
  const char* message;
  const char* signature;
} kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f"
     "0595bbe246"
     "55141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2ea"
     "eb4302aeeb"
     "00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e"
     "9716ed28dc"
     "027beceea1ec40a"},
    {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d442"
     "3643ce80e2"
     "a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179"
     "c138ac17ad"
     "9bef1177331a704"},
};

TEST(Signature, Rfc8032Vectors) {
  for (const auto& v : kVectors) {
    const SigningKey key(array_from_hex<32>(v.seed));
    const std::vector<uint8_t> message = from_hex(v.message);
    EXPECT_EQ(to_hex(key.public_key()), v.public_key);
    EXPECT_EQ(to_hex(key.sign(message)), v.signature);
    EXPECT_TRUE(verify_signature(array_from_hex<32>(v.public_key), message, from_hex(v.signature).data()));
  }
}

TEST(Signature, AnyFlippedBitIsRefused) {
  const SigningKey key(array_from_hex<32>(kVectors[2].seed));
  std::vector<uint8_t> message = from_hex(kVectors[2].message);
  std::vector<uint8_t> signature = from_hex(kVectors[2].signature);
  for (size_t bit = 0; bit < 8 * signature.size(); ++bit) {
    signature[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(verify_signature(key.public_key(), message, signature.data())) << bit;
    signature[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  for (size_t bit = 0; bit < 8 * message.size(); ++bit) {
    message[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(verify_signature(key.public_key(), message, signature.data())) << bit;
    message[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
}

TEST(Signature, AnotherKeyIsRefused) {
  const SigningKey key(array_from_hex<32>(kVectors[0].seed));
  const SigningKey other(array_from_hex<32>(kVectors[1].seed));
  const std::vector<uint8_t> message = from_hex("010203");
  const Signature signature = key.sign(message);
  EXPECT_TRUE(verify_signature(key.public_key(), message, signature.data()));
  EXPECT_FALSE(verify_signature(other.public_key(), message, signature.data()));
}

TEST(Signature, HintIsTheStartOfThePublicKeysSha256) {
  PublicKey key{};  // SHA-256 of 32 zero bytes begins with 66 68
  EXPECT_EQ(public_key_hint(key), 0x6668);
}

}  // namespace
}  // namespace linecast::crypto
