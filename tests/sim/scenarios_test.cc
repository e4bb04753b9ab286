#include "tests/sim/scenarios.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace linecast::sim {
namespace {

constexpr auto kSilent = [](double) {};

double figure(const Row& row, const std::string& name) {
  for (const Figure& f : row)
    if (f.name == name) return f.value;
  ADD_FAILURE() << "no figure " << name;
  return -1;
}

Configuration lossy(double loss) {
  Configuration configuration{.receivers = 50, .branch_size = 10, .rate = 200};
  configuration.lower.loss = LossModel::random(loss);
  return configuration;
}

// All that may differ: random and bursty loss, shared and not, reordering, duplicates, repeaters.
std::string all_at_once(uint64_t seed) {
  Configuration configuration = lossy(0.02);
  configuration.seed = seed;
  configuration.upper.loss = LossModel::bursty(0.01, 10, 0.5);
  configuration.upper.reordered = configuration.lower.reordered = 0.01;
  configuration.upper.reorder_ns = configuration.lower.reorder_ns = 7 * kNsPerMs;
  configuration.lower.duplicated = 0.01;
  std::vector<Row> rows{run_stream(configuration, 3, kSilent)};
  configuration.repeaters = true;
  rows.push_back(run_stream(configuration, 3, kSilent));
  return as_json(rows) + as_json({run_shared_loss(configuration, 10, kSilent)});
}

TEST(Scenarios, RepeatExactlyWithTheirSeedAndOnlyWithIt) {
  const std::string first = all_at_once(1);
  EXPECT_EQ(all_at_once(1), first);
  EXPECT_NE(all_at_once(2), first);
}

TEST(Scenarios, AskForNothingWhereNothingIsLost) {
  for (const bool repeaters : {false, true}) {
    Configuration configuration = lossy(0);
    configuration.repeaters = repeaters;
    const Row row = run_stream(configuration, 3, kSilent);
    for (const char* name : {"requests_per_s", "repair_share", "repeater_requests_per_s",
                             "repeater_repair_share", "unrecovered_share", "unneeded_share", "quiets_per_s"})
      EXPECT_EQ(figure(row, name), 0) << name;
    EXPECT_GT(figure(row, "events_millions"), 0.03);  // 50 receivers, 600 packets
  }
}

TEST(Scenarios, RecoverWhatTheBudgetHasRoomFor) {
  Configuration configuration = lossy(0.01);
  configuration.receivers = 8;
  configuration.budget = 1;
  const Row row = run_stream(configuration, 20, kSilent);
  EXPECT_GT(figure(row, "repair_share"), 0.05);
  EXPECT_LT(figure(row, "repair_share"), 0.12);
  EXPECT_EQ(figure(row, "unrecovered_share"), 0);
}

TEST(Scenarios, LeaveUnrecoveredWhatTheBudgetForbids) {
  Configuration configuration = lossy(0.05);
  configuration.budget = 0;
  const Row row = run_stream(configuration, 3, kSilent);
  EXPECT_NEAR(figure(row, "unrecovered_share"), 0.05, 0.01);
  EXPECT_EQ(figure(row, "repair_share"), 0);
  EXPECT_GT(figure(row, "over_budget_per_s"), 0);
}

TEST(Scenarios, LoseEverythingThatComesAfterItsDeadline) {
  Configuration configuration = lossy(0.05);
  configuration.buffer_ns = 10 * kNsPerMs;  // less than a round trip
  EXPECT_NEAR(figure(run_stream(configuration, 3, kSilent), "unrecovered_share"), 0.05, 0.01);
}

TEST(Scenarios, BringTheSenderFewRequestsForALossThatTenThousandShare) {
  const Configuration configuration{.receivers = 10'000};
  const Row row = run_shared_loss(configuration, 20, kSilent);
  EXPECT_NEAR(figure(row, "askers_told"), 10'000, 500);
  EXPECT_GE(figure(row, "requests_mean"), 1);
  EXPECT_LE(figure(row, "requests_mean"), 5);
  EXPECT_EQ(figure(row, "unrecovered_share"), 0);
}

TEST(Scenarios, HaveRepeatersAskForAllBelowThem) {
  const Configuration configuration{.receivers = 2'000, .branch_size = 100, .repeaters = true};
  const Row row = run_shared_loss(configuration, 20, kSilent);
  EXPECT_EQ(figure(row, "repeaters"), 20);
  EXPECT_GE(figure(row, "requests_mean"), 1);
  EXPECT_LE(figure(row, "requests_mean"), 3);
  EXPECT_EQ(figure(row, "unrecovered_share"), 0);
}

// What one branch loses, its repeater mends: the sender repairs it once.
TEST(Scenarios, HaveRepeatersMendWhatIsLostBelowThem) {
  Configuration configuration = lossy(0.01);
  configuration.budget = 1;
  configuration.repeaters = true;
  const Row row = run_stream(configuration, 10, kSilent);
  EXPECT_EQ(figure(row, "requests_per_s"), 0);
  EXPECT_EQ(figure(row, "repair_share"), 0);
  EXPECT_NEAR(figure(row, "repeater_repair_share"), 0.1, 0.03);  // 10 receivers, 1 % each
  EXPECT_EQ(figure(row, "unrecovered_share"), 0);
}

TEST(Report, SaysTheSameAsTableAsCsvAndAsJson) {
  const std::vector<Row> rows{{{"receivers", 10, 0}, {"loss", 0.125, 1}},
                              {{"receivers", 1000, 0}, {"loss", 0, 1}}};
  EXPECT_EQ(as_table(rows),
            "receivers  loss\n"
            "       10   0.1\n"
            "     1000   0.0\n");
  EXPECT_EQ(as_csv(rows), "receivers,loss\n10,0.125\n1000,0\n");
  EXPECT_EQ(as_json(rows),
            "[\n  {\n    \"receivers\": 10.0,\n    \"loss\": 0.125\n  },\n"
            "  {\n    \"receivers\": 1000.0,\n    \"loss\": 0.0\n  }\n]\n");
}

}  // namespace
}  // namespace linecast::sim
