#include "lib/net/checksum.h"

#include <gtest/gtest.h>

#include <vector>

#include "lib/base/random.h"
#include "tests/packets/hex.h"

namespace linecast::net {
namespace {

// Word by word as RFC 1071 puts it, folded.
uint16_t naive(Bytes data, uint64_t sum) {
  uint32_t folded = static_cast<uint32_t>(sum % 0xffff);
  if (folded == 0 && sum != 0) folded = 0xffff;
  for (size_t i = 0; i < data.size(); i += 2) {
    folded += static_cast<uint32_t>(data[i] << 8) + (i + 1 < data.size() ? data[i + 1] : 0);
    if (folded > 0xffff) folded -= 0xffff;
  }
  return static_cast<uint16_t>(~folded);
}

TEST(Checksum, ExampleOfRfc1071) {
  const auto data = packets::from_hex("0001f203f4f5f6f7");
  EXPECT_EQ(checksum_finish(checksum_add(data)), static_cast<uint16_t>(~0xddf2));
}

TEST(Checksum, EveryLengthAtEveryAlignment) {
  Random random(1);
  std::vector<uint8_t> buffer(300 + 64);
  for (uint8_t& b : buffer) b = static_cast<uint8_t>(random.next());
  for (size_t at = 0; at < 64; ++at) {
    for (size_t size = 0; size <= 300; ++size) {
      const Bytes data = Bytes(buffer).subspan(at, size);
      ASSERT_EQ(checksum_finish(checksum_add(data)), naive(data, 0)) << at << ' ' << size;
    }
  }
}

TEST(Checksum, NeverReadsPastTheSpan) {
  // What lies behind must not count; the address sanitizer also sees a read beyond the allocation.
  for (size_t size = 0; size < 40; ++size) {
    const std::vector<uint8_t> exact(size, 0xff);
    std::vector<uint8_t> longer(size + 16, 0xff);
    EXPECT_EQ(checksum_add(exact), checksum_add(Bytes(longer).first(size)));
    std::fill(longer.begin() + static_cast<ptrdiff_t>(size), longer.end(), uint8_t{0});
    EXPECT_EQ(checksum_add(exact), checksum_add(Bytes(longer).first(size)));
  }
}

TEST(Checksum, LongSpansOfHighBytesAndLargeSumsDoNotOverflow) {
  Random random(2);
  std::vector<uint8_t> ones(1 << 20, 0xff);
  EXPECT_EQ(checksum_finish(checksum_add(ones)), naive(ones, 0));
  for (int i = 0; i < 1000; ++i) {
    std::vector<uint8_t> data(random.below(9000));
    for (uint8_t& b : data) b = random.below(2) != 0 ? 0xff : static_cast<uint8_t>(random.next());
    const uint64_t sum = random.below(4) == 0 ? UINT64_MAX - random.below(3) : random.next();
    ASSERT_EQ(checksum_finish(checksum_add(data, sum)), naive(data, sum)) << data.size() << ' ' << sum;
  }
}

TEST(Checksum, EvenPartsAddUp) {
  Random random(3);
  std::vector<uint8_t> data(1351);
  for (uint8_t& b : data) b = static_cast<uint8_t>(random.next());
  const uint64_t whole = checksum_add(data);
  for (size_t cut = 0; cut < data.size(); cut += 2) {
    const uint64_t parts = checksum_add(Bytes(data).subspan(cut), checksum_add(Bytes(data).first(cut)));
    ASSERT_EQ(checksum_finish(parts), checksum_finish(whole)) << cut;
  }
}

TEST(Checksum, FinishFoldsAnySum) {
  EXPECT_EQ(checksum_finish(0), 0xffff);
  EXPECT_EQ(checksum_finish(0xffff), 0);
  EXPECT_EQ(checksum_finish(0x10000), 0xfffe);
  EXPECT_EQ(checksum_finish(UINT64_MAX), 0);
  EXPECT_EQ(checksum_finish(UINT64_MAX - 1), 1);
}

TEST(Checksum, PseudoHeader) {
  const auto header = packets::from_hex("0a0102efef01ff0300110016");
  EXPECT_EQ(checksum_finish(udp_pseudo_sum(0x0a0102ef, 0xef01ff03, 0x16)), naive(header, 0));
  EXPECT_EQ(checksum_finish(udp_pseudo_sum(0xffffffff, 0xffffffff, 0xffff)),
            naive(packets::from_hex("ffffffffffffffff0011ffff"), 0));
}

}  // namespace
}  // namespace linecast::net
