#include <gmock/gmock.h>

#include "tests/unit/igmp/wire.h"

namespace linecast::igmp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kGeneralQuery = "1164000000000000027d0000";  // 10 s
constexpr std::string_view kGroupQuery = "110a0000ef010203027d0000";    // 1 s, 239.1.2.3

TEST(HostV3, JoinIsReportedAtOnceAndAgainWithinASecond) {
  Wire wire(Version::kV3);
  EXPECT_EQ(wire.host.next_due(), kNever);
  wire.host.join(5, kGroup, 0);
  EXPECT_EQ(wire.host.next_due(), 5);
  EXPECT_THAT(wire.poll(5), ElementsAre("224.0.0.22: TO_EX 239.1.2.3"));
  EXPECT_LE(wire.host.next_due(), 5 + kNsPerSecond);
  EXPECT_THAT(wire.run_until(5 + kNsPerSecond), ElementsAre("224.0.0.22: TO_EX 239.1.2.3"));
  EXPECT_EQ(wire.host.next_due(), kNever);
  EXPECT_EQ(wire.host.count(HostCounter::kReportsSent), 2u);
}

TEST(HostV3, RepetitionIsRandom) {
  std::vector<TimeNs> delays;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Wire wire(Version::kV3, 1500, seed);
    wire.host.join(0, kGroup, 0);
    wire.poll(0);
    delays.push_back(wire.host.next_due());
  }
  const auto [least, most] = std::minmax_element(delays.begin(), delays.end());
  EXPECT_LT(*least, 200 * kNsPerMs);
  EXPECT_GT(*most, 800 * kNsPerMs);
  EXPECT_LE(*most, kNsPerSecond);
}

// Ether(src='02:11:22:33:44:55',dst='01:00:5e:00:00:16')/IP(src='10.0.0.1',dst='224.0.0.22',ttl=1,tos=0xc0,id=0,
// flags='DF',proto=2,options=[IPOption_Router_Alert()])/IGMPv3(type=0x22,mrcode=0)/IGMPv3mr(records=[
// IGMPv3gr(rtype=4,maddr='239.1.2.3'),IGMPv3gr(rtype=5,maddr='239.1.2.4',srcaddrs=['10.9.0.1','10.9.0.2'])]),
// as Scapy 2.5 builds it; the leave likewise with record types 3 and 6.
TEST(HostV3, BytesAreScapys) {
  std::vector<std::string> frames;
  Host host({.mac = kMac, .address = kAddress}, Random(1),
            [&](Bytes frame) { frames.push_back(packets::to_hex(frame)); });
  host.join(0, kGroup + 1, kSource);
  host.join(0, kGroup + 1, kSource + 1);
  host.join(0, kGroup, 0);
  host.poll(0);
  host.leave_all(0);
  const std::string leave =
      "01005e000016021122334455080046c00038000040000102f9e80a000001e00000169404000022"
      "00dedb0000000203000000ef01020306000002ef0102040a0900010a090002";
  EXPECT_THAT(frames,
              ElementsAre("01005e000016021122334455080046c00038000040000102f9e80a000001e00000169404000022"
                          "00dedb0000000204000000ef01020305000002ef0102040a0900010a090002",
                          leave, leave));
}

TEST(HostV3, SourcesOfAGroupAreAllowed) {
  Wire wire(Version::kV3);
  wire.host.join(0, kGroup, kSource);
  EXPECT_THAT(wire.poll(0), ElementsAre("224.0.0.22: ALLOW 239.1.2.3 {10.9.0.1}"));
  wire.host.join(0, kGroup, kSource + 1);
  EXPECT_THAT(wire.poll(0), ElementsAre("224.0.0.22: ALLOW 239.1.2.3 {10.9.0.1 10.9.0.2}"));
}

TEST(HostV3, JoinFromAnySourceCoversThoseFromOne) {
  Wire wire(Version::kV3);
  wire.host.join(0, kGroup, kSource);
  wire.poll(0);
  wire.host.join(0, kGroup, 0);
  EXPECT_THAT(wire.poll(0), ElementsAre("224.0.0.22: TO_EX 239.1.2.3"));
  settle(wire);
  wire.host.join(20 * kNsPerSecond, kGroup, kSource + 1);
  EXPECT_EQ(wire.host.next_due(), kNever) << "changes nothing";
}

TEST(HostV3, JoiningTwiceChangesNothing) {
  Wire wire(Version::kV3);
  wire.host.join(0, kGroup, kSource);
  wire.host.join(0, kGroup + 1, 0);
  settle(wire);
  wire.host.join(20 * kNsPerSecond, kGroup, kSource);
  wire.host.join(20 * kNsPerSecond, kGroup + 1, 0);
  EXPECT_EQ(wire.host.next_due(), kNever);
}

TEST(HostV3, GeneralQueryDrawsOneReportOfEverything) {
  Wire wire(Version::kV3);
  wire.host.join(0, kGroup, 0);
  wire.host.join(0, kGroup + 1, kSource);
  const TimeNs now = settle(wire);
  wire.query(now, kGeneralQuery);
  EXPECT_GE(wire.host.next_due(), now);
  EXPECT_LE(wire.host.next_due(), now + 10 * kNsPerSecond);
  EXPECT_THAT(wire.run_until(now + 10 * kNsPerSecond),
              ElementsAre("224.0.0.22: IS_EX 239.1.2.3, IS_IN 239.1.2.4 {10.9.0.1}"));
  EXPECT_EQ(wire.host.next_due(), kNever);
  EXPECT_EQ(wire.host.count(HostCounter::kQueries), 1u);
}

TEST(HostV3, DelaySpreadsOverMaxRespTime) {
  TimeNs sum = 0;
  TimeNs most = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Wire wire(Version::kV3, 1500, seed);
    wire.host.join(0, kGroup, 0);
    const TimeNs now = settle(wire);
    wire.query(now, "11ff000000000000027d0000");  // 3174.4 s
    sum += wire.host.next_due() - now;
    most = std::max(most, wire.host.next_due() - now);
  }
  EXPECT_LE(most, 3'174'400 * kNsPerMs);
  EXPECT_GT(most, 3'000 * kNsPerSecond);
  EXPECT_NEAR(static_cast<double>(sum) / 200, 1587.2 * kNsPerSecond, 250.0 * kNsPerSecond);
}

TEST(HostV3, ANearerGeneralAnswerStands) {
  Wire wire(Version::kV3);
  wire.host.join(0, kGroup, 0);
  const TimeNs now = settle(wire);
  wire.query(now, "110a000000000000027d0000");  // 1 s
  const TimeNs due = wire.host.next_due();
  wire.query(now, "11ff000000000000027d0000");
  EXPECT_EQ(wire.host.next_due(), due);
  EXPECT_EQ(wire.run_until(now + 4000 * kNsPerSecond).size(), 1u);
}

TEST(HostV3, GroupQueryDrawsTheGroupOnly) {
  Wire wire(Version::kV3);
  wire.host.join(0, kGroup, 0);
  wire.host.join(0, kGroup + 1, 0);
  const TimeNs now = settle(wire);
  wire.query(now, kGroupQuery);
  EXPECT_THAT(wire.run_until(now + kNsPerSecond), ElementsAre("224.0.0.22: IS_EX 239.1.2.3"));
}

TEST(HostV3, GroupQueryIsSparedByANearerGeneralAnswer) {
  Wire wire(Version::kV3);
  wire.host.join(0, kGroup, 0);
  const TimeNs now = settle(wire);
  wire.query(now, "1100000000000000027d0000");  // Max Resp Time 0
  wire.query(now, "11ff0000ef010203027d0000");
  EXPECT_THAT(wire.run_until(now + 100 * kNsPerMs), ElementsAre("224.0.0.22: IS_EX 239.1.2.3"));
  EXPECT_EQ(wire.host.next_due(), kNever);
}

TEST(HostV3, QueriesWithoutAResponseTimeDrawNoFlood) {
  Wire wire(Version::kV3);
  wire.host.join(0, kGroup, 0);
  const TimeNs begin = settle(wire);
  size_t answers = 0;
  for (int ms = 0; ms < 1000; ++ms) {
    wire.query(begin + ms * kNsPerMs, "1100000000000000027d0000");
    answers += wire.poll(begin + ms * kNsPerMs).size();
  }
  EXPECT_GE(answers, 1u);
  EXPECT_LE(answers, 100u);
}

TEST(HostV3, NorDoGroupQueries) {
  Wire wire(Version::kV3);
  wire.host.join(0, kGroup, 0);
  const TimeNs begin = settle(wire);
  size_t answers = 0;
  for (int ms = 0; ms < 1000; ++ms) {
    wire.query(begin + ms * kNsPerMs, "11000000ef010203027d0000");
    answers += wire.poll(begin + ms * kNsPerMs).size();
  }
  EXPECT_GE(answers, 1u);
  EXPECT_LE(answers, 100u);
}

TEST(HostV3, GroupAndSourceQueryDrawsTheGroupWhereASourceIsOurs) {
  Wire wire(Version::kV3);
  wire.host.join(0, kGroup, kSource);
  const TimeNs now = settle(wire);
  wire.query(now, "110a0000ef010203027d00010a090002");  // another source
  EXPECT_EQ(wire.host.next_due(), kNever);
  EXPECT_EQ(wire.host.count(HostCounter::kNotJoined), 1u);
  wire.query(now, "110a0000ef010203027d00020a0900020a090001");
  EXPECT_THAT(wire.run_until(now + kNsPerSecond), ElementsAre("224.0.0.22: IS_IN 239.1.2.3 {10.9.0.1}"));
}

TEST(HostV3, OlderQueriesAreAnsweredToo) {
  for (const char* query : {"1164000000000000", "1100000000000000"}) {
    Wire wire(Version::kV3);
    wire.host.join(0, kGroup, 0);
    const TimeNs now = settle(wire);
    wire.query(now, query);
    EXPECT_THAT(wire.run_until(now + 10 * kNsPerSecond), ElementsAre("224.0.0.22: IS_EX 239.1.2.3")) << query;
  }
}

TEST(HostV3, OthersReportsSuppressNothing) {
  Wire wire(Version::kV3);
  wire.host.join(0, kGroup, 0);
  const TimeNs now = settle(wire);
  wire.query(now, kGroupQuery);
  wire.hear(now, kRouter, "16000000ef010203");
  EXPECT_EQ(wire.run_until(now + kNsPerSecond).size(), 1u);
  EXPECT_EQ(wire.host.count(HostCounter::kSuppressed), 0u);
}

TEST(HostV3, TwoThousandGroupsAreReportedInFewFrames) {
  constexpr int kGroups = 2000;
  constexpr size_t kFrames = 11;  // 183 records of 8 bytes in 1500 - 24 - 8
  Wire wire(Version::kV3);
  for (int i = 0; i < kGroups; ++i) wire.host.join(0, kGroup + static_cast<Ipv4>(i * 7919 % kGroups), 0);
  const auto joins = wire.poll(0);
  EXPECT_EQ(joins.size(), kFrames);
  std::string all;
  for (const std::string& frame : joins) all += frame + ',';
  for (Ipv4 i = 0; i < kGroups; ++i)
    ASSERT_NE(all.find("TO_EX " + to_string(kGroup + i) + ','), std::string::npos) << i;
  EXPECT_EQ(wire.run_until(kNsPerSecond).size(), kFrames) << "the repetition is packed as well";
  EXPECT_EQ(wire.host.next_due(), kNever);

  wire.query(10 * kNsPerSecond, kGeneralQuery);
  EXPECT_EQ(wire.run_until(20 * kNsPerSecond).size(), kFrames);
  wire.host.leave_all(20 * kNsPerSecond);
  EXPECT_EQ(wire.sent().size(), 2 * kFrames);
}

TEST(HostV3, SourcesBeyondAFrameAreSplit) {
  Wire wire(Version::kV3, 68);  // room for one record of 7 sources: (68 - 24 - 8 - 8) / 4
  for (Ipv4 i = 0; i < 16; ++i) wire.host.join(0, kGroup, kSource + i);
  EXPECT_THAT(
      wire.poll(0),
      ElementsAre("224.0.0.22: ALLOW 239.1.2.3 {10.9.0.1 10.9.0.2 10.9.0.3 10.9.0.4 10.9.0.5 10.9.0.6 "
                  "10.9.0.7}",
                  "224.0.0.22: ALLOW 239.1.2.3 {10.9.0.8 10.9.0.9 10.9.0.10 10.9.0.11 10.9.0.12 "
                  "10.9.0.13 10.9.0.14}",
                  "224.0.0.22: ALLOW 239.1.2.3 {10.9.0.15 10.9.0.16}"));
}

TEST(HostV3, APollSendsNoMoreThanItsShareAndTheNextGoesOn) {
  Wire wire(Version::kV3, 68);  // four records a frame
  for (Ipv4 i = 0; i < 300; ++i) wire.host.join(0, kGroup + i, 0);
  size_t records = 0;
  size_t polls = 0;
  while (wire.host.next_due() <= 0) {
    const auto frames = wire.poll(0);
    ASSERT_LE(frames.size(), Host::kMaxFramesAPoll);
    ASSERT_FALSE(frames.empty());
    for (const std::string& frame : frames)
      records += static_cast<size_t>(std::count(frame.begin(), frame.end(), ',')) + 1;
    ++polls;
  }
  EXPECT_EQ(records, 300u);
  EXPECT_EQ(polls, 3u);
}

TEST(HostV3, LeaveIsSentTwiceAndEndsEverything) {
  Wire wire(Version::kV3);
  wire.host.join(0, kGroup, 0);
  wire.host.join(0, kGroup + 1, kSource);
  const TimeNs now = settle(wire);
  wire.query(now, kGeneralQuery);
  wire.host.leave_all(now);
  const char* const leave = "224.0.0.22: TO_IN 239.1.2.3, BLOCK 239.1.2.4 {10.9.0.1}";
  EXPECT_THAT(wire.sent(), ElementsAre(leave, leave));
  EXPECT_EQ(wire.host.count(HostCounter::kLeavesSent), 2u);
  EXPECT_EQ(wire.host.next_due(), kNever);
  wire.query(now, kGeneralQuery);
  wire.query(now, kGroupQuery);
  EXPECT_THAT(wire.run_until(now + 100 * kNsPerSecond), IsEmpty());
}

TEST(HostV3, RefusesAnImpossibleMtu) {
  EXPECT_ANY_THROW(Host({.mtu = 67}, Random(1), [](Bytes) {}));
}

}  // namespace
}  // namespace linecast::igmp
