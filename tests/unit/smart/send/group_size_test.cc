#include "lib/smart/send/group_size.h"

#include <gtest/gtest.h>

#include <queue>

#include "lib/base/random.h"

namespace linecast::smart {
namespace {

constexpr TimeNs kStart = 5'000 * kNsPerSecond;

// Receivers that come all at once and refresh as they should.
class Crowd {
 public:
  // each: receivers behind every JOIN.
  Crowd(size_t reporters, uint64_t seed, uint32_t each = 1) : random_(seed), each_(each) {
    for (size_t i = 0; i < reporters; ++i) due_.push(kStart + after(0, group_.report_window_s()));
  }
  // All JOINs up to `now`; the estimate then.
  uint64_t at(TimeNs now) {
    for (; second_ <= now; second_ += kNsPerSecond) {
      while (!due_.empty() && due_.top() <= second_) {
        const TimeNs t = due_.top();
        due_.pop();
        group_.join(t, each_);
        const double refresh = std::max<double>(60, group_.report_window_s());
        due_.push(t + after(0.5 * refresh, refresh));
      }
      group_.update(second_);
    }
    return group_.size();
  }
  // The one whose JOIN is due last goes.
  void leave(TimeNs now) {
    group_.leave(now, 1);
    due_.pop();
  }
  const GroupSize& group() const { return group_; }

 private:
  TimeNs after(double least_s, double span_s) {
    return static_cast<TimeNs>((least_s + random_.unit() * span_s) * kNsPerSecond);
  }

  Random random_;
  uint32_t each_;
  GroupSize group_;
  std::priority_queue<TimeNs, std::vector<TimeNs>, std::greater<>> due_;
  TimeNs second_ = kStart;
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

TEST(GroupSize, IsRightForAMillionWhoseReportWindowIsLonger) {
  Crowd crowd(10'000, 2, 100);
  for (int second = 5; second < 1500; second += 5) {
    const uint64_t size = crowd.at(kStart + second * kNsPerSecond);
    EXPECT_NEAR(static_cast<double>(size), 1e6, 5e4) << "after " << second << " s";
    EXPECT_NEAR(crowd.group().report_window_s(), 100, 5) << "after " << second << " s";
  }
}

TEST(GroupSize, FewReceiversAreNotRoundedAway) {
  double sum = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Crowd crowd(3, seed);
    for (int second = 5; second < 300; second += 5) {
      const uint64_t size = crowd.at(kStart + second * kNsPerSecond);
      EXPECT_GE(size, 1u);
      EXPECT_LE(size, 7u);
      sum += static_cast<double>(size);
    }
  }
  EXPECT_NEAR(sum / (20 * 59), 3, 0.2);
}

TEST(GroupSize, FallsWhenReceiversLeaveOrGo) {
  Crowd crowd(1000, 3);
  crowd.at(kStart + 200 * kNsPerSecond);
  for (int k = 0; k < 500; ++k) crowd.leave(kStart + 200 * kNsPerSecond);
  EXPECT_NEAR(static_cast<double>(crowd.at(kStart + 201 * kNsPerSecond)), 500, 40);
  // Those that were due first have gone, so JOINs are late: half a minute of nothing but the old ones.
  EXPECT_NEAR(static_cast<double>(crowd.at(kStart + 400 * kNsPerSecond)), 500, 60);

  GroupSize silent;
  silent.join(kStart, 1000);
  for (const auto& [second, size] : {std::pair(30, 1000), {60, 500}, {95, 0}}) {
    silent.update(kStart + second * kNsPerSecond);
    EXPECT_NEAR(static_cast<double>(silent.size()), size, 90) << second;
  }
}

TEST(GroupSize, NeverFallsBelowNobody) {
  GroupSize group;
  group.leave(kStart, 5);
  group.join(kStart, 3);
  group.leave(kStart, UINT32_MAX);
  group.update(kStart);
  EXPECT_EQ(group.size(), 0u);
  group.join(kStart, 2);
  group.update(kStart);
  EXPECT_EQ(group.size(), 2u);
}

TEST(GroupSize, CountsARepeatersTotal) {
  GroupSize group;
  group.join(kStart, 1000);
  group.join(kStart, 1);
  group.join(kStart, 0);  // counts as 1
  group.update(kStart);
  EXPECT_EQ(group.size(), 1002u);
}

TEST(GroupSize, NoFloodOfJoinsMakesItMoreThanItsMost) {
  GroupSize group;
  for (int k = 0; k < 1'000'000; ++k) group.join(kStart + k * kNsPerMs, UINT32_MAX);
  group.update(kStart + 1000 * kNsPerSecond);
  EXPECT_EQ(group.size(), GroupSize::kMost);
  EXPECT_EQ(group.report_window_s(), GroupSize::kLongestWindow);
  // And it heals.
  group.update(kStart + 2000 * kNsPerSecond);
  EXPECT_EQ(group.size(), 0u);
  EXPECT_EQ(group.report_window_s(), 1u);
}

TEST(GroupSize, ReportWindowSpreadsJoinsToTenThousandASecond) {
  for (const auto& [size, window] : {std::pair(1, 1), {10'000, 1}, {10'001, 2}, {1'000'000, 100}}) {
    GroupSize group;
    group.join(kStart, static_cast<uint32_t>(size));
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
