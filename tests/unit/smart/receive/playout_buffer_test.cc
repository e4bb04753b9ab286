#include "lib/smart/receive/playout_buffer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace linecast::smart {
namespace {

constexpr TimeNs kMs = kNsPerMs;
constexpr TimeNs kBuffer = 100 * kMs;

// Writes down what is played: "7" for a sequence, "-7" or "-7..9" for holes.
class Journal : public PlayoutSink {
 public:
  void play(const PlayedPacket& packet) override {
    add(std::to_string(packet.sequence));
    EXPECT_EQ(packet.payload.size(), 10u);
    EXPECT_EQ(packet.payload[0], static_cast<uint8_t>(packet.sequence));
    EXPECT_EQ(packet.format, PacketFormat::kMpegTs);
  }
  void give_up(uint64_t first, uint64_t count) override {
    add(count > 1 ? fmt::format("-{}..{}", first, first + count - 1) : fmt::format("-{}", first));
  }
  std::string take() { return std::exchange(text_, {}); }

 private:
  void add(const std::string& word) { text_.append(text_.empty() ? "" : " ").append(word); }
  std::string text_;
};

class PlayoutBufferTest : public testing::Test {
 protected:
  PlayoutBuffer::Verdict insert(PlayoutBuffer& to, uint64_t sequence, TimeNs now) {
    uint8_t* block = pool.take(10);
    std::memset(block, static_cast<uint8_t>(sequence), 10);
    const auto verdict =
        to.insert(sequence, {.block = block, .size = 10, .format = PacketFormat::kMpegTs}, now);
    if (verdict != PlayoutBuffer::Verdict::kStored && verdict != PlayoutBuffer::Verdict::kFilled)
      pool.give(block, 10);
    return verdict;
  }
  PlayoutBuffer::Verdict insert(uint64_t sequence, TimeNs now) { return insert(buffer, sequence, now); }
  std::string played(TimeNs now) {
    buffer.play_due(now);
    return journal.take();
  }
  uint64_t count(ReceiveCounter c) const { return counters.get(c); }

  ReceiveCounters counters;
  PacketPool pool{1 << 20};
  Journal journal;
  PlayoutBuffer buffer{kBuffer, 1 << 14, pool, journal, counters};
};

using Verdict = PlayoutBuffer::Verdict;

TEST_F(PlayoutBufferTest, KeepsTheSpacing) {
  buffer.start(1, 0, 0);
  const TimeNs arrivals[] = {0, 3 * kMs, 4 * kMs, 20 * kMs};
  for (uint64_t s = 1; s <= 4; ++s) EXPECT_EQ(insert(s, arrivals[s - 1]), Verdict::kStored);
  for (uint64_t s = 1; s <= 4; ++s) {
    EXPECT_EQ(buffer.next_due(), arrivals[s - 1] + kBuffer);
    EXPECT_EQ(played(buffer.next_due() - 1), "");
    EXPECT_EQ(played(buffer.next_due()), std::to_string(s));
  }
  EXPECT_EQ(buffer.next_due(), kNever);
  EXPECT_EQ(count(ReceiveCounter::kPlayedPackets), 4u);
  EXPECT_EQ(count(ReceiveCounter::kPlayedBytes), 40u);
}

TEST_F(PlayoutBufferTest, ARepairIsPlayedWhereItBelongs) {
  buffer.start(1, 0, 0);
  insert(1, 0);
  insert(5, 40 * kMs);
  EXPECT_EQ(insert(3, 60 * kMs), Verdict::kFilled);
  EXPECT_EQ(insert(2, 61 * kMs), Verdict::kFilled);
  EXPECT_EQ(insert(4, 62 * kMs), Verdict::kFilled);
  EXPECT_EQ(played(kBuffer + 9 * kMs), "1");
  EXPECT_EQ(played(kBuffer + 10 * kMs), "2");
  EXPECT_EQ(played(kBuffer + 20 * kMs), "3");
  EXPECT_EQ(played(kBuffer + 30 * kMs), "4");
  EXPECT_EQ(played(kBuffer + 40 * kMs), "5");
}

TEST_F(PlayoutBufferTest, AHoleWaitsAsLongAsThePacketBehindIt) {
  buffer.start(1, 0, 0);
  insert(1, 0);
  insert(4, 30 * kMs);
  EXPECT_EQ(played(kBuffer + 29 * kMs), "1");
  EXPECT_EQ(insert(2, kBuffer + 29 * kMs), Verdict::kFilled);
  EXPECT_EQ(played(kBuffer + 29 * kMs), "2") << "past its own time, but in order";
  EXPECT_EQ(played(kBuffer + 30 * kMs), "-3 4");
  EXPECT_EQ(insert(3, kBuffer + 31 * kMs), Verdict::kLate);
  EXPECT_EQ(count(ReceiveCounter::kUnrecovered), 1u);
  EXPECT_EQ(count(ReceiveCounter::kLost), 1u);
}

TEST_F(PlayoutBufferTest, ManyHolesAreReportedAsOne) {
  buffer.start(1, 0, 0);
  insert(1, 0);
  insert(2002, 10 * kMs);
  EXPECT_EQ(played(kBuffer + 10 * kMs), "1 -2..2001 2002");
  EXPECT_EQ(count(ReceiveCounter::kUnrecovered), 2000u);
}

TEST_F(PlayoutBufferTest, ATailThatAHeartbeatRevealed) {
  buffer.start(1, 0, 0);
  insert(1, 0);
  buffer.reveal(4, 20 * kMs);
  EXPECT_EQ(insert(3, 50 * kMs), Verdict::kFilled);
  EXPECT_EQ(played(kBuffer + 19 * kMs), "1");
  EXPECT_EQ(played(kBuffer + 20 * kMs), "-2 3");
}

TEST_F(PlayoutBufferTest, AfterASilenceLossesAreOfItsEnd) {
  buffer.start(1, 0, 0);
  insert(1, 0);
  buffer.confirm(5000 * kMs);
  insert(3, 5010 * kMs);
  insert(2, 5020 * kMs);
  EXPECT_EQ(played(5000 * kMs), "1");
  EXPECT_EQ(played(5004 * kMs + kBuffer), "");
  EXPECT_EQ(played(5005 * kMs + kBuffer), "2");
}

TEST_F(PlayoutBufferTest, CopiesAndStrangers) {
  buffer.start(10, 0, 0);
  insert(10, 0);
  EXPECT_EQ(insert(10, 1), Verdict::kDuplicate);
  EXPECT_EQ(insert(9, 1), Verdict::kBeforeStart);
  EXPECT_EQ(played(kBuffer), "10");
  EXPECT_EQ(insert(10, kBuffer), Verdict::kLate);
}

TEST_F(PlayoutBufferTest, ANewRunFollowsTheOldOne) {
  buffer.start(1, 0, 0);
  insert(1, 0);
  insert(3, 2 * kMs);
  buffer.start(7000, 0, 10 * kMs);
  insert(7000, 10 * kMs);
  EXPECT_EQ(insert(2, 11 * kMs), Verdict::kBeforeStart);
  insert(7002, 12 * kMs);
  insert(7001, 13 * kMs);
  EXPECT_EQ(played(kBuffer + 1 * kMs), "1");
  EXPECT_EQ(played(kBuffer + 2 * kMs), "-2 3");
  EXPECT_EQ(played(kBuffer + 10 * kMs), "7000");
  EXPECT_EQ(played(kBuffer + 12 * kMs), "7001 7002");
  EXPECT_TRUE(buffer.empty());
}

TEST_F(PlayoutBufferTest, ASkippedStretchIsReportedInItsPlace) {
  buffer.start(1, 0, 0);
  insert(1, 0);
  buffer.start(100'000, 99'998, 10 * kMs);
  insert(100'000, 10 * kMs);
  EXPECT_EQ(count(ReceiveCounter::kUnrecovered), 99'998u);
  EXPECT_EQ(played(kBuffer + 10 * kMs), "1 -2..99999 100000");
}

TEST_F(PlayoutBufferTest, AThirdRunPushesTheFirstOut) {
  buffer.start(1, 0, 0);
  insert(1, 0);
  insert(3, 0);
  buffer.start(100, 0, 0);
  insert(100, 0);
  buffer.start(200, 0, 0);
  insert(200, 0);
  EXPECT_EQ(journal.take(), "1 -2 3");
  EXPECT_EQ(played(kBuffer), "100 200");
}

TEST_F(PlayoutBufferTest, PlaysAllAtOnceWhenAsked) {
  buffer.start(1, 0, 0);
  insert(1, 0);
  insert(3, 0);
  buffer.start(100, 0, 0);
  insert(100, 0);
  buffer.play_all();
  EXPECT_EQ(journal.take(), "1 -2 3 100");
}

TEST_F(PlayoutBufferTest, PlacesAreBoundedAndTheFirstGoesEarly) {
  PlayoutBuffer small(kBuffer, 64, pool, journal, counters);
  small.start(0, 0, 0);
  for (uint64_t s = 0; s < 70; ++s) insert(small, s, 0);
  EXPECT_EQ(journal.take(), "0 1 2 3 4 5");
  EXPECT_EQ(count(ReceiveCounter::kBufferOverflow), 6u);
  EXPECT_EQ(small.size(), 64u);
  insert(small, 200, 0);
  EXPECT_EQ(small.size(), 64u);
  small.play_all();
  EXPECT_EQ(count(ReceiveCounter::kPlayedPackets), 71u);
  EXPECT_EQ(count(ReceiveCounter::kUnrecovered), 130u);
}

TEST_F(PlayoutBufferTest, GivesItsBlocksBack) {
  PacketPool tight(64 * PacketPool::kSmallBlock);
  PlayoutBuffer lean(kBuffer, 64, tight, journal, counters);
  lean.start(0, 0, 0);
  for (uint64_t s = 0; s < 1000; ++s) {
    uint8_t* block = tight.take(10);
    ASSERT_NE(block, nullptr);
    block[0] = static_cast<uint8_t>(s);
    lean.insert(s, {.block = block, .size = 10, .format = PacketFormat::kMpegTs},
                static_cast<TimeNs>(s) * 5 * kMs);
    lean.play_due(static_cast<TimeNs>(s) * 5 * kMs);
  }
  EXPECT_LE(lean.size(), 21u);
}

}  // namespace
}  // namespace linecast::smart
