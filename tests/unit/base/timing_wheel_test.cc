#include "lib/base/timing_wheel.h"

#include <gtest/gtest.h>

#include <array>
#include <map>

#include "lib/base/random.h"

namespace linecast {
namespace {

constexpr TimeNs kStart = 1'000 * kNsPerSecond;

TEST(TimingWheel, AnEmptyOneHasNothing) {
  TimingWheel wheel;
  EXPECT_TRUE(wheel.is_empty());
  EXPECT_EQ(wheel.take(kStart), nullptr);
}

TEST(TimingWheel, ATimerIsTakenOnceAndNotBeforeItsTime) {
  // In this tick, in the next ones, in a later round, and a long time off.
  for (const TimeNs wait : {TimeNs{1}, TimeNs{3'000}, TimeNs{5'000}, kNsPerMs, 10 * kNsPerMs, kNsPerSecond}) {
    TimingWheel wheel;
    TimingWheel::Timer timer;
    wheel.arm(timer, kStart + wait, kStart);
    EXPECT_TRUE(timer.is_armed());
    for (TimeNs now = kStart; now < kStart + wait; now += std::max<TimeNs>(wait / 100, 1))
      ASSERT_EQ(wheel.take(now), nullptr) << wait << " at " << now - kStart;
    EXPECT_EQ(wheel.take(kStart + wait - 1), nullptr) << wait;
    EXPECT_EQ(wheel.take(kStart + wait), &timer) << wait;
    EXPECT_FALSE(timer.is_armed());
    EXPECT_TRUE(wheel.is_empty());
    EXPECT_EQ(wheel.take(kStart + 2 * wait), nullptr);
  }
}

TEST(TimingWheel, WhatHasPassedIsTakenAtOnce) {
  TimingWheel wheel;
  std::array<TimingWheel::Timer, 2> timers;
  wheel.arm(timers[0], kStart + kNsPerSecond, kStart);
  EXPECT_EQ(wheel.take(kStart + kNsPerMs), nullptr);
  wheel.arm(timers[1], kStart - kNsPerMs, kStart + kNsPerMs);
  EXPECT_EQ(wheel.take(kStart + kNsPerMs), &timers[1]);
}

TEST(TimingWheel, ATimerThatIsDisarmedNeverComes) {
  TimingWheel wheel;
  std::array<TimingWheel::Timer, 3> timers;
  for (auto& timer : timers) wheel.arm(timer, kStart + 10, kStart);
  wheel.disarm(timers[1]);
  wheel.disarm(timers[1]);
  EXPECT_FALSE(timers[1].is_armed());
  EXPECT_NE(wheel.take(kStart + 10), &timers[1]);
  EXPECT_NE(wheel.take(kStart + 10), &timers[1]);
  EXPECT_TRUE(wheel.is_empty());
}

// A turn that took long, or a lane that slept.
TEST(TimingWheel, AfterAPauseOfManyRoundsAllComes) {
  TimingWheel wheel;
  std::array<TimingWheel::Timer, 200> timers;
  TimeNs due = kStart;
  for (auto& timer : timers) wheel.arm(timer, due += 777'777, kStart);
  size_t taken = 0;
  while (wheel.take(kStart + 10 * kNsPerSecond) != nullptr) ++taken;
  EXPECT_EQ(taken, timers.size());
}

TEST(TimingWheel, DoesAsASortedListDoes) {
  Random random(1);
  TimingWheel wheel;
  std::array<TimingWheel::Timer, 50> timers;
  std::map<TimingWheel::Timer*, TimeNs> armed;
  TimeNs now = kStart;
  for (int step = 0; step < 20'000; ++step) {
    now += static_cast<TimeNs>(random.below(random.below(100) == 0 ? 20 * kNsPerMs : 20'000));
    TimingWheel::Timer& timer = timers[random.below(timers.size())];
    if (!timer.is_armed()) {
      const TimeNs due = now - 1'000 + static_cast<TimeNs>(random.below(15 * kNsPerMs));
      wheel.arm(timer, due, now);
      armed[&timer] = due;
    } else if (random.below(10) == 0) {
      wheel.disarm(timer);
      armed.erase(&timer);
    }
    while (TimingWheel::Timer* taken = wheel.take(now)) {
      ASSERT_LE(armed.at(taken), now);
      armed.erase(taken);
    }
    for (const auto& [of, due] : armed) ASSERT_GT(due, now) << "step " << step;
    ASSERT_EQ(wheel.is_empty(), armed.empty());
  }
}

}  // namespace
}  // namespace linecast
