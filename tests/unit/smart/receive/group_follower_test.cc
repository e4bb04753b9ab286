#include "lib/smart/receive/group_follower.h"

#include <gtest/gtest.h>

#include <map>

namespace linecast::smart {
namespace {

constexpr TimeNs kMs = kNsPerMs, kSecond = kNsPerSecond;
constexpr GroupPlace kA{0xef000001, 47100}, kB{0xef000002, 47100}, kC{0xef000003, 47200}, kD{0xef000004, 1};

class GroupFollowerTest : public testing::Test, public GroupMemberships {
 protected:
  bool join(size_t slot, const GroupPlace& place, Ipv4) override {
    EXPECT_FALSE(joined.contains(slot));
    if (can_join) joined[slot] = place;
    return can_join;
  }
  void leave(size_t slot) override { EXPECT_EQ(joined.erase(slot), 1u); }

  size_t slot_of(const GroupPlace& place) const {
    for (const auto& [slot, at] : joined)
      if (at == place) return slot;
    return SIZE_MAX;
  }
  bool holds(const GroupPlace& place) const { return slot_of(place) != SIZE_MAX; }
  // A packet each 10 ms to all of these that are joined, and the announcement again where it is repeated.
  void carry(const std::vector<GroupPlace>& places, TimeNs span, bool announced = false) {
    for (const TimeNs end = now + span; now < end; now += 10 * kMs) {
      ++sequence;
      for (const GroupPlace& place : places)
        if (const size_t slot = slot_of(place); slot != SIZE_MAX) follower.data(now, slot, sequence);
      if (announced) follower.announced_again(now);
      poll();
    }
  }
  void quiet(TimeNs span) { carry({}, span); }
  void poll() {
    for (int calls = 0; follower.next_due() <= now; ++calls) {
      ASSERT_LT(calls, 10) << "it wants to be called without end";
      if (const auto outcome = follower.poll(now, sequence + 1, 0)) outcomes.push_back(*outcome);
    }
  }

  TimeNs now = 100 * kSecond;
  uint64_t sequence = 100;
  bool can_join = true;
  std::map<size_t, GroupPlace> joined{{0, kA}};
  std::vector<GroupFollower::Outcome> outcomes;
  GroupFollower follower{kA, *this};
  using enum GroupFollower::Outcome;
  using enum GroupFollower::Answer;
};

TEST_F(GroupFollowerTest, WantsNothingWhileNothingMoves) {
  EXPECT_EQ(follower.next_due(), kNever);
  carry({kA}, kSecond);
  EXPECT_EQ(follower.next_due(), kNever);
  EXPECT_FALSE(follower.moving());
}

TEST_F(GroupFollowerTest, TakesBothThenTheNewOneAndLeavesTheOldWhenThatIsSilent) {
  carry({kA}, kSecond);
  EXPECT_EQ(follower.follow(now, kB, 0), kJoined);
  carry({kA}, kSecond, true);
  EXPECT_TRUE(holds(kA) && holds(kB));
  EXPECT_EQ(follower.in_use(), kA);
  carry({kA, kB}, 3 * kSecond, true);
  EXPECT_EQ(follower.in_use(), kB);
  EXPECT_TRUE(holds(kA));
  EXPECT_EQ(outcomes, std::vector{kMoved});
  carry({kB}, 2900 * kMs);
  EXPECT_TRUE(holds(kA));
  carry({kB}, 300 * kMs);
  EXPECT_FALSE(holds(kA));
  EXPECT_FALSE(follower.moving());
  EXPECT_EQ(outcomes.size(), 1u);
}

TEST_F(GroupFollowerTest, AGroupThatLosesMuchIsNotTakenBeforeTheOldOneEnds) {
  follower.follow(now, kB, 0);
  for (int i = 0; i < 50; ++i) {  // every fifth is missing
    carry({kA, kB}, 40 * kMs);
    carry({kA}, 10 * kMs);
  }
  EXPECT_EQ(follower.in_use(), kA);
  carry({kB}, 3100 * kMs);
  EXPECT_EQ(follower.in_use(), kB);
}

TEST_F(GroupFollowerTest, AGroupThatNothingComesToIsGivenUp) {
  carry({kA}, kSecond);
  follower.follow(now, kB, 0);
  carry({kA}, 20 * kSecond, true);
  EXPECT_TRUE(holds(kB)) << "while it is announced";
  carry({kA}, 11 * kSecond);
  EXPECT_FALSE(holds(kB));
  EXPECT_EQ(outcomes, std::vector{kNotMoved});
  EXPECT_EQ(follower.given_up(), kB);
  EXPECT_EQ(follower.in_use(), kA);
}

TEST_F(GroupFollowerTest, BothAreKeptWhileBothAreSilentAndTheFirstThatComesIsTaken) {
  carry({kA}, kSecond);
  follower.follow(now, kB, 0);
  quiet(60 * kSecond);
  EXPECT_TRUE(holds(kA) && holds(kB));
  carry({kB}, 200 * kMs);
  EXPECT_EQ(follower.in_use(), kB);
}

TEST_F(GroupFollowerTest, ASecondMoveDuringTheFirst) {
  carry({kA}, kSecond);
  follower.follow(now, kB, 0);
  carry({kA, kB}, 200 * kMs);
  EXPECT_EQ(follower.follow(now, kC, 0), kJoined);
  carry({kA, kC}, 5 * kSecond);
  EXPECT_EQ(follower.in_use(), kC);
  EXPECT_FALSE(holds(kB));
  // And back again, to one that is still held.
  EXPECT_EQ(follower.follow(now, kA, 0), kHeld);
  carry({kA, kC}, 3 * kSecond);
  EXPECT_EQ(follower.in_use(), kA);
}

TEST_F(GroupFollowerTest, NeverMoreThanThreeAndTheOneInUseStays) {
  carry({kA}, kSecond);
  follower.follow(now, kB, 0);
  carry({kA}, 100 * kMs);
  follower.follow(now, kC, 0);
  carry({kA, kC}, 100 * kMs);
  EXPECT_EQ(follower.follow(now, kD, 0), kJoined);
  EXPECT_EQ(joined.size(), 3u);
  EXPECT_TRUE(holds(kA) && holds(kC) && holds(kD)) << "the one that was silent for longest went";
}

TEST_F(GroupFollowerTest, WhereItCannotJoinItStays) {
  can_join = false;
  EXPECT_EQ(follower.follow(now, kB, 0), kCannotJoin);
  EXPECT_FALSE(follower.moving());
  EXPECT_EQ(follower.in_use(), kA);
  EXPECT_EQ(follower.next_due(), kNever);
}

TEST_F(GroupFollowerTest, SilentElsewhereItLooksAtTheConfiguredGroupAgain) {
  carry({kA}, kSecond);
  follower.follow(now, kB, 0);
  carry({kA, kB}, 3 * kSecond);
  carry({kB}, 4 * kSecond);
  ASSERT_FALSE(holds(kA));
  quiet(11 * kSecond);
  EXPECT_TRUE(holds(kA) && holds(kB));
  carry({kB}, 4 * kSecond);
  EXPECT_FALSE(holds(kA)) << "it was an outage";
  quiet(11 * kSecond);
  carry({kA}, kSecond);
  EXPECT_EQ(follower.in_use(), kA) << "the sender has come back there";
  carry({kA}, 4 * kSecond);
  EXPECT_FALSE(holds(kB));
  EXPECT_EQ(outcomes, (std::vector{kMoved, kMoved}));
}

TEST_F(GroupFollowerTest, HeartbeatsAreEnough) {
  follower.heartbeat(now, 0, sequence);
  follower.follow(now, kB, 0);
  for (int i = 0; i < 4; ++i) {
    follower.heartbeat(now, slot_of(kA), sequence);
    follower.heartbeat(now, slot_of(kB), sequence);
    for (int k = 0; k < 10; ++k, now += 100 * kMs) poll();
  }
  EXPECT_EQ(follower.in_use(), kB);
}

}  // namespace
}  // namespace linecast::smart
