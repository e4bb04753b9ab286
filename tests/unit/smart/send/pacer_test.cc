#include "lib/smart/send/pacer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "lib/base/error.h"
#include "lib/base/random.h"

namespace linecast::smart {
namespace {

constexpr TimeNs kStart = 1'000 * kNsPerSecond;
constexpr TimeNs kDelay = 20 * kNsPerMs;
constexpr double kInterval = 1316 * 8 * 1e9 / 41e6;  // 41 Mbit/s in datagrams of 1316 bytes: 257 us

// Packets that go through a pacer whose time is kept to exactly.
class Paced {
 public:
  explicit Paced(TimeNs delay = kDelay, uint32_t room = 1024) : pacer_(delay, room) {}

  // In the order of their times.
  void arrive(TimeNs at) {
    leave_until(at);
    if (pacer_.is_full()) leave(at);
    out_of_pace_ += pacer_.arrive(at) ? 0 : 1;
    arrivals_.push_back(at);
    latest_.push_back(at + pacer_.delay_ns());
  }
  void leave_until(TimeNs time) {
    while (pacer_.waiting() > 0 && pacer_.next_due() <= time) leave(pacer_.next_due());
  }
  void finish() { leave_until(kNever - 1); }

  Pacer& pacer() { return pacer_; }
  const std::vector<TimeNs>& arrivals() const { return arrivals_; }
  const std::vector<TimeNs>& departures() const { return departures_; }
  size_t out_of_pace() const { return out_of_pace_; }
  // By how much the distances of what left from packet `from` on differ from `interval`; sorted, in ns.
  std::vector<double> errors(size_t from, double interval = kInterval) const {
    std::vector<double> all;
    for (size_t i = from + 1; i < departures_.size(); ++i)
      all.push_back(std::abs(static_cast<double>(departures_[i] - departures_[i - 1]) - interval));
    std::ranges::sort(all);
    return all;
  }
  double quantile_us(double share, size_t from, double interval = kInterval) const {
    const std::vector<double> all = errors(from, interval);
    return all.at(static_cast<size_t>(share * static_cast<double>(all.size() - 1))) / 1e3;
  }

 private:
  void leave(TimeNs at) {
    const TimeNs before = departures_.empty() ? 0 : departures_.back();
    EXPECT_GE(at, before);
    EXPECT_GE(at, arrivals_[departures_.size()]);
    EXPECT_LE(at, std::max(before, latest_[departures_.size()]));
    departures_.push_back(at);
    pacer_.leave();
  }

  Pacer pacer_;
  std::vector<TimeNs> arrivals_, latest_, departures_;
  size_t out_of_pace_ = 0;
};

using Jitter = std::function<double(size_t, Random&)>;  // ns, of packet i

// n packets, each `interval` after the one before, and later by its jitter; in order.
void feed(Paced& paced, size_t n, double interval, const Jitter& jitter = {}, TimeNs from = kStart) {
  Random random(7);
  TimeNs last = 0;
  for (size_t i = 0; i < n; ++i) {
    const double late = jitter ? jitter(i, random) : 0;
    last = std::max(last, from + static_cast<TimeNs>(interval * static_cast<double>(i) + late));
    paced.arrive(last);
  }
}

double gaussian(Random& random) {
  return std::sqrt(-2 * std::log(1 - random.unit())) * std::cos(2 * std::numbers::pi * random.unit());
}
// As a program does that sends what is due each `tick`.
Jitter in_bursts(double tick) {
  return [tick](size_t i, Random&) {
    const double at = kInterval * static_cast<double>(i);
    return std::ceil(at / tick) * tick - at;
  };
}

constexpr size_t kSettled = 8'000;  // packets: two seconds

TEST(Pacer, AnEvenFeedLeavesAsItCame) {
  Paced paced;
  feed(paced, 20'000, kInterval);
  paced.finish();
  EXPECT_LE(paced.errors(0).back(), 1'000);
  EXPECT_EQ(paced.departures().size(), 20'000u);
  EXPECT_EQ(paced.out_of_pace(), 0u);
  EXPECT_NEAR(static_cast<double>(paced.departures().back() - paced.arrivals().back()), kDelay / 2, 1'000);
  EXPECT_NEAR(paced.pacer().interval_ns(), kInterval, 1);
}

TEST(Pacer, AJitteredFeedLeavesEvenly) {
  const std::pair<const char*, Jitter> kFeeds[] = {
      {"late by chance", [](size_t, Random& random) { return std::abs(gaussian(random)) * 1e6; }},
      {"a long tail", [](size_t, Random& random) { return -std::log(1 - random.unit()) * 5e5; }},
      {"a turn of 1 ms", in_bursts(1e6)},
      {"a turn of 10 ms", in_bursts(1e7)},
      {"a slow wave",
       [](size_t i, Random&) {
         return 3e6 * (1 + std::sin(2 * std::numbers::pi * kInterval * static_cast<double>(i) / 1e8));
       }},
  };
  for (const auto& [name, jitter] : kFeeds) {
    Paced paced;
    feed(paced, 30'000, kInterval, jitter);
    paced.finish();
    EXPECT_EQ(paced.departures().size(), 30'000u) << name;
    EXPECT_EQ(paced.out_of_pace(), 0u) << name;
    EXPECT_LE(paced.quantile_us(0.999, kSettled), 10) << name;
    EXPECT_LE(paced.quantile_us(1, kSettled), 12) << name;
  }
}

TEST(Pacer, ASenderWhoseClockDriftsIsFollowed) {
  for (const double ppm : {-500.0, 500.0}) {
    const double interval = kInterval * (1 + ppm * 1e-6);
    Paced paced;
    feed(paced, 60 * 3'900, interval, [](size_t, Random& random) { return random.unit() * 1e6; });
    paced.finish();
    EXPECT_EQ(paced.out_of_pace(), 0u) << ppm;
    EXPECT_LE(paced.quantile_us(1, kSettled, interval), 10) << ppm;
  }
}

TEST(Pacer, AFeedThatStopsLeavesNothingBehindAndGoesOnEvenly) {
  Paced paced;
  feed(paced, 10'000, kInterval, in_bursts(1e6));
  const TimeNs last = paced.arrivals().back();
  paced.leave_until(last + kDelay);
  EXPECT_EQ(paced.pacer().waiting(), 0u);
  feed(paced, 10'000, kInterval, in_bursts(1e6), last + kNsPerSecond);
  paced.finish();
  EXPECT_EQ(paced.departures()[10'000] - paced.arrivals()[10'000], kDelay / 2) << "jitter has room again";
  EXPECT_EQ(paced.out_of_pace(), 0u);
  EXPECT_LE(paced.quantile_us(1, 10'001), 15) << "at once, as its rate is known";
}

TEST(Pacer, AnotherRateIsTakenUp) {
  for (const double factor : {0.5, 0.9, 1.1, 2.0, 10.0}) {
    Paced paced;
    feed(paced, 10'000, kInterval, in_bursts(1e6));
    const auto from = paced.arrivals().back() + static_cast<TimeNs>(kInterval);
    feed(paced, 30'000, kInterval * factor, {}, from);
    paced.finish();
    EXPECT_EQ(paced.departures().size(), 40'000u);
    EXPECT_LE(paced.quantile_us(1, 10'000 + 10'000, kInterval * factor), 15) << factor;
    EXPECT_LT(paced.out_of_pace(), 2'000u) << factor;
  }
}

TEST(Pacer, ABurstBeyondTheDelayLeavesWhenItMust) {
  Paced paced;
  feed(paced, 10'000, kInterval);
  const TimeNs at = paced.arrivals().back();
  for (int i = 0; i < 500; ++i) paced.arrive(at);
  EXPECT_GT(paced.out_of_pace(), 300u) << "78 are what the delay has room for";
  paced.leave_until(at + kDelay);
  EXPECT_EQ(paced.departures().size(), 10'500u) << "none waits longer than it may";
}

TEST(Pacer, WhatHasNoRoomToWaitMakesTheOldestLeave) {
  Paced paced(kDelay, 64);
  for (int i = 0; i < 64; ++i) paced.arrive(kStart);
  EXPECT_TRUE(paced.pacer().is_full());
  paced.arrive(kStart);
  EXPECT_EQ(paced.departures().size(), 1u);
  EXPECT_EQ(paced.pacer().waiting(), 64u);
  EXPECT_THROW(Pacer(kDelay, 65), Error);
}

// Nothing is even in it; but each packet leaves in time and in its order, which Paced sees to.
TEST(Pacer, AFeedOfVaryingRateIsHeldBackNoLongerThanItMayBe) {
  for (const TimeNs delay : {kNsPerMs, kDelay, 200 * kNsPerMs}) {
    Paced paced(delay);
    Random random(3);
    TimeNs now = kStart;
    for (size_t i = 0; i < 100'000; ++i) {
      if (i % 97 == 0) now += static_cast<TimeNs>(random.below(30 * kNsPerMs));
      if (i % 10'007 == 0) now += kNsPerSecond;
      now += static_cast<TimeNs>(random.below(i / 1'000 % 2 == 0 ? 20'000 : 1'000'000));
      paced.arrive(now);
      if (i == 50'000) paced.pacer().set_delay(delay);
    }
    paced.finish();
    EXPECT_EQ(paced.departures().size(), 100'000u);
  }
}

TEST(Pacer, PacketsFurtherApartThanTheDelayAreEachHeldForHalfOfIt) {
  Paced paced;
  feed(paced, 100, 50e6);
  paced.finish();
  for (size_t i = 0; i < 100; ++i) EXPECT_EQ(paced.departures()[i] - paced.arrivals()[i], kDelay / 2);
}

TEST(Pacer, AShorterDelayHoldsForWhatComesThen) {
  Paced paced;
  feed(paced, 10'000, kInterval);
  paced.pacer().set_delay(kDelay / 4);
  feed(paced, 10'000, kInterval, {}, paced.arrivals().back() + static_cast<TimeNs>(kInterval));
  paced.finish();
  EXPECT_EQ(paced.departures().size(), 20'000u);
  EXPECT_NEAR(static_cast<double>(paced.departures().back() - paced.arrivals().back()), kDelay / 8, 1'000);
  EXPECT_LE(paced.quantile_us(1, 10'100), 1);
}

}  // namespace
}  // namespace linecast::smart
