#include "lib/usage/overflow_sample.h"

#include <gtest/gtest.h>

#include <cmath>

namespace linecast::usage {
namespace {

constexpr TimeNs kS = kNsPerSecond;

HeardUsage report(TimeNs time, uint64_t id, uint32_t channel = 0) {
  return {.time = time, .receiver = id, .channel = channel, .source = static_cast<Ipv4>(id)};
}
void take(OverflowSample& sample, HeardUsage heard, bool leave = false) {
  heard.leave = leave;
  sample.take(heard.time, heard.receiver, heard);
}

TEST(OverflowSample, IsExactUpToItsCapacity) {
  OverflowSample sample({.capacity = 1000, .seed = 1}, 0);
  for (uint64_t id = 1; id <= 1000; ++id) take(sample, report(kS, id, id % 2));
  for (uint64_t id = 1; id <= 1000; ++id) take(sample, report(2 * kS, id, id % 2));
  EXPECT_EQ(sample.present(0), 500);
  EXPECT_EQ(sample.present(1), 500);
  EXPECT_EQ(sample.standard_error(1), 0);
  take(sample, report(3 * kS, 7, 1), true);
  take(sample, report(3 * kS, 7, 1), true);
  EXPECT_EQ(sample.present(1), 499);
  EXPECT_EQ(sample.totals(1).leaves, 1);
  EXPECT_EQ(sample.totals(0).watched_ms, 500'000);
  sample.advance(182 * kS, 10'000);
  EXPECT_EQ(sample.present(0), 0);
  EXPECT_EQ(sample.totals(0).expiries, 500);
}

// Many samples of the same receivers under different seeds: the mean is the truth, and the spread the error
// that is stated.
TEST(OverflowSample, ErrorIsAsStated) {
  constexpr int kRuns = 200;
  constexpr uint64_t kReceivers = 20'000, kGone = 5'000;
  double sum = 0, of_deviations = 0;
  for (uint64_t seed = 1; seed <= kRuns; ++seed) {
    OverflowSample sample({.capacity = 1024, .seed = seed * 0x9e3779b97f4a7c15}, 0);
    for (uint64_t id = 1; id <= kReceivers; ++id) take(sample, report(kS, id));
    for (uint64_t id = 1; id <= kGone; ++id) take(sample, report(2 * kS, id), true);
    const double truth = kReceivers - kGone, estimate = sample.present(0);
    const double error = std::sqrt(truth * (std::pow(2, sample.level()) - 1));
    EXPECT_NEAR(sample.standard_error(0), error, error / 4);
    EXPECT_LT(error, truth * std::sqrt(8.0 / 3 / 1024));
    sum += estimate / truth;
    of_deviations += std::pow((estimate - truth) / error, 2);
  }
  // Three standard deviations of either figure.
  EXPECT_NEAR(sum / kRuns, 1, 3 * 0.045 / std::sqrt(kRuns));
  EXPECT_NEAR(of_deviations / kRuns, 1, 3 * std::sqrt(2.0 / kRuns));
}

TEST(OverflowSample, TotalsOfTimeAndVisitsAreEstimatesOfTheTruth) {
  constexpr int kRuns = 100;
  double joins = 0, watched = 0;
  for (uint64_t seed = 1; seed <= kRuns; ++seed) {
    OverflowSample sample({.capacity = 512, .seed = seed * 0x9e3779b97f4a7c15}, 0);
    for (uint64_t id = 1; id <= 4000; ++id) take(sample, report(kS, id));
    for (uint64_t id = 1; id <= 4000; ++id) take(sample, report(51 * kS, id));
    joins += sample.totals(0).joins;
    watched += sample.totals(0).watched_ms;
  }
  EXPECT_NEAR(watched / kRuns, 4000.0 * 50'000, 0.03 * 4000 * 50'000);
  // Those that came while the level was lower counted for less, and were more: no bias.
  EXPECT_NEAR(joins / kRuns, 4000, 0.03 * 4000);
}

TEST(OverflowSample, AnAddressCountsForSoManyHoweverManyItMakesUp) {
  OverflowSample sample({.capacity = 1024, .most_per_address = 50, .seed = 3}, 0);
  for (uint64_t id = 1; id <= 100'000; ++id) {
    HeardUsage heard = report(kS, id);
    heard.source = 0x0a000001;
    take(sample, heard);
  }
  EXPECT_EQ(sample.present(0), 50);
}

TEST(OverflowSample, TheLevelFallsAgainWithTheAudienceWithoutAJumpInBetween) {
  OverflowSample sample({.capacity = 256, .seed = 5}, 0);
  TimeNs now = kS;
  for (uint64_t id = 1; id <= 20'000; ++id) take(sample, report(now, id));
  const int full = sample.level();
  EXPECT_GE(full, 6);
  for (uint64_t id = 151; id <= 20'000; ++id) take(sample, report(now, id), true);
  // 150 stay, and refresh: in the end all of them are in the sample.
  for (; now < 5000 * kS; now += kS) {
    for (auto id = 1 + static_cast<uint64_t>(now / kS) % 50; id <= 150; id += 50)
      take(sample, report(now, id));
    sample.advance(now, 10'000);
    const double error = std::sqrt(150 * (std::pow(2, sample.level()) - 1));
    ASSERT_NEAR(sample.present(0), 150, 4 * error) << now / kS;
  }
  EXPECT_EQ(sample.level(), 0);
  EXPECT_EQ(sample.present(0), 150);
}

}  // namespace
}  // namespace linecast::usage
