#include "lib/smart/send/group_size.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "lib/base/random.h"

namespace linecast::smart {
namespace {

constexpr TimeNs kStart = 5'000 * kNsPerSecond;

// Receivers that come all at once and refresh as they should.
class Crowd {
 public:
  Crowd(size_t receivers, uint64_t seed) : random_(seed) {
    for (size_t i = 0; i < receivers; ++i) plan(kStart, 0, group_.report_window_s());
  }
  // All JOINs up to `now`; the estimate then.
  uint64_t at(TimeNs now) {
    for (; second_ <= (now - kStart) / kNsPerSecond; ++second_) {
      for (const TimeNs t : std::exchange(due_.at(static_cast<size_t>(second_)), {})) {
        group_.join(t);
        const double refresh = std::max<double>(60, group_.report_window_s());
        plan(t, 0.5 * refresh, refresh);
      }
      group_.update(kStart + (second_ + 1) * kNsPerSecond);
    }
    return group_.size();
  }
  // One whose JOIN is due last goes.
  void leave(TimeNs now) {
    group_.leave(now);
    std::find_if(due_.rbegin(), due_.rend(), [](const auto& due) { return !due.empty(); })->pop_back();
  }
  const GroupSize& group() const { return group_; }

 private:
  // A JOIN later than `now`, in an order of no matter within a second.
  void plan(TimeNs now, double least_s, double span_s) {
    const TimeNs t = now + static_cast<TimeNs>((least_s + random_.unit() * span_s) * kNsPerSecond);
    due_.at(static_cast<size_t>((t - kStart) / kNsPerSecond)).push_back(t);
  }

  Random random_;
  GroupSize group_;
  std::vector<std::vector<TimeNs>> due_{1000};  // by second
  TimeNs second_ = 0;
};

TEST(GroupSize, IsNoneBeforeAnyJoin) {
  GroupSize group;
  group.update(kStart);
  EXPECT_EQ(group.size(), 0u);
  EXPECT_EQ(group.report_window_s(), 1u);
}

TEST(GroupSize, IsRightFromTheFirstRushOn) {
  Crowd crowd(10'000, 1);
  for (int second = 5; second < 600; second += 5) {
    const uint64_t size = crowd.at(kStart + second * kNsPerSecond);
    EXPECT_NEAR(static_cast<double>(size), 10'000, 350) << "after " << second << " s";
  }
}

TEST(GroupSize, IsRightWhereTheReportWindowIsLongerThanTheLeastRefresh) {
  Crowd crowd(700'000, 2);
  for (int second = 5; second < 220; second += 5) {
    const uint64_t size = crowd.at(kStart + second * kNsPerSecond);
    EXPECT_NEAR(static_cast<double>(size), 7e5, 3e3) << "after " << second << " s";
    EXPECT_NEAR(crowd.group().report_window_s(), 70, 1) << "after " << second << " s";
  }
}

TEST(GroupSize, FewReceiversAreNotRoundedAway) {
  double sum = 0;
  int none = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Crowd crowd(3, seed);
    for (int second = 5; second < 300; second += 5) {
      const uint64_t size = crowd.at(kStart + second * kNsPerSecond);
      none += size == 0 ? 1 : 0;
      EXPECT_LE(size, 7u);
      sum += static_cast<double>(size);
    }
  }
  EXPECT_NEAR(sum / (20 * 59), 3, 0.2);
  EXPECT_LT(none, 20 * 59 / 100);
}

TEST(GroupSize, FallsWhenReceiversLeaveOrGo) {
  Crowd crowd(1000, 3);
  crowd.at(kStart + 200 * kNsPerSecond);
  for (int k = 0; k < 500; ++k) crowd.leave(kStart + 200 * kNsPerSecond);
  EXPECT_NEAR(static_cast<double>(crowd.at(kStart + 201 * kNsPerSecond)), 500, 40);
  // Those that were due first have gone, so JOINs are late: half a minute of nothing but the old ones.
  EXPECT_NEAR(static_cast<double>(crowd.at(kStart + 400 * kNsPerSecond)), 500, 60);

  GroupSize silent;
  for (int k = 0; k < 1000; ++k) silent.join(kStart);
  for (const auto& [second, size] : {std::pair(30, 1000), {60, 500}, {95, 0}}) {
    silent.update(kStart + second * kNsPerSecond);
    EXPECT_NEAR(static_cast<double>(silent.size()), size, 90) << second;
  }
}

TEST(GroupSize, NeverFallsBelowNobody) {
  GroupSize group;
  group.leave(kStart);
  group.join(kStart);
  for (int k = 0; k < 3; ++k) group.leave(kStart);
  group.update(kStart);
  EXPECT_EQ(group.size(), 0u);
  group.join(kStart);
  group.update(kStart);
  EXPECT_EQ(group.size(), 1u);
}

TEST(GroupSize, NoFloodOfJoinsMakesItMoreThanItsMost) {
  GroupSize group;
  for (uint64_t k = 0; k < GroupSize::kMost * 5 / 4; ++k) group.join(kStart);
  group.update(kStart);
  EXPECT_EQ(group.size(), GroupSize::kMost);
  EXPECT_EQ(group.report_window_s(), GroupSize::kLongestWindow);
  // And it heals.
  group.update(kStart + 1000 * kNsPerSecond);
  EXPECT_EQ(group.size(), 0u);
  EXPECT_EQ(group.report_window_s(), 1u);
}

TEST(GroupSize, ReportWindowSpreadsJoinsToTenThousandASecond) {
  for (const auto& [size, window] : {std::pair(1, 1), {10'000, 1}, {10'001, 2}, {1'000'000, 100}}) {
    GroupSize group;
    for (int k = 0; k < size; ++k) group.join(kStart);
    group.update(kStart);
    EXPECT_EQ(group.report_window_s(), window) << size;
  }
}

TEST(GroupSize, Log2IsRoundedUp) {
  for (const auto& [size, log2] : {std::pair(0, 0), {1, 0}, {2, 1}, {3, 2}, {4, 2}, {5, 3}, {1 << 20, 20}})
    EXPECT_EQ(log2_group_size(static_cast<uint64_t>(size)), log2) << size;
}

}  // namespace
}  // namespace linecast::smart
