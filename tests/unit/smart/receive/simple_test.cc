#include "lib/smart/receive/simple.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

namespace linecast::smart {
namespace {

constexpr TimeNs kMs = kNsPerMs, kSecond = kNsPerSecond;

// A hundred packets a second by the ways that work, in steps of 10 ms; tunnels grant and bring data at once
// where they work.
class World {
 public:
  enum class Tunnel : uint8_t { kDead, kWorks, kRefuses, kGrantsOnly };

  explicit World(std::vector<Tunnel> tunnels, uint64_t seed = 1)
      : tunnel(std::move(tunnels)), random_(seed), simple(tunnel.size(), kSecond, random_) {}

  bool native = true;
  uint64_t natively_lost_percent = 0;  // and by no repair made up for, unless a tunnel brings it
  std::vector<Tunnel> tunnel;

  struct Change {
    TimeNs when;
    size_t from, to;
    LevelCause cause;
    bool operator==(const Change&) const = default;
  };
  std::vector<Change> changes;
  TimeNs now = 500 * kSecond;

  void run_for(TimeNs span) {
    for (const TimeNs end = now + span; now < end; now += 10 * kMs) step();
  }
  std::vector<size_t> levels() const {
    std::vector<size_t> out;
    for (const Change& c : changes) out.push_back(c.to);
    return out;
  }

 private:
  void step() {
    const uint64_t sequence = totals_.next++;
    const bool lost = sequence % 100 < natively_lost_percent;
    bool came = false;
    if (native && !lost) {
      simple.heard(now, 0);
      if (simple.level() != 0) simple.native().data(now, sequence);
      came = true;
    }
    for (size_t k = 1; k <= tunnel.size(); ++k) {
      if (!simple.uses(k)) continue;
      switch (tunnel[k - 1]) {
        case Tunnel::kDead:
          break;
        case Tunnel::kRefuses:
          if (refused_until_ <= now) simple.refused(k, refused_until_ = now + 20 * kSecond);
          break;
        case Tunnel::kWorks:
          simple.heard(now, k);
          came = true;
          [[fallthrough]];
        case Tunnel::kGrantsOnly:
          simple.granted(now, k);
      }
    }
    (came ? totals_.played : totals_.unrecovered) += native || came;
    for (int calls = 0; simple.next_due() <= now; ++calls) {
      ASSERT_LT(calls, 20) << "it asks to be called without end";
      const size_t from = simple.level();
      if (const auto change = simple.poll(now, totals_)) {
        EXPECT_EQ(change->from, from);
        EXPECT_EQ(change->to, simple.level());
        changes.push_back({now, change->from, change->to, change->cause});
      }
    }
  }

  Random random_;
  Simple::Totals totals_{.next = 1000};
  TimeNs refused_until_ = 0;

 public:
  Simple simple;
};
using Tunnel = World::Tunnel;
using Levels = std::vector<size_t>;

// How long after `begin` each change was, in ms.
std::vector<TimeNs> times(const World& world, TimeNs begin) {
  std::vector<TimeNs> out;
  for (const auto& change : world.changes) out.push_back((change.when - begin) / kMs);
  return out;
}

TEST(SimpleTest, NeverClimbsWithoutTunnels) {
  World world({});
  world.native = false;
  world.run_for(100 * kSecond);
  EXPECT_TRUE(world.changes.empty());
  EXPECT_EQ(world.simple.next_due(), kNever);
}

TEST(SimpleTest, StaysWhereAllIsWell) {
  World world({Tunnel::kWorks});
  world.run_for(700 * kSecond);
  EXPECT_TRUE(world.changes.empty());
  EXPECT_EQ(world.simple.trying(), 0u);
}

TEST(SimpleTest, ClimbsAfterThreeToThreeAndAHalfSecondsOfSilence) {
  TimeNs least = kNever, most = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    World world({Tunnel::kWorks, Tunnel::kWorks}, seed);
    if (seed % 2 == 0) world.run_for(20 * kSecond);
    world.native = false;  // else from the very start
    const TimeNs cut = world.now;
    world.run_for(4 * kSecond);
    ASSERT_EQ(world.levels(), Levels{1});
    EXPECT_EQ(world.changes[0].cause, LevelCause::kSilence);
    least = std::min(least, times(world, cut)[0]);
    most = std::max(most, times(world, cut)[0]);
  }
  EXPECT_GE(least, 2'990);
  EXPECT_LT(least, 3'050);
  EXPECT_GT(most, 3'450);
  EXPECT_LE(most, 3'520);
}

TEST(SimpleTest, AnythingValidByAnyLevelEndsTheSilence) {
  World world({Tunnel::kDead});
  world.native = false;
  for (int i = 0; i < 10; ++i) {
    world.run_for(2'500 * kMs);
    world.simple.heard(world.now, 0);  // a SENDER_STATUS, and nothing else
  }
  EXPECT_EQ(world.simple.trying(), 0u);
}

TEST(SimpleTest, TheNextLevelIsTriedAfterThreeSecondsWithoutGrantOrData) {
  const struct {
    const char* what;
    std::vector<Tunnel> tunnels;
    size_t level;
    TimeNs after_ms;  // the cut, but for the half second of luck
  } rows[] = {
      {"no grant", {Tunnel::kDead, Tunnel::kWorks}, 2, 6'000},
      {"refused", {Tunnel::kRefuses, Tunnel::kWorks}, 2, 6'000},
      {"no data", {Tunnel::kGrantsOnly, Tunnel::kWorks}, 2, 6'000},
      {"two dead", {Tunnel::kDead, Tunnel::kRefuses, Tunnel::kWorks}, 3, 9'000},
  };
  for (const auto& row : rows) {
    World world(row.tunnels);
    world.run_for(10 * kSecond);
    world.native = false;
    const TimeNs cut = world.now;
    world.run_for(30 * kSecond);
    ASSERT_EQ(world.levels(), Levels{row.level}) << row.what;
    EXPECT_NEAR(static_cast<double>(times(world, cut)[0]), static_cast<double>(row.after_ms + 250), 300)
        << row.what;
  }
}

TEST(SimpleTest, AGrantGivesThreeSecondsMoreOnce) {
  World world({Tunnel::kDead, Tunnel::kWorks});
  world.native = false;
  world.run_for(3'600 * kMs);
  ASSERT_EQ(world.simple.trying(), 1u);
  world.simple.granted(world.now, 1);
  world.run_for(2'900 * kMs);
  EXPECT_EQ(world.simple.trying(), 1u);
  world.simple.granted(world.now, 1);
  world.run_for(200 * kMs);
  EXPECT_EQ(world.simple.level(), 2u);
}

TEST(SimpleTest, WhereNothingHelpsItTriesAllAgainAfterFiveToThirtySeconds) {
  World world({Tunnel::kDead, Tunnel::kDead});
  world.native = false;
  std::vector<TimeNs> tries;
  for (int i = 0; i < 60'000; ++i) {
    const size_t before = world.simple.trying();
    world.run_for(10 * kMs);
    if (before == 0 && world.simple.trying() != 0) tries.push_back(world.now);
  }
  EXPECT_TRUE(world.changes.empty());
  ASSERT_GT(tries.size(), 15u);
  for (size_t i = 1; i < tries.size(); ++i) {
    const TimeNs rest = tries[i] - tries[i - 1] - 6 * kSecond;
    EXPECT_GE(rest, 5 * kSecond - 30 * kMs);
    EXPECT_LE(rest, 30 * kSecond + 30 * kMs);
  }
}

TEST(SimpleTest, WhoRefusedIsNotAskedAgainBeforeItsTime) {
  World world({Tunnel::kRefuses});
  world.native = false;
  world.run_for(3'600 * kMs);
  EXPECT_EQ(world.simple.trying(), 1u);
  const TimeNs refused = world.now;
  world.run_for(3 * kSecond);
  while (world.simple.trying() == 0 && world.now < refused + 100 * kSecond) world.run_for(10 * kMs);
  EXPECT_GT(world.now, refused + 19 * kSecond);
  EXPECT_LT(world.now, refused + 52 * kSecond) << "it was a rest's end, or the one after that";
}

TEST(SimpleTest, KeepsTheTunnelUntilTheNextOneBringsData) {
  World world({Tunnel::kWorks, Tunnel::kGrantsOnly, Tunnel::kWorks});
  world.native = false;
  world.run_for(10 * kSecond);
  ASSERT_EQ(world.simple.level(), 1u);
  world.tunnel[0] = Tunnel::kDead;
  world.run_for(4 * kSecond);
  EXPECT_EQ(world.simple.level(), 1u);
  EXPECT_EQ(world.simple.trying(), 2u);
  EXPECT_TRUE(world.simple.uses(1) && world.simple.uses(2) && !world.simple.uses(3));
  world.run_for(5 * kSecond);
  EXPECT_EQ(world.levels(), (Levels{1, 3}));
}

TEST(SimpleTest, FromTheTopItGoesDownWhereNothingHelps) {
  World world({Tunnel::kWorks, Tunnel::kDead});
  world.native = false;
  world.run_for(10 * kSecond);
  world.tunnel[0] = Tunnel::kDead;
  world.run_for(8 * kSecond);
  ASSERT_EQ(world.levels(), (Levels{1, 0}));
  EXPECT_EQ(world.changes[1].cause, LevelCause::kNothingHelps);
  world.tunnel[0] = Tunnel::kWorks;
  world.run_for(31 * kSecond);
  EXPECT_EQ(world.levels(), (Levels{1, 0, 1}));
}

TEST(SimpleTest, GivesATrialUpWhereTheOldWayComesBack) {
  World world({Tunnel::kDead});
  world.run_for(10 * kSecond);
  world.native = false;
  world.run_for(4 * kSecond);
  ASSERT_EQ(world.simple.trying(), 1u);
  world.native = true;
  world.run_for(20 * kMs);
  EXPECT_EQ(world.simple.trying(), 0u);
  EXPECT_TRUE(world.changes.empty());
}

TEST(SimpleTest, ClimbsWhereMoreThanOnePercentStayUnrecovered) {
  for (const uint64_t percent : {1u, 2u}) {
    World world({Tunnel::kWorks, Tunnel::kWorks});
    world.run_for(30 * kSecond);
    const TimeNs begin = world.now;
    world.natively_lost_percent = percent;
    world.run_for(60 * kSecond);
    if (percent == 1) {
      EXPECT_TRUE(world.changes.empty());
      continue;
    }
    ASSERT_EQ(world.levels(), Levels{1}) << "and stays there, for native multicast is no better";
    EXPECT_EQ(world.changes[0].cause, LevelCause::kLoss);
    EXPECT_LE(times(world, begin)[0], 11'000);
    world.natively_lost_percent = 0;
    world.run_for(21 * kSecond);
    EXPECT_EQ(world.levels(), (Levels{1, 0}));
  }
}

TEST(SimpleTest, LossOfBeforeTheChangeIsNotHeldAgainstATunnel) {
  World world({Tunnel::kWorks, Tunnel::kWorks});
  world.run_for(30 * kSecond);
  world.natively_lost_percent = 50;
  world.run_for(60 * kSecond);
  EXPECT_EQ(world.levels(), Levels{1});
}

TEST(SimpleTest, ComesDownAfterTenSecondsOfNativeDataInOrder) {
  World world({Tunnel::kWorks});
  world.run_for(20 * kSecond);
  world.native = false;
  world.run_for(20 * kSecond);
  world.native = true;
  const TimeNs back = world.now;
  world.run_for(9'900 * kMs);
  EXPECT_EQ(world.levels(), Levels{1});
  world.run_for(200 * kMs);
  ASSERT_EQ(world.levels(), (Levels{1, 0}));
  EXPECT_EQ(times(world, back)[1], 10'000);
  EXPECT_EQ(world.changes[1].cause, LevelCause::kNativeInOrder);
  EXPECT_FALSE(world.simple.uses(1));
}

TEST(SimpleTest, StaysWhereNativeDataIsNotInOrder) {
  World world({Tunnel::kWorks});
  world.native = false;
  world.run_for(20 * kSecond);
  world.native = true;
  world.natively_lost_percent = 20;
  world.run_for(100 * kSecond);
  EXPECT_EQ(world.levels(), Levels{1});
  world.natively_lost_percent = 5;  // which repairs can mend
  world.run_for(21 * kSecond);
  EXPECT_EQ(world.levels(), (Levels{1, 0}));
}

TEST(SimpleTest, TheHoldDownDoublesToTenMinutesAndIsForgottenAfterTen) {
  World world({Tunnel::kWorks});
  // Each time native multicast fails at once, and comes back when it has been left.
  const auto flap = [&] {
    const size_t before = world.changes.size();
    world.native = false;
    world.run_for(4 * kSecond);
    world.native = true;
    for (int i = 0; i < 70'000 && world.changes.size() < before + 2; ++i) world.run_for(10 * kMs);
    EXPECT_EQ(world.changes.size(), before + 2);
    return (world.changes.back().when - world.changes[before].when) / kSecond;
  };
  world.run_for(10 * kSecond);
  EXPECT_LE(flap(), 11) << "ten seconds in order";
  for (const TimeNs hold : {20, 40, 80, 160, 320, 600, 600}) EXPECT_EQ(flap(), hold);
  world.run_for(590 * kSecond);
  EXPECT_EQ(flap(), 600) << "not yet";
  world.run_for(600 * kSecond);
  EXPECT_LE(flap(), 11) << "forgotten";
}

TEST(SimpleTest, AClockThatGoesBackOrLeapsDoesNoHarm) {
  World world({Tunnel::kWorks});
  world.run_for(10 * kSecond);
  world.now -= 5 * kSecond;
  world.run_for(20 * kSecond);
  EXPECT_TRUE(world.changes.empty());
  world.now += 3'600 * kSecond;
  world.run_for(20 * kSecond);
  EXPECT_EQ(world.simple.level(), 0u);
}

}  // namespace
}  // namespace linecast::smart
