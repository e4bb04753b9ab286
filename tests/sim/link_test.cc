#include "tests/sim/link.h"

#include <gtest/gtest.h>

#include <vector>

namespace linecast::sim {
namespace {

constexpr int kPackets = 1'000'000;

std::vector<bool> losses(const LossModel& model) {
  Random random(1);
  bool bad = false;
  std::vector<bool> lost(kPackets);
  for (auto packet : lost) packet = model.lose(random, bad);
  return lost;
}

double share(const std::vector<bool>& lost) {
  return static_cast<double>(std::count(lost.begin(), lost.end(), true)) / static_cast<double>(lost.size());
}

// How likely the packet after a lost one is lost too.
double repeated(const std::vector<bool>& lost) {
  int after = 0, both = 0;
  for (size_t k = 1; k < lost.size(); ++k) {
    after += lost[k - 1];
    both += lost[k - 1] && lost[k];
  }
  return static_cast<double>(both) / after;
}

TEST(LossModel, LosesAtRandomWhatItShould) {
  const std::vector<bool> lost = losses(LossModel::random(0.03));
  EXPECT_NEAR(share(lost), 0.03, 0.001);     // five standard deviations: 0.0009
  EXPECT_NEAR(repeated(lost), 0.03, 0.006);  // the same, whatever came before
}

TEST(LossModel, LosesInSpellsWithTheSameMean) {
  const LossModel model = LossModel::bursty(0.03, 20, 0.5);
  EXPECT_NEAR(model.mean_loss(), 0.03, 1e-9);
  const std::vector<bool> lost = losses(model);
  EXPECT_NEAR(share(lost), 0.03, 0.003);
  EXPECT_NEAR(repeated(lost), 0.5 * (1 - 1.0 / 20), 0.02);  // still bad, and lost again
}

TEST(LossModel, CanLoseNothingAndAll) {
  EXPECT_EQ(share(losses(LossModel::random(0))), 0);
  EXPECT_EQ(share(losses(LossModel::random(1))), 1);
}

TEST(Link, DelaysAndKeepsTheOrderWhateverTheJitter) {
  const LinkModel model{.jitter_ns = 5 * kNsPerMs};
  Link link{.delay_ns = 20 * kNsPerMs};
  Random random(1);
  TimeNs last = 0, sum = 0;
  for (TimeNs now = 0; now < kNsPerSecond; now += 10 * kNsPerMs) {
    const Link::Arrivals arrivals = link.pass(now, model, random);
    ASSERT_EQ(arrivals.count, 1u);
    ASSERT_GE(arrivals.at[0], now + 20 * kNsPerMs);
    ASSERT_GE(arrivals.at[0], last);
    last = arrivals.at[0];
    sum += last - now - 20 * kNsPerMs;
  }
  EXPECT_NEAR(static_cast<double>(sum) / 100, 5e6, 2e6);
}

TEST(Link, HoldsBackSomeSoThatOthersOvertakeThem) {
  const LinkModel model{.reordered = 0.1, .reorder_ns = 3 * kNsPerMs};
  Link link{.delay_ns = kNsPerMs};
  Random random(1);
  int late = 0;
  for (TimeNs now = 0; now < kNsPerSecond; now += kNsPerMs) {
    const Link::Arrivals arrivals = link.pass(now, model, random);
    ASSERT_EQ(arrivals.count, 1u);
    if (arrivals.at[0] == now + 4 * kNsPerMs)
      ++late;
    else
      ASSERT_EQ(arrivals.at[0], now + kNsPerMs);  // not held up by those that were
  }
  EXPECT_NEAR(late, 100, 40);
}

TEST(Link, DuplicatesAShare) {
  const LinkModel model{.duplicated = 0.25};
  Link link;
  Random random(1);
  size_t arrived = 0;
  for (int k = 0; k < 1000; ++k) arrived += link.pass(0, model, random).count;
  EXPECT_NEAR(static_cast<double>(arrived), 1250, 60);
}

TEST(DelayDistribution, HasItsMedianAndItsBounds) {
  Random random(1);
  const DelayDistribution distribution{.median = 10 * kNsPerMs, .sigma = 1.5};
  int below = 0;
  for (int k = 0; k < 10'000; ++k) {
    const TimeNs delay = draw_delay(random, distribution);
    ASSERT_GE(delay, 2'500'000);
    ASSERT_LE(delay, 40 * kNsPerMs);
    below += delay < 10 * kNsPerMs;
  }
  EXPECT_NEAR(below, 5000, 250);
}

}  // namespace
}  // namespace linecast::sim
