#include "lib/smart/tunnel/place_table.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "lib/base/random.h"

namespace linecast::smart {
namespace {

TEST(PlaceTable, KeepsWhatAMapKeepsAndPlacesStay) {
  Random random(1);
  PlaceTable table(50, random.next());
  std::map<uint64_t, uint32_t> expected;
  size_t refused = 0;
  for (int step = 0; step < 5'000; ++step) {
    const uint64_t key = random.below(80) << 20;
    const auto known = expected.find(key);
    ASSERT_EQ(table.find(key), known != expected.end() ? known->second : PlaceTable::kNone);
    if (known != expected.end()) {
      if (random.below(2) == 0) continue;
      ASSERT_EQ(table.key(known->second), key);
      table.remove(known->second);
      expected.erase(known);
    } else if (const uint32_t place = table.add(key); place == PlaceTable::kNone) {
      ASSERT_EQ(expected.size(), 50u);
      ++refused;
    } else {
      ASSERT_LT(place, 50u);
      expected[key] = place;
    }
    ASSERT_EQ(table.size(), expected.size());
    std::set<uint32_t> places;
    for (const auto& [each, place] : expected) places.insert(place);
    ASSERT_EQ(places.size(), expected.size());  // none is given twice
  }
  EXPECT_GT(refused, 100u);
}

TEST(PlaceTable, OfNoneHasRoomForNone) {
  PlaceTable table(0, 1);
  EXPECT_EQ(table.add(1), PlaceTable::kNone);
  EXPECT_EQ(table.find(1), PlaceTable::kNone);
}

}  // namespace
}  // namespace linecast::smart
