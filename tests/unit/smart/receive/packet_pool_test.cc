#include "lib/smart/receive/packet_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>

namespace linecast::smart {
namespace {

TEST(PacketPool, GrowsToItsBoundAndGivesNothingBeyond) {
  PacketPool pool(256 * 1024);
  EXPECT_EQ(pool.allocated_bytes(), 0u);
  std::set<uint8_t*> blocks;
  while (uint8_t* block = pool.take(1316)) {
    std::memset(block, 0xaa, 1316);  // the sanitizer sees a block that is too short
    EXPECT_TRUE(blocks.insert(block).second);
  }
  EXPECT_EQ(blocks.size(), 256u * 1024 / PacketPool::kSmallBlock);
  EXPECT_EQ(pool.allocated_bytes(), 256u * 1024);
  pool.give(*blocks.begin(), 1316);
  EXPECT_EQ(pool.take(1), *blocks.begin());
  EXPECT_EQ(pool.take(1), nullptr);
}

TEST(PacketPool, HoldsDatagramsOfAnySize) {
  PacketPool pool(3 * PacketPool::kLargeBlock);
  uint8_t* small = pool.take(PacketPool::kSmallBlock);
  ASSERT_NE(small, nullptr);
  std::memset(small, 1, PacketPool::kSmallBlock);
  uint8_t* large = pool.take(65507);
  ASSERT_NE(large, nullptr);
  std::memset(large, 2, 65507);
  EXPECT_EQ(pool.take(PacketPool::kLargeBlock + 1), nullptr);
  EXPECT_EQ(pool.take(PacketPool::kSmallBlock + 1), nullptr) << "the bound covers both sizes";
  pool.give(large, 65507);
  EXPECT_EQ(pool.take(PacketPool::kSmallBlock + 1), large);
}

}  // namespace
}  // namespace linecast::smart
