#include "lib/smart/receive/hop_table.h"

#include <gtest/gtest.h>

namespace linecast::smart {
namespace {

constexpr TimeNs kSecond = kNsPerSecond;

TEST(HopTable, KeepsAFewAndReplacesOnlySilentOnes) {
  HopTable hops;
  for (Ipv4 a = 1; a <= HopTable::kMaxHops; ++a) ASSERT_NE(hops.heard(a, a), nullptr);
  EXPECT_EQ(hops.heard(100, kSecond), nullptr);
  EXPECT_EQ(hops.find(100), nullptr);
  hops.heard(1, 2 * kSecond);
  Hop* fresh = hops.heard(100, 2 + HopTable::kSilentAfter);  // 2 is the oldest now
  ASSERT_NE(fresh, nullptr);
  EXPECT_EQ(fresh->address, 100u);
  EXPECT_EQ(hops.find(2), nullptr);
  EXPECT_NE(hops.find(1), nullptr);
}

TEST(HopTable, MessagesMustRise) {
  HopTable hops;
  EXPECT_TRUE(hops.fresh(1, 1000, 1));
  Hop* hop = hops.heard(1, 0);
  hop->start_number = 1000;
  hop->count = 5;
  EXPECT_FALSE(hops.fresh(1, 1000, 5));
  EXPECT_FALSE(hops.fresh(1, 1000, 4));
  EXPECT_TRUE(hops.fresh(1, 1000, 6));
  EXPECT_FALSE(hops.fresh(1, 999, 7)) << "an old start of the same hop";
  EXPECT_TRUE(hops.fresh(1, 1001, 1)) << "a new one";
  EXPECT_FALSE(hops.fresh(2, 1000, 5)) << "replayed from another address";
  EXPECT_TRUE(hops.fresh(2, 999, 1)) << "another hop, which started earlier";
}

TEST(HopTable, AsksWhomItHears) {
  HopTable hops;
  EXPECT_EQ(hops.choose(0), nullptr);
  hops.heard(1, 1 * kSecond);
  hops.heard(2, 2 * kSecond);
  EXPECT_EQ(hops.choose(2 * kSecond)->address, 2u);
  hops.heard(1, 3 * kSecond);
  EXPECT_EQ(hops.choose(3 * kSecond)->address, 1u);
  EXPECT_EQ(hops.choose(3 * kSecond + HopTable::kSilentAfter), nullptr);
}

TEST(HopTable, TurnsToAnotherWhereOneDoesNotAnswer) {
  HopTable hops;
  hops.heard(1, 10);
  hops.heard(2, 5);
  Hop* one = hops.find(1);
  one->asked_ns = 0;
  EXPECT_EQ(hops.choose(one->round_trip_ns)->address, 1u) << "not yet";
  EXPECT_EQ(hops.choose(4 * one->round_trip_ns)->address, 2u);
  hops.find(2)->asked_ns = 0;
  EXPECT_EQ(hops.choose(4 * one->round_trip_ns)->address, 1u) << "neither answers";
}

}  // namespace
}  // namespace linecast::smart
