#include "tests/unit/smart/receive/scenario.h"

namespace linecast::smart {
namespace {

// Drops one by one what `what` names, counting.
struct Dropper {
  std::function<bool(const Datagram&)> what;
  size_t dropped = 0;
  bool operator()(const Datagram& d) {
    const bool drop = what(d);
    dropped += drop;
    return drop;
  }
};

SmartSender::Options sender_options(bool encrypted) {
  SmartSender::Options options;
  options.encrypted = encrypted;
  return options;
}

class ChannelReceiverTest : public testing::TestWithParam<bool> {
 protected:
  static bool encrypted() { return GetParam(); }
};

// Clear channels and sealed ones keep the same promises.
INSTANTIATE_TEST_SUITE_P(Channels, ChannelReceiverTest, testing::Bool(),
                         [](const auto& channel) { return channel.param ? "Encrypted" : "Clear"; });

TEST_P(ChannelReceiverTest, PlaysTheStreamWithItsSpacing) {
  Scenario s({.sender = sender_options(encrypted())});
  s.start_sender();
  std::vector<TimeNs> sent_at;
  for (int i = 0; i < 100; ++i) {
    sent_at.push_back(s.now + (i * 7 + i % 3) * kMs);
    s.at(sent_at.back(), [&] { s.send_one(); });
  }
  s.run_for(3 * kNsPerSecond);
  ASSERT_TRUE(s.complete());
  for (size_t i = 0; i < s.played.size(); ++i) EXPECT_EQ(s.played[i].when, sent_at[i] + kMs + kNsPerSecond);
  EXPECT_TRUE(s.requests.empty());
  EXPECT_EQ(s.count(ReceiveCounter::kReceived), 100u);
  EXPECT_EQ(s.count(ReceiveCounter::kPlayedPackets), 100u);
  EXPECT_EQ(s.count(ReceiveCounter::kPlayedBytes), 131'600u);
  EXPECT_EQ(s.count(ReceiveCounter::kLost), 0u);
  EXPECT_EQ(s.events_of(ReceiverEvent::kStreamBegins), 1u);
}

TEST_P(ChannelReceiverTest, RandomLossIsRepaired) {
  for (const double loss : {0.1, 0.3}) {
    Scenario s({.sender = sender_options(encrypted())});
    Random random(3);
    Dropper originals{is_original};
    s.drop = [&](const Datagram& d) { return random.unit() < loss && (originals(d) || true); };
    s.start_sender();
    s.send_stream(10'000, kMs);
    s.run_for(13 * kNsPerSecond);
    EXPECT_TRUE(s.complete()) << loss << ": " << s.played.size();
    EXPECT_TRUE(s.requests_valid);
    EXPECT_EQ(s.count(ReceiveCounter::kLost), originals.dropped);
    EXPECT_EQ(s.count(ReceiveCounter::kRepaired), originals.dropped);
    EXPECT_EQ(s.count(ReceiveCounter::kReceived), 10'000 - originals.dropped);
    EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 0u);
    EXPECT_EQ(s.given_up, 0u);
    EXPECT_GT(originals.dropped, 900u);
  }
}

TEST_P(ChannelReceiverTest, LossReorderingAndCopiesTogether) {
  Scenario s({.sender = sender_options(encrypted())});
  Random random(4);
  s.drop = [&](const Datagram&) { return random.unit() < 0.1; };
  s.delay = [&](const Datagram&) { return static_cast<TimeNs>(random.below(8 * kMs)); };
  s.duplicate = [&](const Datagram&) { return random.unit() < 0.2; };
  s.start_sender();
  s.send_stream(5'000, kMs);
  s.run_for(8 * kNsPerSecond);
  // Before the first packet that came there may have been others; from there on all is there.
  ASSERT_GT(s.played.size(), 4'990u);
  for (size_t i = 0; i < s.played.size(); ++i) ASSERT_EQ(s.played[i].index, s.played[0].index + i);
  EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 0u);
  EXPECT_GT(s.count(ReceiveCounter::kDuplicates), 500u);
}

TEST_P(ChannelReceiverTest, ABurstOfThousandsIsRepaired) {
  Scenario s({.sender = sender_options(encrypted())});
  s.drop = [&](const Datagram& d) { return is_original(d) && s.sent > 1000 && s.sent <= 3000; };
  s.start_sender();
  s.send_stream(10'000, kMs / 10);
  s.run_for(3 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_EQ(s.count(ReceiveCounter::kRepaired), 2000u);
  EXPECT_LE(s.requests.size(), 4u) << "a burst fits in few datagrams";
}

TEST_P(ChannelReceiverTest, TheSequenceWrapsUnderLoss) {
  auto options = sender_options(encrypted());
  options.first_sequence = 65'000;
  Scenario s({.sender = options});
  Random random(5);
  s.drop = [&](const Datagram&) { return random.unit() < 0.1; };
  s.start_sender();
  s.send_stream(20'000, kMs / 10);
  s.run_for(4 * kNsPerSecond);
  EXPECT_EQ(s.played.size(), s.played.back().index - s.played.front().index + 1);
  EXPECT_GT(s.played.size(), 19'990u);
  EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 0u);
}

TEST_P(ChannelReceiverTest, TheVeryFirstPacketLost) {
  Scenario s({.sender = sender_options(encrypted())});
  s.drop = [&](const Datagram& d) { return is_original(d) && s.sent <= 2; };
  s.start_sender();
  s.run_for(10 * kMs);
  s.send_stream(100, kMs);
  s.run_for(2 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_EQ(s.count(ReceiveCounter::kRepaired), 2u);
}

TEST_P(ChannelReceiverTest, TheTailLostAndRevealedByAHeartbeat) {
  Scenario s({.sender = sender_options(encrypted())});
  s.drop = [&](const Datagram& d) { return is_original(d) && s.sent > 90; };
  s.start_sender();
  s.send_stream(100, kMs);
  s.run_for(3 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_EQ(s.count(ReceiveCounter::kRepaired), 10u);
}

TEST_P(ChannelReceiverTest, ReorderedWithinTheToleranceAsksNothing) {
  Scenario s({.sender = sender_options(encrypted())});
  s.delay = [&](const Datagram& d) {
    return is_original(d) && s.sent % 5 == 1 && s.sent > 1 ? 5 * kMs : kMs;
  };
  s.start_sender();
  s.send_stream(500, kMs);
  s.run_for(3 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_TRUE(s.requests.empty());
  EXPECT_EQ(s.count(ReceiveCounter::kLost), 0u);
}

TEST_P(ChannelReceiverTest, WhatNothingBringsIsGivenUpInTime) {
  Scenario s({.sender = sender_options(encrypted())});
  s.answers = false;
  s.drop = [&](const Datagram& d) { return is_original(d) && s.sent == 50; };
  s.start_sender();
  s.send_stream(100, kMs);
  s.run_for(3 * kNsPerSecond);
  EXPECT_EQ(s.played.size(), 99u);
  EXPECT_EQ(s.given_up, 1u);
  EXPECT_EQ(s.count(ReceiveCounter::kLost), 1u);
  EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 1u);
  EXPECT_EQ(s.played[49].when - s.played[48].when, 2 * kMs) << "nothing is delayed by it";
  // Asked for 5 ms after the gap showed, then each two round trips of 50 ms, as long as an answer would help.
  EXPECT_EQ(s.requests.size(), 10u);
  EXPECT_EQ(s.asked_at[1] - s.asked_at[0], 100 * kMs);
}

TEST_P(ChannelReceiverTest, LateAndOldRepairsChangeNothing) {
  Scenario s({.sender = sender_options(encrypted())});
  s.answers = false;
  s.drop = [&](const Datagram& d) { return is_original(d) && s.sent == 50; };
  s.start_sender();
  s.send_stream(100, kMs);
  s.run_for(2 * kNsPerSecond);
  s.drop = [](const Datagram&) { return false; };
  auto repair = [&](uint64_t index) {
    Datagram d = s.sender->kept(s.sender->o.first_sequence + index);
    set_data_command(d.data(), DataCommand::kRepair, 0);
    s.transmit(d);
  };
  repair(49);  // given up by now
  repair(48);  // came as an original
  s.run_for(kNsPerSecond);
  EXPECT_EQ(s.count(ReceiveCounter::kLate), 1u);
  EXPECT_EQ(s.count(ReceiveCounter::kUnneededRepairs), 1u);
  EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 1u);
  EXPECT_EQ(s.played.size(), 99u);
}

TEST_P(ChannelReceiverTest, RepairsOfOthersDoNotBeginAStream) {
  Scenario s({.sender = sender_options(encrypted())});
  if (encrypted()) s.transmit(s.sender->announce());
  for (int i = 0; i < 10; ++i) {
    Datagram d = s.sender->data(Scenario::payload(s.sent++));
    set_data_command(d.data(), DataCommand::kRepair, 0);
    s.at(s.now + 2 * kMs, [&s, d] { s.transmit(d); });
  }
  s.run_for(10 * kMs);
  s.send_stream(10, kMs);
  s.run_for(2 * kNsPerSecond);
  EXPECT_EQ(s.count(ReceiveCounter::kBeforeStart), 10u);
  EXPECT_EQ(s.played.front().index, 10u);
  EXPECT_EQ(s.played.size(), 10u);
}

TEST_P(ChannelReceiverTest, TwoHopsWithTheSameStream) {
  Scenario s({.sender = sender_options(encrypted())});
  constexpr Ipv4 kSecond = 0x0a000002;
  Random random(6);
  s.start_sender();
  for (int i = 0; i < 1000; ++i)
    s.at(s.now + i * kMs, [&] {
      const Datagram d = s.sender->data(Scenario::payload(s.sent++));
      s.drop = [&](const Datagram& x) { return is_original(x) && random.unit() < 0.2; };
      s.transmit(d, kHop);
      s.transmit(d, kSecond);
    });
  s.run_for(3 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_GT(s.count(ReceiveCounter::kDuplicates), 500u);
  EXPECT_EQ(s.count(ReceiveCounter::kReceived) + s.count(ReceiveCounter::kRepaired), 1000u);
}

TEST_P(ChannelReceiverTest, TheFieldQuietDelaysRequests) {
  Scenario s({.sender = sender_options(encrypted())});
  s.sender->quiet = 7;  // 64 ms
  s.drop = [&](const Datagram& d) { return is_original(d) && s.sent % 20 == 0; };
  s.start_sender();
  s.send_stream(1990, kMs);
  const TimeNs begin = s.now;
  s.run_for(4 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  ASSERT_GT(s.asked_at.size(), 50u);
  // The gaps show at 20, 40 .. ms; each request comes within tolerance + T of its gap, and spread out.
  std::vector<TimeNs> waits;
  for (size_t i = 0; i < s.requests.size(); ++i) {
    Split split;
    Replacement m;
    ASSERT_EQ(split_message(s.requests[i], split), WireFault::kNone);
    ASSERT_TRUE(decode(split.body, m));
    const uint16_t index = static_cast<uint16_t>(m.list.pairs[0].sequence - s.sender->o.first_sequence);
    waits.push_back(s.asked_at[i] - (begin + (index + 1) * kMs + kMs));
  }
  EXPECT_GE(std::ranges::min(waits), 5 * kMs);
  EXPECT_LE(std::ranges::max(waits), (5 + 64 + 1) * kMs);
  EXPECT_GT(std::ranges::max(waits) - std::ranges::min(waits), 30 * kMs);
}

TEST_P(ChannelReceiverTest, QuietFifteenForbidsUntilItIsTakenBack) {
  Scenario s({.sender = sender_options(encrypted())});
  s.sender->quiet = 15;
  s.drop = [&](const Datagram& d) { return is_original(d) && s.sent == 50; };
  s.start_sender();
  s.send_stream(100, kMs);
  s.run_for(500 * kMs);
  EXPECT_TRUE(s.requests.empty());
  s.sender->quiet = 0;
  s.send_one();
  s.run_for(2 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_EQ(s.requests.size(), 1u);
}

TEST_P(ChannelReceiverTest, AQuietMessageHoldsRequestsBackButNotForEver) {
  Scenario s({.sender = sender_options(encrypted()), .settings = {.buffer_ns = 400 * kMs}});
  s.drop = [&](const Datagram& d) { return is_original(d) && s.sent == 50; };
  s.start_sender();
  const TimeNs begin = s.now;
  s.send_stream(2000, kMs);
  s.run_until(begin + 48 * kMs);
  s.transmit(s.sender->quiet_message(200));
  s.run_for(kNsPerSecond);
  EXPECT_EQ(s.count(ReceiveCounter::kQuietMessages), 1u);
  ASSERT_EQ(s.asked_at.size(), 1u);
  EXPECT_EQ(s.asked_at[0], begin + (48 + 1 + 200) * kMs);
  EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 0u);

  // A minute is honoured for no longer than the half of each packet's time.
  s.transmit(s.sender->quiet_message(60'000));
  s.run_for(2 * kMs);
  const TimeNs quiet_from = s.now;
  s.drop = [&](const Datagram& d) { return is_original(d) && s.sent % 10 == 0; };
  s.run_for(kNsPerSecond);
  EXPECT_GE(s.asked_at[1], quiet_from + 200 * kMs);
  EXPECT_LE(s.asked_at[1], quiet_from + 215 * kMs);
  EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 0u);
}

TEST_P(ChannelReceiverTest, AQuietMessageThatNamesSequencesHoldsThose) {
  Scenario s({.sender = sender_options(encrypted())});
  s.answers = false;
  s.drop = [&](const Datagram& d) { return is_original(d) && (s.sent == 51 || s.sent == 54); };
  s.start_sender();
  s.send_stream(100, kMs);
  const TimeNs begin = s.now;
  s.run_for(55 * kMs);
  const uint64_t lost = s.sender->o.first_sequence + 50;
  s.transmit(s.sender->quiet_message(0, {{static_cast<uint16_t>(lost), 0}}));
  s.run_for(60 * kMs);
  EXPECT_EQ(s.times_asked(lost), 0u);
  EXPECT_EQ(s.times_asked(lost + 3), 1u);
  s.run_for(60 * kMs);
  EXPECT_EQ(s.times_asked(lost), 1u) << "two round trips later";
  EXPECT_EQ(s.asked_at.at(1), begin + 156 * kMs);
}

TEST_P(ChannelReceiverTest, TheRoundTripComesFromStatus) {
  Scenario s({.sender = sender_options(encrypted())});
  s.answers = false;
  s.drop = [&](const Datagram& d) { return is_original(d) && s.sent == 50; };
  if (encrypted()) s.transmit(s.sender->announce());
  s.transmit(s.sender->status(10));
  s.send_stream(100, kMs);
  s.run_for(500 * kMs);
  ASSERT_GT(s.asked_at.size(), 2u);
  EXPECT_EQ(s.asked_at[1] - s.asked_at[0], 20 * kMs);
  EXPECT_EQ(s.count(ReceiveCounter::kSenderStatus), 1u);
}

TEST_P(ChannelReceiverTest, AsksTheHopThatItHears) {
  Scenario s({.sender = sender_options(encrypted())});
  if (encrypted()) s.transmit(s.sender->announce());
  s.drop = [&](const Datagram& d) { return is_original(d) && s.sent % 50 == 0; };
  for (int i = 0; i < 200; ++i)
    s.at(s.now + i * kMs, [&, i] {
      s.transmit(s.sender->data(Scenario::payload(s.sent++)), i < 100 ? 0x0a000005 : 0x0a000006);
    });
  s.run_for(2 * kNsPerSecond);
  ASSERT_EQ(s.asked.size(), 3u);  // the last loss has nothing behind it
  EXPECT_EQ(s.asked[0], 0x0a000005u);
  EXPECT_EQ(s.asked[2], 0x0a000006u);
}

TEST_P(ChannelReceiverTest, ABufferThatIsTooSmallIsPlayedEarlyAndCounted) {
  Scenario s({.sender = sender_options(encrypted()), .settings = {.max_packets = 64}});
  s.may_play_early = true;
  s.start_sender();
  s.send_stream(200, kMs);
  s.run_for(250 * kMs);
  EXPECT_EQ(s.count(ReceiveCounter::kBufferOverflow), 200u - 64u);
  s.run_for(kNsPerSecond);
  EXPECT_TRUE(s.complete());
}

TEST_P(ChannelReceiverTest, PlaysAllAtOnceAtTheEnd) {
  Scenario s({.sender = sender_options(encrypted())});
  s.drop = [&](const Datagram& d) { return is_original(d) && s.sent == 50; };
  s.answers = false;
  s.start_sender();
  s.send_stream(100, kMs);
  s.run_for(200 * kMs);
  EXPECT_TRUE(s.played.empty());
  s.may_play_early = true;
  s.receiver->play_all();
  EXPECT_EQ(s.played.size(), 99u);
  EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 1u);
}

TEST_P(ChannelReceiverTest, MalformedPacketsAreCountedByTheirFault) {
  Scenario s({.sender = sender_options(encrypted())});
  s.start_sender();
  s.send_stream(100, kMs);
  s.run_for(50 * kMs);
  Datagram good = s.sender->data(Scenario::payload(s.sent++));
  s.receiver->receive(s.now, Bytes(good).first(3), kHop);
  s.receiver->receive(s.now, Bytes(good).first(good.size() - 1), kHop);
  s.receiver->receive(s.now, Bytes(), kHop);
  Datagram format = good;
  format[6] |= 0xc0;
  s.receiver->receive(s.now, format, kHop);
  Datagram seal = good;
  seal[6] ^= 0x20;
  s.receiver->receive(s.now, seal, kHop);
  Datagram parity = good;
  parity[1] |= 0x20;
  s.receiver->receive(s.now, parity, kHop);
  Datagram unknown = good;
  unknown[0] = 0;
  unknown[1] = 1 << 6 | 0x3f;
  s.receiver->receive(s.now, unknown, kHop);
  s.receiver->receive(s.now, good, kHop);
  s.run_for(3 * kNsPerSecond);
  const auto& faults = s.receiver->wire_faults();
  EXPECT_EQ(faults.get(WireFault::kTruncated), 2u);
  EXPECT_EQ(faults.get(WireFault::kSizeMismatch), 1u);
  EXPECT_EQ(faults.get(WireFault::kReservedFormat), 1u);
  EXPECT_EQ(faults.get(WireFault::kSealMismatch), 1u);
  EXPECT_EQ(faults.get(WireFault::kUnknownCommand), 1u);
  EXPECT_EQ(s.count(ReceiveCounter::kParity), 1u);
  EXPECT_EQ(s.played.size(), 101u);
  EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 0u);
}

TEST_P(ChannelReceiverTest, MessagesOfOthersAreDropped) {
  Scenario s({.sender = sender_options(encrypted())});
  auto other = s.sender->o;
  other.group += 1;
  SmartSender stranger(other);
  s.transmit(stranger.status());
  s.transmit(stranger.quiet_message(1000));
  Datagram request(64);
  Replacement m;
  m.group = s.sender->o.group;
  m.list.count = 1;
  request.resize(encode(m, request));
  s.transmit(request);
  s.run_for(10 * kMs);
  EXPECT_EQ(s.count(ReceiveCounter::kWrongGroup), 2u);
  EXPECT_EQ(s.count(ReceiveCounter::kSenderStatus), 0u);
  EXPECT_EQ(
      s.count(ReceiveCounter::kNotForReceivers) + s.receiver->wire_faults().get(WireFault::kTrailerMismatch),
      1u);
}

TEST_P(ChannelReceiverTest, AfterAPauseOfMinutesItGoesOn) {
  Scenario s({.sender = sender_options(encrypted())});
  s.start_sender();
  s.send_stream(100, kMs);
  s.run_for(300 * kNsPerSecond);
  s.drop = [&](const Datagram& d) { return is_original(d) && (s.sent == 101 || s.sent == 150); };
  const TimeNs again = s.now;
  s.send_stream(100, kMs);
  s.run_for(3 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_EQ(s.count(ReceiveCounter::kRepaired), 2u);
  EXPECT_GE(s.played[101].when, again + kNsPerSecond);
  EXPECT_EQ(s.count(ReceiveCounter::kRestarts) + s.count(ReceiveCounter::kJumps), 0u);
}

TEST_P(ChannelReceiverTest, AJoinInTheMiddleAsksForNothingOfBefore) {
  Scenario s({.sender = sender_options(encrypted())});
  bool joined = false;
  s.drop = [&](const Datagram&) { return !joined; };
  s.start_sender();
  s.send_stream(70'000, kMs / 10);
  s.run_for(5 * kNsPerSecond);
  joined = true;
  s.run_for(5 * kNsPerSecond);
  EXPECT_TRUE(s.requests.empty());
  EXPECT_EQ(s.count(ReceiveCounter::kLost), 0u);
  EXPECT_GT(s.played.size(), 18'900u) << "encrypted: what came before the announcement waited";
  EXPECT_EQ(s.played.size(), s.played.back().index - s.played.front().index + 1);
  EXPECT_EQ(s.played.back().index, 69'999u);
}

// Bursts of loss after bursts of loss, for a while: nothing leaks, nothing stalls.
TEST_P(ChannelReceiverTest, ALongBadDay) {
  Scenario s({.sender = sender_options(encrypted()), .settings = {.buffer_ns = 300 * kMs}});
  Random random(8);
  uint64_t burst = 0;
  s.drop = [&](const Datagram&) {
    if (burst > 0) return --burst, true;
    if (random.unit() < 0.002) burst = random.below(400);
    return random.unit() < 0.02;
  };
  s.delay = [&](const Datagram&) { return static_cast<TimeNs>(random.below(20 * kMs)); };
  s.start_sender();
  s.send_stream(60'000, kMs);
  s.run_for(62 * kNsPerSecond);
  for (size_t i = 1; i < s.played.size(); ++i) ASSERT_GT(s.played[i].index, s.played[i - 1].index);
  const uint64_t first = s.played.front().index;
  EXPECT_EQ(s.played.size() + s.given_up, 60'000 - first);
  EXPECT_EQ(s.count(ReceiveCounter::kLost),
            s.count(ReceiveCounter::kRepaired) + s.count(ReceiveCounter::kUnrecovered));
  EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), s.given_up);
  EXPECT_LT(s.given_up, 600u);
}

}  // namespace
}  // namespace linecast::smart
