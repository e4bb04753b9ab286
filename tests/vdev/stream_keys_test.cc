// Key epochs: from the control lcore's StreamKeys through a command to the lane and onto the wire.
#include "app/linecast/stream_keys.h"

#include <gtest/gtest.h>

#include "lib/smart/key_acceptor.h"
#include "tests/vdev/lane_bed.h"

namespace linecast {
namespace {

constexpr TimeNs kStart = 10 * kNsPerSecond;

class Epochs : public testing::Test {
 protected:
  Epochs() : bed_(options()), acceptor_(bed_.channel_id(0), {bed_.public_key()}) {}

  static BedOptions options() {
    BedOptions options;
    options.announce = true;
    options.window_packets = 1024;
    return options;
  }

  // Runs the lane for so long; KEY_ANNOUNCEs go to `announce_`, data packets' epoch codes to `codes_` by
  // sequence.
  void run(TimeNs duration, unsigned packets_each_10_ms) {
    for (const TimeNs end = now_ + duration; now_ < end; now_ += 10 * kNsPerMs) {
      for (unsigned k = 0; k < packets_each_10_ms; ++k) bed_.feed(feed_frame(0, ts_payload(1, 1)));
      bed_.lane().poll(now_);
      for (const auto& frame : bed_.sent()) take(net::parse_frame(frame, {}).payload);
    }
  }

  void take(Bytes datagram) {
    smart::DataHeader header;
    if (smart::decode_data(datagram, header) == smart::WireFault::kNone) {
      if (header.command == smart::DataCommand::kOriginal) codes_.push_back(header.synch_code);
      return;
    }
    smart::KeyAnnounce announce;
    const auto result = acceptor_.accept(now_, datagram, announce);
    if (result == smart::KeyAnnounceResult::kAccepted) announce_ = announce;
    if (result == smart::KeyAnnounceResult::kAccepted || result == smart::KeyAnnounceResult::kRepeat)
      ++announces_;
  }

  // What the control lcore does once a second.
  bool tick() {
    const bool delivered = bed_.count(app::LaneCounter::kCommandsDone) >= commands_;
    const app::Announcement* announcement = bed_.stream_keys(0).tick(bed_.channel(0), delivered);
    if (announcement == nullptr) return false;
    command_ = {.kind = app::LaneCommand::Kind::kAnnounce, .index = 0, .announcement = announcement};
    EXPECT_TRUE(bed_.lane().command(command_));
    ++commands_;
    return true;
  }

  LaneBed bed_;
  smart::KeyAcceptor acceptor_;
  app::LaneCommand command_;
  uint64_t commands_ = 0;
  TimeNs now_ = kStart;
  smart::KeyAnnounce announce_;
  size_t announces_ = 0;
  std::vector<uint8_t> codes_;  // [0]: of sequence 1
};

TEST_F(Epochs, TheAnnouncementIsRepeatedEvery100Ms) {
  run(2 * kNsPerSecond, 0);
  EXPECT_EQ(announces_, 20u);
  EXPECT_EQ(announce_.epoch, 1u);
  EXPECT_EQ(announce_.next_epoch, 0u);
  EXPECT_EQ(announce_.start_number, LaneBed::kStartNumber);
  EXPECT_EQ(announce_.key_id, 7);
  EXPECT_FALSE(tick());
}

TEST_F(Epochs, ARollIsAnnouncedAheadAndTakesPlaceAtTheNamedSequence) {
  run(kNsPerSecond, 1);
  tick();
  run(kNsPerSecond, 1);
  bed_.stream_keys(0).roll();
  ASSERT_TRUE(tick());
  const uint64_t announced_at = codes_.size();
  announces_ = 0;
  run(500 * kNsPerMs, 1);
  EXPECT_GE(announces_, 3u);
  EXPECT_EQ(announce_.next_epoch, 2u);
  const uint64_t from = announce_.next_first_sequence;
  EXPECT_GT(from, announced_at + 30);  // three announcements at this rate
  run(3 * kNsPerSecond, 1);
  ASSERT_GT(codes_.size(), from);
  for (size_t i = 0; i < codes_.size(); ++i)
    ASSERT_EQ(codes_[i], i + 1 < from ? 1 : 2) << "sequence " << i + 1;
  EXPECT_EQ(bed_.channel(0).epoch(), 2u);
  ASSERT_TRUE(tick());  // the announcement of the new epoch alone
  run(kNsPerSecond, 1);
  EXPECT_EQ(announce_.epoch, 2u);
  EXPECT_EQ(announce_.next_epoch, 0u);
  EXPECT_FALSE(tick());
}

TEST_F(Epochs, NothingIsChangedWhileTheLaneHasNotTakenTheLastCommand) {
  run(kNsPerSecond, 1);
  bed_.stream_keys(0).roll();
  ASSERT_TRUE(tick());
  bed_.stream_keys(0).roll();
  for (int k = 0; k < 5; ++k) EXPECT_FALSE(tick());  // the lane does not run
  run(10 * kNsPerMs, 0);
  EXPECT_EQ(bed_.count(app::LaneCounter::kCommandsDone), 1u);
}

TEST_F(Epochs, ASwitchThatTheLaneHeardOfTooLateIsNamedAgain) {
  run(kNsPerSecond, 1);
  tick();
  bed_.stream_keys(0).roll();
  const app::Announcement* announcement = bed_.stream_keys(0).tick(bed_.channel(0), true);
  ASSERT_NE(announcement, nullptr);
  const uint64_t first_named = announcement->next_from;
  run(4 * kNsPerSecond, 1);  // past it, before the command comes
  ASSERT_GT(bed_.channel(0).next_sequence(), first_named);
  command_ = {.kind = app::LaneCommand::Kind::kAnnounce, .index = 0, .announcement = announcement};
  ASSERT_TRUE(bed_.lane().command(command_));
  ++commands_;
  run(10 * kNsPerMs, 1);
  EXPECT_EQ(bed_.channel(0).epoch(), 1u);
  ASSERT_TRUE(tick());
  run(kNsPerSecond, 1);
  EXPECT_GT(announce_.next_first_sequence, first_named);
  run(12 * kNsPerSecond, 1);
  EXPECT_EQ(bed_.channel(0).epoch(), 2u);
}

}  // namespace
}  // namespace linecast
