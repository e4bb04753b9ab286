#include "lib/smart/trailer.h"

#include <gtest/gtest.h>

#include "tests/unit/crypto/hex.h"

namespace linecast::smart {
namespace {

const TrailerFields kFields{.id = 0x0102030405060708, .key_id = 0x090a, .count = 0x0b0c0d0e0f10};
constexpr uint8_t kCode = 0x2d;

class TrailerTest : public testing::Test {
 protected:
  // A QUIET without pairs: 4 + 8 bytes.
  TrailerTest() { size_ = encode(Quiet{.group = 0xe8010203, .duration_ms = 250}, buffer_); }
  Bytes datagram(size_t size) const { return Bytes(buffer_).first(size); }

  crypto::Manager manager_;
  std::array<uint8_t, 256> buffer_{};
  size_t size_;
  const crypto::CmacKey cmac_{manager_, array_from_hex<16>("2b7e151628aed2a6abf7158809cf4f3c")};
  const crypto::CmacKey other_cmac_{manager_, array_from_hex<16>("2b7e151628aed2a6abf7158809cf4f3d")};
  const crypto::SigningKey signing_{
      array_from_hex<32>("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")};
  const crypto::SigningKey other_signing_{
      array_from_hex<32>("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")};
};

TEST_F(TrailerTest, CmacTrailerIsAppendedAndVerifies) {
  ASSERT_EQ(size_, 12u);
  const size_t size = append_cmac_trailer(manager_, cmac_, kFields, kCode, buffer_, size_);
  ASSERT_EQ(size, 44u);
  EXPECT_EQ(to_hex(datagram(28)),
            "2d82002c"
            "e801020300fa0000"
            "0102030405060708"
            "090a"
            "0b0c0d0e0f10");
  EXPECT_EQ(to_hex(datagram(size).last(16)), to_hex(cmac_.mac(manager_, datagram(28))));
  EXPECT_TRUE(verify_cmac_trailer(manager_, cmac_, datagram(size)));
  EXPECT_FALSE(verify_cmac_trailer(manager_, other_cmac_, datagram(size)));

  Split split;
  ASSERT_EQ(split_message(datagram(size), split), WireFault::kNone);
  ASSERT_EQ(split.trailer.size(), kCmacTrailerSize);
  const TrailerFields fields = read_trailer(split.trailer);
  EXPECT_EQ(fields.id, kFields.id);
  EXPECT_EQ(fields.key_id, kFields.key_id);
  EXPECT_EQ(fields.count, kFields.count);
}

TEST_F(TrailerTest, SignedTrailerIsAppendedAndVerifies) {
  size_ = encode(AddrRangeChange{.from = 0xe8010203, .to = 0xe8010204}, buffer_);
  ASSERT_EQ(size_, 12u);
  const size_t size = append_signed_trailer(signing_, kFields, kCode, buffer_, size_);
  ASSERT_EQ(size, 92u);
  EXPECT_EQ(to_hex(datagram(28)),
            "2d41005c"
            "e8010203e8010204"
            "0102030405060708"
            "090a"
            "0b0c0d0e0f10");
  EXPECT_TRUE(verify_signed_trailer(signing_.public_key(), datagram(size)));
  EXPECT_FALSE(verify_signed_trailer(other_signing_.public_key(), datagram(size)));
  Split split;
  ASSERT_EQ(split_message(datagram(size), split), WireFault::kNone);
  EXPECT_EQ(read_trailer(split.trailer).count, kFields.count);
}

TEST_F(TrailerTest, AnyFlippedBitIsRefused) {
  const size_t size = append_cmac_trailer(manager_, cmac_, kFields, kCode, buffer_, size_);
  for (size_t bit = 0; bit < 8 * size; ++bit) {
    buffer_[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(verify_cmac_trailer(manager_, cmac_, datagram(size))) << bit;
    buffer_[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  const size_t signed_size = append_signed_trailer(signing_, kFields, kCode, buffer_, size_);
  for (size_t bit = 0; bit < 8 * signed_size; ++bit) {
    buffer_[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(verify_signed_trailer(signing_.public_key(), datagram(signed_size))) << bit;
    buffer_[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
}

TEST_F(TrailerTest, RefusesWhatCannotBeWritten) {
  EXPECT_EQ(append_cmac_trailer(manager_, cmac_, kFields, 0, buffer_, size_), 0u);  // code 0 means no trailer
  EXPECT_EQ(append_cmac_trailer(manager_, cmac_, {.count = uint64_t{1} << 48}, kCode, buffer_, size_), 0u);
  EXPECT_EQ(append_cmac_trailer(manager_, cmac_, kFields, kCode, MutableBytes(buffer_).first(43), size_), 0u);
  EXPECT_EQ(append_cmac_trailer(manager_, cmac_, kFields, kCode, MutableBytes(buffer_).first(11), size_), 0u);
  EXPECT_EQ(append_cmac_trailer(manager_, cmac_, kFields, kCode, buffer_, 3), 0u);
  EXPECT_EQ(append_signed_trailer(signing_, kFields, kCode, MutableBytes(buffer_).first(91), size_), 0u);
  EXPECT_EQ(to_hex(datagram(12)),
            "0082000c"
            "e801020300fa0000");  // untouched by all of these
  EXPECT_EQ(append_cmac_trailer(manager_, cmac_, kFields, kCode, MutableBytes(buffer_).first(44), size_),
            44u);
  std::vector<uint8_t> large(70000);
  EXPECT_EQ(append_cmac_trailer(manager_, cmac_, kFields, kCode, large, 65535 - 31), 0u);
  EXPECT_EQ(append_cmac_trailer(manager_, cmac_, kFields, kCode, large, 65535 - 32), 65535u);
}

TEST_F(TrailerTest, ShortDatagramsVerifyAsNothing) {
  for (size_t size = 0; size < kCommonHeaderSize + kCmacTrailerSize; ++size)
    EXPECT_FALSE(verify_cmac_trailer(manager_, cmac_, datagram(size)));
  for (size_t size = 0; size < kCommonHeaderSize + kSignedTrailerSize; ++size)
    EXPECT_FALSE(verify_signed_trailer(signing_.public_key(), datagram(size)));
}

}  // namespace
}  // namespace linecast::smart
