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

// A hop that data came from.
Hop* carry(HopTable& hops, Ipv4 address, TimeNs now) {
  Hop* hop = hops.heard(address, now);
  hop->data_ns = now;
  return hop;
}

TEST(HopTable, WhoBringsDataFindsAPlaceAmongThoseThatOnlySpeak) {
  HopTable hops;
  carry(hops, 1, 10);
  for (Ipv4 a = 2; a <= HopTable::kMaxHops; ++a) ASSERT_NE(hops.heard(a, 10 + a), nullptr);
  EXPECT_EQ(hops.heard(100, kSecond), nullptr) << "one more that only speaks";
  const Hop* bringer = hops.heard(100, kSecond, true);
  ASSERT_NE(bringer, nullptr);
  EXPECT_EQ(bringer->address, 100u);
  EXPECT_EQ(hops.find(2), nullptr) << "that was heard least lately";
  EXPECT_NE(hops.find(1), nullptr) << "it carries";
}

TEST(HopTable, WhoBringsDataDrivesOutNoneThatCarries) {
  HopTable hops;
  for (Ipv4 a = 1; a <= HopTable::kMaxHops; ++a) carry(hops, a, a);
  EXPECT_EQ(hops.heard(100, kSecond, true), nullptr);
  EXPECT_NE(hops.heard(100, 1 + HopTable::kSilentAfter, true), nullptr);
}

TEST(HopTable, AsksWhomDataComesFrom) {
  HopTable hops;
  EXPECT_EQ(hops.choose(0), nullptr);
  carry(hops, 1, 1 * kSecond);
  carry(hops, 2, 2 * kSecond);
  EXPECT_EQ(hops.choose(2 * kSecond)->address, 2u);
  carry(hops, 1, 3 * kSecond);
  hops.heard(3, 4 * kSecond);
  EXPECT_EQ(hops.choose(4 * kSecond)->address, 1u) << "from 3 there were messages only";
  EXPECT_EQ(hops.choose(3 * kSecond + HopTable::kSilentAfter), nullptr);
}

TEST(HopTable, AsksThePreferredOneWhereItAnswers) {
  HopTable hops;
  Hop* one = carry(hops, 1, 5);
  carry(hops, 2, 10);
  hops.prefer(1);
  EXPECT_EQ(hops.choose(10)->address, 1u) << "though data came from 2 later";
  one->asked_ns = 0;
  EXPECT_EQ(hops.choose(4 * one->round_trip_ns)->address, 2u);
  one->asked_ns = kNever;
  one->quiet = 15;
  EXPECT_EQ(hops.choose(10)->address, 2u);
  hops.prefer(7);
  one->quiet = 0;
  EXPECT_EQ(hops.choose(10)->address, 2u) << "nothing comes from the preferred one";
}

TEST(HopTable, TurnsToAnotherWhereOneDoesNotAnswer) {
  HopTable hops;
  Hop* one = carry(hops, 1, 10);
  Hop* two = carry(hops, 2, 5);
  one->asked_ns = 0;
  EXPECT_EQ(hops.choose(one->round_trip_ns)->address, 1u) << "not yet";
  EXPECT_EQ(hops.choose(4 * one->round_trip_ns)->address, 2u);
  two->asked_ns = 0;
  EXPECT_EQ(hops.choose(4 * one->round_trip_ns)->address, 1u) << "neither answers";
}

TEST(HopTable, TurnsToAnotherWhereOneMayNotBeAsked) {
  HopTable hops;
  carry(hops, 1, 10)->quiet = 15;
  Hop* two = carry(hops, 2, 5);
  two->asked_ns = 0;
  EXPECT_EQ(hops.choose(4 * two->round_trip_ns)->address, 2u) << "though it does not answer";
  two->quiet = 15;
  two->asked_ns = kNever;
  EXPECT_EQ(hops.choose(10)->address, 1u) << "neither may be asked";
}

}  // namespace
}  // namespace linecast::smart
