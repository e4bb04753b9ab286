// Joins and leaves while running: what version 3 reports of them, how often, and how they merge.
#include <gmock/gmock.h>

#include "tests/unit/igmp/wire.h"

namespace linecast::igmp {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr TimeNs kLater = 20 * kNsPerSecond;

// A host with everything so far reported.
struct Settled : Wire {
  explicit Settled(std::initializer_list<std::pair<Ipv4, Ipv4>> joins) : Wire(Version::kV3) {
    for (const auto& [group, source] : joins) host.join(0, group, source);
    settle(*this);
  }
};

TEST(HostChanges, EachIsSaidRobustnessTimes) {
  struct {
    const char* what;
    std::pair<Ipv4, Ipv4> before;  // joined and reported
    bool join;
    Ipv4 source;
    const char* record;
  } const rows[] = {
      {"the last join from any", {kGroup, 0}, false, 0, "TO_IN 239.1.2.3"},
      {"the last source", {kGroup, kSource}, false, kSource, "BLOCK 239.1.2.3 {10.9.0.1}"},
      {"another source", {kGroup, kSource}, true, kSource + 1, "ALLOW 239.1.2.3 {10.9.0.2}"},
      {"from sources to any", {kGroup, kSource}, true, 0, "TO_EX 239.1.2.3"},
      {"from another group", {kGroup + 1, 0}, true, kSource, "ALLOW 239.1.2.3 {10.9.0.1}"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    Settled wire{row.before};
    if (row.join)
      wire.host.join(kLater, kGroup, row.source);
    else
      wire.host.leave(kLater, kGroup, row.source);
    const std::string frame = std::string("224.0.0.22: ") + row.record;
    EXPECT_THAT(wire.poll(kLater), ElementsAre(frame)) << "at once";
    EXPECT_THAT(wire.run_until(kLater + kNsPerSecond), ElementsAre(frame)) << "and again";
    EXPECT_EQ(wire.host.next_due(), kNever);
  }
}

TEST(HostChanges, FromAnyBackToSources) {
  Settled wire{{kGroup, 0}, {kGroup, kSource}, {kGroup, kSource + 1}};
  wire.host.leave(kLater, kGroup, 0);
  EXPECT_THAT(wire.poll(kLater), ElementsAre("224.0.0.22: TO_IN 239.1.2.3 {10.9.0.1 10.9.0.2}"));
}

TEST(HostChanges, UnderAJoinFromAnySourcesComeAndGoInSilence) {
  Settled wire{{kGroup, 0}};
  wire.host.join(kLater, kGroup, kSource);
  wire.host.join(kLater, kGroup, kSource + 1);
  wire.host.leave(kLater, kGroup, kSource + 1);
  EXPECT_THAT(wire.run_until(kLater + kNsPerSecond), IsEmpty());
  wire.host.leave(kLater, kGroup, 0);
  EXPECT_THAT(wire.poll(kLater), ElementsAre("224.0.0.22: TO_IN 239.1.2.3 {10.9.0.1}"));
}

TEST(HostChanges, AChangeOfModeTakesTheSourcesAlong) {
  Settled wire{{kGroup, kSource}};
  wire.host.join(kLater, kGroup, kSource + 1);
  wire.host.leave(kLater, kGroup, kSource);
  wire.host.join(kLater, kGroup, 0);
  EXPECT_THAT(wire.run_until(kLater + kNsPerSecond), ElementsAre("224.0.0.22: TO_EX 239.1.2.3",  //
                                                                 "224.0.0.22: TO_EX 239.1.2.3"));
}

// RFC 3376, section 5.1: the mode's repetitions go first, with the sources as they are by then; what is
// left to say of the sources follows.
TEST(HostChanges, SourcesFollowAChangeOfMode) {
  Settled wire{{kGroup, 0}, {kGroup, kSource}};
  wire.host.leave(kLater, kGroup, 0);
  wire.poll(kLater);
  wire.host.join(kLater + 1, kGroup, kSource + 1);
  EXPECT_THAT(wire.poll(kLater + 1), ElementsAre("224.0.0.22: TO_IN 239.1.2.3 {10.9.0.1 10.9.0.2}"));
  EXPECT_THAT(wire.run_until(kLater + kNsPerSecond), ElementsAre("224.0.0.22: ALLOW 239.1.2.3 {10.9.0.2}"));
}

TEST(HostChanges, SourcesThatTheModesReportsNamedAreNotNamedAgain) {
  Settled wire{{kGroup, 0}, {kGroup, kSource}};
  wire.host.leave(kLater, kGroup, 0);
  wire.host.join(kLater, kGroup, kSource + 1);
  const char* const both = "224.0.0.22: TO_IN 239.1.2.3 {10.9.0.1 10.9.0.2}";
  EXPECT_THAT(wire.run_until(kLater + 5 * kNsPerSecond), ElementsAre(both, both));
}

TEST(HostChanges, AChangeOfModeEndsLongerRepetitionsOfSources) {
  Wire wire(Version::kV3);
  wire.query(0, "110a000000000000077d0000");  // QRV 7
  wire.host.join(0, kGroup, kSource);
  wire.poll(0);
  wire.query(0, "110a000000000000027d0000");  // QRV 2
  wire.host.join(0, kGroup, 0);
  for (const std::string& frame : wire.run_until(20 * kNsPerSecond))
    EXPECT_EQ(frame.find("ALLOW"), std::string::npos) << frame;
}

TEST(HostChanges, JoinsAndLeavesOfSourcesShareAReport) {
  Settled wire{{kGroup, kSource}};
  wire.host.join(kLater, kGroup, kSource + 1);
  wire.host.leave(kLater, kGroup, kSource);
  const char* const both = "224.0.0.22: ALLOW 239.1.2.3 {10.9.0.2}, BLOCK 239.1.2.3 {10.9.0.1}";
  EXPECT_THAT(wire.run_until(kLater + kNsPerSecond), ElementsAre(both, both));
}

TEST(HostChanges, TheRepetitionOfAnEarlierChangeGoesAlong) {
  Settled wire{{kGroup, kSource}};
  wire.host.join(kLater, kGroup, kSource + 1);
  wire.poll(kLater);
  wire.host.join(kLater + 1, kGroup, kSource + 2);
  EXPECT_THAT(wire.poll(kLater + 1), ElementsAre("224.0.0.22: ALLOW 239.1.2.3 {10.9.0.2 10.9.0.3}"));
  EXPECT_THAT(wire.run_until(kLater + kNsPerSecond), ElementsAre("224.0.0.22: ALLOW 239.1.2.3 {10.9.0.3}"));
}

TEST(HostChanges, LeftAndJoinedAgain) {
  Settled wire{{kGroup, kSource}, {kGroup + 1, 0}};
  wire.host.leave(kLater, kGroup, kSource);
  wire.host.leave(kLater, kGroup + 1, 0);
  wire.poll(kLater);
  wire.host.join(kLater, kGroup, kSource);
  wire.host.join(kLater, kGroup + 1, 0);
  const char* const back = "224.0.0.22: ALLOW 239.1.2.3 {10.9.0.1}, TO_EX 239.1.2.4";
  EXPECT_THAT(wire.run_until(kLater + kNsPerSecond), ElementsAre(back, back));
}

TEST(HostChanges, JoinsAreCounted) {
  Settled wire{{kGroup, 0}, {kGroup, 0}, {kGroup + 1, kSource}, {kGroup + 1, kSource}};
  wire.host.leave(kLater, kGroup, 0);
  wire.host.leave(kLater, kGroup + 1, kSource);
  EXPECT_THAT(wire.run_until(kLater + kNsPerSecond), IsEmpty());
  wire.host.leave(kLater, kGroup, 0);
  wire.host.leave(kLater, kGroup + 1, kSource);
  EXPECT_THAT(wire.poll(kLater), ElementsAre("224.0.0.22: TO_IN 239.1.2.3, BLOCK 239.1.2.4 {10.9.0.1}"));
}

TEST(HostChanges, LeavingWhatIsNotJoinedDoesNothing) {
  Settled wire{{kGroup, kSource}};
  wire.host.leave(kLater, kGroup, 0);
  wire.host.leave(kLater, kGroup, kSource + 1);
  wire.host.leave(kLater, kGroup + 1, 0);
  EXPECT_EQ(wire.host.next_due(), kNever);
  wire.host.leave(kLater, kGroup, kSource);
  wire.host.leave(kLater, kGroup, kSource);
  wire.run_until(kLater + kNsPerSecond);
  wire.host.leave(kLater + kNsPerSecond, kGroup, kSource);
  EXPECT_EQ(wire.host.next_due(), kNever);
}

TEST(HostChanges, WhatIsLeftIsForgottenOnceItIsSaid) {
  Settled wire{{kGroup, kSource}, {kGroup + 1, 0}};
  EXPECT_EQ(wire.host.status(kLater).groups, 2u);
  wire.host.leave(kLater, kGroup, kSource);
  wire.host.leave(kLater, kGroup + 1, 0);
  wire.poll(kLater);
  EXPECT_EQ(wire.host.status(kLater).groups, 2u) << "to be said once more";
  wire.query(kLater, "1101000000000000027d0000");
  for (const std::string& frame : wire.run_until(kLater + kNsPerSecond))
    EXPECT_EQ(frame.find("IS_"), std::string::npos) << frame;
  EXPECT_EQ(wire.host.status(kLater).groups, 0u);
}

TEST(HostChanges, RobustnessIsTheQueriers) {
  Wire wire(Version::kV3);
  wire.query(0, "110a000000000000057d0000");  // QRV 5
  wire.run_until(kNsPerSecond);
  wire.host.join(kLater, kGroup, 0);
  EXPECT_THAT(wire.run_until(kLater + 5 * kNsPerSecond), SizeIs(5));
  wire.query(2 * kLater, "110a000000000000007d0000");  // not said: 2
  wire.run_until(2 * kLater + kNsPerSecond);
  wire.host.leave(3 * kLater, kGroup, 0);
  EXPECT_THAT(wire.run_until(4 * kLater), SizeIs(2));
}

TEST(HostChanges, LinkUpReportsEverythingAnew) {
  Settled wire{{kGroup, 0}, {kGroup + 1, kSource}, {kGroup + 1, kSource + 1}, {kGroup + 2, 0}};
  wire.host.leave(kLater, kGroup + 2, 0);
  wire.run_until(kLater + kNsPerSecond);
  wire.query(2 * kLater, "1164000000000000027d0000");
  wire.host.link_up(2 * kLater);
  const char* const all = "224.0.0.22: TO_EX 239.1.2.3, ALLOW 239.1.2.4 {10.9.0.1 10.9.0.2}";
  EXPECT_THAT(wire.poll(2 * kLater), ElementsAre(all)) << "at once";
  EXPECT_THAT(wire.run_until(3 * kLater), ElementsAre(all)) << "again, and the query from before is off";
}

TEST(HostChanges, LinkUpInVersion2) {
  Wire wire(Version::kV2);
  wire.host.join(0, kGroup, kSource);
  settle(wire);
  wire.host.link_up(kLater);
  EXPECT_THAT(wire.run_until(kLater + kNsPerSecond), ElementsAre("239.1.2.3: REPORT 239.1.2.3",  //
                                                                 "239.1.2.3: REPORT 239.1.2.3"));
}

TEST(HostChanges, LeaveAllTakesAlongWhatWasNotSaidYet) {
  Settled wire{{kGroup, 0}, {kGroup + 1, kSource}, {kGroup + 2, 0}, {kGroup + 2, kSource}};
  wire.host.leave(kLater, kGroup, 0);
  wire.host.leave(kLater, kGroup + 1, kSource);
  wire.host.leave(kLater, kGroup + 2, 0);
  wire.host.leave_all(kLater);
  const auto sent = wire.sent();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_THAT(sent, Each("224.0.0.22: TO_IN 239.1.2.3, BLOCK 239.1.2.4 {10.9.0.1}, TO_IN 239.1.2.5"));
  EXPECT_EQ(wire.host.next_due(), kNever);
}

TEST(HostChanges, Version2LeavesOnceWhenTheLastJoinIsGone) {
  Wire wire(Version::kV2);
  wire.host.join(0, kGroup, 0);
  wire.host.join(0, kGroup, kSource);
  settle(wire);
  wire.host.leave(kLater, kGroup, 0);
  EXPECT_THAT(wire.run_until(kLater + kNsPerSecond), IsEmpty());
  wire.host.leave(kLater, kGroup, kSource);
  EXPECT_THAT(wire.run_until(kLater + kNsPerSecond), ElementsAre("224.0.0.2: LEAVE 239.1.2.3"));
  EXPECT_EQ(wire.host.count(HostCounter::kLeavesSent), 1u);
  EXPECT_EQ(wire.host.status(0).groups, 0u);
  wire.host.join(2 * kLater, kGroup, 0);
  EXPECT_THAT(wire.poll(2 * kLater), ElementsAre("239.1.2.3: REPORT 239.1.2.3"));
}

// RFC 3376, section 5.2, rules 3 to 5.
TEST(HostAnswers, OnlyTheSourcesThatAreAskedFor) {
  Settled wire{{kGroup, kSource}, {kGroup, kSource + 1}, {kGroup, kSource + 2}};
  wire.query(kLater, "110a0000ef010203027d00020a0900020a0900ff");
  EXPECT_THAT(wire.run_until(kLater + kNsPerSecond), ElementsAre("224.0.0.22: IS_IN 239.1.2.3 {10.9.0.2}"));
  wire.query(2 * kLater, "110a0000ef010203027d0000");
  EXPECT_THAT(wire.run_until(2 * kLater + kNsPerSecond),
              ElementsAre("224.0.0.22: IS_IN 239.1.2.3 {10.9.0.1 10.9.0.2 10.9.0.3}"))
      << "what was asked is forgotten";
}

TEST(HostAnswers, SourcesOfSeveralQueriesAddUp) {
  Settled wire{{kGroup, kSource}, {kGroup, kSource + 1}, {kGroup, kSource + 2}};
  wire.query(kLater, "110a0000ef010203027d00010a090003");
  const TimeNs first = wire.host.next_due();
  wire.query(kLater, "110a0000ef010203027d00010a090001");
  EXPECT_LE(wire.host.next_due(), first) << "the earlier of both";
  EXPECT_THAT(wire.run_until(kLater + kNsPerSecond),
              ElementsAre("224.0.0.22: IS_IN 239.1.2.3 {10.9.0.1 10.9.0.3}"));
}

TEST(HostAnswers, AnAnswerForTheGroupStaysOne) {
  const char* const kGroupQuery = "110a0000ef010203027d0000";
  const char* const kSourceQuery = "110a0000ef010203027d00010a090001";
  for (const auto& [first, second] :
       {std::pair(kGroupQuery, kSourceQuery), std::pair(kSourceQuery, kGroupQuery)}) {
    Settled wire{{kGroup, kSource}, {kGroup, kSource + 1}};
    wire.query(kLater, first);
    wire.query(kLater, second);
    EXPECT_THAT(wire.run_until(kLater + kNsPerSecond),
                ElementsAre("224.0.0.22: IS_IN 239.1.2.3 {10.9.0.1 10.9.0.2}"));
    wire.query(2 * kLater, "110a0000ef010203027d00010a090002");
    EXPECT_THAT(wire.run_until(2 * kLater + kNsPerSecond),
                ElementsAre("224.0.0.22: IS_IN 239.1.2.3 {10.9.0.2}"))
        << "what was asked before is forgotten";
  }
}

TEST(HostAnswers, NothingToAQueryForALeftSource) {
  Settled wire{{kGroup, kSource}, {kGroup, kSource + 1}};
  wire.host.leave(kLater, kGroup, kSource);
  wire.poll(kLater);
  wire.query(kLater, "110a0000ef010203027d00010a090001");
  EXPECT_EQ(wire.host.count(HostCounter::kNotJoined), 1u);
  EXPECT_THAT(wire.run_until(kLater + 2 * kNsPerSecond),
              ElementsAre("224.0.0.22: BLOCK 239.1.2.3 {10.9.0.1}"));
}

TEST(HostAnswers, InExcludeModeSourcesAreAnsweredWithTheWholeState) {
  Settled wire{{kGroup, 0}, {kGroup, kSource}};
  wire.query(kLater, "110a0000ef010203027d00010a0900ff");
  EXPECT_THAT(wire.run_until(kLater + kNsPerSecond), ElementsAre("224.0.0.22: IS_EX 239.1.2.3"));
}

TEST(HostAnswers, ASourceThatIsLeftIsNotAnsweredFor) {
  Settled wire{{kGroup, kSource}, {kGroup, kSource + 1}};
  wire.query(kLater, "110a0000ef010203027d00010a090001");
  wire.host.leave(kLater, kGroup, kSource);
  for (const std::string& frame : wire.run_until(kLater + kNsPerSecond))
    EXPECT_EQ(frame, "224.0.0.22: BLOCK 239.1.2.3 {10.9.0.1}");
}

TEST(HostAnswers, AGeneralQueryTakesTheAskedSourcesAlong) {
  Settled wire{{kGroup, kSource}, {kGroup, kSource + 1}};
  wire.query(kLater, "11ff0000ef010203027d00010a090001");
  wire.query(kLater, "1101000000000000027d0000");
  EXPECT_THAT(wire.run_until(kLater + kNsPerSecond),
              ElementsAre("224.0.0.22: IS_IN 239.1.2.3 {10.9.0.1 10.9.0.2}"));
  EXPECT_EQ(wire.host.next_due(), kNever);
}

TEST(HostRows, ShowModeSourcesAndWhatIsPending) {
  Settled wire{{kGroup, 0}, {kGroup + 1, kSource}, {kGroup + 2, 0}, {kGroup + 3, 0}};
  for (Ipv4 i = 1; i < 10; ++i) wire.host.join(kLater, kGroup + 1, kSource + i);
  wire.host.leave(kLater, kGroup + 2, 0);
  wire.query(kLater, "110a0000ef010203027d0000");
  MembershipRow rows[3];
  ASSERT_EQ(wire.host.rows(0, rows), 3u);
  EXPECT_EQ(rows[0].group, kGroup);
  EXPECT_TRUE(rows[0].exclude);
  EXPECT_EQ(rows[0].pending, PendingReport::kAnswer);
  EXPECT_FALSE(rows[1].exclude);
  EXPECT_EQ(rows[1].source_count, 10u);
  EXPECT_EQ(rows[1].sources[7], kSource + 7);
  EXPECT_EQ(rows[1].pending, PendingReport::kJoin);
  EXPECT_EQ(rows[1].changes_left, 2);
  EXPECT_EQ(rows[2].pending, PendingReport::kLeave);
  ASSERT_EQ(wire.host.rows(3, rows), 1u);
  EXPECT_EQ(rows[0].group, kGroup + 3);
  EXPECT_EQ(rows[0].pending, PendingReport::kNone);
  EXPECT_EQ(wire.host.rows(4, rows), 0u);
  EXPECT_EQ(wire.host.rows(99, rows), 0u);
}

TEST(HostStatus, TellsOfTheQuerier) {
  Wire wire(std::nullopt);
  EXPECT_EQ(wire.host.status(5).since_query_ns, kNever);
  wire.query(5, "1100000000000000");
  const HostStatus status = wire.host.status(8);
  EXPECT_EQ(status.version, Version::kV1);
  EXPECT_EQ(status.querier, kRouter);
  EXPECT_EQ(status.since_query_ns, 3);
  EXPECT_EQ(status.v1_querier_ns, 260 * kNsPerSecond - 3);
  EXPECT_EQ(status.v2_querier_ns, 0);
}

}  // namespace
}  // namespace linecast::igmp
