// A running lane is given other channels: by steps, and what does not change goes on.
#include "app/linecast/lane_call.h"
#include "tests/vdev/requests.h"

namespace linecast {
namespace {

// Polls until the lane has carried the change out; returns in how many turns.
int carry_out(LaneBed& bed, app::LaneChange& change, TimeNs now) {
  app::LaneCall call;
  call.command.kind = app::LaneCommand::Kind::kChange;
  call.command.change = &change;
  call.issue(bed.lane());
  int turns = 0;
  while (!call.done() && turns < 1000) {
    bed.lane().poll(now);
    ++turns;
  }
  EXPECT_TRUE(call.done());
  return turns;
}

app::LaneChange swap(size_t slot, std::unique_ptr<app::LaneChannel> channel) {
  app::LaneChange change;
  change.swaps.push_back({slot, std::move(channel)});
  return change;
}

TEST_F(Requests, AChannelComesAndAnotherGoes) {
  BedOptions options;
  options.channels = 2;
  options.free_slots = 1;
  make(options);
  LaneBed& bed = *bed_;
  bed.feed(feed_frame(2, ts_payload(7, 1)));
  bed.lane().poll(kStart);
  EXPECT_EQ(bed.count(app::LaneCounter::kNoFlow), 1u);

  app::LaneChange install = swap(2, bed.make_channel(2));
  carry_out(bed, install, kStart);
  const auto directory = bed.further_directory(2, 1);
  app::LaneChange adopt;
  adopt.directory = directory.get();
  carry_out(bed, adopt, kStart);
  app::LaneChange retire = swap(1, nullptr);
  carry_out(bed, retire, kStart);
  ASSERT_NE(retire.swaps[0].stream.channel, nullptr) << "the control lcore has it back";
  EXPECT_EQ(bed.lane().channel(1), nullptr);

  for (size_t i = 0; i < 3; ++i) bed.feed(feed_frame(i, ts_payload(7, 1)));
  bed.lane().poll(kStart);
  EXPECT_EQ(bed.lane().channel(0)->counters().get(ChannelCounter::kPacketsSent), 1u);
  EXPECT_EQ(bed.lane().channel(2)->counters().get(ChannelCounter::kPacketsSent), 1u);
  EXPECT_EQ(bed.count(app::LaneCounter::kNoFlow), 2u) << "the one that went is nobody's";
  // Its timers run: heartbeats of both that are left, none of the one that went.
  const uint64_t before = retire.swaps[0].stream.channel->counters().get(ChannelCounter::kHeartbeatsSent);
  for (TimeNs now = kStart; now < kStart + kNsPerSecond; now += kNsPerMs) bed.lane().poll(now);
  EXPECT_GT(bed.lane().channel(2)->counters().get(ChannelCounter::kHeartbeatsSent), 2u);
  EXPECT_EQ(retire.swaps[0].stream.channel->counters().get(ChannelCounter::kHeartbeatsSent), before);
}

TEST_F(Requests, AChannelThatGoesTakesItsPendingRepairsWithIt) {
  make({});
  send(64);
  // More than one turn's repairs.
  deliver(request({{1, 0xffff}, {18, 0xffff}, {35, 0xffff}}, 64));
  bed_->lane().poll(kStart + 1);
  app::LaneChange retire = swap(0, nullptr);
  carry_out(*bed_, retire, kStart + 1);
  const auto& counters = retire.swaps[0].stream.channel->counters();
  const uint64_t repairs = counters.get(ChannelCounter::kRepairsSent);
  EXPECT_GT(repairs, 0u);
  for (int i = 0; i < 10; ++i) bed_->lane().poll(kStart + 2 + i);
  EXPECT_EQ(counters.get(ChannelCounter::kRepairsSent), repairs);
}

TEST_F(Requests, ALongChangeIsSpreadOverTurns) {
  BedOptions options;
  options.free_slots = 100;
  make(options);
  app::LaneChange change;
  for (size_t i = 1; i <= 100; ++i) change.swaps.push_back({i, bed_->make_channel(i)});
  EXPECT_GE(carry_out(*bed_, change, kStart), 6);
  for (size_t i = 0; i <= 100; ++i) EXPECT_NE(bed_->lane().channel(i), nullptr) << i;
}

TEST_F(Requests, AnAdjustedChannelGoesOnUnderItsNewTerms) {
  make({});
  send(3);
  lineup::Channel wanted;
  wanted.bitrate_cap_bps = 8;  // next to nothing
  wanted.max_payload = 1316;
  wanted.window_packets = 64;
  wanted.source.format = smart::PacketFormat::kMpegTs;
  app::LaneChange change;
  change.adjustments.push_back({0, app::ChannelTerms(wanted)});
  carry_out(*bed_, change, kStart);
  send(2);
  EXPECT_EQ(count(ChannelCounter::kPacketsSent), 4u) << "the burst that any cap allows, and no more";
  EXPECT_EQ(count(ChannelCounter::kOverCap), 1u);
  EXPECT_EQ(bed_->channel(0).next_sequence(), 5u) << "its numbers go on";
}

}  // namespace
}  // namespace linecast
