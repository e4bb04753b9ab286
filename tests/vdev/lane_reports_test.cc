// What receivers report, and what a lane makes of it: SENDER_STATUS and the QUIET field.
#include "lib/smart/send/group_round_trip.h"
#include "tests/vdev/requests.h"

namespace linecast {
namespace {

using smart::MessageCommand;

class Reports : public Requests {
 protected:
  // A JOIN whose echo was `held` with a receiver `round_trip` away, sent to arrive at `now`.
  std::vector<uint8_t> join(TimeNs now, TimeNs round_trip, uint32_t receivers = 1, uint64_t count = 0,
                            TimeNs held = 300 * kNsPerMs) {
    return report(MessageCommand::kUsageReportJoin, detail(now, round_trip, receivers, held), count);
  }
  static smart::UsageDetail detail(TimeNs now, TimeNs round_trip, uint32_t receivers,
                                   TimeNs held = 300 * kNsPerMs) {
    return {smart::hop_time_us(now - round_trip - held), static_cast<uint32_t>(held / kNsPerUs), 60,
            receivers};
  }
  void take(const std::vector<uint8_t>& datagram, TimeNs now, Ipv4 from = kReceiver) {
    deliver(datagram, from);
    bed_->lane().poll(now);
  }
  // The JOINs of so many receivers.
  void come(uint64_t receivers, TimeNs now, TimeNs round_trip) {
    for (uint64_t id = 1; id <= receivers; ++id) {
      become(id);
      take(join(now, round_trip), now);
    }
  }
  // The last SENDER_STATUS sent up to `now`, where all is looked at every 10 ms.
  smart::SenderStatus status(TimeNs from, TimeNs now) {
    smart::SenderStatus status;
    bed_->sent();
    for (TimeNs t = from; t <= now; t += 10 * kNsPerMs) bed_->lane().poll(t);
    for (const auto& frame : bed_->sent()) {
      smart::Split split;
      if (smart::split_message(net::parse_frame(frame, {}).payload, split) == smart::WireFault::kNone &&
          split.header.command == static_cast<uint8_t>(MessageCommand::kSenderStatus))
        smart::decode(split.body, status);
    }
    return status;
  }
  // The QUIET field of the next data packet.
  int quiet(TimeNs now) {
    bed_->feed(feed_frame(0, ts_payload(7, 1)));
    bed_->sent();
    bed_->lane().poll(now);
    for (const auto& frame : bed_->sent()) {
      smart::DataHeader header;
      if (smart::decode_data(net::parse_frame(frame, {}).payload, header) == smart::WireFault::kNone)
        return header.quiet;
    }
    return -1;
  }
};

TEST_F(Reports, BeforeAnyJoinNothingIsKnown) {
  make({});
  const smart::SenderStatus before = status(kStart, kStart + 2 * kNsPerSecond);
  EXPECT_EQ(before.group, LaneBed::output_group(0));
  EXPECT_EQ(before.round_trip_ms, 50);
  EXPECT_EQ(before.report_window_s, 1);
  EXPECT_EQ(before.log2_group_size, 0);
  EXPECT_EQ(before.hops, 0);
  EXPECT_EQ(before.start_number, LaneBed::kStartNumber);
  EXPECT_EQ(quiet(kStart + 2 * kNsPerSecond), 0);
}

TEST_F(Reports, SenderStatusAndTheQuietFieldFollowTheJoins) {
  make({});
  send(5);
  come(100, kStart, 20 * kNsPerMs);
  EXPECT_EQ(count(ChannelCounter::kJoins), 100u);
  const TimeNs later = kStart + 2 * kNsPerSecond;
  const smart::SenderStatus after = status(kStart, later);
  EXPECT_GE(after.round_trip_ms, 20);
  EXPECT_LE(after.round_trip_ms, 23);
  EXPECT_EQ(after.log2_group_size, 7);
  // The hop's clock at its sending, which the next JOIN echoes.
  EXPECT_LE(smart::hop_time_us(later) - after.hop_time_us, 1'000'000u);
  EXPECT_EQ(quiet(later), 8);  // 128 ms: at least 4.5 round trips
  // What operators are shown is what receivers are told.
  EXPECT_EQ(bed_->channel(0).askers(), 100u);
  EXPECT_EQ(bed_->channel(0).round_trip_ms(), after.round_trip_ms);
  EXPECT_EQ(bed_->channel(0).quiet(), 8u);
  for (uint64_t id = 1; id <= 96; ++id) {
    become(id);
    take(report(MessageCommand::kUsageReportLeave, detail(later, 20 * kNsPerMs, 1), 0), later);
  }
  EXPECT_EQ(count(ChannelCounter::kLeaves), 96u);
  EXPECT_EQ(status(later, later + 2 * kNsPerSecond).log2_group_size, 2);
  EXPECT_EQ(quiet(later + 2 * kNsPerSecond), 0);
}

TEST_F(Reports, TheReportWindowGrowsWithTheGroup) {
  BedOptions options;
  options.encrypted = sign_ = false;
  make(options);
  const auto one = join(kStart, kNsPerMs);
  for (Ipv4 k = 0; k < 12'000; ++k) take(one, kStart, kReceiver + k);
  const smart::SenderStatus after = status(kStart, kStart + 2 * kNsPerSecond);
  EXPECT_EQ(after.report_window_s, 2);
  EXPECT_EQ(after.log2_group_size, 14);
}

// A repeater asks once for all behind it, and what a JOIN claims may be made up.
TEST_F(Reports, AJoinIsOneThatAsksHoweverManyItClaims) {
  make({});
  send(5);
  for (uint64_t id = 1; id <= 3; ++id) {
    become(id);
    take(join(kStart, 20 * kNsPerMs, id == 1 ? UINT32_MAX : 1'000'000), kStart);
  }
  const TimeNs later = kStart + 2 * kNsPerSecond;
  const smart::SenderStatus after = status(kStart, later);
  EXPECT_EQ(after.log2_group_size, 2);
  EXPECT_EQ(after.report_window_s, 1);
  EXPECT_EQ(quiet(later), 0);
  take(report(MessageCommand::kUsageReportLeave, detail(later, 20 * kNsPerMs, UINT32_MAX), 0), later);
  EXPECT_EQ(status(later, later + 2 * kNsPerSecond).log2_group_size, 1);
}

TEST_F(Reports, TheRoundTripIsHowLongASequenceIsLocked) {
  make({});
  send(5);
  take(join(kStart, 120 * kNsPerMs), kStart);
  const TimeNs asked = kStart + 2 * kNsPerSecond;
  status(kStart, asked);
  EXPECT_EQ(ask(request({{2, 0}}, 5), asked).size(), 1u);
  EXPECT_EQ(ask(request({{2, 0}}, 5), asked + 119 * kNsPerMs).size(), 0u);
  EXPECT_EQ(ask(request({{2, 0}}, 5), asked + 140 * kNsPerMs).size(), 1u);
}

TEST_F(Reports, TheLineupsQuietStays) {
  BedOptions options;
  options.quiet = 3;
  make(options);
  come(100, kStart, 20 * kNsPerMs);
  status(kStart, kStart + 2 * kNsPerSecond);
  EXPECT_EQ(quiet(kStart + 2 * kNsPerSecond), 3);
}

TEST_F(Reports, ManyRequestsForALossRaiseTheQuietField) {
  make({});
  send(5);
  TimeNs now = kStart;
  for (int second = 0; second < 10; ++second)
    for (int k = 0; k < 50; ++k) {
      take(request({{2, 0}}, 5), now += 20 * kNsPerMs);
      take(request({{2, 0}}, 5), now);
      take(request({{2, 0}}, 5), now);
      take(request({{2, 0}}, 5), now);
    }
  EXPECT_GT(quiet(now), 0);
}

TEST_F(Reports, MustBeGenuine) {
  make({});
  send(100);
  const TimeNs now = kStart + kNsPerMs;
  const auto good = join(now, 20 * kNsPerMs);
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    take(bad, now);
  }
  EXPECT_EQ(count(ChannelCounter::kJoins), 0u);
  EXPECT_GT(count(ChannelCounter::kRequestMac), 100u);
  take(good, now);
  EXPECT_EQ(count(ChannelCounter::kJoins), 1u);
  // Count 0 is good, as from a receiver that has opened nothing yet; one of another time is not.
  take(join(now, 20 * kNsPerMs, 1, 100), now);
  EXPECT_EQ(count(ChannelCounter::kJoins), 2u);
  take(join(now, 20 * kNsPerMs, 1, 10), now);
  take(join(now, 20 * kNsPerMs, 1, 101), now);
  EXPECT_EQ(count(ChannelCounter::kRequestStale), 2u);
  sign_ = false;
  take(join(now, 20 * kNsPerMs), now);
  EXPECT_EQ(count(ChannelCounter::kJoins), 2u);
}

TEST_F(Reports, OfOtherGroupsAreCounted) {
  make({});
  std::vector<uint8_t> datagram(128);
  const smart::UsageReport usage{0xef630000, kReceiver, std::nullopt};
  take(sign(datagram, smart::encode(MessageCommand::kUsageReportJoin, usage, datagram), 0), kStart);
  EXPECT_EQ(bed_->count(LaneCounter::kUnknownGroup), 1u);
}

TEST_F(Reports, OldAndImpossibleEchoesAreRefused) {
  make({});
  const TimeNs now = kStart + kNsPerMs;
  const auto replayed = join(now, 20 * kNsPerMs);
  take(replayed, now + 11 * kNsPerSecond);
  take(
      report(MessageCommand::kUsageReportJoin, smart::UsageDetail{smart::hop_time_us(now), 500'000, 0, 1}, 0),
      now);
  take(report(MessageCommand::kUsageReportLeave, smart::UsageDetail{smart::hop_time_us(now), 500'000, 0, 1},
              0),
       now);
  EXPECT_EQ(count(ChannelCounter::kReportEcho), 3u);
  EXPECT_EQ(count(ChannelCounter::kJoins) + count(ChannelCounter::kLeaves), 0u);
}

// It echoes nothing that would tell a replay, so its count must.
TEST_F(Reports, TheShortFormNeedsACountOfWhatIsKept) {
  make({});
  send(100);  // 64 are kept
  using enum MessageCommand;
  for (const MessageCommand command : {kUsageReportJoin, kUsageReportLeave})
    for (const uint64_t stale : {0, 35, 101}) take(report(command, std::nullopt, stale), kStart + 1);
  EXPECT_EQ(count(ChannelCounter::kRequestStale), 6u);
  EXPECT_EQ(count(ChannelCounter::kJoins) + count(ChannelCounter::kLeaves), 0u);
  take(report(kUsageReportJoin, std::nullopt, 99), kStart + 1);
  take(report(kUsageReportLeave, std::nullopt, 99), kStart + 1);
  EXPECT_EQ(count(ChannelCounter::kJoins), 1u);
  EXPECT_EQ(count(ChannelCounter::kLeaves), 1u);
}

// Replays of one JOIN from all over the world remain one receiver's, and its allowance ends.
TEST_F(Reports, ReplaysCannotMakeTheGroupLarge) {
  make({});
  const TimeNs now = kStart + kNsPerMs;
  const auto genuine = join(now, 20 * kNsPerMs);
  for (unsigned k = 0; k < 2000; ++k) take(genuine, now, kReceiver + k % 100);
  EXPECT_EQ(count(ChannelCounter::kJoins), 100u);
  EXPECT_EQ(count(ChannelCounter::kReportSourceLimit), 1900u);
  EXPECT_LE(status(now, now + 2 * kNsPerSecond).log2_group_size, 7);
  become(7);
  take(join(now + 2 * kNsPerSecond, 20 * kNsPerMs), now + 2 * kNsPerSecond);
  EXPECT_EQ(count(ChannelCounter::kJoins), 101u);
}

TEST_F(Reports, OnClearChannelsEachAddressHasItsAllowance) {
  BedOptions options;
  options.encrypted = sign_ = false;
  make(options);
  const TimeNs now = kStart + kNsPerMs;
  for (unsigned k = 0; k < 300; ++k) take(join(now, 20 * kNsPerMs), now, kReceiver + k % 2);
  EXPECT_EQ(count(ChannelCounter::kJoins), 200u);
  EXPECT_EQ(count(ChannelCounter::kReportSourceLimit), 100u);
}

}  // namespace
}  // namespace linecast
