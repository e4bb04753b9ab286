// Thousands of groups: in time, bounded, and small.
#include <gmock/gmock.h>

#include <map>

#include "tests/unit/igmp/wire.h"

namespace linecast::igmp {
namespace {

constexpr int kGroups = 2000;

void join_all(Host& host, TimeNs now) {
  for (int i = 0; i < kGroups; ++i) host.join(now, kGroup + static_cast<Ipv4>(i * 7919 % kGroups), 0);
}

struct QueryRow {
  Version version;
  const char* query;
  TimeNs within_ns;
};

TEST(HostScale, AllReportsWithinMaxRespTime) {
  const QueryRow rows[] = {
      {Version::kV1, "1100000000000000", 10 * kNsPerSecond},
      {Version::kV2, "1164000000000000", 10 * kNsPerSecond},
      {Version::kV2, "110a000000000000", kNsPerSecond},
      {Version::kV3, "1164000000000000027d0000", 10 * kNsPerSecond},
      {Version::kV3, "110a000000000000027d0000", kNsPerSecond},
  };
  for (const QueryRow& row : rows) {
    std::map<Ipv4, int> reported;
    size_t polls = 0;
    const HostConfig config{.mac = kMac, .address = kAddress, .forced = row.version};
    Host host(config, Random(7), [&](Bytes frame) {
      const Bytes message = net::parse_frame(frame, {}).payload;
      if (message[0] != 0x22) {
        ++reported[load_be32(&message[4])];
        return;
      }
      RecordReader records(message);
      while (const auto record = records.next()) ++reported[record->group];
    });
    join_all(host, 0);
    while (host.next_due() != kNever) host.poll(host.next_due());
    reported.clear();

    const TimeNs asked = 100 * kNsPerSecond;
    const auto bytes = message(row.query);
    host.receive(asked, kRouter, kAllHosts, 1, bytes);
    for (; host.next_due() <= asked + row.within_ns; ++polls) {
      host.poll(host.next_due());
      ASSERT_LT(polls, 5000u);
    }
    EXPECT_EQ(host.next_due(), kNever);
    EXPECT_EQ(reported.size(), static_cast<size_t>(kGroups));
    for (const auto& [group, times] : reported) ASSERT_EQ(times, 1) << to_string(group);
    // One a tick, not one a group: the scan of the due times is shared.
    EXPECT_LE(polls, static_cast<size_t>(row.within_ns / Host::kTickNs) + 1);
  }
}

TEST(HostScale, AFloodOfQueriesDrawsNoTimerTwice) {
  for (const Version version : {Version::kV1, Version::kV2, Version::kV3}) {
    size_t frames = 0;
    Host host({.mac = kMac, .address = kAddress, .forced = version}, Random(7), [&](Bytes) { ++frames; });
    join_all(host, 0);
    while (host.next_due() != kNever) host.poll(host.next_due());
    frames = 0;
    const auto query = message("1164000000000000");
    const TimeNs start = 100 * kNsPerSecond;
    for (TimeNs now = start; now < start + 10 * kNsPerSecond; now += kNsPerMs) {
      host.receive(now, kRouter, kAllHosts, 1, query);
      host.poll(now);
    }
    EXPECT_GE(frames, version == Version::kV3 ? 11u : 1900u);
    EXPECT_LE(frames, 2u * kGroups) << "about one a group and Max Resp Time";
  }
}

TEST(HostScale, StateIsUnderAKilobyteAGroup) {
  const Host host({.mac = kMac, .address = kAddress, .max_groups = 2000, .max_sources = 4000}, Random(1),
                  [](Bytes) {});
  EXPECT_LT(host.table_memory(), 2000u * 1024);
  EXPECT_LE(host.table_memory(), 2000u * 64) << "with two sources each";
  EXPECT_LT(sizeof(Host), 1024u) << "what is not in the table";
}

TEST(HostScale, FullTablesRefuseByName) {
  HostConfig config{
      .mac = kMac, .address = kAddress, .forced = Version::kV3, .max_groups = 3, .max_sources = 70};
  Wire wire(config);
  for (Ipv4 i = 0; i < 3; ++i) EXPECT_TRUE(wire.host.join(0, kGroup + i, 0));
  EXPECT_FALSE(wire.host.join(0, kGroup + 3, 0));
  EXPECT_EQ(wire.host.count(HostCounter::kJoinsRefused), 1u);
  for (Ipv4 i = 0; i < MembershipTable::kMaxSourcesAGroup; ++i)
    EXPECT_TRUE(wire.host.join(0, kGroup, kSource + i)) << i;
  EXPECT_FALSE(wire.host.join(0, kGroup, kSource + 1000)) << "of one group";
  for (Ipv4 i = 0; i < 6; ++i) EXPECT_TRUE(wire.host.join(0, kGroup + 1, kSource + i));
  EXPECT_FALSE(wire.host.join(0, kGroup + 1, kSource + 6)) << "of all groups";
  EXPECT_EQ(wire.host.count(HostCounter::kJoinsRefused), 3u);
  EXPECT_TRUE(wire.host.join(0, kGroup + 1, kSource)) << "one that is there";
  settle(wire);
  wire.host.leave(20 * kNsPerSecond, kGroup, 0);
  for (Ipv4 i = 0; i < MembershipTable::kMaxSourcesAGroup; ++i)
    wire.host.leave(20 * kNsPerSecond, kGroup, kSource + i);
  wire.run_until(30 * kNsPerSecond);
  EXPECT_TRUE(wire.host.join(30 * kNsPerSecond, kGroup + 3, 0)) << "room again";
  EXPECT_TRUE(wire.host.join(30 * kNsPerSecond, kGroup + 3, kSource));
}

TEST(HostScale, JoinsAreCountedUpToAsManyAsCanBeCounted) {
  for (const Ipv4 source : {Ipv4{0}, kSource}) {
    Wire wire(Version::kV3);
    for (int i = 0; i < UINT16_MAX; ++i) ASSERT_TRUE(wire.host.join(0, kGroup, source));
    EXPECT_FALSE(wire.host.join(0, kGroup, source)) << "or it would be as if nobody had joined";
    EXPECT_EQ(wire.host.count(HostCounter::kJoinsRefused), 1u);
  }
}

TEST(HostScale, ARefusedSourceLeavesNoGroupBehind) {
  Wire wire({.mac = kMac, .address = kAddress, .forced = Version::kV3, .max_groups = 1, .max_sources = 0});
  EXPECT_FALSE(wire.host.join(0, kGroup, kSource));
  EXPECT_TRUE(wire.host.join(0, kGroup + 1, 0)) << "takes its place";
  EXPECT_EQ(wire.host.status(0).groups, 1u);
}

TEST(HostScale, WhatIsNoGroupIsRefusedAndLocalGroupsAreNeverReported) {
  for (const Version version : {Version::kV1, Version::kV2, Version::kV3}) {
    Wire wire(version);
    EXPECT_FALSE(wire.host.join(0, 0x0a000001, 0));
    EXPECT_EQ(wire.host.count(HostCounter::kJoinsRefused), 1u);
    for (const Ipv4 group : {kAllHosts, kAllRouters, 0xe00000fbu, 0xe00000ffu})
      EXPECT_TRUE(wire.host.join(0, group, 0));
    EXPECT_TRUE(wire.poll(0).empty());
    wire.query(0, "1101000000000000");
    wire.query(0, "11010000e00000fb");
    EXPECT_TRUE(wire.run_until(kNsPerSecond).empty());
    wire.host.leave_all(kNsPerSecond);
    EXPECT_TRUE(wire.sent().empty());
  }
}

// The most records that a poll must hold at once: all sources changed and asked for, 7 a frame.
TEST(HostScale, AGroupOfManySourcesFitsAPoll) {
  Wire wire(Version::kV3, kMinMtu);
  for (Ipv4 g = 0; g < 4; ++g)
    for (Ipv4 i = 0; i < MembershipTable::kMaxSourcesAGroup; ++i) wire.host.join(0, kGroup + g, kSource + i);
  wire.query(0, "1100000000000000027d0000");
  size_t polls = 0;
  for (TimeNs now = 100 * kNsPerMs; wire.host.next_due() != kNever;
       now = std::max(now, wire.host.next_due())) {
    EXPECT_LE(wire.poll(now).size(), Host::kMaxFramesAPoll);
    ASSERT_LT(++polls, 50u);
  }
}

}  // namespace
}  // namespace linecast::igmp
