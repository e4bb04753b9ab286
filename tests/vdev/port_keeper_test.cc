// A port is set up anew only while no lane touches it.
#include "app/linecast/port_keeper.h"

#include <gtest/gtest.h>

#include "tests/vdev/lane_bed.h"

namespace linecast {
namespace {

constexpr TimeNs kStart = 10 * kNsPerSecond;

bool any_arp(const std::vector<std::vector<uint8_t>>& frames) {
  for (const auto& frame : frames)
    if (net::parse_frame(frame, {}).kind == net::FrameKind::kArp) return true;
  return false;
}

TEST(PortKeeper, ResetsAPortOnlyOnceEveryLaneHasLetGoOfIt) {
  BedOptions options;
  options.lanes = 2;
  LaneBed bed(options);
  app::PortKeeper keeper(bed.port(0), 0, bed.lanes());
  bed.lane(0).poll(kStart);
  bed.sent(0);
  EXPECT_TRUE(keeper.running());
  keeper.tick(kStart);
  keeper.ask_reset();
  EXPECT_FALSE(keeper.running());
  keeper.tick(kStart);  // has the lanes pause
  bed.lane(0).poll(kStart);
  for (int i = 0; i < 3; ++i) keeper.tick(kStart);
  EXPECT_EQ(keeper.resets(), 0u) << "lane 1 may still send by it";
  bed.lane(1).poll(kStart);
  keeper.tick(kStart);
  EXPECT_EQ(keeper.resets(), 1u);
  EXPECT_FALSE(keeper.running()) << "the lanes do not have it back yet";
  bed.lane(0).poll(kStart);
  bed.lane(1).poll(kStart);
  EXPECT_FALSE(any_arp(bed.sent(0)));
  keeper.tick(kStart);
  EXPECT_TRUE(keeper.running());
  EXPECT_TRUE(keeper.error().empty());
  for (TimeNs now = kStart; now < kStart + kNsPerSecond; now += 10 * kNsPerMs) bed.lane(0).poll(now);
  EXPECT_TRUE(any_arp(bed.sent(0))) << "its host announces itself";

  // It carries again.
  bed.sent(1);
  bed.feed(feed_frame(0, ts_payload(7, 1)));
  bed.lane(0).poll(kStart + kNsPerSecond);
  EXPECT_EQ(bed.count(0, app::ChannelCounter::kPacketsSent), 1u);
}

TEST(PortKeeper, TellsNothingWhereTheLinkStaysUp) {
  LaneBed bed(BedOptions{});
  app::PortKeeper keeper(bed.port(0), 0, bed.lanes());
  for (TimeNs now = kStart; now < kStart + kNsPerSecond; now += 100 * kNsPerMs) {
    keeper.tick(now);
    bed.lane().poll(now);
  }
  EXPECT_EQ(keeper.link_changes(), 0u);
  EXPECT_EQ(bed.count(app::LaneCounter::kCommandsDone), 0u);
}

}  // namespace
}  // namespace linecast
