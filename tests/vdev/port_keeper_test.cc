// A port is set up anew only while no lane touches it.
#include "app/linecast/port_keeper.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "lib/base/error.h"
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

// What the input's host has said since the last call, and says within a second from now.
std::vector<std::vector<uint8_t>> said(LaneBed& bed, TimeNs now) {
  for (const TimeNs end = now + kNsPerSecond; now < end; now += 10 * kNsPerMs) bed.lane().poll(now);
  return bed.sent(0);
}

bool any_igmp(const std::vector<std::vector<uint8_t>>& frames) {
  for (const auto& frame : frames)
    if (net::parse_frame(frame, {}).kind == net::FrameKind::kIgmp) return true;
  return false;
}

// A lane and its keeper, the first burst of reports over.
class KeptPort : public testing::Test {
 protected:
  KeptPort() {
    bed.lane().host(0).join(kStart, LaneBed::source_group(0), 0);
    for (int i = 0; i < 5; ++i, now += kNsPerSecond) said(bed, now);
  }
  void turn() {
    keeper.tick(now);
    bed.lane().poll(now);
  }

  LaneBed bed{BedOptions{}};
  app::PortKeeper keeper{bed.port(0), 0, bed.lanes()};
  TimeNs now = kStart;
};

TEST_F(KeptPort, ACardThatAsksForItIsSetUpAnewAndJoinsAgain) {
  EXPECT_FALSE(bed.port(0).wants_reset());
  bed.in_memory().raise_reset();
  EXPECT_TRUE(bed.port(0).wants_reset());
  turn();
  EXPECT_FALSE(keeper.running());
  bed.in_memory().raise_reset();  // again, while lanes let go of it: one reset is enough
  for (int i = 0; i < 3; ++i) turn();
  EXPECT_TRUE(keeper.running());
  EXPECT_FALSE(bed.port(0).wants_reset());
  const auto frames = said(bed, now);
  EXPECT_TRUE(any_arp(frames));
  EXPECT_TRUE(any_igmp(frames));
  for (int i = 0; i < 3; ++i) turn();
  EXPECT_EQ(keeper.resets(), 1u);
  // A card may ask more than once.
  bed.in_memory().raise_reset();
  for (int i = 0; i < 4; ++i) turn();
  EXPECT_EQ(keeper.resets(), 2u);
}

TEST_F(KeptPort, AnnouncesAndJoinsAgainWhenTheLinkComesUpAndNotWhenItGoesDown) {
  bed.in_memory().set_link(false);
  turn();
  turn();
  EXPECT_EQ(keeper.link_changes(), 1u);
  auto frames = said(bed, now);
  EXPECT_FALSE(any_arp(frames) || any_igmp(frames));
  bed.in_memory().set_link(true);
  turn();
  turn();
  EXPECT_EQ(keeper.link_changes(), 2u);
  frames = said(bed, now + kNsPerSecond);
  EXPECT_TRUE(any_arp(frames));
  EXPECT_TRUE(any_igmp(frames));
}

// A port that reads a capture can't start where there is none.
TEST(PortKeeper, TriesAResetThatFailsAgainAfterASecond) {
  const std::filesystem::path capture =
      std::filesystem::temp_directory_path() / fmt::format("linecast-keeper-{}.pcap", getpid());
  std::filesystem::path hidden = capture;
  hidden += ".hidden";
  // Magic number, version 2.4, zone, accuracy, longest frame, Ethernet; and no frame.
  constexpr std::array<uint32_t, 6> kEmpty{0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1};
  std::ofstream(capture, std::ios::binary).write(reinterpret_cast<const char*>(kEmpty.data()), sizeof kEmpty);

  LaneBed bed(BedOptions{});
  drivers::PortConfig config;
  config.name = "file";
  config.device = "net_pcap0";
  drivers::make_device(config.device, "rx_pcap=" + capture.string());
  drivers::Port port(config, bed.receive_pool());
  app::PortKeeper keeper(port, 0, bed.lanes());
  TimeNs now = kStart;
  const auto turn = [&] {
    keeper.tick(now);
    bed.lane().poll(now);
  };

  std::filesystem::rename(capture, hidden);
  keeper.ask_reset();
  for (int i = 0; i < 3; ++i) turn();
  EXPECT_EQ(keeper.resets(), 0u);
  EXPECT_NE(keeper.error().find("port file: does not start"), std::string::npos) << keeper.error();
  EXPECT_FALSE(keeper.running());
  now += kNsPerSecond;
  for (int i = 0; i < 3; ++i) turn();
  EXPECT_EQ(keeper.resets(), 0u) << "it still can't";
  std::filesystem::rename(hidden, capture);
  now += kNsPerSecond - 1;
  for (int i = 0; i < 3; ++i) turn();
  EXPECT_EQ(keeper.resets(), 0u) << "it is not hammered";
  now += 1;
  for (int i = 0; i < 3; ++i) turn();
  EXPECT_EQ(keeper.resets(), 1u);
  EXPECT_TRUE(keeper.running());
  EXPECT_TRUE(keeper.error().empty());
  std::filesystem::remove(capture);
}

}  // namespace
}  // namespace linecast
