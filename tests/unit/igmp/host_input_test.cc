// What a host must not act on: each is counted under its name, and nothing becomes due.
#include "tests/unit/igmp/wire.h"

namespace linecast::igmp {
namespace {

constexpr Ipv4 kUsual = 1;

struct Row {
  const char* what;
  const char* hex;  // the checksum is put right, unless broken
  HostCounter counter;
  uint8_t ttl = 1;
  bool break_checksum = false;
  Ipv4 destination = kUsual;
  Ipv4 source = kRouter;
};

constexpr Row kRows[] = {
    {"shorter than any message", "11640000000000", HostCounter::kBadLength},
    {"between versions 2 and 3", "1164000000000000027d00", HostCounter::kBadLength},
    {"65,535 sources claimed", "1164000000000000027dffff", HostCounter::kBadLength},
    {"65,535 sources claimed, one there", "110a0000ef010203027dffff0a090001", HostCounter::kBadLength},
    {"a source cut off", "110a0000ef010203027d00010a0900", HostCounter::kBadLength},
    {"TTL 2", "1164000000000000", HostCounter::kBadTtl, 2},
    {"TTL 0", "1164000000000000", HostCounter::kBadTtl, 0},
    {"report with another TTL", "16000000ef010203", HostCounter::kBadTtl, 64},
    {"v2 checksum", "1164000000000000", HostCounter::kBadChecksum, 1, true},
    {"v3 checksum over the whole length", "110a0000ef010203027d00010a090001", HostCounter::kBadChecksum, 1,
     true},
    {"checksum over what follows the sources", "1164000000000000027d000000000000", HostCounter::kBadChecksum,
     1, true},
    {"report's checksum", "16000000ef010203", HostCounter::kBadChecksum, 1, true},
    {"general query to another host", "1164000000000000", HostCounter::kBadDestination, 1, false, 0x0a000002},
    {"general query to a group", "1164000000000000", HostCounter::kBadDestination, 1, false, kGroup},
    {"general query to nobody", "1164000000000000", HostCounter::kBadDestination, 1, false, 0},
    {"v1 query to a group", "1100000000000000", HostCounter::kBadDestination, 1, false, kGroup},
    {"group query to another group", "110a0000ef010203", HostCounter::kBadDestination, 1, false, kGroup + 1},
    {"report to another group", "16000000ef010203", HostCounter::kBadDestination, 1, false, kGroup + 1},
    {"report to all hosts", "16000000ef010203", HostCounter::kBadDestination, 1, false, kAllHosts},
    {"query for a group that is not joined", "110a0000ef010209", HostCounter::kNotJoined},
    {"query for all hosts' group", "110a0000e0000001", HostCounter::kNotJoined},
    {"query for a unicast address", "110a00000a000001", HostCounter::kBadGroup},
    {"general query with sources", "110a000000000000027d00010a090001", HostCounter::kBadGroup},
    {"own report come back", "16000000ef010203", HostCounter::kOwnReports, 1, false, kUsual, kAddress},
    {"report for a group that is not joined", "16000000ef010209", HostCounter::kIgnored},
    {"report while nothing is pending", "16000000ef010203", HostCounter::kIgnored},
    {"leave", "17000000ef010203", HostCounter::kIgnored},
    {"v3 report", "220000000000000104000000ef010203", HostCounter::kIgnored},
    {"DVMRP", "1301000000000000", HostCounter::kIgnored, 64},
    {"unknown type", "ff00000000000000", HostCounter::kIgnored},
};

TEST(HostInput, WhatIsNotTakenIsCountedAndChangesNothing) {
  for (const std::optional<Version> forced : {std::optional(Version::kV1), std::optional(Version::kV2),
                                              std::optional(Version::kV3), std::optional<Version>()}) {
    for (const Row& row : kRows) {
      SCOPED_TRACE(row.what);
      Wire wire(forced);
      wire.host.join(0, kGroup, 0);
      const TimeNs now = settle(wire);
      const uint64_t sent = wire.host.count(HostCounter::kReportsSent);
      std::vector<uint8_t> bytes = message(row.hex);
      if (row.break_checksum) bytes.back() ^= 1;
      wire.host.receive(now, row.source,
                        row.destination == kUsual ? usual_destination(bytes) : row.destination, row.ttl,
                        bytes);
      EXPECT_EQ(wire.host.version(), forced.value_or(Version::kV3));
      // A query for others is still a query, and may tell of an older version.
      if (row.counter == HostCounter::kNotJoined) continue;
      EXPECT_EQ(wire.host.next_due(), kNever);
      for (size_t i = 0; i < kHostCounterCount; ++i) {
        const auto counter = static_cast<HostCounter>(i);
        const uint64_t before = counter == HostCounter::kReportsSent ? sent : 0;
        EXPECT_EQ(wire.host.count(counter), before + (counter == row.counter ? 1u : 0u))
            << kHostCounterTexts[i].name;
      }
    }
  }
}

TEST(HostInput, AQueryForAGroupThatIsNotJoinedDrawsNothing) {
  for (const Version version : {Version::kV1, Version::kV2, Version::kV3}) {
    Wire wire(version);
    wire.host.join(0, kGroup, 0);
    const TimeNs now = settle(wire);
    wire.query(now, "110a0000ef010209");
    EXPECT_EQ(wire.host.next_due(), kNever);
    EXPECT_EQ(wire.host.count(HostCounter::kNotJoined), 1u);
    EXPECT_EQ(wire.host.count(HostCounter::kQueries), 0u);
  }
}

TEST(HostInput, AnEmptyMessageIsTooShort) {
  Wire wire(Version::kV3);
  wire.host.receive(0, kRouter, kAllHosts, 1, {});
  EXPECT_EQ(wire.host.count(HostCounter::kBadLength), 1u);
}

TEST(HostInput, QueriesFromAHostWithoutAddressAreTaken) {
  for (const Version version : {Version::kV1, Version::kV2, Version::kV3}) {
    Wire wire(version);
    wire.host.join(0, kGroup, 0);
    const TimeNs now = settle(wire);
    wire.hear(now, 0, "1164000000000000");
    EXPECT_NE(wire.host.next_due(), kNever);
    EXPECT_EQ(wire.host.count(HostCounter::kQueries), 1u);
  }
}

// RFC 3376, section 4.1.12: whichever of the interface's addresses it is sent to.
TEST(HostInput, QueriesToAnyOfItsAddressesAreTaken) {
  struct {
    const char* hex;
    Ipv4 destination;
  } const rows[] = {{"1164000000000000", kAllHosts},
                    {"1164000000000000", kAddress},
                    {"110a0000ef010203", kGroup},
                    {"110a0000ef010203", kAllHosts},
                    {"110a0000ef010203", kAddress}};
  for (const auto& row : rows) {
    Wire wire(Version::kV3);
    wire.host.join(0, kGroup, 0);
    const TimeNs now = settle(wire);
    wire.host.receive(now, kRouter, row.destination, 1, message(row.hex));
    EXPECT_EQ(wire.run_until(now + 10 * kNsPerSecond).size(), 1u) << row.hex << to_string(row.destination);
  }
}

TEST(HostInput, QueriesOfItsOwnQuerierAreTaken) {
  Wire wire(Version::kV3);
  wire.host.join(0, kGroup, 0);
  const TimeNs now = settle(wire);
  wire.hear(now, kAddress, "1164000000000000027d0000");
  EXPECT_EQ(wire.run_until(now + 10 * kNsPerSecond).size(), 1u);
}

TEST(HostInput, QueriesBeforeAnyJoinAreQuiet) {
  for (const Version version : {Version::kV1, Version::kV2, Version::kV3}) {
    Wire wire(version);
    wire.query(0, "1164000000000000");
    EXPECT_EQ(wire.host.next_due(), kNever);
    EXPECT_TRUE(wire.poll(0).empty());
  }
}

TEST(HostInput, ReservedFieldsOfAQueryAreIgnored) {
  Wire wire(Version::kV3);
  wire.host.join(0, kGroup, 0);
  const TimeNs now = settle(wire);
  wire.query(now, "110a0000ef010203fa7d0000ffff");  // reserved bits set, and two bytes more
  EXPECT_EQ(wire.run_until(now + kNsPerSecond).size(), 1u);
}

}  // namespace
}  // namespace linecast::igmp
