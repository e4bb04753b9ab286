// What a querier must not act on, and how much it holds.
#include <gmock/gmock.h>

#include "lib/base/error.h"
#include "tests/unit/igmp/querier_wire.h"

namespace linecast::igmp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr TimeNs kS = kNsPerSecond;
constexpr Ipv4 kUsual = 0;

struct Row {
  const char* what;
  const char* hex;  // the checksum is put right, unless broken
  QuerierCounter counter;
  bool also_counted = false;  // as a report or leave that is sound but for its records
  Ipv4 destination = kUsual;
  uint8_t ttl = 1;
  bool break_checksum = false;
};

using C = QuerierCounter;
constexpr Row kRows[] = {
    {"too short", "16000000ef0102", C::kBadLength},
    {"query between versions 2 and 3", "1164000000000000027d00", C::kBadLength},
    {"query claiming 65,535 sources", "1164000000000000027dffff", C::kBadLength},
    {"TTL", "16000000ef010203", C::kBadTtl, false, kUsual, 2},
    {"v3 report's TTL", "220000000000000104000000ef010203", C::kBadTtl, false, kUsual, 64},
    {"checksum", "16000000ef010203", C::kBadChecksum, false, kUsual, 1, true},
    {"v3 checksum", "220000000000000104000000ef010203", C::kBadChecksum, false, kUsual, 1, true},
    {"v3 report to all routers", "220000000000000104000000ef010203", C::kBadDestination, false, kAllRouters},
    {"v3 report to its group", "220000000000000104000000ef010203", C::kBadDestination, false, kGroup},
    {"v2 report to all routers", "16000000ef010203", C::kBadDestination, false, kAllRouters},
    {"v1 report to another group", "12000000ef010203", C::kBadDestination, false, kGroup + 1},
    {"leave to all hosts", "17000000ef010203", C::kBadDestination, false, kAllHosts},
    {"general query to a group", "1164000000000000", C::kBadDestination, false, kGroup},
    {"query about a host", "110a00000a000001", C::kBadGroup},
    {"general query with sources", "110a000000000000027d00010a090001", C::kBadGroup},
    {"a record too many", "220000000000000204000000ef010203", C::kBadRecords},
    {"65,535 records", "220000000000ffff04000000ef010203", C::kBadRecords},
    {"65,535 sources", "22000000000000010400ffffef0102030a090001", C::kBadRecords},
    {"auxiliary data beyond the end", "220000000000000104ff0000ef010203", C::kBadRecords},
    {"a good record before a bad one", "220000000000000204000000ef01020304000001ef010204", C::kBadRecords},
    {"link-local", "220000000000000104000000e00000fb", C::kLinkLocal, true},
    {"link-local, version 2", "16000000e00000fb", C::kLinkLocal, true},
    {"all hosts", "16000000e0000001", C::kLinkLocal, true},
    {"leave of all hosts", "17000000e0000001", C::kLinkLocal, true},
    {"a host for a group", "2200000000000001040000000a000001", C::kBadGroup, true},
    {"no group",
     "220000000000000104000000"
     "00000000",
     C::kBadGroup, true},
    {"record type 0", "220000000000000100000000ef010203", C::kRecordType, true},
    {"record type 7", "220000000000000107000000ef010203", C::kRecordType, true},
    {"any source of a 232 group", "220000000000000104000000e8010203", C::kSsmMode, true},
    {"any source of a 232 group, state", "220000000000000102000000e8010203", C::kSsmMode, true},
    {"v2 report of a 232 group", "16000000e8010203", C::kSsmMode, true},
    {"DVMRP", "1301000000000000", C::kIgnored},
    {"unknown type", "ff00000000000000", C::kIgnored},
};

TEST(QuerierInput, WhatIsNotTakenIsCountedAndChangesNothing) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.what);
    QuerierWire wire;
    std::vector<uint8_t> bytes = message(row.hex);
    if (row.break_checksum) bytes.back() ^= 1;
    wire.querier.receive(0, kMember, row.destination == kUsual ? usual_destination(bytes) : row.destination,
                         row.ttl, bytes);
    EXPECT_THAT(wire.table(0), IsEmpty());
    EXPECT_EQ(wire.querier.next_due(), kNever);
    for (size_t i = 0; i < kQuerierCounterCount; ++i) {
      const auto counter = static_cast<QuerierCounter>(i);
      const bool taken = row.also_counted && counter == (bytes[0] == 0x17 ? C::kLeaves : C::kReports);
      EXPECT_EQ(wire.querier.count(counter), counter == row.counter || taken ? 1u : 0u)
          << kQuerierCounterTexts[i].name;
    }
  }
}

TEST(QuerierInput, NothingAndNobodysLeaveChangeNothing) {
  QuerierWire wire;
  wire.querier.receive(0, kMember, kAllRouters, 1, {});
  EXPECT_EQ(wire.querier.count(C::kBadLength), 1u);
  for (const char* hex :
       {"17000000ef010203", "220000000000000103000000ef010203", "220000000000000101000000ef010203",
        "220000000000000105000000ef010203", "220000000000000106000001ef0102030a090001", "2200000000000000",
        "110a0000ef010203027d0000"}) {
    wire.hear(0, kMember, hex);
    EXPECT_THAT(wire.table(0), IsEmpty()) << hex;
  }
  EXPECT_THAT(wire.poll(1), IsEmpty());
}

TEST(QuerierInput, ReportsWithoutAnAddressAreTaken) {  // RFC 3376, section 4.2.13
  QuerierWire wire;
  wire.hear(0, 0, "220000000000000104000000ef010203");
  EXPECT_THAT(wire.table(0), ElementsAre("239.1.2.3 EX 260"));
}

TEST(QuerierInput, LeavesToTheGroupAreTaken) {
  QuerierWire wire;
  wire.hear(0, kMember, "16000000ef010203");
  wire.querier.receive(0, kMember, kGroup, 1, message("17000000ef010203"));
  EXPECT_THAT(wire.table(0), ElementsAre("239.1.2.3 EX 2"));
}

TEST(QuerierInput, SourcesOf232AreTaken) {
  QuerierWire wire;
  wire.hear(0, kMember, "220000000000000105000001e80102030a090001");
  EXPECT_THAT(wire.table(0), ElementsAre("232.1.2.3 IN {10.9.0.1=260}"));
  wire.hear(0, kMember, "17000000e8010203");  // version 2 has no say here
  EXPECT_THAT(wire.table(0), ElementsAre("232.1.2.3 IN {10.9.0.1=260}"));
  EXPECT_EQ(wire.querier.count(C::kSsmMode), 1u);
}

std::string join_of(uint32_t group) {
  std::vector<uint8_t> bytes(4);
  store_be32(bytes.data(), group);
  return "220000000000000104000000" + packets::to_hex(bytes);
}

TEST(QuerierBounds, GroupsBeyondTheTableAreCounted) {
  QuerierWire wire({.max_groups = 3});
  for (uint32_t i = 0; i < 5; ++i) wire.hear(0, kMember, join_of(kGroup + i));
  EXPECT_EQ(wire.table(0).size(), 3u);
  EXPECT_EQ(wire.querier.count(C::kGroupsFull), 2u);
  wire.hear(kS, kMember, join_of(kGroup + 1));
  EXPECT_EQ(wire.querier.count(C::kGroupsFull), 2u) << "one that is there";
  wire.run_until(260 * kS);
  EXPECT_EQ(wire.table(260 * kS).size(), 1u);
  wire.hear(260 * kS, kMember, join_of(kGroup + 4));
  EXPECT_THAT(wire.table(260 * kS), ElementsAre("239.1.2.4 EX 1", "239.1.2.7 EX 260")) << "room again";
}

TEST(QuerierBounds, RoomIsFoundAsSoonAsAGroupIsGone) {
  QuerierWire wire({.max_groups = 1});
  wire.hear(0, kMember, "220000000000000105000001ef0102030a090001");
  wire.hear(260 * kS, kMember, "220000000000000106000001ef0102030a090001");  // expires what nothing polled
  wire.hear(260 * kS, kMember, join_of(kGroup + 1));
  EXPECT_THAT(wire.table(260 * kS), ElementsAre("239.1.2.4 EX 260"));
  EXPECT_EQ(wire.querier.count(C::kGroupsFull), 0u);
}

TEST(QuerierBounds, SourcesBeyondTheirGroupsRoomAreCounted) {
  QuerierWire wire({.max_sources_a_group = 2});
  wire.hear(0, kMember, "220000000000000105000003ef0102030a0900010a0900020a090003");
  EXPECT_THAT(wire.table(0), ElementsAre("239.1.2.3 IN {10.9.0.1=260 10.9.0.2=260}"));
  EXPECT_EQ(wire.querier.count(C::kSourcesFull), 1u);
}

TEST(QuerierBounds, ThousandsExpireAFewAPoll) {
  QuerierWire wire;
  for (uint32_t i = 0; i < 2000; ++i) wire.hear(0, kMember, join_of(kGroup + i));
  EXPECT_EQ(wire.querier.status(0).groups, 2000u);
  const TimeNs end = 260 * kS;
  size_t polls = 0;
  size_t groups = 2000;
  while (wire.querier.next_due() <= end + kS) {
    EXPECT_THAT(wire.poll(std::max(end, wire.querier.next_due())), IsEmpty());
    const size_t left = wire.querier.status(end).groups;
    EXPECT_LE(groups - left, Querier::kMaxGroupsAPoll);
    groups = left;
    ASSERT_LT(++polls, 100u);
  }
  EXPECT_EQ(groups, 0u);
}

TEST(QuerierBounds, ThousandsOfLeavesAreAskedAboutAFewAPoll) {
  QuerierWire wire;
  for (uint32_t i = 0; i < 1000; ++i) wire.hear(0, kMember, join_of(kGroup + i));
  for (uint32_t i = 0; i < 1000; ++i) {
    std::string leave = join_of(kGroup + i);
    leave[17] = '3';
    wire.hear(10 * kS, kMember, leave);
  }
  size_t queries = 0;
  size_t polls = 0;
  for (; wire.querier.next_due() <= 10 * kS; ++polls) {
    queries += wire.poll(10 * kS).size();
    ASSERT_LT(polls, 100u);
  }
  // Beyond the allowance members just expire.
  EXPECT_EQ(queries, Querier::kSpecificBurst);
  EXPECT_EQ(wire.querier.count(QuerierCounter::kSpecificLimited), 1000 - Querier::kSpecificBurst);
  EXPECT_GE(polls, Querier::kSpecificBurst / Querier::kMaxFramesAPoll);
}

TEST(QuerierBounds, SoManyRecordsAreAppliedASecond) {
  QuerierWire wire;
  const auto report_all = [&](TimeNs now) {
    for (uint32_t i = 0; i < 2000; ++i) wire.hear(now, kMember, join_of(kGroup + i));
    return wire.querier.count(C::kRecordsLimited);
  };
  EXPECT_EQ(report_all(0), 0u);
  EXPECT_EQ(report_all(0), 0u) << "a second host in every group";
  EXPECT_EQ(report_all(0), 3 * 2000 - Querier::kRecordsBurst);
  EXPECT_EQ(wire.querier.status(0).groups, 2000u);
  EXPECT_EQ(report_all(kS), 3 * 2000 - Querier::kRecordsBurst) << "a second later";
}

TEST(QuerierBounds, SourcesCountAmongTheRecords) {
  QuerierWire wire;
  std::string report = "220000000000000105000010ef010203";
  for (const char digit : std::string_view("0123456789abcdef")) report += std::string("0a09000") + digit;
  for (int i = 0; i < 2000; ++i) wire.hear(0, kMember, report);
  // The first brings the sources: 1 + 16 / 8 of the allowance; later ones meet as many there.
  const uint64_t applied = 1 + (Querier::kRecordsBurst - 3) / 5;
  EXPECT_EQ(wire.querier.count(C::kRecordsLimited), 2000 - applied);
}

TEST(QuerierBounds, JoiningAndLeavingInTurnDrawsNoFloodOfQueries) {
  QuerierWire wire;
  wire.start(100 * kS);
  std::string leave = join_of(kGroup);
  leave[17] = '3';
  size_t queries = 0;
  for (TimeNs now = 100 * kS; now < 110 * kS; now += kNsPerMs) {
    wire.hear(now, kMember, join_of(kGroup));
    wire.hear(now, kMember, leave);
    queries += wire.poll(now).size();
  }
  EXPECT_LE(queries, 2 * (Querier::kSpecificBurst + 10 * Querier::kSpecificPerSecond));
}

TEST(QuerierConfig, WhatIsImpossibleIsRefused) {
  const QuerierConfig rows[] = {
      {.mtu = 67},
      {.version = Version::kV1},
      {.robustness = 0},
      {.robustness = 8},
      {.query_interval_ns = 0},
      {.query_interval_ns = 31745 * kS},
      {.query_response_interval_ns = 0},
      {.query_response_interval_ns = 126 * kS},
      {.version = Version::kV2, .query_response_interval_ns = 26 * kS},
      {.last_member_query_interval_ns = 99 * kNsPerMs},
      {.version = Version::kV2, .last_member_query_interval_ns = 26 * kS},
      {.max_sources_a_group = 65},
  };
  for (const QuerierConfig& config : rows) EXPECT_THROW(Querier(config, [](Bytes) {}), Error);
  EXPECT_NO_THROW(Querier({.query_response_interval_ns = 26 * kS, .max_groups = 0}, [](Bytes) {}));
}

}  // namespace
}  // namespace linecast::igmp
