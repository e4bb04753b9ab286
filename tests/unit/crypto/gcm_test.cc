// The test cases with 96-bit IVs of McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B
// (also in NIST's GCM validation). Sealing is checked through StreamSealer, the only code that can seal.
#include "lib/crypto/gcm.h"

#include <gtest/gtest.h>

#include "lib/base/error.h"
#include "tests/unit/crypto/hex.h"

namespace linecast::crypto {
namespace {

struct Vector {
  const char* name;
  Cipher cipher;
  const char* key;
  const char* nonce;
  const char* aad;
  const char* plaintext;
  const char* ciphertext;
  const char* tag;
};

constexpr const char* kPlain64 =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";
constexpr const char* kPlain60 =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
constexpr const char* kAad20 = "feedfacedeadbeeffeedfacedeadbeefabaddad2";

const Vector kVectors[] = {
    {"case 1", Cipher::kAes128Gcm, "00000000000000000000000000000000", "000000000000000000000000", "", "", "",
     "58e2fccefa7e3061367f1d57a4e7455a"},
    {"case 2", Cipher::kAes128Gcm, "00000000000000000000000000000000", "000000000000000000000000", "",
     "00000000000000000000000000000000", "0388dace60b6a392f328c2b971b2fe78",
     "ab6e47d42cec13bdf53a67b21257bddf"},
    {"case 3", Cipher::kAes128Gcm, "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "",
     kPlain64,
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
     "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",
     "4d5c2af327cd64a62cf35abd2ba6fab4"},
    {"case 4", Cipher::kAes128Gcm, "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", kAad20,
     kPlain60,
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
     "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
     "5bc94fbc3221a5db94fae95ae7121a47"},
    {"case 13", Cipher::kAes256Gcm, "0000000000000000000000000000000000000000000000000000000000000000",
     "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"case 14", Cipher::kAes256Gcm, "0000000000000000000000000000000000000000000000000000000000000000",
     "000000000000000000000000", "", "00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18",
     "d0d1c8a799996bf0265b98b5d48ab919"},
    {"case 15", Cipher::kAes256Gcm, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888", "", kPlain64,
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
     "b094dac5d93471bdec1a502270e3cc6c"},
    {"case 16", Cipher::kAes256Gcm, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888", kAad20, kPlain60,
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

struct Opened {
  bool ok;
  std::vector<uint8_t> plaintext;
};

Opened open(const Vector& v, std::vector<uint8_t> aad, std::vector<uint8_t> ciphertext,
            std::vector<uint8_t> tag, bool in_place) {
  Manager manager;
  const std::vector<uint8_t> nonce = from_hex(v.nonce);
  const GcmKey key(manager, v.cipher, from_hex(v.key), {nonce[0], nonce[1], nonce[2], nonce[3]});
  if (in_place) {
    const bool ok = key.open(manager, &nonce[4], aad, ciphertext, tag.data(), ciphertext.data());
    return {ok, ciphertext};
  }
  std::vector<uint8_t> plaintext(ciphertext.size(), 0xaa);
  const bool ok = key.open(manager, &nonce[4], aad, ciphertext, tag.data(), plaintext.data());
  return {ok, plaintext};
}

TEST(Gcm, OpensThePublishedVectors) {
  for (const Vector& v : kVectors) {
    for (const bool in_place : {false, true}) {
      const Opened opened = open(v, from_hex(v.aad), from_hex(v.ciphertext), from_hex(v.tag), in_place);
      EXPECT_TRUE(opened.ok) << v.name << " in place " << in_place;
      EXPECT_EQ(to_hex(opened.plaintext), v.plaintext) << v.name << " in place " << in_place;
    }
  }
}

TEST(Gcm, AnyFlippedBitIsRefusedAndThePlaintextWiped) {
  for (const Vector& v : {kVectors[3], kVectors[7]}) {
    const std::vector<uint8_t> aad = from_hex(v.aad), ciphertext = from_hex(v.ciphertext),
                               tag = from_hex(v.tag);
    const std::vector<uint8_t> wiped(ciphertext.size(), 0);
    for (size_t bit = 0; bit < 8 * (aad.size() + ciphertext.size() + tag.size()); ++bit) {
      std::vector<uint8_t> a = aad, c = ciphertext, t = tag;
      const uint8_t flip = static_cast<uint8_t>(1 << bit % 8);
      size_t at = bit / 8;
      if (at < a.size()) {
        a[at] ^= flip;
      } else if ((at -= a.size()) < c.size()) {
        c[at] ^= flip;
      } else {
        t[at - c.size()] ^= flip;
      }
      for (const bool in_place : {false, true}) {
        const Opened opened = open(v, a, c, t, in_place);
        EXPECT_FALSE(opened.ok) << v.name << " bit " << bit;
        EXPECT_EQ(opened.plaintext, wiped) << v.name << " bit " << bit;
      }
    }
  }
}

TEST(Gcm, RefusesKeysOfTheWrongLength) {
  Manager manager;
  const std::vector<uint8_t> key(32, 1);
  for (const size_t size : {0, 15, 17, 24, 32})
    EXPECT_THROW(GcmKey(manager, Cipher::kAes128Gcm, Bytes(key).first(size), {}), Error) << size;
  for (const size_t size : {0, 16, 31})
    EXPECT_THROW(GcmKey(manager, Cipher::kAes256Gcm, Bytes(key).first(size), {}), Error) << size;
  EXPECT_THROW(GcmKey(manager, static_cast<Cipher>(3), Bytes(key).first(16), {}), Error);
}

TEST(Gcm, ComparesAllSixteenBytesOfATag) {
  std::array<uint8_t, 16> a{};
  EXPECT_TRUE(tags_equal(a.data(), std::array<uint8_t, 16>{}.data()));
  for (size_t bit = 0; bit < 128; ++bit) {
    std::array<uint8_t, 16> b = a;
    b[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(tags_equal(a.data(), b.data())) << bit;
  }
}

}  // namespace
}  // namespace linecast::crypto
