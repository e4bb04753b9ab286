#include "lib/base/counters.h"

#include <gtest/gtest.h>

namespace linecast {
namespace {

#define FRUIT_LIST(_) _(kApple, "apple", "apples eaten") _(kPear, "pear", "pears eaten")
LINECAST_COUNTER_LIST(Fruit, FRUIT_LIST)

TEST(Counters, OneListMakesEnumArrayAndTexts) {
  CounterSet<Fruit, kFruitCount> set;
  set.add(Fruit::kPear);
  set.add(Fruit::kPear, 2);
  EXPECT_EQ(set.get(Fruit::kApple), 0u);
  EXPECT_EQ(set.get(Fruit::kPear), 3u);
  EXPECT_EQ(kFruitCount, 2u);
  EXPECT_EQ(kFruitTexts[1].name, "pear");
  EXPECT_EQ(kFruitTexts[0].help, "apples eaten");
}

}  // namespace
}  // namespace linecast
