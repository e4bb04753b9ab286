// Which version a host speaks, and version 1.
#include <gmock/gmock.h>

#include "tests/unit/igmp/wire.h"

namespace linecast::igmp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kV1Query = "1100000000000000";
constexpr std::string_view kV2Query = "1164000000000000";          // 10 s
constexpr std::string_view kV3Query = "1164000000000000027d0000";  // 10 s, QRV 2, 125 s
constexpr TimeNs kTimeout = 260 * kNsPerSecond;                    // 2 * 125 s + 10 s
constexpr TimeNs kResponse = 10 * kNsPerSecond;

std::string answer(Wire& wire, TimeNs now, std::string_view query) {
  wire.query(now, query);
  std::string all;
  for (const std::string& frame : wire.run_until(now + kResponse)) all += frame + '\n';
  return all;
}

TEST(HostVersion, AnswersInTheVersionOfTheQuerier) {
  struct {
    std::string_view query;
    Version version;
    const char* answer;
  } const rows[] = {{kV1Query, Version::kV1, "239.1.2.3: REPORT1 239.1.2.3\n"},
                    {kV2Query, Version::kV2, "239.1.2.3: REPORT 239.1.2.3\n"},
                    {kV3Query, Version::kV3, "224.0.0.22: IS_EX 239.1.2.3\n"}};
  for (const auto& row : rows) {
    Wire wire(std::nullopt);
    EXPECT_EQ(wire.host.version(), Version::kV3);
    wire.host.join(0, kGroup, 0);
    const TimeNs now = settle(wire);
    EXPECT_EQ(answer(wire, now, row.query), row.answer);
    EXPECT_EQ(wire.host.version(), row.version);
    EXPECT_EQ(wire.host.status(now).version, row.version);
    EXPECT_FALSE(wire.host.status(now).forced);
  }
}

TEST(HostVersion, ReturnsAfterTheOlderQuerierIsSilentAndTellsOfItsJoins) {
  Wire wire(std::nullopt);
  wire.host.join(0, kGroup, 0);
  wire.host.join(0, kGroup + 1, kSource);
  const TimeNs now = settle(wire);
  answer(wire, now, kV2Query);
  // Version 3 queries meanwhile are answered in version 2.
  EXPECT_EQ(answer(wire, now + 100 * kNsPerSecond, "1164000000000000027d0000").find("IS_EX"),
            std::string::npos);
  EXPECT_THAT(wire.run_until(now + kTimeout - 1), IsEmpty());
  EXPECT_EQ(wire.host.version(), Version::kV2);
  EXPECT_EQ(wire.host.next_due(), now + kTimeout);
  EXPECT_EQ(wire.host.status(now + kTimeout - 1).v2_querier_ns, 1);
  const auto back = wire.run_until(now + kTimeout);
  EXPECT_EQ(wire.host.version(), Version::kV3);
  EXPECT_THAT(back, ElementsAre("224.0.0.22: TO_EX 239.1.2.3, ALLOW 239.1.2.4 {10.9.0.1}"));
  EXPECT_EQ(wire.host.count(HostCounter::kVersionChanges), 2u);
  wire.run_until(now + kTimeout + kNsPerSecond);
  EXPECT_EQ(answer(wire, now + kTimeout + 10 * kNsPerSecond, kV3Query),
            "224.0.0.22: IS_EX 239.1.2.3, IS_IN 239.1.2.4 {10.9.0.1}\n");
}

TEST(HostVersion, ReturnsAlsoWithNothingJoined) {
  Wire wire(std::nullopt);
  wire.host.join(0, kGroup, 0);
  const TimeNs now = settle(wire);
  answer(wire, now, kV2Query);
  wire.host.leave_all(now + kResponse);
  wire.sent();
  EXPECT_THAT(wire.run_until(now + kTimeout), IsEmpty());
  EXPECT_EQ(wire.host.version(), Version::kV3);
}

TEST(HostVersion, EachGeneralQueryOfTheOlderVersionKeepsIt) {
  Wire wire(std::nullopt);
  wire.host.join(0, kGroup, 0);
  const TimeNs now = settle(wire);
  for (int i = 0; i < 10; ++i) {
    answer(wire, now + i * 125 * kNsPerSecond, kV2Query);
    ASSERT_EQ(wire.host.version(), Version::kV2) << i;
  }
  wire.query(now + 9 * 125 * kNsPerSecond + 20 * kNsPerSecond, "110a0000ef010203");
  wire.run_until(now + 9 * 125 * kNsPerSecond + kTimeout);
  EXPECT_EQ(wire.host.version(), Version::kV3) << "a v2 query for a group does not keep it";
}

TEST(HostVersion, TheOldestVersionWins) {
  Wire wire(std::nullopt);
  const TimeNs now = settle(wire);
  wire.query(now, kV1Query);
  wire.query(now + 50 * kNsPerSecond, kV2Query);
  EXPECT_EQ(wire.host.version(), Version::kV1);
  wire.run_until(now + kTimeout);
  EXPECT_EQ(wire.host.version(), Version::kV2);
  wire.run_until(now + 50 * kNsPerSecond + kTimeout - 1);
  EXPECT_EQ(wire.host.version(), Version::kV2);
  wire.run_until(now + 50 * kNsPerSecond + kTimeout);
  EXPECT_EQ(wire.host.version(), Version::kV3);
  EXPECT_EQ(wire.host.next_due(), kNever);
}

TEST(HostVersion, TheTimeoutFollowsTheLastV3QuerysInterval) {
  Wire wire(std::nullopt);
  wire.query(0, "1164000000000000030a0000");  // QRV 3, QQIC 10 s
  wire.query(0, kV2Query);
  EXPECT_EQ(wire.host.next_due(), 3 * 10 * kNsPerSecond + kResponse);
  EXPECT_EQ(wire.host.status(0).robustness, 3);
  EXPECT_EQ(wire.host.status(0).query_interval_ns, 10 * kNsPerSecond);
  wire.query(0, "116400000000000000000000");  // neither said: the defaults
  wire.query(0, kV2Query);
  EXPECT_EQ(wire.host.status(0).v2_querier_ns, kTimeout);
}

TEST(HostVersion, NoQuerierKeepsItInAnOldVersionForDays) {
  Wire wire(std::nullopt);
  wire.host.join(0, kGroup, 0);
  const TimeNs now = settle(wire);
  wire.query(now,
             "11640000000000000"
             "7ff0000");  // QRV 7, QQIC 31,744 s
  wire.query(now, "1100000000000000");
  EXPECT_EQ(wire.host.version(), Version::kV1);
  wire.run_until(now + kMaxLearntNs);
  EXPECT_EQ(wire.host.version(), Version::kV1);
  wire.run_until(now + kMaxLearntNs + 11 * kNsPerSecond);
  EXPECT_EQ(wire.host.version(), Version::kV3);
}

// Anybody may send them, from anywhere.
TEST(HostVersion, QueriesToItsOwnAddressAreAnsweredAndDecideNothing) {
  Wire wire(std::nullopt);
  wire.host.join(0, kGroup, 0);
  const TimeNs now = settle(wire);
  for (const std::string_view query : {kV1Query, kV2Query, std::string_view("1164000000000000077f0000")}) {
    wire.host.receive(now, kRouter, kAddress, 1, message(query));
    EXPECT_EQ(wire.host.version(), Version::kV3);
  }
  EXPECT_THAT(wire.run_until(now + kResponse), ElementsAre("224.0.0.22: IS_EX 239.1.2.3"));
  const HostStatus status = wire.host.status(now);
  EXPECT_EQ(status.querier, 0u);
  EXPECT_EQ(status.since_query_ns, kNever);
  EXPECT_EQ(status.robustness, kDefaultRobustness);
  EXPECT_EQ(status.query_interval_ns, kDefaultQueryIntervalNs);
}

TEST(HostVersion, QqicIsAFloatingPointNumber) {
  Wire wire(std::nullopt);
  wire.query(0, "116400000000000002ff0000");
  EXPECT_EQ(wire.host.status(0).query_interval_ns, 31744 * kNsPerSecond);
}

TEST(HostVersion, AChangeCallsOffWhatIsPending) {
  Wire wire(std::nullopt);
  wire.host.join(0, kGroup, 0);
  wire.poll(0);                       // its repetition is pending
  wire.query(1, kV3Query);            // and an answer
  wire.query(2, "11ff000000000000");  // 25.5 s
  const auto all = wire.run_until(30 * kNsPerSecond);
  EXPECT_THAT(all, ElementsAre("239.1.2.3: REPORT 239.1.2.3"));
}

TEST(HostVersion, WhatNobodyHasHeardOfOutlivesAChange) {
  Wire wire(std::nullopt);
  wire.host.join(0, kGroup, 0);
  settle(wire);
  const TimeNs now = 20 * kNsPerSecond;
  wire.host.join(now, kGroup + 1, 0);
  wire.host.leave(now, kGroup, 0);
  wire.query(now, "1164000000000000");
  EXPECT_THAT(wire.poll(now), ElementsAre("224.0.0.2: LEAVE 239.1.2.3", "239.1.2.4: REPORT 239.1.2.4"));
  for (const std::string& frame : wire.run_until(now + kResponse))
    EXPECT_EQ(frame, "239.1.2.4: REPORT 239.1.2.4");
}

TEST(HostVersion, ForcedItStaysWhatItIs) {
  for (const Version forced : {Version::kV1, Version::kV2, Version::kV3}) {
    for (const std::string_view query : {kV1Query, kV2Query, kV3Query}) {
      Wire wire(forced);
      wire.host.join(0, kGroup, 0);
      const TimeNs now = settle(wire);
      const char* const expected = forced == Version::kV1   ? "239.1.2.3: REPORT1 239.1.2.3\n"
                                   : forced == Version::kV2 ? "239.1.2.3: REPORT 239.1.2.3\n"
                                                            : "224.0.0.22: IS_EX 239.1.2.3\n";
      EXPECT_EQ(answer(wire, now, query), expected);
      EXPECT_EQ(wire.host.version(), forced);
      EXPECT_TRUE(wire.host.status(now).forced);
      EXPECT_EQ(wire.host.next_due(), kNever);
    }
  }
}

TEST(HostVersion, Groups232AreForVersion3Alone) {
  constexpr Ipv4 kSsm = 0xe8010203;  // 232.1.2.3
  Wire wire(std::nullopt);
  wire.query(0, kV2Query);
  wire.host.join(0, kSsm, kSource);
  wire.host.join(0, kGroup, 0);
  EXPECT_THAT(wire.poll(0), ElementsAre("239.1.2.3: REPORT 239.1.2.3"));
  EXPECT_EQ(wire.host.count(HostCounter::kSsmLeftOut), 1u);
  wire.run_until(kNsPerSecond);
  const TimeNs now = 20 * kNsPerSecond;
  EXPECT_EQ(answer(wire, now, kV2Query), "239.1.2.3: REPORT 239.1.2.3\n");
  EXPECT_EQ(wire.host.count(HostCounter::kSsmLeftOut), 2u);
  const auto back = wire.run_until(now + kTimeout);
  EXPECT_THAT(back, ElementsAre("224.0.0.22: ALLOW 232.1.2.3 {10.9.0.1}, TO_EX 239.1.2.3"))
      << "heard of as soon as can be";

  wire.query(now + kTimeout, kV2Query);
  wire.host.leave(now + kTimeout, kSsm, kSource);
  EXPECT_THAT(wire.poll(now + kTimeout), IsEmpty());
  EXPECT_EQ(wire.host.status(now).groups, 1u);
}

// Ether/IP as in host_v2_test.cc, IGMP(type=0x12,mrcode=0,gaddr='239.1.2.3'), as Scapy 2.5 builds it.
TEST(HostV1, BytesAreScapys) {
  std::string frame;
  Host host({.mac = kMac, .address = kAddress, .forced = Version::kV1}, Random(1),
            [&](Bytes bytes) { frame = packets::to_hex(bytes); });
  host.join(0, kGroup, 0);
  host.poll(0);
  EXPECT_EQ(frame,
            "01005e010203021122334455080046c00020000040000102e9120a000001ef01020394040000"
            "1200fcfaef010203");
}

TEST(HostV1, ReportsTwiceAndLeavesInSilence) {
  Wire wire(Version::kV1);
  wire.host.join(0, kGroup, 0);
  EXPECT_EQ(wire.run_until(kNsPerSecond).size(), 2u);
  wire.host.leave(kNsPerSecond, kGroup, 0);
  EXPECT_THAT(wire.run_until(2 * kNsPerSecond), IsEmpty());
  EXPECT_EQ(wire.host.status(0).groups, 0u);
  wire.host.join(2 * kNsPerSecond, kGroup, 0);
  wire.host.leave_all(2 * kNsPerSecond);
  EXPECT_THAT(wire.sent(), IsEmpty());
  EXPECT_EQ(wire.host.next_due(), kNever);
}

TEST(HostV1, AnothersReportSuppresses) {
  for (const char* report : {"12000000ef010203", "16000000ef010203"}) {
    Wire wire(Version::kV1);
    wire.host.join(0, kGroup, 0);
    const TimeNs now = settle(wire);
    wire.query(now, kV1Query);
    wire.hear(now, kRouter, report);
    EXPECT_THAT(wire.run_until(now + kResponse), IsEmpty());
    EXPECT_EQ(wire.host.count(HostCounter::kSuppressed), 1u);
  }
}

TEST(HostV1, AQuerysGroupFieldSaysNothing) {  // RFC 1112, appendix I
  Wire wire(std::nullopt);
  wire.host.join(0, kGroup, 0);
  const TimeNs now = settle(wire);
  wire.host.receive(now, kRouter, kAllHosts, 1, message("1100000012345678"));
  EXPECT_THAT(wire.run_until(now + kResponse), ElementsAre("239.1.2.3: REPORT1 239.1.2.3"));
}

}  // namespace
}  // namespace linecast::igmp
