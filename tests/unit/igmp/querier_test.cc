// A querier by the clock: startup, election, members that come and go.
#include <gmock/gmock.h>

#include "tests/unit/igmp/querier_wire.h"

namespace linecast::igmp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr TimeNs kS = kNsPerSecond;

// Messages of members, group 239.1.2.3, sources 10.9.0.1 and 10.9.0.2.
constexpr std::string_view kV1Report = "12000000ef010203";
constexpr std::string_view kV2Report = "16000000ef010203";
constexpr std::string_view kLeave = "17000000ef010203";
constexpr std::string_view kToExclude = "220000000000000104000000ef010203";
constexpr std::string_view kToInclude = "220000000000000103000000ef010203";
constexpr std::string_view kAllow1 = "220000000000000105000001ef0102030a090001";
constexpr std::string_view kAllow12 = "220000000000000105000002ef0102030a0900010a090002";
constexpr std::string_view kBlock1 = "220000000000000106000001ef0102030a090001";
// Others' queries.
constexpr std::string_view kGeneral = "1164000000000000027d0000";

TEST(Querier, StartsWithAQuarterOfItsInterval) {
  QuerierWire wire;
  EXPECT_EQ(wire.querier.next_due(), kNever);
  wire.querier.link_up(0);
  EXPECT_THAT(wire.run_until(300 * kS), ElementsAre("0 224.0.0.1: QUERY", "31.2 224.0.0.1: QUERY",
                                                    "156.2 224.0.0.1: QUERY", "281.2 224.0.0.1: QUERY"));
  wire.querier.link_up(300 * kS);
  EXPECT_THAT(wire.run_until(332 * kS), ElementsAre("300 224.0.0.1: QUERY", "331.2 224.0.0.1: QUERY"));
  EXPECT_EQ(wire.querier.count(QuerierCounter::kGeneralSent), 6u);
}

TEST(Querier, IntervalsAreAsConfigured) {
  QuerierWire wire({.robustness = 3, .query_interval_ns = 20 * kS, .query_response_interval_ns = 2 * kS});
  wire.querier.link_up(0);
  EXPECT_THAT(wire.run_until(31 * kS), ElementsAre("0 224.0.0.1: QUERY", "5 224.0.0.1: QUERY",
                                                   "10 224.0.0.1: QUERY", "30 224.0.0.1: QUERY"));
  wire.hear(31 * kS, kMember, kToExclude);
  EXPECT_THAT(wire.table(31 * kS), ElementsAre("239.1.2.3 EX 62")) << "3 * 20 + 2";
}

// As Scapy 2.5 builds them, with Ether/IP as in host_v2_test.cc: IGMP(type=0x11,mrcode=100,gaddr='0.0.0.0'),
// the same with mrcode=10 and the group; IGMPv3(type=0x11,mrcode=100)/IGMPv3mq(qrv=2,qqic=125), the same
// with mrcode=10 and the group; and with srcaddrs=['10.9.0.1','10.9.0.2'].
TEST(Querier, BytesAreScapys) {
  struct {
    Version version;
    std::vector<const char*> frames;
  } const rows[] = {
      {Version::kV2,
       {"01005e000001021122334455080046c00020000040000102fa150a000001e0000001940400001164ee9b00000000",
        "01005e010203021122334455080046c00020000040000102e9120a000001ef01020394040000110afdf0ef010203"}},
      {Version::kV3,
       {"01005e000001021122334455080046c00024000040000102fa110a000001e0000001940400001164ec1e00000000027d000"
        "0",
        "01005e010203021122334455080046c00024000040000102e90e0a000001ef01020394040000110afb73ef010203027d000"
        "0",
        "01005e010203021122334455080046c0002c000040000102e9060a000001ef01020394040000110ae75cef010203027d0002"
        "0a0900010a090002"}},
  };
  for (const auto& row : rows) {
    std::vector<std::string> frames;
    Querier querier({.mac = kMac, .address = kAddress, .version = row.version},
                    [&](Bytes frame) { frames.push_back(packets::to_hex(frame)); });
    const auto hear = [&](std::string_view hex) {
      const auto bytes = message(hex);
      querier.receive(0, kMember, usual_destination(bytes), 1, bytes);
    };
    querier.link_up(0);
    querier.poll(0);
    hear(kV2Report);
    hear(kLeave);
    querier.poll(0);
    if (row.version == Version::kV3) {
      QuerierWire other;
      Querier fresh({.mac = kMac, .address = kAddress},
                    [&](Bytes frame) { frames.push_back(packets::to_hex(frame)); });
      for (const std::string_view hex :
           {kAllow12, std::string_view("220000000000000106000002ef0102030a0900020a090001")}) {
        const auto bytes = message(hex);
        fresh.receive(0, kMember, kAllV3Routers, 1, bytes);
      }
      fresh.poll(0);
    }
    EXPECT_THAT(frames, testing::ElementsAreArray(row.frames));
  }
}

TEST(QuerierElection, TheLowestAddressQueries) {
  QuerierWire wire;
  wire.start(40 * kS);
  wire.hear(40 * kS, kHigher, kGeneral);
  EXPECT_TRUE(wire.querier.status(40 * kS).is_querier);
  EXPECT_EQ(wire.querier.status(40 * kS).querier, kAddress);
  wire.hear(40 * kS, kLower, kGeneral);
  QuerierStatus status = wire.querier.status(50 * kS);
  EXPECT_FALSE(status.is_querier);
  EXPECT_EQ(status.querier, kLower);
  EXPECT_EQ(status.other_querier_ns, 245 * kS) << "2 * 125 + 10 / 2, ten of which are over";
  EXPECT_THAT(wire.run_until(40 * kS + 255 * kS - 1), IsEmpty());
  EXPECT_THAT(wire.run_until(500 * kS), ElementsAre("295 224.0.0.1: QUERY", "420 224.0.0.1: QUERY"));
  EXPECT_TRUE(wire.querier.status(500 * kS).is_querier);
  EXPECT_EQ(wire.querier.count(QuerierCounter::kElectionsLost), 1u);
  EXPECT_EQ(wire.querier.count(QuerierCounter::kElectionsWon), 1u);
}

TEST(QuerierElection, EachQueryOfTheOtherKeepsIt) {
  QuerierWire wire;
  wire.start(40 * kS);
  for (int i = 0; i < 8; ++i) {
    wire.hear((40 + 200 * i) * kS, kLower, kGeneral);
    EXPECT_THAT(wire.run_until((40 + 200 * i + 199) * kS), IsEmpty());
  }
  EXPECT_EQ(wire.querier.count(QuerierCounter::kElectionsLost), 1u);
}

TEST(QuerierElection, QueriesFromNowhereAndFromItselfDoNotWin) {
  QuerierWire wire;
  wire.start(40 * kS);
  wire.hear(40 * kS, 0, kGeneral);
  wire.hear(40 * kS, kAddress, kGeneral);
  EXPECT_TRUE(wire.querier.status(40 * kS).is_querier);
  EXPECT_EQ(wire.querier.count(QuerierCounter::kQueriesHeard), 1u);
  EXPECT_EQ(wire.querier.count(QuerierCounter::kOwnMessages), 1u);
  EXPECT_EQ(wire.querier.count(QuerierCounter::kOffLink), 0u);
}

TEST(QuerierElection, QueriersOfOtherSubnetsWinNothing) {
  QuerierWire wire;
  wire.start(100 * kS);
  wire.hear(100 * kS, 0x01000001,
            "11640000000000000"
            "27d0000");
  EXPECT_TRUE(wire.querier.status(100 * kS).is_querier);
  EXPECT_EQ(wire.querier.count(QuerierCounter::kOffLink), 1u);
}

TEST(QuerierElection, NoOtherIsBelievedForDays) {
  QuerierWire wire;
  wire.start(100 * kS);
  wire.hear(100 * kS, kLower,
            "11640000000000000"
            "7ff0000");  // QRV 7, QQIC 31,744 s
  const QuerierStatus status = wire.querier.status(100 * kS);
  EXPECT_FALSE(status.is_querier);
  EXPECT_LE(status.other_querier_ns, kMaxLearntNs + 10 * kS);
  EXPECT_GE(status.other_querier_ns, kMaxLearntNs - 10 * kS);
}

TEST(QuerierMembers, QueriesOfWhoIsNotElectedLowerNoTimer) {
  QuerierWire wire;
  wire.start(100 * kS);
  wire.hear(100 * kS, kMember,
            "2200000000000001"
            "04000000ef010203");
  const auto before = wire.table(101 * kS);
  for (const bool elected : {true, false}) {
    EXPECT_EQ(wire.querier.status(101 * kS).is_querier, elected);
    wire.hear(101 * kS, kHigher,
              "110a0000ef010203"
              "027d0000");
    EXPECT_EQ(wire.table(101 * kS), before);
    wire.hear(101 * kS, kLower, kGeneral);
  }
}

TEST(QuerierElection, QueriersOfOlderVersionsWinToo) {
  for (const char* query : {"1164000000000000", "1100000000000000"}) {
    QuerierWire wire;
    wire.start(40 * kS);
    wire.hear(40 * kS, kLower, query);
    EXPECT_FALSE(wire.querier.status(40 * kS).is_querier);
    EXPECT_EQ(wire.querier.status(40 * kS).other_querier_ns, 255 * kS) << "they say nothing: our own figures";
  }
}

TEST(QuerierElection, WhatTheOtherSaysHoldsUntilItIsGone) {
  QuerierWire wire;
  wire.start(40 * kS);
  wire.hear(40 * kS, kLower, "116400000000000003140000");  // QRV 3, QQIC 20
  EXPECT_EQ(wire.querier.status(40 * kS).other_querier_ns, 65 * kS);
  EXPECT_EQ(wire.querier.status(40 * kS).robustness, 3);
  wire.hear(40 * kS, kMember, kToExclude);
  EXPECT_THAT(wire.table(40 * kS), ElementsAre("239.1.2.3 EX 70"));
  wire.run_until(105 * kS);
  EXPECT_EQ(wire.querier.status(105 * kS).robustness, 2);
  EXPECT_EQ(wire.querier.status(105 * kS).query_interval_ns, 125 * kS);
}

TEST(QuerierMembers, ReportsMakeThemAndTheGroupTimerEndsThem) {
  QuerierWire wire;
  wire.start(40 * kS);
  wire.hear(40 * kS, kMember, kToExclude);
  EXPECT_THAT(wire.table(40 * kS), ElementsAre("239.1.2.3 EX 260"));
  wire.hear(100 * kS, kMember + 1, "220000000000000102000000ef010203");
  EXPECT_THAT(wire.table(110 * kS), ElementsAre("239.1.2.3 EX 250"));
  HeardGroupRow row;
  ASSERT_EQ(wire.querier.rows(110 * kS, 0, {&row, 1}), 1u);
  EXPECT_EQ(row.last_reporter, kMember + 1);
  EXPECT_EQ(row.compatibility, Version::kV3);
  wire.run_until(360 * kS - 1);
  EXPECT_EQ(wire.table(360 * kS - 1).size(), 1u);
  wire.run_until(360 * kS);
  EXPECT_THAT(wire.table(360 * kS), IsEmpty());
  EXPECT_EQ(wire.querier.status(360 * kS).groups, 0u);
}

TEST(QuerierMembers, SourcesHaveTheirOwnTimers) {
  QuerierWire wire;
  wire.start(40 * kS);
  wire.hear(40 * kS, kMember, kAllow12);
  wire.hear(140 * kS, kMember, kAllow1);
  EXPECT_THAT(wire.table(140 * kS), ElementsAre("239.1.2.3 IN {10.9.0.1=260 10.9.0.2=160}"));
  wire.run_until(300 * kS);
  EXPECT_THAT(wire.table(300 * kS), ElementsAre("239.1.2.3 IN {10.9.0.1=100}"));
  wire.run_until(400 * kS);
  EXPECT_THAT(wire.table(400 * kS), IsEmpty());
}

TEST(QuerierMembers, TheLastMembersLeaveIsAskedAbout) {
  for (const std::string_view leave : {kLeave, kToInclude}) {
    QuerierWire wire;
    wire.start(40 * kS);
    wire.hear(40 * kS, kMember, kToExclude);
    wire.hear(50 * kS, kMember, leave);
    EXPECT_THAT(wire.table(50 * kS), ElementsAre("239.1.2.3 EX 2"));
    EXPECT_THAT(wire.run_until(52 * kS - 1), ElementsAre("50 239.1.2.3: QUERY 239.1.2.3",  //
                                                         "51 239.1.2.3: QUERY 239.1.2.3"));
    EXPECT_EQ(wire.table(52 * kS - 1).size(), 1u);
    wire.run_until(52 * kS);
    EXPECT_THAT(wire.table(52 * kS), IsEmpty());
    EXPECT_EQ(wire.querier.count(QuerierCounter::kSpecificSent), 2u);
  }
}

TEST(QuerierMembers, AnAnswerKeepsTheGroupAndSetsTheSBit) {
  QuerierWire wire;
  wire.start(40 * kS);
  wire.hear(40 * kS, kMember, kToExclude);
  wire.hear(50 * kS, kMember, kToInclude);
  wire.poll(50 * kS);
  wire.hear(50 * kS + 1, kMember + 1, "220000000000000102000000ef010203");
  EXPECT_THAT(wire.run_until(60 * kS), ElementsAre("51 239.1.2.3: QUERY 239.1.2.3 S"));
  EXPECT_THAT(wire.table(60 * kS), ElementsAre("239.1.2.3 EX 250"));
}

TEST(QuerierMembers, AFloodOfLeavesDrawsNoFloodOfQueries) {
  QuerierWire wire;
  wire.start(40 * kS);
  wire.hear(40 * kS, kMember, kToExclude);
  size_t queries = 0;
  for (TimeNs now = 50 * kS; now < 52 * kS; now += kNsPerMs) {
    wire.hear(now, kMember, kLeave);
    queries += wire.poll(now).size();
  }
  EXPECT_LE(queries, 4u);
  wire.run_until(53 * kS);
  EXPECT_THAT(wire.table(53 * kS), IsEmpty()) << "leaves do not keep it either";
}

TEST(QuerierMembers, NorDoesAFloodOfBlocks) {
  QuerierWire wire;
  wire.start(40 * kS);
  wire.hear(40 * kS, kMember, kAllow12);
  size_t queries = 0;
  for (TimeNs now = 50 * kS; now < 52 * kS; now += kNsPerMs) {
    wire.hear(now, kMember, kBlock1);
    queries += wire.poll(now).size();
  }
  EXPECT_EQ(queries, 2u);
  wire.run_until(53 * kS);
  EXPECT_THAT(wire.table(53 * kS), ElementsAre("239.1.2.3 IN {10.9.0.2=247}"));
}

TEST(QuerierMembers, ASourcesLeaveIsAskedAbout) {
  QuerierWire wire;
  wire.start(40 * kS);
  wire.hear(40 * kS, kMember, kAllow12);
  wire.hear(50 * kS, kMember, kBlock1);
  EXPECT_THAT(wire.table(50 * kS), ElementsAre("239.1.2.3 IN {10.9.0.1=2 10.9.0.2=250}"));
  EXPECT_THAT(wire.run_until(60 * kS), ElementsAre("50 239.1.2.3: QUERY 239.1.2.3 {10.9.0.1}",  //
                                                   "51 239.1.2.3: QUERY 239.1.2.3 {10.9.0.1}"));
  EXPECT_THAT(wire.table(60 * kS), ElementsAre("239.1.2.3 IN {10.9.0.2=240}"));
}

TEST(QuerierMembers, SourcesAnsweredForAreAskedApart) {
  QuerierWire wire;
  wire.start(40 * kS);
  wire.hear(40 * kS, kMember, kAllow12);
  wire.hear(50 * kS, kMember, kToInclude);
  EXPECT_THAT(wire.poll(50 * kS), ElementsAre("239.1.2.3: QUERY 239.1.2.3 {10.9.0.1 10.9.0.2}"));
  wire.hear(50 * kS + 1, kMember + 1, "220000000000000101000001ef0102030a090001");
  EXPECT_THAT(wire.run_until(60 * kS), ElementsAre("51 239.1.2.3: QUERY 239.1.2.3 {10.9.0.1} S",  //
                                                   "51 239.1.2.3: QUERY 239.1.2.3 {10.9.0.2}"));
  EXPECT_THAT(wire.table(60 * kS), ElementsAre("239.1.2.3 IN {10.9.0.1=250}"));
}

TEST(QuerierMembers, GroupAndSourcesAreAskedTogether) {
  QuerierWire wire;
  wire.start(40 * kS);
  wire.hear(40 * kS, kMember, kToExclude);
  wire.hear(41 * kS, kMember + 1, kAllow1);
  wire.hear(50 * kS, kMember, kToInclude);
  EXPECT_THAT(wire.poll(50 * kS), ElementsAre("239.1.2.3: QUERY 239.1.2.3",  //
                                              "239.1.2.3: QUERY 239.1.2.3 {10.9.0.1}"));
}

TEST(QuerierMembers, ManySourcesAreAskedForInSeveralQueries) {
  QuerierWire wire({.mtu = kMinMtu});  // 8 sources a query
  std::string record = "2200000000000001050000";
  std::string sources;
  for (int i = 1; i <= 20; ++i) sources += "0a0900" + packets::to_hex(std::vector{static_cast<uint8_t>(i)});
  wire.hear(0, kMember, record + "14ef010203" + sources);
  wire.hear(0, kMember, kToInclude);
  EXPECT_EQ(wire.poll(0).size(), 3u);
}

TEST(QuerierMembers, WithoutTheElectionNothingIsAsked) {
  QuerierWire wire;
  wire.start(40 * kS);
  wire.hear(40 * kS, kLower, kGeneral);
  wire.hear(40 * kS, kMember, kToExclude);
  wire.hear(50 * kS, kMember, kToInclude);
  EXPECT_THAT(wire.run_until(60 * kS), IsEmpty());
  EXPECT_THAT(wire.table(60 * kS), ElementsAre("239.1.2.3 EX 240")) << "the querier's query will lower it";
}

TEST(QuerierMembers, ASeriesEndsWithTheElection) {
  QuerierWire wire;
  wire.start(40 * kS);
  wire.hear(40 * kS, kMember, kToExclude);
  wire.hear(50 * kS, kMember, kToInclude);
  EXPECT_EQ(wire.poll(50 * kS).size(), 1u);
  wire.hear(50 * kS, kLower, kGeneral);
  EXPECT_THAT(wire.run_until(60 * kS), IsEmpty());
}

// RFC 3376, section 6.6.1; RFC 2236, section 3.
TEST(QuerierMembers, OthersQueriesLowerTimers) {
  struct {
    const char* query;
    const char* table;
  } const rows[] = {
      {"110a0000ef010203027d0000", "239.1.2.3 EX 2 {10.9.0.1=251}"},
      {"110a0000ef0102030a7d0000", "239.1.2.3 EX 250 {10.9.0.1=251}"},  // S
      {"110a0000ef010203027d00010a090001", "239.1.2.3 EX 250 {10.9.0.1=2}"},
      {"110a0000ef0102030a7d00010a090001", "239.1.2.3 EX 250 {10.9.0.1=251}"},  // S
      {"110a0000ef010203027d00010a090002", "239.1.2.3 EX 250 {10.9.0.1=251}"},
      {"11320000ef010203", "239.1.2.3 EX 10 {10.9.0.1=251}"},  // version 2, 2 * 5 s
      {"110a0000ef010204027d0000", "239.1.2.3 EX 250 {10.9.0.1=251}"},
      {"1164000000000000027d0000", "239.1.2.3 EX 250 {10.9.0.1=251}"},
  };
  for (const auto& row : rows) {
    QuerierWire wire;
    wire.start(40 * kS);
    wire.hear(40 * kS, kMember, kToExclude);
    wire.hear(41 * kS, kMember, kAllow1);
    wire.hear(50 * kS, kLower, row.query);
    EXPECT_THAT(wire.table(50 * kS), ElementsAre(row.table)) << row.query;
  }
}

TEST(QuerierOlderHosts, AreReportsFromAnySource) {
  for (const auto& [report, version] :
       {std::pair(kV1Report, Version::kV1), std::pair(kV2Report, Version::kV2)}) {
    QuerierWire wire;
    wire.start(40 * kS);
    wire.hear(40 * kS, kMember, report);
    EXPECT_THAT(wire.table(40 * kS), ElementsAre("239.1.2.3 EX 260"));
    HeardGroupRow row;
    ASSERT_EQ(wire.querier.rows(40 * kS, 0, {&row, 1}), 1u);
    EXPECT_EQ(row.compatibility, version);
    ASSERT_EQ(wire.querier.rows(300 * kS, 0, {&row, 1}), 1u);
    EXPECT_EQ(row.compatibility, Version::kV3) << "2 * 125 + 10 later";
  }
}

// RFC 3376, section 7.3.2.
TEST(QuerierOlderHosts, KeepTheGroupFromWhatTheyCannotAnswerFor) {
  constexpr std::string_view kToExclude1 = "220000000000000104000001ef0102030a090001";
  struct {
    std::string_view older;
    std::string_view message;
    const char* table;
  } const rows[] = {
      {kV2Report, kBlock1, "239.1.2.3 EX 250"}, {kV2Report, kToExclude1, "239.1.2.3 EX 260"},
      {kV2Report, kLeave, "239.1.2.3 EX 2"},    {kV2Report, kToInclude, "239.1.2.3 EX 2"},
      {kV1Report, kBlock1, "239.1.2.3 EX 250"}, {kV1Report, kToExclude1, "239.1.2.3 EX 260"},
      {kV1Report, kLeave, "239.1.2.3 EX 250"},  {kV1Report, kToInclude, "239.1.2.3 EX 250"},
  };
  for (const auto& row : rows) {
    QuerierWire wire;
    wire.start(40 * kS);
    wire.hear(40 * kS, kMember, row.older);
    wire.hear(50 * kS, kMember + 1, row.message);
    EXPECT_THAT(wire.table(50 * kS), ElementsAre(row.table)) << row.older << " " << row.message;
    EXPECT_EQ(wire.querier.count(QuerierCounter::kOlderHosts),
              row.message == kBlock1 || (row.older == kV1Report && row.message != kToExclude1) ? 1u : 0u);
  }
  QuerierWire wire;
  wire.start(40 * kS);
  wire.hear(40 * kS, kMember, kV1Report);
  wire.hear(290 * kS, kMember, kV2Report);
  wire.hear(301 * kS, kMember, kLeave);
  EXPECT_THAT(wire.table(301 * kS), ElementsAre("239.1.2.3 EX 2")) << "the v1 host is taken to be gone";
}

TEST(QuerierV2, KeepsGroupsOnly) {
  QuerierWire wire({.version = Version::kV2});
  wire.start(40 * kS);
  wire.hear(40 * kS, kMember, kV2Report);
  wire.hear(40 * kS, kMember, kAllow1);
  EXPECT_EQ(wire.querier.count(QuerierCounter::kWrongVersion), 1u);
  EXPECT_THAT(wire.table(40 * kS), ElementsAre("239.1.2.3 EX 260"));
  wire.hear(50 * kS, kMember, kLeave);
  EXPECT_THAT(wire.run_until(60 * kS), ElementsAre("50 239.1.2.3: QUERY2 239.1.2.3",  //
                                                   "51 239.1.2.3: QUERY2 239.1.2.3"));
  EXPECT_THAT(wire.table(60 * kS), IsEmpty());
  EXPECT_THAT(wire.run_until(157 * kS), ElementsAre("156.2 224.0.0.1: QUERY2"));
}

}  // namespace
}  // namespace linecast::igmp
