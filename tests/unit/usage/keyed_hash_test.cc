#include "lib/usage/keyed_hash.h"

#include <gtest/gtest.h>

#include <array>

namespace linecast::usage {
namespace {

uint64_t under_key_zero(uint64_t a, uint64_t b) {
  SipState state(0, 0);
  state.take(a);
  state.take(b);
  state.take(uint64_t{16} << 56);
  return state.finish();
}

// From CPython 3.11, whose hash of bytes is SipHash-1-3: PYTHONHASHSEED=0, hash(struct.pack('<QQ', a, b)).
TEST(KeyedHash, IsSipHash) {
  EXPECT_EQ(under_key_zero(0, 0), 0x76be999e3e25b2a0u);
  EXPECT_EQ(under_key_zero(1, 2), 0xfb058313e6201d48u);
  EXPECT_EQ(under_key_zero(0x0123456789abcdef, 0xfedcba9876543210), 0x26a9fe81d3b46069u);
}

TEST(KeyedHash, SpreadsNeighboursUnderAnySeed) {
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{0x9e3779b97f4a7c15}, UINT64_MAX}) {
    std::array<int, 64> low{}, high{};
    for (uint64_t i = 0; i < 64'000; ++i) {
      const uint64_t hash = keyed_hash(seed, i, 0);
      ++low[hash % 64];
      ++high[hash >> 58];
    }
    for (size_t k = 0; k < 64; ++k) {
      EXPECT_NEAR(low[k], 1000, 160) << seed;  // five standard deviations
      EXPECT_NEAR(high[k], 1000, 160) << seed;
    }
  }
}

}  // namespace
}  // namespace linecast::usage
