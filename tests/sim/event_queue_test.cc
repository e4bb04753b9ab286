#include "tests/sim/event_queue.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lib/base/random.h"

namespace linecast::sim {
namespace {

constexpr auto kIgnore = [](int) {};

TEST(EventQueue, GivesEventsByTimeAndThoseOfOneTimeAsTheyCame) {
  EventQueue<int> queue;
  queue.push(700, 0);
  queue.push(5, 1);
  queue.push(700, 2);
  queue.push(70'000'000, 3);
  queue.push(5, 4);
  std::vector<std::pair<TimeNs, int>> order;
  while (!queue.empty()) {
    const int event = queue.pop(kIgnore);
    order.emplace_back(queue.now(), event);
  }
  EXPECT_EQ(order,
            (std::vector<std::pair<TimeNs, int>>{{5, 1}, {5, 4}, {700, 0}, {700, 2}, {70'000'000, 3}}));
}

TEST(EventQueue, TakesEventsOfThisVeryMomentWhileItRuns) {
  EventQueue<int> queue;
  queue.push(300, 1);
  queue.push(300, 2);
  EXPECT_EQ(queue.pop(kIgnore), 1);
  queue.push(300, 3);
  queue.push(301, 4);
  EXPECT_EQ(queue.pop(kIgnore), 2);
  EXPECT_EQ(queue.pop(kIgnore), 3);
  EXPECT_EQ(queue.now(), 300);
  EXPECT_EQ(queue.pop(kIgnore), 4);
  EXPECT_TRUE(queue.empty());
}

// Against sorting: many events over spans of all sizes, pushed while others are taken.
TEST(EventQueue, KeepsItsOrderWhateverIsPushedMeanwhile) {
  Random random(1);
  EventQueue<int> queue;
  std::vector<std::pair<TimeNs, int>> pushed, popped;
  const auto push = [&] {
    const TimeNs at = queue.now() + static_cast<TimeNs>(random.below(uint64_t{1} << random.below(40)));
    pushed.emplace_back(at, static_cast<int>(pushed.size()));
    queue.push(at, pushed.back().second);
  };
  for (int k = 0; k < 1000; ++k) push();
  while (!queue.empty()) {
    const int event = queue.pop(kIgnore);
    popped.emplace_back(queue.now(), event);
    if (pushed.size() < 20'000 && random.below(10) > 0) push();
    if (pushed.size() < 20'000 && random.below(10) > 7) push();
  }
  EXPECT_GT(pushed.size(), 1500u);
  std::stable_sort(pushed.begin(), pushed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  EXPECT_EQ(popped, pushed);
}

TEST(EventQueue, TellsOfEventsBeforeTheyCome) {
  EventQueue<int> queue;
  std::vector<int> told;
  const auto tell = [&](int event) { told.push_back(event); };
  queue.push(100'000, 1);
  queue.push(100'001, 2);
  EXPECT_EQ(queue.pop(tell), 1);
  EXPECT_EQ(told, (std::vector{1, 2}));
}

}  // namespace
}  // namespace linecast::sim
