// USAGE_REPORT_JOIN and LEAVE against a real lane: what the control lcore gets of them for its accounts.
#include "tests/vdev/requests.h"

namespace linecast {
namespace {

using smart::MessageCommand;
using usage::HeardUsage;

class LaneUsage : public Requests {
 protected:
  // Echoes the hop's time as of `now`, as from a receiver that got SENDER_STATUS a moment ago.
  static smart::UsageDetail detail(TimeNs now, uint32_t watched_s = 0, uint32_t receivers = 1) {
    return {.echoed_hop_time_us = smart::hop_time_us(now - 5 * kNsPerMs),
            .held_us = 1000,
            .watched_s = watched_s,
            .receivers = receivers};
  }
  std::vector<HeardUsage> heard(size_t lane = 0) {
    std::vector<HeardUsage> all;
    for (HeardUsage one; bed_->lane(lane).next_usage(one);) all.push_back(one);
    return all;
  }
  void tell(MessageCommand command, std::optional<smart::UsageDetail> told, TimeNs now,
            Ipv4 from = kReceiver) {
    ask(report(command, told, told ? 0 : kSent), now, from);
  }
  static constexpr uint64_t kSent = 10;
};

TEST_F(LaneUsage, AJoinAndALeaveReachTheControlLcoreAsTheyWereSent) {
  make({.channels = 2});
  send(kSent);
  tell(MessageCommand::kUsageReportJoin, detail(kStart + 5, 7, 1'000'000), kStart + 5);
  tell(MessageCommand::kUsageReportLeave, std::nullopt, kStart + 6, kReceiver + 1);
  const auto all = heard();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].time, kStart + 5);
  EXPECT_EQ(all[0].receiver, LaneBed::kReceiverId);
  EXPECT_EQ(all[0].channel, 0u);
  EXPECT_EQ(all[0].source, kReceiver);
  EXPECT_EQ(all[0].source_port, kReceiverPort);
  EXPECT_EQ(all[0].reported, kReceiver);
  EXPECT_FALSE(all[0].leave);
  EXPECT_EQ(all[0].watched_s, 7u);
  EXPECT_EQ(all[0].receivers, 1'000'000u);  // as claimed; what is believed is the table's business
  EXPECT_FALSE(all[0].repeater);
  EXPECT_EQ(all[0].reach, usage::Reach::kNative);
  EXPECT_EQ(all[0].report_window_s, bed_->channel(0).report_window_s());
  EXPECT_EQ(all[1].source, kReceiver + 1);
  EXPECT_TRUE(all[1].leave);
  EXPECT_EQ(all[1].watched_s, 0u);
  EXPECT_EQ(all[1].receivers, 1u);
  EXPECT_EQ(count(ChannelCounter::kJoins), 1u);
  EXPECT_EQ(count(ChannelCounter::kLeaves), 1u);
}

TEST_F(LaneUsage, WhoOftenSaysHowManyAreBehindItIsOneAskerAllTheSame) {
  make({});
  send(kSent);
  constexpr int kTimes = 10;
  TimeNs now = kStart;
  for (int i = 0; i < kTimes; ++i, now += 2 * kNsPerSecond)
    tell(MessageCommand::kUsageReportJoin, detail(now, 0, 100 + static_cast<uint32_t>(i)), now);
  const auto all = heard();
  ASSERT_EQ(all.size(), size_t{kTimes});
  EXPECT_EQ(all.back().receivers, 100u + kTimes - 1) << "the accounts have all of it";
  EXPECT_EQ(count(ChannelCounter::kJoins), size_t{kTimes});
  for (TimeNs t = now; t < now + 2 * kNsPerSecond; t += 10 * kNsPerMs) bed_->lane().poll(t);
  EXPECT_EQ(bed_->channel(0).askers(), 1u);
  now += 3 * kNsPerSecond;
  become(LaneBed::kReceiverId + 1);  // another
  tell(MessageCommand::kUsageReportJoin, detail(now, 0, 5), now, kReceiver + 1);
  for (TimeNs t = now; t < now + 2 * kNsPerSecond; t += 10 * kNsPerMs) bed_->lane().poll(t);
  EXPECT_EQ(bed_->channel(0).askers(), 2u);
}

TEST_F(LaneUsage, WhatIsRefusedIsNotAccounted) {
  make({});
  send(kSent);
  tell(MessageCommand::kUsageReportJoin, detail(kStart + 60 * kNsPerSecond),
       kStart);  // echoes what is to come
  tell(MessageCommand::kUsageReportLeave, detail(kStart - 11 * kNsPerSecond), kStart + kNsPerSecond);
  EXPECT_EQ(count(ChannelCounter::kReportEcho), 2u);
  ask(report(MessageCommand::kUsageReportJoin, std::nullopt, kSent + 1), kStart);
  EXPECT_EQ(count(ChannelCounter::kRequestStale), 1u);
  sign_ = false;
  tell(MessageCommand::kUsageReportJoin, detail(kStart), kStart);
  EXPECT_EQ(count(ChannelCounter::kRequestTrailer), 1u);
  EXPECT_TRUE(heard().empty());
}

TEST_F(LaneUsage, OfAClearChannelHasNoReceiverId) {
  BedOptions options;
  options.encrypted = false;
  sign_ = false;
  make(options);
  tell(MessageCommand::kUsageReportJoin, std::nullopt, kStart);
  const auto all = heard();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].receiver, 0u);
  EXPECT_EQ(all[0].source, kReceiver);
  EXPECT_EQ(all[0].reported, kReceiver);
}

TEST_F(LaneUsage, ThatNobodyTakesFillsTheQueueIsCountedAndStillToldToTheGroupsSize) {
  BedOptions options;
  options.encrypted = false;
  sign_ = false;
  make(options);
  constexpr size_t kMore = 10;
  for (Ipv4 k = 0; k < app::kUsageQueueRoom + kMore; ++k)
    tell(MessageCommand::kUsageReportJoin, std::nullopt, kStart + k * kNsPerMs, kReceiver + k);
  EXPECT_EQ(count(ChannelCounter::kUsageQueueFull), kMore);
  EXPECT_EQ(count(ChannelCounter::kJoins), app::kUsageQueueRoom + kMore);
  EXPECT_EQ(heard().size(), app::kUsageQueueRoom);
  tell(MessageCommand::kUsageReportJoin, std::nullopt, kStart + kNsPerSecond);
  EXPECT_EQ(heard().size(), 1u);
}

}  // namespace
}  // namespace linecast
