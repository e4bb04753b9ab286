#include "lib/crypto/derive.h"

#include <gtest/gtest.h>

#include "lib/base/error.h"
#include "tests/unit/crypto/hex.h"

namespace linecast::crypto {
namespace {

TEST(Derive, Rfc5869AppendixA) {
  const struct {
    const char* ikm;
    const char* salt;
    const char* info;
    const char* okm;
  } kCases[] = {
      {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
       "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
      {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
       "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
       "404142434445464748494a4b4c4d4e4f",
       "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
       "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
       "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
       "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
       "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
       "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
       "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
       "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
       "cc30c58179ec3e87c14c01d5c1f3434f1d87"},
      {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
       "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
  };
  for (const auto& c : kCases) {
    std::vector<uint8_t> okm(std::string_view(c.okm).size() / 2);
    hkdf_sha256(from_hex(c.ikm), from_hex(c.salt), from_hex(c.info), okm);
    EXPECT_EQ(to_hex(okm), c.okm);
  }
}

TEST(Derive, RefusesMoreThanHkdfCanGive) {
  std::vector<uint8_t> okm(255 * 32 + 1);
  EXPECT_THROW(hkdf_sha256(from_hex("00"), {}, {}, okm), Error);
}

GroupKey group_key(Cipher cipher) {
  GroupKey group;
  group.id = 0x0102;
  group.cipher = cipher;
  for (size_t i = 0; i < group.bytes.size(); ++i) group.bytes[i] = static_cast<uint8_t>(i);
  return group;
}

const ChannelId kChannel = array_from_hex<8>("1011121314151617");
const StartSalt kSalt = array_from_hex<16>("202122232425262728292a2b2c2d2e2f");

// Expected values computed once with Python's cryptography package (its HKDF class).
TEST(Derive, TrafficKeyIsBoundToEveryInput) {
  const TrafficKey aes128 = derive_traffic_key(group_key(Cipher::kAes128Gcm), kSalt, kChannel, 0x0304, 5);
  EXPECT_EQ(to_hex(Bytes(aes128.key).first(16)), "378b02b2b174a37200e23e3e74f1b1e1");
  EXPECT_EQ(to_hex(aes128.nonce_salt), "a9c0d3a5");
  const TrafficKey aes256 = derive_traffic_key(group_key(Cipher::kAes256Gcm), kSalt, kChannel, 0x0304, 5);
  EXPECT_EQ(to_hex(aes256.key), "060855039ee5bc357bc6a07b4eb085d8cd8f47e3e7b3e3e143033705a44c0456");
  EXPECT_EQ(to_hex(aes256.nonce_salt), "1d5f5be2");
}

TEST(Derive, MacKeys) {
  EXPECT_EQ(to_hex(derive_down_key(group_key(Cipher::kAes128Gcm), kChannel)),
            "88dc0e5584e6a47e02eb788fcc2322fe");
  EXPECT_EQ(to_hex(derive_up_key(group_key(Cipher::kAes128Gcm), kChannel)),
            "bbb69e19ad30b3a1c9ba04a98de541bc");
  EXPECT_EQ(to_hex(derive_down_key(group_key(Cipher::kAes256Gcm), kChannel)),
            "8ec0811667cb0c0a3d278530964dd7c3");
}

TEST(Derive, ChannelIdIsTheStartOfTheNamesSha256) {
  // SHA-256("abc"), FIPS 180-4's example.
  EXPECT_EQ(to_hex(channel_id_from_name("abc")), "ba7816bf8f01cfea");
}

TEST(Derive, RandomBytesDiffer) {
  std::array<uint8_t, 32> a{}, b{};
  random_bytes(a);
  random_bytes(b);
  EXPECT_NE(a, b);
  EXPECT_NE(a, (std::array<uint8_t, 32>{}));
}

}  // namespace
}  // namespace linecast::crypto
