#include "drivers/frame_ring.h"

#include <gtest/gtest.h>

#include <set>

#include "drivers/lcore.h"
#include "lib/base/error.h"

namespace linecast::drivers {
namespace {

TEST(FrameRing, WritesOverItsFramesInPlace) {
  Pool pool("ring", 15, frame_room(1500), any_numa_node());
  FrameRing ring(pool, 8, any_numa_node());
  std::set<Packet*> packets;
  for (uint64_t sequence = 100; sequence < 200; ++sequence) {
    Packet* packet = ring.claim(sequence);
    ASSERT_NE(packet, nullptr);
    packets.insert(packet);
    EXPECT_EQ(ring.at(sequence), packet);
  }
  EXPECT_EQ(packets.size(), 8u);
}

TEST(FrameRing, NeverReusesAFrameThatACardHolds) {
  Pool pool("ring", 10, frame_room(1500), any_numa_node());
  FrameRing ring(pool, 8, any_numa_node());
  Packet* held = ring.claim(0);
  hold(held);  // as the transmit queue does
  EXPECT_NE(ring.claim(8), held);
  EXPECT_NE(ring.claim(16), held);
  release(held);
  // Held by the card and the pool empty: nothing to write into.
  std::vector<Packet*> spare;
  while (Packet* packet = pool.take()) spare.push_back(packet);
  Packet* last = ring.claim(24);
  hold(last);
  EXPECT_EQ(ring.claim(32), nullptr);
  EXPECT_EQ(ring.at(32), last);
  release(last);
  EXPECT_EQ(ring.claim(32), last);
  for (Packet* packet : spare) release(packet);
}

TEST(FrameRing, ReturnsEveryFrame) {
  Pool pool("ring", 15, frame_room(1500), any_numa_node());
  const unsigned before = pool.available();
  {
    const FrameRing ring(pool, 8, any_numa_node());
    EXPECT_EQ(pool.available(), before - 8);
  }
  EXPECT_EQ(pool.available(), before);
}

TEST(FrameRing, SaysWhereThePoolIsTooSmall) {
  Pool pool("ring", 7, frame_room(1500), any_numa_node());
  const unsigned before = pool.available();
  EXPECT_THROW(FrameRing(pool, 16, any_numa_node()), Error);
  EXPECT_EQ(pool.available(), before);
}

}  // namespace
}  // namespace linecast::drivers
