// What a host must not act on: each is counted under its name, and nothing becomes due.
#include "tests/unit/igmp/wire.h"

namespace linecast::igmp {
namespace {

struct Row {
  const char* what;
  const char* hex;  // the checksum is put right, unless broken
  HostCounter counter;
  uint8_t ttl = 1;
  bool break_checksum = false;
};

constexpr Row kRows[] = {
    {"shorter than any message", "11640000000000", HostCounter::kBadLength},
    {"between versions 2 and 3", "1164000000000000027d00", HostCounter::kBadLength},
    {"65,535 sources claimed", "1164000000000000027dffff", HostCounter::kBadLength},
    {"a source cut off", "110a0000ef010203027d00010a0900", HostCounter::kBadLength},
    {"TTL 2", "1164000000000000", HostCounter::kBadTtl, 2},
    {"TTL 0", "1164000000000000", HostCounter::kBadTtl, 0},
    {"report with another TTL", "16000000ef010203", HostCounter::kBadTtl, 64},
    {"v2 checksum", "1164000000000000", HostCounter::kBadChecksum, 1, true},
    {"v3 checksum over the whole length", "110a0000ef010203027d00010a090001", HostCounter::kBadChecksum, 1,
     true},
    {"report's checksum", "16000000ef010203", HostCounter::kBadChecksum, 1, true},
    {"query for a group that is not joined", "110a0000ef010209", HostCounter::kIgnored},
    {"query for a unicast address", "110a00000a000001", HostCounter::kIgnored},
    {"general query with sources", "110a000000000000027d00010a090001", HostCounter::kIgnored},
    {"report for a group that is not joined", "16000000ef010209", HostCounter::kIgnored},
    {"report while nothing is pending", "16000000ef010203", HostCounter::kIgnored},
    {"leave", "17000000ef010203", HostCounter::kIgnored},
    {"v3 report", "220000000000000104000000ef010203", HostCounter::kIgnored},
    {"DVMRP", "1301000000000000", HostCounter::kIgnored, 64},
    {"unknown type", "ff00000000000000", HostCounter::kIgnored},
};

TEST(HostInput, WhatIsNotTakenIsCountedAndChangesNothing) {
  for (const Version version : {Version::kV2, Version::kV3}) {
    for (const Row& row : kRows) {
      SCOPED_TRACE(row.what);
      Wire wire(version);
      wire.host.join(0, kGroup, 0);
      const TimeNs now = settle(wire);
      std::vector<uint8_t> bytes = message(row.hex);
      if (row.break_checksum) bytes.back() ^= 1;
      wire.host.receive(now, kRouter, row.ttl, bytes);
      EXPECT_EQ(wire.host.next_due(), kNever);
      for (size_t i = 0; i < kHostCounterCount; ++i) {
        const auto counter = static_cast<HostCounter>(i);
        if (counter == HostCounter::kReportsSent) continue;
        EXPECT_EQ(wire.host.count(counter), counter == row.counter ? 1u : 0u) << kHostCounterTexts[i].name;
      }
    }
  }
}

TEST(HostInput, AnEmptyMessageIsTooShort) {
  Wire wire(Version::kV3);
  wire.host.receive(0, kRouter, 1, {});
  EXPECT_EQ(wire.host.count(HostCounter::kBadLength), 1u);
}

TEST(HostInput, QueriesFromAHostWithoutAddressAreTaken) {
  for (const Version version : {Version::kV2, Version::kV3}) {
    Wire wire(version);
    wire.host.join(0, kGroup, 0);
    const TimeNs now = settle(wire);
    wire.host.receive(now, 0, 1, message("1164000000000000"));
    EXPECT_NE(wire.host.next_due(), kNever);
    EXPECT_EQ(wire.host.count(HostCounter::kQueries), 1u);
  }
}

TEST(HostInput, QueriesBeforeAnyJoinAreQuiet) {
  for (const Version version : {Version::kV2, Version::kV3}) {
    Wire wire(version);
    wire.host.receive(0, kRouter, 1, message("1164000000000000"));
    EXPECT_EQ(wire.host.next_due(), kNever);
    EXPECT_TRUE(wire.poll(0).empty());
  }
}

}  // namespace
}  // namespace linecast::igmp
