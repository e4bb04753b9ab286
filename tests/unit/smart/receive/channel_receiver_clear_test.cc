// What only clear channels have: sequences that nothing vouches for.
#include "tests/unit/smart/receive/scenario.h"

namespace linecast::smart {
namespace {

Scenario::Options clear_options() {
  Scenario::Options options;
  options.sender.encrypted = false;
  return options;
}

class ChannelReceiverClear : public testing::Test {
 protected:
  void restart(uint64_t first_sequence, bool with_status) {
    auto again = s.sender->o;
    again.start_number += 1;
    again.first_sequence = first_sequence;
    s.restart_sender(again);
    if (with_status) s.transmit(s.sender->status());
    s.run_for(2 * kMs);
    s.send_stream(200, kMs);
    s.run_for(kNsPerSecond / 2);
  }

  Scenario s{clear_options()};
};

TEST_F(ChannelReceiverClear, RequestsHaveNoTrailer) {
  s.drop = [&](const Datagram& d) { return is_original(d) && s.sent == 50; };
  s.send_stream(100, kMs);
  s.run_for(2 * kNsPerSecond);
  ASSERT_EQ(s.requests.size(), 1u);
  EXPECT_EQ(s.requests[0].size(), 12u);
  EXPECT_EQ(s.requests[0][0], 0u);
  EXPECT_TRUE(s.complete());
}

TEST_F(ChannelReceiverClear, AJumpIsBelievedAfterThreeInARowAndLosesNothing) {
  s.send_stream(200, kMs);
  s.run_for(210 * kMs);
  restart(40'000, false);
  s.run_for(2 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_EQ(s.count(ReceiveCounter::kJumps), 1u);
  EXPECT_EQ(s.count(ReceiveCounter::kDoubtful), 0u);
  EXPECT_TRUE(s.requests.empty()) << "nothing in between is asked for";
  EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 0u);
}

TEST_F(ChannelReceiverClear, ANewStartNumberIsBelievedAtOnce) {
  for (const uint64_t first : {uint64_t{40'000}, uint64_t{350}, uint64_t{150}}) {  // far, ahead, behind
    Scenario fresh(clear_options());
    fresh.transmit(fresh.sender->status());
    fresh.send_stream(200, kMs);
    fresh.run_for(210 * kMs);
    auto again = fresh.sender->o;
    again.start_number += 1;
    again.first_sequence = first;
    fresh.restart_sender(again);
    fresh.transmit(fresh.sender->status());
    fresh.run_for(2 * kMs);
    fresh.send_stream(200, kMs);
    fresh.run_for(3 * kNsPerSecond);
    EXPECT_TRUE(fresh.complete()) << first;
    EXPECT_EQ(fresh.count(ReceiveCounter::kRestarts), 1u);
    EXPECT_TRUE(fresh.requests.empty());
  }
}

TEST_F(ChannelReceiverClear, StrayNumbersDisturbNothing) {
  s.transmit(s.sender->status());
  s.send_stream(200, kMs);
  Random random(3);
  for (int i = 0; i < 200; ++i)
    s.at(s.now + i * kMs, [&] {
      Datagram stray(8 + 20);
      encode_data_header({.size = 28, .number = static_cast<uint16_t>(20'000 + 2 * random.below(10'000))},
                         stray.data());
      s.transmit(stray);
    });
  s.run_for(2 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_EQ(s.count(ReceiveCounter::kJumps), 0u);
  EXPECT_EQ(s.count(ReceiveCounter::kDoubtful), 200u);
  EXPECT_TRUE(s.requests.empty());
}

TEST_F(ChannelReceiverClear, AHeartbeatFarAheadIsNotBelieved) {
  s.send_stream(50, kMs);
  s.run_for(10 * kMs);
  Datagram beat(16);
  const uint64_t far = 100 + 20'000;
  encode_data_header({.command = DataCommand::kHeartbeat, .size = 16, .number = static_cast<uint16_t>(far)},
                     beat.data());
  store_be64(&beat[8], far);
  s.transmit(beat);
  store_be64(&beat[8], far + 1);
  s.transmit(beat);
  s.run_for(2 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_EQ(s.count(ReceiveCounter::kDoubtful), 1u);
  EXPECT_EQ(s.count(ReceiveCounter::kContradictory), 1u);
  EXPECT_TRUE(s.requests.empty());
}

TEST_F(ChannelReceiverClear, SealedPacketsAreRefusedAndTold) {
  SmartSender stranger({});
  s.send_stream(50, kMs);
  s.transmit(stranger.announce());
  for (int i = 0; i < 10; ++i) s.transmit(stranger.data(Scenario::payload(1)));
  s.transmit(stranger.status());
  s.run_for(2 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_EQ(s.count(ReceiveCounter::kSealedOnClear), 12u);
  EXPECT_EQ(s.events_of(ReceiverEvent::kSealedOnClear), 1u);
}

}  // namespace
}  // namespace linecast::smart
