#include "lib/net/flow_table.h"

#include <gtest/gtest.h>

#include <map>
#include <tuple>

#include "lib/base/random.h"

namespace linecast::net {
namespace {

constexpr Ipv4 kGroup = 0xef000001;

TEST(FlowTable, EmptyFindsNothing) {
  const FlowTable table;
  EXPECT_EQ(table.find(0, 0, 0, 0), FlowTable::kNone);
  EXPECT_EQ(table.size(), 0u);
}

TEST(FlowTable, EveryFieldCounts) {
  FlowTable table;
  ASSERT_TRUE(table.insert({1, kGroup, 5000, 0}, 7));
  EXPECT_EQ(table.find(1, kGroup, 5000, 0x0a000001), 7u);
  EXPECT_EQ(table.find(0, kGroup, 5000, 0x0a000001), FlowTable::kNone);
  EXPECT_EQ(table.find(1, kGroup + 1, 5000, 0x0a000001), FlowTable::kNone);
  EXPECT_EQ(table.find(1, kGroup, 5001, 0x0a000001), FlowTable::kNone);
}

TEST(FlowTable, MatchingSourceWinsOverAnySource) {
  FlowTable table;
  ASSERT_TRUE(table.insert({0, kGroup, 5000, 0}, 1));
  ASSERT_TRUE(table.insert({0, kGroup, 5000, 0x0a000001}, 2));
  ASSERT_TRUE(table.insert({0, kGroup, 5000, 0x0a000002}, 3));
  ASSERT_TRUE(table.insert({0, kGroup + 1, 5000, 0x0a000001}, 4));
  EXPECT_EQ(table.find(0, kGroup, 5000, 0x0a000001), 2u);
  EXPECT_EQ(table.find(0, kGroup, 5000, 0x0a000002), 3u);
  EXPECT_EQ(table.find(0, kGroup, 5000, 0x0a000003), 1u);
  EXPECT_EQ(table.find(0, kGroup + 1, 5000, 0x0a000001), 4u);
  EXPECT_EQ(table.find(0, kGroup + 1, 5000, 0x0a000002), FlowTable::kNone);  // no any-source entry there
}

TEST(FlowTable, RefusesExactDuplicatesAndKeepsTheFirst) {
  FlowTable table;
  ASSERT_TRUE(table.insert({0, kGroup, 5000, 0}, 1));
  ASSERT_TRUE(table.insert({0, kGroup, 5000, 9}, 2));
  EXPECT_FALSE(table.insert({0, kGroup, 5000, 0}, 3));
  EXPECT_FALSE(table.insert({0, kGroup, 5000, 9}, 3));
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.find(0, kGroup, 5000, 0), 1u);
  EXPECT_EQ(table.find(0, kGroup, 5000, 9), 2u);
}

TEST(FlowTable, ManySourcesOfOneGroup) {
  FlowTable table;
  for (uint32_t i = 1; i <= 2000; ++i) ASSERT_TRUE(table.insert({0, kGroup, 5000, 0x0a000000 + i}, i));
  for (uint32_t i = 1; i <= 2000; ++i) ASSERT_EQ(table.find(0, kGroup, 5000, 0x0a000000 + i), i);
  EXPECT_EQ(table.find(0, kGroup, 5000, 0x0a000000), FlowTable::kNone);
}

TEST(FlowTable, AgreesWithAMapOnRandomKeys) {
  using Key = std::tuple<uint16_t, Ipv4, uint16_t, Ipv4>;
  Random random(1);
  FlowTable table;
  std::map<Key, uint32_t> map;
  const auto random_key = [&] {
    return Key{random.below(2), kGroup + random.below(512), 5000 + random.below(3), random.below(4)};
  };
  for (uint32_t i = 0; i < 6000; ++i) {
    const Key key = random_key();
    const auto [interface, destination, port, source] = key;
    ASSERT_EQ(table.insert({interface, destination, port, source}, i), map.emplace(key, i).second);
  }
  ASSERT_EQ(table.size(), map.size());
  for (int i = 0; i < 20000; ++i) {
    const auto [interface, destination, port, source] = random_key();
    auto expected = map.find({interface, destination, port, source});
    if (expected == map.end()) expected = map.find({interface, destination, port, 0});
    ASSERT_EQ(table.find(interface, destination, port, source),
              expected == map.end() ? FlowTable::kNone : expected->second);
  }
}

}  // namespace
}  // namespace linecast::net
