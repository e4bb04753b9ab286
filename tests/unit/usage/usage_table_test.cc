#include "lib/usage/usage_table.h"

#include "tests/unit/usage/table_bed.h"

namespace linecast::usage {
namespace {

class UsageTableTest : public TableBed {};

TEST_F(UsageTableTest, AVisitIsOneRecord) {
  make({}, 3);
  HeardUsage first = join(1000 * kS, 0xabcdef0123456789, 2);
  first.channel = 1;
  table_->take(first);
  EXPECT_EQ(table_->present(1), 1u);
  EXPECT_EQ(table_->present(0), 0u);
  EXPECT_TRUE(records_.empty());
  HeardUsage last = leave(1040 * kS, 0xabcdef0123456789, 43);
  last.channel = 1;
  table_->take(last);
  UsageRecord expected;
  expected.start = 77;
  expected.session = 1;
  expected.part = 1;
  expected.channel_id = {0, 0, 0, 0, 0, 0, 0, 1};
  expected.channel = ChannelName("channel 1");
  expected.receiver = 0xabcdef0123456789;
  expected.address = first.source;
  expected.reach = Reach::kNative;
  expected.end = End::kLeft;
  expected.from_ns = kWall + 998 * kS;
  expected.to_ns = kWall + 1040 * kS;
  expected.receivers = 1;
  expected.watched_ms = 42'000;
  expected.claimed_s = 43;
  ASSERT_EQ(records_.size(), 1u);
  EXPECT_TRUE(records_[0] == expected);
  EXPECT_EQ(table_->present(1), 0u);
  EXPECT_EQ(usage(1).joins, 1u);
  EXPECT_EQ(usage(1).leaves, 1u);
  EXPECT_EQ(usage(1).watched_ms, 42'000u);
  EXPECT_EQ(usage(1).peak, 1u);
  EXPECT_EQ(usage(1).peak_at_ns, kWall + 1000 * kS);
}

TEST_F(UsageTableTest, WhoRefreshesIsTheSameSession) {
  make({});
  for (int i = 0; i <= 4; ++i) table_->take(join((100 + 60 * i) * kS, 5));
  EXPECT_EQ(table_->present(0), 1u);
  EXPECT_EQ(usage().joins, 1u);
  EXPECT_EQ(usage().watched_ms, 240'000u);
  EXPECT_TRUE(records_.empty());
}

TEST_F(UsageTableTest, ExpiresThreeRefreshIntervalsAfterItsLastReport) {
  make({});
  table_->take(join(100 * kS, 5));
  table_->take(join(150 * kS, 5));
  advance(330 * kS - 1);
  EXPECT_EQ(table_->present(0), 1u);
  advance(330 * kS);
  EXPECT_EQ(table_->present(0), 0u);
  EXPECT_EQ(usage().expiries, 1u);
  ASSERT_EQ(records_.size(), 1u);
  EXPECT_EQ(records_[0].end, End::kExpired);
  EXPECT_EQ(from(records_[0]), 100 * kS);
  EXPECT_EQ(to(records_[0]), 150 * kS);  // nothing shows that it was there any longer
  EXPECT_EQ(usage().watched_ms, 50'000u);
}

TEST_F(UsageTableTest, TheRefreshIntervalIsThatOfTheLastReport) {
  make({});
  HeardUsage heard = join(100 * kS, 5);
  heard.report_window_s = 600;
  table_->take(heard);
  heard.receiver = 6;
  table_->take(heard);
  table_->take(join(200 * kS, 6));  // it shrinks: what was due at 1900 s is at 380 s now
  advance(380 * kS);
  EXPECT_EQ(table_->present(0), 1u);
  heard.receiver = 5;
  advance(1899 * kS);
  EXPECT_EQ(table_->present(0), 1u);
  heard.time = 1899 * kS;
  heard.report_window_s = 100;  // and here at 2199 s, not later
  table_->take(heard);
  advance(2198 * kS);
  EXPECT_EQ(table_->present(0), 1u);
  advance(2199 * kS);
  EXPECT_EQ(table_->present(0), 0u);
}

TEST_F(UsageTableTest, ARefreshAfterItWasDueIsANewSessionWhoeverIsFirst) {
  make({});
  table_->take(join(100 * kS, 5));
  table_->take(join(280 * kS, 5, 180));  // advance() has not come yet
  EXPECT_EQ(usage().joins, 2u);
  EXPECT_EQ(usage().expiries, 1u);
  EXPECT_EQ(table_->present(0), 1u);
  ASSERT_EQ(records_.size(), 1u);
  table_->take(leave(281 * kS, 5, 181));
  ASSERT_EQ(records_.size(), 2u);
  EXPECT_NE(records_[0].session, records_[1].session);
  EXPECT_EQ(from(records_[1]), 190 * kS);  // 1.5 intervals back are believed
}

TEST_F(UsageTableTest, ALeaveWithoutAJoinCounts) {
  make({});
  table_->take(leave(500 * kS, 5, 8));
  EXPECT_EQ(table_->present(0), 0u);
  EXPECT_EQ(usage().joins, 1u);
  EXPECT_EQ(usage().leaves, 1u);
  ASSERT_EQ(records_.size(), 1u);
  EXPECT_EQ(from(records_[0]), 492 * kS);
  EXPECT_EQ(to(records_[0]), 500 * kS);
  EXPECT_EQ(usage().watched_ms, 8'000u);
}

TEST_F(UsageTableTest, ClaimsAreBelievedWithinBounds) {
  make({}, 1, 480 * kS);
  table_->take(leave(500 * kS, 5, 100));  // not before the table's start
  table_->take(leave(5000 * kS, 6, UINT32_MAX));
  table_->take(join(5010 * kS, 6, 30));  // not before its former end
  table_->take(leave(5020 * kS, 6, 40));
  ASSERT_EQ(records_.size(), 3u);
  EXPECT_EQ(from(records_[0]), 480 * kS);
  EXPECT_EQ(from(records_[1]), 4910 * kS);
  EXPECT_EQ(from(records_[2]), 5000 * kS);
}

TEST_F(UsageTableTest, RepeatedLeavesAndOvertakenJoinsAreNothingNew) {
  make({});
  table_->take(join(500 * kS, 5, 1));
  table_->take(leave(510 * kS, 5, 11));
  table_->take(leave(510 * kS + 1, 5, 11));
  table_->take(leave(520 * kS, 5, 11));
  table_->take(leave(520 * kS, 5, 0));  // of a receiver that does not say
  table_->take(join(510 * kS + kS / 2, 5, 11));
  EXPECT_EQ(table_->count(UsageCounter::kRepeated), 4u);
  EXPECT_EQ(usage().joins, 1u);
  EXPECT_EQ(usage().leaves, 1u);
  EXPECT_EQ(records_.size(), 1u);
  EXPECT_EQ(table_->present(0), 0u);
  table_->take(leave(530 * kS, 5, 12));  // watched again, from 518 s on
  EXPECT_EQ(usage().joins, 2u);
  EXPECT_EQ(usage().watched_ms, 23'000u);
  table_->take(join(540 * kS, 5));
  EXPECT_EQ(table_->present(0), 1u);
}

TEST_F(UsageTableTest, AfterItExpiredALeaveStillCounts) {
  make({});
  table_->take(join(100 * kS, 5));
  advance(300 * kS);
  table_->take(leave(310 * kS, 5, 210));
  ASSERT_EQ(records_.size(), 2u);
  EXPECT_EQ(from(records_[1]), 220 * kS);
  EXPECT_EQ(usage().leaves, 1u);
}

TEST_F(UsageTableTest, LongSessionsAreToldInPartsThatNeitherOverlapNorLeaveGaps) {
  make({.part_ns = 300 * kS});
  TimeNs now = 1000 * kS;
  for (int i = 0; i < 30; ++i, now += 70 * kS) table_->take(join(now, 5));
  table_->take(leave(now, 5));
  ASSERT_EQ(records_.size(), 29u / 5 + 1);
  uint64_t watched = 0;
  for (size_t i = 0; i < records_.size(); ++i) {
    const UsageRecord& record = records_[i];
    EXPECT_EQ(record.session, 1u);
    EXPECT_EQ(record.part, i + 1);
    EXPECT_EQ(from(record), i == 0 ? 1000 * kS : to(records_[i - 1]));
    EXPECT_EQ(record.end, i + 1 < records_.size() ? End::kOpen : End::kLeft);
    EXPECT_LT(to(record) - from(record), 370 * kS);
    watched += record.watched_ms;
  }
  EXPECT_EQ(to(records_.back()), now);
  EXPECT_EQ(watched, 2'100'000u);
  EXPECT_EQ(usage().watched_ms, watched);
}

TEST_F(UsageTableTest, APartEndsWhereTheReceiverIsReachedInAnotherWay) {
  make({});
  table_->take(join(100 * kS, 5));
  HeardUsage tunnelled = join(130 * kS, 5);
  tunnelled.reach = Reach::kRepeaterTunnel;
  table_->take(tunnelled);
  tunnelled.time = 190 * kS;
  tunnelled.leave = true;
  table_->take(tunnelled);
  ASSERT_EQ(records_.size(), 2u);
  EXPECT_EQ(records_[0].reach, Reach::kNative);
  EXPECT_EQ(records_[0].end, End::kReachChanged);
  EXPECT_EQ(to(records_[0]), 130 * kS);
  EXPECT_EQ(records_[1].reach, Reach::kRepeaterTunnel);
  EXPECT_EQ(records_[1].session, records_[0].session);
  EXPECT_EQ(from(records_[1]), 130 * kS);
  EXPECT_EQ(usage().joins, 1u);
}

TEST_F(UsageTableTest, ClearChannelsTellReceiversApartByBothAddresses) {
  make({});
  HeardUsage heard = join(100 * kS, 0);
  heard.source = kAddress;
  for (const Ipv4 reported : {0xc0a80101u, 0xc0a80102u, 0xc0a80103u}) {
    heard.reported = reported;
    table_->take(heard);
  }
  EXPECT_EQ(table_->present(0), 3u);
  heard.reported = 0xc0a80102;
  heard.time = 110 * kS;
  heard.leave = true;
  table_->take(heard);
  EXPECT_EQ(table_->present(0), 2u);
  ASSERT_EQ(records_.size(), 1u);
  EXPECT_EQ(records_[0].receiver, 0u);
  EXPECT_EQ(records_[0].address, kAddress);
  EXPECT_EQ(records_[0].reported, 0xc0a80102);
}

TEST_F(UsageTableTest, ARepeatersTotalReplacesItsFormerOne) {
  make({});
  table_->take(join(100 * kS, 1));
  table_->take(total(100 * kS, 9, 40));
  EXPECT_EQ(table_->present(0), 41u);
  table_->take(total(160 * kS, 9, 10));
  EXPECT_EQ(table_->present(0), 11u);
  EXPECT_EQ(usage().direct, 1u);
  EXPECT_EQ(usage().by_repeater, 10u);
  EXPECT_EQ(usage().repeaters, 1u);
  EXPECT_EQ(usage().peak, 41u);
  table_->take(total(170 * kS, 9, 0));
  EXPECT_EQ(table_->present(0), 1u);
  table_->take(total(180 * kS, 9, 7));
  HeardUsage gone = total(190 * kS, 9, 7);
  gone.leave = true;
  table_->take(gone);
  EXPECT_EQ(usage().repeaters, 0u);
  EXPECT_EQ(table_->present(0), 1u);
  ASSERT_EQ(records_.size(), 1u);
  EXPECT_TRUE(records_[0].repeater);
  EXPECT_EQ(records_[0].receivers, 7u);
  EXPECT_EQ(records_[0].watched_ms, (60 * 40 + 10 * 10 + 10 * 0 + 10 * 7) * 1000u);
}

TEST_F(UsageTableTest, ARepeaterThatVanishesTakesItsReceiversAlong) {
  make({});
  table_->take(total(100 * kS, 9, 40));
  advance(280 * kS);
  EXPECT_EQ(table_->present(0), 0u);
  EXPECT_EQ(usage().expiries, 1u);
}

TEST_F(UsageTableTest, WhoIsFoundToBeARepeaterIsNoReceiverAnyMoreAndTheOtherWayRound) {
  make({});
  table_->take(join(100 * kS, 9));
  table_->take(total(110 * kS, 8, 2));  // another
  table_->take(total(120 * kS, 9, 3));
  HeardUsage forged = join(121 * kS, 8);
  forged.source = kAddress;
  table_->take(forged);  // with its id, from elsewhere
  EXPECT_EQ(usage().repeaters, 2u);
  ASSERT_EQ(records_.size(), 1u);
  EXPECT_FALSE(records_[0].repeater);
  EXPECT_EQ(to(records_[0]), 120 * kS);
  forged.time += kS;
  forged.leave = true;
  table_->take(forged);
  records_.clear();
  EXPECT_EQ(usage().direct, 0u);
  EXPECT_EQ(table_->present(0), 5u);
  EXPECT_EQ(usage().repeaters, 2u);
  table_->take(join(150 * kS, 9));
  EXPECT_EQ(usage().direct, 1u);
  EXPECT_EQ(table_->present(0), 3u);
  EXPECT_EQ(usage().joins, 5u);
  EXPECT_EQ(usage().leaves, 3u);
  ASSERT_EQ(records_.size(), 1u);
  EXPECT_TRUE(records_[0].repeater);
  EXPECT_EQ(from(records_[0]), 120 * kS);
  EXPECT_EQ(records_[0].watched_ms, 3 * 30 * 1000u);
}

TEST_F(UsageTableTest, AReceiverBehindTheAddressOfARepeaterIsAnother) {
  make({});
  HeardUsage heard = total(100 * kS, 0, 3);
  heard.source = kAddress;
  for (const Ipv4 reported : {0xc0a80101u, 0xc0a80102u}) {
    heard.reported = reported;
    table_->take(heard);
    heard.receivers = 1;
  }
  EXPECT_EQ(table_->present(0), 4u);
}

TEST_F(UsageTableTest, AClosedChannelsSessionsEndAsStopped) {
  make({}, 2);
  table_->take(join(100 * kS, 5));
  table_->close_channel(0);
  table_->take(join(130 * kS, 5));
  EXPECT_EQ(table_->count(UsageCounter::kUnknownChannel), 1u);
  advance(280 * kS);
  ASSERT_EQ(records_.size(), 1u);
  EXPECT_EQ(records_[0].end, End::kStopped);
  EXPECT_EQ(to(records_[0]), 100 * kS);
  EXPECT_EQ(table_->present(0), 0u);
  EXPECT_EQ(usage().expiries, 0u);
}

TEST_F(UsageTableTest, StopEndsAllSessions) {
  make({.exact = 30'000, .repeaters = 4}, 2);
  for (uint64_t id = 1; id <= 25'000; ++id) table_->take(join(100 * kS, id));
  table_->take(total(100 * kS, 50'000, 40));
  int calls = 1;
  while (!table_->stop()) ++calls;
  EXPECT_GT(calls, 1);  // so that none takes long
  EXPECT_EQ(records_.size(), 25'001u);
  EXPECT_EQ(table_->present(0), 0u);
  for (const UsageRecord& record : records_) ASSERT_EQ(record.end, End::kStopped);
}

TEST_F(UsageTableTest, StopGoesOnWhereTheQueueWasFull) {
  make({});
  for (uint64_t id = 1; id <= 3; ++id) table_->take(join(100 * kS, id));
  refuse_ = true;
  EXPECT_FALSE(table_->stop());
  EXPECT_EQ(table_->present(0), 3u);
  refuse_ = false;
  while (!table_->stop()) {
  }
  EXPECT_EQ(records_.size(), 3u);
}

TEST_F(UsageTableTest, WallClockStepsDoNotChangeWhatWasWatched) {
  make({});
  table_->take(join(100 * kS, 5));
  table_->advance(150 * kS, kWall - 5000 * kS);
  table_->take(leave(160 * kS, 5));
  ASSERT_EQ(records_.size(), 1u);
  EXPECT_EQ(records_[0].watched_ms, 60'000u);
  EXPECT_EQ(records_[0].to_ns - records_[0].from_ns, 60 * kS);
  EXPECT_EQ(records_[0].to_ns, kWall - 4990 * kS);
}

}  // namespace
}  // namespace linecast::usage
