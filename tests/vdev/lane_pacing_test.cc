// Paced channels: packets leave evenly whatever else the lane does, and what waits is to nobody as if it had
// been sent.
#include <gmock/gmock.h>

#include <cmath>

#include "app/linecast/lane_call.h"
#include "lib/smart/tunnel/tunnel_list.h"
#include "tests/vdev/requests.h"

namespace linecast {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr TimeNs kDelay = 20 * kNsPerMs;

class Pacing : public Requests {
 protected:
  static BedOptions paced() {
    BedOptions options;
    options.pacing_ms = kDelay / kNsPerMs;
    return options;
  }
  void feed(unsigned n = 1, size_t channel = 0) {
    for (unsigned k = 0; k < n; ++k) bed_->feed(feed_frame(channel, ts_payload(7, fed_++)));
  }
  // The sequences of the data packets that a turn sends to their group.
  std::vector<unsigned> turn(TimeNs now, smart::DataCommand command = smart::DataCommand::kOriginal) {
    bed_->lane().poll(now);
    return sequences(bed_->sent(), command);
  }
  static std::vector<unsigned> sequences(const Frames& frames,
                                         smart::DataCommand command = smart::DataCommand::kOriginal) {
    std::vector<unsigned> numbers;
    for (const auto& frame : frames) {
      const net::ParsedFrame out = net::parse_frame(frame, {});
      smart::DataHeader header;
      if (out.destination == LaneBed::output_group(0) &&
          smart::decode_data(out.payload, header) == smart::WireFault::kNone && header.command == command)
        numbers.push_back(header.number);
    }
    return numbers;
  }
  void carry_out(app::LaneCommand command, TimeNs now) {
    app::LaneCall call;
    call.command = command;
    call.issue(bed_->lane());
    bed_->lane().poll(now);
    ASSERT_TRUE(call.done());
  }
  void change(app::LaneChange& change, TimeNs now) {
    carry_out({.kind = app::LaneCommand::Kind::kChange, .change = &change}, now);
  }

  uint8_t fed_ = 0;
};

TEST_F(Pacing, PacketsThatComeInBurstsLeaveEvenly) {
  BedOptions options = paced();
  options.window_packets = 1024;
  make(options);
  constexpr TimeNs kStep = 10'000, kInterval = 257'000;
  constexpr unsigned kSettled = 8'000;
  TimeNs next = kStart, last = 0;
  unsigned left = 0, expected = 1;
  std::vector<TimeNs> errors;
  for (TimeNs now = kStart; left < 16'000; now += kStep) {
    if (now % kNsPerMs == 0)
      for (; next <= now; next += kInterval) feed();
    for (const unsigned number : turn(now)) {
      ASSERT_EQ(number, expected++);
      if (++left > kSettled) errors.push_back(std::abs(now - last - kInterval));
      last = now;
    }
  }
  EXPECT_LE(*std::ranges::max_element(errors), 20'000) << "as often as the lane is polled here";
  EXPECT_EQ(count(ChannelCounter::kOutOfPace), 0u);
  EXPECT_EQ(count(ChannelCounter::kPacketsSent), left);
}

TEST_F(Pacing, WhatWaitsIsNotYetSentToAnybody) {
  make(paced());
  feed(5);
  EXPECT_THAT(turn(kStart), IsEmpty());
  EXPECT_EQ(bed_->channel(0).next_sequence(), 1u);
  EXPECT_EQ(count(ChannelCounter::kPacketsSent), 0u);
  EXPECT_TRUE(ask(request({{1, 0xf}}, 0), kStart + kNsPerMs).empty());
  EXPECT_EQ(count(ChannelCounter::kRequestNotSent), 5u);
  // Who would have it has none of this stream.
  EXPECT_TRUE(ask(request({{1, 0}}, 3), kStart + kNsPerMs).empty());
  EXPECT_EQ(count(ChannelCounter::kRequestStale), 1u);

  EXPECT_THAT(turn(kStart + kDelay), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(bed_->channel(0).next_sequence(), 6u);
  EXPECT_EQ(ask(request({{1, 0xf}}, 5), kStart + kDelay + kNsPerMs).size(), 5u);
}

TEST_F(Pacing, NoHeartbeatTellsOfWhatWaits) {
  BedOptions options = paced();
  options.pacing_ms = 200;
  make(options);
  feed(3);
  turn(kStart);
  const uint64_t before = count(ChannelCounter::kHeartbeatsSent);
  for (TimeNs now = kStart; now < kStart + 100 * kNsPerMs; now += kNsPerMs) EXPECT_THAT(turn(now), IsEmpty());
  EXPECT_EQ(count(ChannelCounter::kHeartbeatsSent), before);
  size_t told = 0;
  for (TimeNs now = kStart + 100 * kNsPerMs; now < kStart + 400 * kNsPerMs; now += kNsPerMs)
    for (const unsigned number : turn(now, smart::DataCommand::kHeartbeat)) {
      EXPECT_EQ(number, 3u);
      ++told;
    }
  EXPECT_GE(told, 3u) << "once they have gone, heartbeats come as of any stream";
}

TEST_F(Pacing, WhatARingHasNoRoomForLeavesAtOnceAndIsCounted) {
  make(paced());  // 64 are kept, so that 32 may wait
  feed(40);
  const std::vector<unsigned> first = turn(kStart);
  EXPECT_EQ(first.size() + turn(kStart).size(), 9u) << "room for one more is left";
  EXPECT_EQ(count(ChannelCounter::kOutOfPace), 9u);
  EXPECT_THAT(turn(kStart + kDelay).size(), 31);
}

TEST_F(Pacing, WhatWaitsHasTakenThePlacesOfOldPackets) {
  make(paced());
  TimeNs now = kStart;
  for (unsigned k = 0; k < 64; ++k) {
    feed();
    turn(now += kDelay);
  }
  turn(now += kDelay);
  ASSERT_EQ(count(ChannelCounter::kPacketsSent), 64u);
  feed(20);
  EXPECT_THAT(turn(now += 10), IsEmpty());
  EXPECT_TRUE(ask(request({{20, 0}}, 64), now += 10).empty());
  EXPECT_EQ(count(ChannelCounter::kRequestTooOld), 1u);
  EXPECT_THAT(sequences(ask(request({{21, 0}, {64, 0}}, 64), now += 10), smart::DataCommand::kRepair),
              ElementsAre(21, 64));
}

TEST_F(Pacing, OthersBurstsDoNotHoldUpWhatIsDue) {
  BedOptions options = paced();
  options.channels = 2;
  TimeNs now = kStart;
  uint64_t reads = 0;
  options.clock = [&] {
    ++reads;
    return now += 10'000;
  };
  make(options);
  feed(32, 1);
  turn(kStart);
  EXPECT_EQ(reads, 0u) << "nothing is paced, so nobody asks for the time";
  feed();
  turn(now);
  // In the middle of the turn.
  now = kStart + kDelay / 2 - 35'000;
  feed(32, 1);
  bed_->lane().poll(now);
  Frames frames = bed_->sent();
  std::erase_if(frames, [](const auto& frame) {
    smart::DataHeader header;
    return smart::decode_data(net::parse_frame(frame, {}).payload, header) != smart::WireFault::kNone ||
           header.command != smart::DataCommand::kOriginal;
  });
  const auto is_paced = [](const auto& frame) {
    return net::parse_frame(frame, {}).destination == LaneBed::output_group(0);
  };
  const auto at = std::ranges::find_if(frames, is_paced) - frames.begin();
  EXPECT_GT(at, 0);
  EXPECT_LE(at, 16);
  EXPECT_EQ(frames.size(), 33u);
}

TEST_F(Pacing, TunnelsHaveItWhenTheGroupHas) {
  make(paced());
  const smart::TunnelPeer peer{kReceiver, kReceiverPort};
  app::HopTunnels tunnels(bed_->tunnels_setup(0));
  smart::TunnelCounters counters;
  smart::LeaseTable leases({.tunnels = 1,
                            .tunnels_of_a_peer = 1,
                            .ports = {{1, UINT64_MAX}},
                            .port_of_interface = {0, 0},
                            .channel_rates_bps = {1}},
                           counters);
  leases.grant(0, {peer, 0}, {1, kReceiverMac}, {});
  const smart::TunnelList list(leases, 0);
  carry_out({.kind = app::LaneCommand::Kind::kTunnelRate, .tunnel_rate_bps = kNsPerSecond}, kStart);
  feed(5);
  turn(kStart);
  carry_out({.kind = app::LaneCommand::Kind::kTunnels, .index = 0, .tunnels = &tunnels, .tunnel_list = &list},
            kStart);
  turn(kStart + 1);
  EXPECT_EQ(count(ChannelCounter::kTunnelPackets), 0u);
  turn(kStart + kDelay);
  EXPECT_EQ(count(ChannelCounter::kTunnelPackets), 5u);
}

TEST_F(Pacing, WhatWaitsLeavesWhenItsChannelGoes) {
  make(paced());
  feed(5);
  turn(kStart);
  app::LaneChange retire;
  retire.swaps.push_back({0, std::unique_ptr<app::LaneChannel>()});
  change(retire, kStart + 1);
  EXPECT_THAT(sequences(bed_->sent()), ElementsAre(1, 2, 3, 4, 5));
  retire.swaps.clear();
  EXPECT_THAT(turn(kStart + kDelay), IsEmpty());
}

TEST_F(Pacing, WhatWaitsLeavesAtTheEnd) {
  make(paced());
  feed(5);
  turn(kStart);
  bed_->lane().finish(kStart + 1);
  EXPECT_THAT(sequences(bed_->sent()), ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(Pacing, IsTurnedOnAndOffWhileTheStreamGoesOn) {
  make({});
  lineup::Channel wanted;
  wanted.bitrate_cap_bps = 1'000'000'000;
  wanted.max_payload = 1316;
  wanted.window_packets = 64;
  feed(2);
  EXPECT_THAT(turn(kStart), ElementsAre(1, 2));
  const auto adjust = [&](uint32_t pacing_ms, TimeNs now) {
    wanted.pacing_ms = pacing_ms;
    app::LaneChange adjusted;
    adjusted.adjustments.push_back({0, app::ChannelTerms(wanted)});
    change(adjusted, now);
  };
  adjust(20, kStart);
  feed(3);
  EXPECT_THAT(turn(kStart), IsEmpty());
  adjust(40, kStart + 1);
  EXPECT_THAT(sequences(bed_->sent()), IsEmpty()) << "paced all the same";
  adjust(0, kStart + 2);
  EXPECT_THAT(sequences(bed_->sent()), ElementsAre(3, 4, 5));
  feed(2);
  EXPECT_THAT(turn(kStart + 3), ElementsAre(6, 7));
  EXPECT_THAT(turn(kStart + kNsPerSecond), IsEmpty());
}

TEST_F(Pacing, WhatWaitsGoesToTheGroupThatItWasMadeFor) {
  make(paced());
  app::HopSetup setup;
  setup.flow.destination = LaneBed::output_group(7);
  setup.flow.source_port = setup.flow.destination_port = smart::kDefaultPort;
  app::HopMove move{.phase = app::HopMove::Phase::kBoth, .to = app::HopPlace(setup), .first_sequence = 1};
  const auto enter = [&](app::HopMove::Phase phase, TimeNs now) {
    move.phase = phase;
    carry_out({.kind = app::LaneCommand::Kind::kMove, .index = 0, .move = &move}, now);
    return sequences(bed_->sent());
  };
  feed(3);
  turn(kStart);
  EXPECT_THAT(enter(app::HopMove::Phase::kBoth, kStart + 1), IsEmpty());
  turn(kStart + kDelay);
  EXPECT_EQ(count(ChannelCounter::kPacketsSent), 3u);
  EXPECT_GE(count(ChannelCounter::kCopiesSent), 3u) << "to both, as they leave";
  feed(3);
  turn(kStart + kDelay);
  EXPECT_THAT(enter(app::HopMove::Phase::kDone, kStart + kDelay + 1), ElementsAre(4, 5, 6));
  feed();
  turn(kStart + 2 * kDelay);
  EXPECT_THAT(turn(kStart + 3 * kDelay), IsEmpty()) << "to the new one alone";
  EXPECT_EQ(count(ChannelCounter::kPacketsSent), 7u);
}

}  // namespace
}  // namespace linecast
