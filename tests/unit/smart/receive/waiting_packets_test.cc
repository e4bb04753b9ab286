#include "lib/smart/receive/waiting_packets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

namespace linecast::smart {
namespace {

constexpr ReceiveCounter kReason = ReceiveCounter::kDoubtful;

std::vector<uint8_t> datagram(uint8_t number) { return std::vector<uint8_t>(100, number); }

TEST(WaitingPackets, GiveBackWhatCameInOrder) {
  WaitingPackets waiting(8, 1 << 20);
  for (uint8_t i = 0; i < 5; ++i) EXPECT_EQ(waiting.add(datagram(i), 100 + i, 1000 + i, kReason), 0u);
  for (uint8_t i = 0; i < 5; ++i) {
    const auto packet = waiting.take();
    EXPECT_TRUE(std::ranges::equal(packet.bytes(), datagram(i)));
    EXPECT_EQ(packet.source, 100u + i);
    EXPECT_EQ(packet.arrived_ns, 1000 + i);
    EXPECT_EQ(packet.reason, kReason);
    waiting.done(packet);
  }
  EXPECT_TRUE(waiting.empty());
}

TEST(WaitingPackets, DropTheOldestWhenTheirNumberIsReached) {
  WaitingPackets waiting(4, 1 << 20);
  size_t dropped = 0;
  for (uint8_t i = 0; i < 10; ++i) dropped += waiting.add(datagram(i), i, 0, kReason);
  EXPECT_EQ(dropped, 6u);
  EXPECT_EQ(waiting.size(), 4u);
  EXPECT_EQ(waiting.front().source, 6u);
}

TEST(WaitingPackets, DropTheOldestWhenTheMemoryIsUsed) {
  WaitingPackets waiting(1024, 64 * PacketPool::kSmallBlock);
  size_t dropped = 0;
  for (uint8_t i = 0; i < 100; ++i) dropped += waiting.add(datagram(i), i, 0, kReason);
  EXPECT_EQ(dropped, 36u);
  EXPECT_EQ(waiting.front().source, 36u);
}

TEST(WaitingPackets, CountWhatNeverFits) {
  WaitingPackets waiting(4, 64 * PacketPool::kSmallBlock);
  waiting.add(datagram(1), 1, 0, kReason);
  EXPECT_EQ(waiting.add(std::vector<uint8_t>(9000), 2, 0, kReason), 2u);
  EXPECT_TRUE(waiting.empty());
  EXPECT_EQ(waiting.add(Bytes(), 2, 0, kReason), 1u);
}

}  // namespace
}  // namespace linecast::smart
