// What the table does with too much of everything.
#include <map>

#include "lib/base/random.h"
#include "tests/unit/usage/table_bed.h"

namespace linecast::usage {
namespace {

class UsageLimitsTest : public TableBed {
 protected:
  // Of one address.
  static HeardUsage made_up(TimeNs time, uint64_t id) {
    HeardUsage heard = join(time, id);
    heard.source = kAddress;
    return heard;
  }
};

TEST_F(UsageLimitsTest, StateIsBelow100BytesAReceiver) {
  for (const size_t exact : {1'000'000u, (1u << 20) + 1}) {  // the second: the worst place for tables of 2^n
    make({.exact = exact});
    EXPECT_LT(static_cast<double>(table_->memory()) / static_cast<double>(exact), 100) << exact;
  }
}

TEST_F(UsageLimitsTest, OneAddressIsNotAMillionReceivers) {
  make({.exact = 1000, .sample = 64, .most_per_address = 20});
  for (uint64_t id = 1'000'000; id < 1'100'000; ++id) table_->take(made_up(100 * kS, id));
  EXPECT_EQ(table_->present(0), 20u);
  EXPECT_EQ(table_->count(UsageCounter::kCrowded), 100'000u - 20);
  for (uint64_t id = 1; id <= 900; ++id) table_->take(join(101 * kS, id));
  EXPECT_GE(table_->present(0),
            910u);  // but for few whose address shares a place with it, or with each other
}

TEST_F(UsageLimitsTest, AnAddressGetsItsPlacesBack) {
  make({.most_per_address = 2});
  for (uint64_t id = 1; id <= 3; ++id) table_->take(made_up(100 * kS, id));
  EXPECT_EQ(table_->present(0), 2u);
  HeardUsage gone = made_up(110 * kS, 1);
  gone.leave = true;
  table_->take(gone);
  table_->take(made_up(120 * kS, 3));
  EXPECT_EQ(table_->present(0), 2u);
  table_->take(made_up(120 * kS, 1));  // the one that left has no right to come back
  EXPECT_EQ(table_->present(0), 2u);
  advance(1000 * kS);
  for (uint64_t id = 1; id <= 3; ++id) table_->take(made_up(1000 * kS, id));
  EXPECT_EQ(table_->present(0), 2u);
}

TEST_F(UsageLimitsTest, WhoMovesTakesItsPlaceAlong) {
  make({.most_per_address = 1});
  table_->take(made_up(100 * kS, 1));
  HeardUsage moved = made_up(110 * kS, 1);
  moved.source = kAddress + 99;
  table_->take(moved);
  table_->take(made_up(120 * kS, 2));
  EXPECT_EQ(table_->present(0), 2u);
  moved.time = 130 * kS;
  moved.leave = true;
  table_->take(moved);
  ASSERT_EQ(records_.size(), 1u);
  EXPECT_EQ(records_[0].address, kAddress + 99);
}

TEST_F(UsageLimitsTest, OnlyARepeaterCountsForOthersAndOnlyUpToABound) {
  make({.most_per_repeater = 5000});
  HeardUsage liar = join(100 * kS, 1);
  liar.receivers = 1'000'000;
  table_->take(liar);
  EXPECT_EQ(table_->present(0), 1u);
  EXPECT_EQ(table_->count(UsageCounter::kNotARepeater), 1u);
  table_->take(total(100 * kS, 2, UINT32_MAX));
  EXPECT_EQ(usage().by_repeater, 5000u);
  EXPECT_EQ(table_->count(UsageCounter::kTotalCut), 1u);
}

TEST_F(UsageLimitsTest, RepeatersHavePlacesOfTheirOwn) {
  make({.exact = 2, .repeaters = 2});
  for (uint64_t id = 1; id <= 5; ++id) table_->take(join(100 * kS, id));
  for (uint64_t id = 11; id <= 13; ++id) table_->take(total(100 * kS, id, 100));
  EXPECT_EQ(usage().by_repeater, 200u);
  EXPECT_EQ(table_->count(UsageCounter::kRepeatersFull), 1u);
}

TEST_F(UsageLimitsTest, NobodyIsPushedOut) {
  make({.exact = 100, .sample = 1000});
  for (uint64_t id = 1; id <= 100; ++id) table_->take(join(100 * kS, id));
  for (uint64_t id = 1001; id <= 1500; ++id) table_->take(join(110 * kS, id));
  EXPECT_EQ(usage().direct, 100u);
  EXPECT_EQ(table_->present(0), 600u);
  EXPECT_EQ(table_->count(UsageCounter::kBeyond), 500u);
  for (uint64_t id = 1; id <= 100; ++id) table_->take(leave(120 * kS, id));
  EXPECT_EQ(records_.size(), 100u);
  EXPECT_EQ(table_->present(0), 500u);
}

TEST_F(UsageLimitsTest, WhoWasEstimatedGetsAPlaceWithTheNextJoinAndIsNotCountedTwice) {
  make({.exact = 10, .sample = 1000});
  for (uint64_t id = 1; id <= 15; ++id) table_->take(join(100 * kS, id));
  for (uint64_t id = 1; id <= 5; ++id) table_->take(leave(110 * kS, id));
  EXPECT_EQ(table_->present(0), 10u);
  for (uint64_t id = 6; id <= 15; ++id) table_->take(join(160 * kS, id, 60));
  EXPECT_EQ(table_->present(0), 10u);
  EXPECT_EQ(usage().direct, 10u);
  EXPECT_TRUE(table_->beyond().empty());
}

TEST_F(UsageLimitsTest, ThoseThatAreGoneMakeRoomTheOldestFirst) {
  make({.exact = 3});
  for (uint64_t id = 1; id <= 3; ++id) table_->take(join(100 * kS, id));
  table_->take(leave(110 * kS, 2, 10));
  table_->take(leave(111 * kS, 1, 11));
  table_->take(join(120 * kS, 4));  // in place of 2
  EXPECT_EQ(usage().direct, 2u);
  table_->take(leave(121 * kS, 1, 11));
  EXPECT_EQ(table_->count(UsageCounter::kRepeated), 1u);
  table_->take(join(122 * kS, 5));
  EXPECT_EQ(usage().direct, 3u);
  EXPECT_EQ(table_->count(UsageCounter::kBeyond), 0u);
}

TEST_F(UsageLimitsTest, WhatCannotBeHandedOnIsPutOffOrCountedAsLost) {
  make({.part_ns = 100 * kS});
  table_->take(join(100 * kS, 1));
  table_->take(join(100 * kS, 2));
  refuse_ = true;
  table_->take(join(220 * kS, 1));
  EXPECT_EQ(table_->count(UsageCounter::kRecordsPutOff), 1u);
  table_->take(leave(220 * kS, 2));
  EXPECT_EQ(table_->count(UsageCounter::kRecordsLost), 1u);
  refuse_ = false;
  table_->take(join(230 * kS, 1));
  ASSERT_EQ(records_.size(), 1u);
  EXPECT_EQ(records_[0].part, 1u);
  EXPECT_EQ(from(records_[0]), 100 * kS);
  EXPECT_EQ(to(records_[0]), 230 * kS);
  EXPECT_EQ(table_->count(UsageCounter::kRecords), 1u);
}

TEST_F(UsageLimitsTest, UnknownChannelsAreRefused) {
  make({});
  HeardUsage heard = join(100 * kS, 1);
  for (const uint32_t channel : {1u, UINT32_MAX}) {
    heard.channel = channel;
    table_->take(heard);
  }
  EXPECT_EQ(table_->count(UsageCounter::kUnknownChannel), 2u);
  EXPECT_EQ(table_->sessions(), 0u);
}

TEST_F(UsageLimitsTest, AMassExpiryIsSpreadOverCalls) {
  make({.exact = 25'000});
  for (uint64_t id = 1; id <= 25'000; ++id) table_->take(join(100 * kS, id));
  advance(280 * kS);
  EXPECT_GT(table_->present(0), 0u);
  for (int i = 1; i < 4; ++i) advance(280 * kS + i * kS / 10);
  EXPECT_EQ(table_->present(0), 0u);
  EXPECT_EQ(records_.size(), 25'000u);
}

// The peak and time watched, against what a model knows, of receivers that come and go as they like.
TEST_F(UsageLimitsTest, AddsUpOverARandomAudience) {
  make({.exact = 400, .sample = 64, .part_ns = 100 * kS}, 2);
  Random random(3);
  std::map<uint64_t, TimeNs> since;  // of those that watch
  uint64_t peak = 0, watched_ms = 0, visits = 0;
  for (TimeNs now = 100 * kS; now < 4000 * kS; now += kS / 4) {
    const uint64_t id = 1 + random.below(380);
    const bool there = since.contains(id);
    if (there && random.below(3) == 0) {
      table_->take(leave(now, id, static_cast<uint32_t>((now - since[id]) / kS)));
      watched_ms += static_cast<uint64_t>((now - since[id]) / kNsPerMs);
      since.erase(id);
      ++visits;
    } else {
      table_->take(join(now, id));
      since.try_emplace(id, now);
    }
    for (auto& [other, from] : since)
      if (now % (20 * kS) == static_cast<TimeNs>(other % 80) * kS / 4) table_->take(join(now, other));
    peak = std::max<uint64_t>(peak, since.size());
    advance(now);
    ASSERT_EQ(table_->present(0), since.size());
  }
  EXPECT_EQ(usage().peak, peak);
  EXPECT_EQ(usage().leaves, visits);
  uint64_t recorded = 0;
  for (const UsageRecord& record : records_) recorded += record.watched_ms;
  while (!table_->stop()) {
  }
  uint64_t all = 0;
  for (const UsageRecord& record : records_) all += record.watched_ms;
  EXPECT_GE(recorded, watched_ms);
  EXPECT_EQ(usage().watched_ms, all);
}

}  // namespace
}  // namespace linecast::usage
