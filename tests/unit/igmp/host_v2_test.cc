#include <gmock/gmock.h>

#include "tests/unit/igmp/wire.h"

namespace linecast::igmp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kGeneralQuery = "1164000000000000";  // 10 s
constexpr std::string_view kGroupQuery = "110a0000ef010203";    // 1 s, 239.1.2.3
constexpr std::string_view kReport = "16000000ef010203";

TEST(HostV2, JoinIsReportedToTheGroupTwice) {
  Wire wire(Version::kV2);
  wire.host.join(0, kGroup, 0);
  EXPECT_THAT(wire.poll(0), ElementsAre("239.1.2.3: REPORT 239.1.2.3"));
  EXPECT_LE(wire.host.next_due(), kNsPerSecond);
  EXPECT_THAT(wire.run_until(kNsPerSecond), ElementsAre("239.1.2.3: REPORT 239.1.2.3"));
  EXPECT_EQ(wire.host.next_due(), kNever);
}

// Ether(src='02:11:22:33:44:55',dst='01:00:5e:01:02:03')/IP(src='10.0.0.1',dst='239.1.2.3',ttl=1,tos=0xc0,id=0,
// flags='DF',proto=2,options=[IPOption_Router_Alert()])/IGMP(type=0x16,mrcode=0,gaddr='239.1.2.3'), as
// Scapy 2.5 builds it; the leave likewise to 224.0.0.2 with type 0x17.
TEST(HostV2, BytesAreScapys) {
  std::vector<std::string> frames;
  Host host({.mac = kMac, .address = kAddress, .forced = Version::kV2}, Random(1),
            [&](Bytes frame) { frames.push_back(packets::to_hex(frame)); });
  host.join(0, kGroup, 0);
  host.poll(0);
  host.leave_all(0);
  EXPECT_THAT(frames,
              ElementsAre("01005e010203021122334455080046c00020000040000102e9120a000001ef01020394040000"
                          "1600f8faef010203",
                          "01005e000002021122334455080046c00020000040000102fa140a000001e000000294040000"
                          "1700f7faef010203"));
}

TEST(HostV2, GeneralQueryDrawsAReportOfEachGroupAtItsOwnTime) {
  Wire wire(Version::kV2);
  for (Ipv4 i = 0; i < 100; ++i) wire.host.join(0, kGroup + i, 0);
  const TimeNs now = settle(wire);
  wire.query(now, kGeneralQuery);
  size_t first_half = 0;
  std::vector<std::string> all;
  while (wire.host.next_due() != kNever) {
    const TimeNs due = wire.host.next_due();
    ASSERT_GE(due, now);
    ASSERT_LE(due, now + 10 * kNsPerSecond);
    for (std::string& frame : wire.poll(due)) all.push_back(std::move(frame));
    if (due < now + 5 * kNsPerSecond) first_half = all.size();
  }
  ASSERT_EQ(all.size(), 100u);
  EXPECT_GT(first_half, 30u);
  EXPECT_LT(first_half, 70u);
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
}

TEST(HostV2, Version1QueryMeansTenSeconds) {
  Wire wire(Version::kV2);
  wire.host.join(0, kGroup, 0);
  const TimeNs now = settle(wire);
  wire.query(now, "1100000000000000");
  EXPECT_GT(wire.host.next_due(), now);
  EXPECT_THAT(wire.run_until(now + 10 * kNsPerSecond), ElementsAre("239.1.2.3: REPORT 239.1.2.3"));
}

TEST(HostV2, GroupQueryDrawsTheGroupOnly) {
  Wire wire(Version::kV2);
  wire.host.join(0, kGroup, 0);
  wire.host.join(0, kGroup + 1, 0);
  const TimeNs now = settle(wire);
  wire.query(now, kGroupQuery);
  EXPECT_THAT(wire.run_until(now + kNsPerSecond), ElementsAre("239.1.2.3: REPORT 239.1.2.3"));
}

TEST(HostV2, SourcesAreUnknownToIt) {
  Wire wire(Version::kV2);
  wire.host.join(0, kGroup, kSource);
  EXPECT_THAT(wire.poll(0), ElementsAre("239.1.2.3: REPORT 239.1.2.3"));
  const TimeNs now = settle(wire);
  wire.host.join(now, kGroup, kSource + 1);
  EXPECT_EQ(wire.host.next_due(), kNever);
  wire.query(now, "110a0000ef010203027d00010a090009");  // a group-and-source query of a v3 router
  EXPECT_EQ(wire.run_until(now + kNsPerSecond).size(), 1u);
}

TEST(HostV2, AnothersReportSuppressesTheAnswer) {
  Wire wire(Version::kV2);
  wire.host.join(0, kGroup, 0);
  wire.host.join(0, kGroup + 1, 0);
  const TimeNs now = settle(wire);
  wire.query(now, kGeneralQuery);
  wire.hear(now, kRouter, kReport);
  EXPECT_EQ(wire.host.count(HostCounter::kSuppressed), 1u);
  EXPECT_THAT(wire.run_until(now + 10 * kNsPerSecond), ElementsAre("239.1.2.4: REPORT 239.1.2.4"));
  wire.query(now + 20 * kNsPerSecond, kGroupQuery);
  EXPECT_EQ(wire.run_until(now + 30 * kNsPerSecond).size(), 1u) << "the next query is answered again";
}

TEST(HostV2, ForgedReportsSilenceOnlyEveryOtherAnswer) {
  Wire wire(Version::kV2);
  wire.host.join(0, kGroup, 0);
  TimeNs now = settle(wire);
  std::vector<size_t> answers;
  for (int i = 0; i < 6; ++i, now += 10 * kNsPerSecond) {
    wire.query(now, kGroupQuery);
    for (int k = 0; k < 5; ++k) wire.hear(now, kRouter, kReport);
    answers.push_back(wire.run_until(now + kNsPerSecond).size());
  }
  EXPECT_THAT(answers, ElementsAre(0, 1, 0, 1, 0, 1));
}

TEST(HostV2, AMissedQueryIsAnsweredAsAGeneralOneWithinASecond) {
  for (const Version version : {Version::kV2, Version::kV3}) {
    Wire wire(version);
    wire.host.join(0, kGroup, 0);
    const TimeNs now = settle(wire);
    wire.host.query_missed(now);
    const TimeNs due = wire.host.next_due();
    for (int i = 0; i < 1000; ++i) wire.host.query_missed(now);
    EXPECT_EQ(wire.host.next_due(), due) << "drawn once, or the earliest of many would be now";
    EXPECT_EQ(wire.run_until(now + kNsPerSecond + kNsPerSecond / 10).size(), 1u);
  }
}

TEST(HostV2, AnothersReportOfVersion1Suppresses) {
  Wire wire(Version::kV2);
  wire.host.join(0, kGroup, 0);
  const TimeNs now = settle(wire);
  wire.query(now, kGroupQuery);
  wire.hear(now, kRouter, "12000000ef010203");
  EXPECT_THAT(wire.run_until(now + kNsPerSecond), IsEmpty());
}

TEST(HostV2, AJoinIsReportedOnceWhateverOthersReport) {
  Wire wire(Version::kV2);
  wire.host.join(0, kGroup, 0);
  wire.hear(0, kRouter, kReport);
  EXPECT_EQ(wire.poll(0).size(), 1u);
  wire.hear(0, kRouter, kReport);
  EXPECT_THAT(wire.run_until(kNsPerSecond), IsEmpty()) << "its repetition is spared";
}

TEST(HostV2, ItsOwnReportComeBackSuppressesNothing) {
  Wire wire(Version::kV2);
  wire.host.join(0, kGroup, 0);
  const TimeNs now = settle(wire);
  wire.query(now, kGroupQuery);
  wire.hear(now, kAddress, kReport);
  EXPECT_EQ(wire.run_until(now + kNsPerSecond).size(), 1u);
}

TEST(HostV2, APollSendsNoMoreThanItsShareAndTheNextGoesOn) {
  Wire wire(Version::kV2);
  for (Ipv4 i = 0; i < 100; ++i) wire.host.join(0, kGroup + i, 0);
  EXPECT_EQ(wire.poll(7).size(), Host::kMaxFramesAPoll);
  EXPECT_EQ(wire.host.next_due(), 7) << "what is left is due now, not in the past";
  EXPECT_EQ(wire.poll(7).size(), Host::kMaxFramesAPoll);
  EXPECT_EQ(wire.poll(7).size(), Host::kMaxFramesAPoll);
  EXPECT_EQ(wire.poll(7).size(), 4u);
}

TEST(HostV2, LeavesGoToAllRouters) {
  Wire wire(Version::kV2);
  wire.host.join(0, kGroup, 0);
  wire.host.join(0, kGroup + 1, 0);
  const TimeNs now = settle(wire);
  wire.host.leave_all(now);
  EXPECT_THAT(wire.sent(), ElementsAre("224.0.0.2: LEAVE 239.1.2.3", "224.0.0.2: LEAVE 239.1.2.4"));
  EXPECT_EQ(wire.host.count(HostCounter::kLeavesSent), 2u);
  wire.query(now, kGeneralQuery);
  EXPECT_EQ(wire.host.next_due(), kNever);
}

}  // namespace
}  // namespace linecast::igmp
