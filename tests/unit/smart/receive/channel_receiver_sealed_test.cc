// What only encrypted channels have: keys, tags, starts and MACs.
#include "tests/unit/smart/receive/scenario.h"

namespace linecast::smart {
namespace {

crypto::GroupKey other_key(uint16_t id, crypto::Cipher cipher = crypto::Cipher::kAes128Gcm) {
  return {.id = id, .cipher = cipher, .bytes = {42, 42}};
}

TEST(ChannelReceiverSealed, Aes256) {
  SmartSender::Options options;
  options.group_key = other_key(3, crypto::Cipher::kAes256Gcm);
  Scenario s({.sender = options});
  s.start_sender();
  s.send_stream(100, kMs);
  s.run_for(3 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
}

TEST(ChannelReceiverSealed, PacketsWaitForTheirKey) {
  Scenario s;
  bool announced = false;
  s.drop = [&](const Datagram& d) { return is_announce(d) && !announced; };
  s.start_sender();
  s.send_stream(700, kMs);
  s.at(s.now + 550 * kMs, [&] { announced = true; });
  const TimeNs begin = s.now;
  s.run_for(3 * kNsPerSecond);
  ASSERT_TRUE(s.complete());
  EXPECT_EQ(s.played[0].when, begin + kMs + kNsPerSecond) << "the wait does not show";
  EXPECT_EQ(s.count(ReceiveCounter::kUnknownEpoch), 0u);
  EXPECT_EQ(s.events_of(ReceiverEvent::kNoKey), 0u);
}

TEST(ChannelReceiverSealed, ALackOfKeysIsCountedAndToldOnce) {
  Scenario s;
  bool announced = false;
  s.drop = [&](const Datagram& d) { return is_announce(d) && !announced; };
  s.start_sender();
  s.send_stream(3000, kMs);
  s.at(s.now + 2050 * kMs, [&] { announced = true; });
  s.run_for(5 * kNsPerSecond);
  EXPECT_EQ(s.events_of(ReceiverEvent::kNoKey), 1u);
  EXPECT_EQ(s.played.size() + s.count(ReceiveCounter::kUnknownEpoch), 3000u + 1u);  // the first heartbeat too
  EXPECT_NEAR(static_cast<double>(s.played.size()), 1900, 5) << "what came within the buffer's time";
  EXPECT_EQ(s.played.back().index, 2999u);
}

TEST(ChannelReceiverSealed, WaitingPacketsAreBounded) {
  Scenario s({.settings = {.max_waiting_packets = 64}});
  s.drop = is_announce;
  s.start_sender();
  s.send_stream(500, kMs);
  s.run_for(600 * kMs);
  EXPECT_EQ(s.count(ReceiveCounter::kWaitingOverflow), 500u + 3u - 64u) << "three heartbeats among them";
  EXPECT_EQ(s.events_of(ReceiverEvent::kNoKey), 1u);
}

TEST(ChannelReceiverSealed, TheWrongKeyOpensNothing) {
  auto key = other_key(7);  // the id that the sender names
  Scenario s({.keys = std::vector{key}});
  s.start_sender();
  s.send_stream(500, kMs);
  s.run_for(3 * kNsPerSecond);
  EXPECT_TRUE(s.played.empty());
  EXPECT_GE(s.count(ReceiveCounter::kBadTag), 500u);
  EXPECT_EQ(s.events_of(ReceiverEvent::kNothingOpens), 1u);
  EXPECT_EQ(s.count(ReceiveCounter::kBadTrailer), 3u) << "SENDER_STATUS";
  EXPECT_TRUE(s.requests.empty());
}

TEST(ChannelReceiverSealed, AKeyThatIsNotHeldIsTold) {
  for (const auto& key : {other_key(8), other_key(7, crypto::Cipher::kAes256Gcm)}) {
    Scenario s({.keys = std::vector{key}});
    s.start_sender();
    s.send_stream(2000, kMs);
    s.run_for(3 * kNsPerSecond);
    EXPECT_TRUE(s.played.empty());
    EXPECT_EQ(s.count(ReceiveCounter::kKeyNotHeld), 1u);
    EXPECT_EQ(s.events_of(ReceiverEvent::kKeyNotHeld), 1u);
    EXPECT_EQ(s.events_of(ReceiverEvent::kNoKey), 0u) << "that would say less";
    EXPECT_GT(s.count(ReceiveCounter::kUnknownEpoch), 900u);
  }
}

TEST(ChannelReceiverSealed, AnUntrustedHeadendIsTold) {
  Scenario s({.trusted = false});
  s.start_sender();
  s.send_stream(100, kMs);
  s.run_for(3 * kNsPerSecond);
  EXPECT_TRUE(s.played.empty());
  EXPECT_GT(s.receiver->key_announces().get(KeyAnnounceResult::kUntrusted), 10u);
  EXPECT_EQ(s.events_of(ReceiverEvent::kUntrusted), 1u);
}

TEST(ChannelReceiverSealed, EpochsChangeWithoutALoss) {
  Scenario s({.keys = std::vector{SmartSender::Options{}.group_key, other_key(8)}});
  Random random(3);
  s.drop = [&](const Datagram&) { return random.unit() < 0.1; };
  s.start_sender();
  s.send_stream(4000, kMs);
  const auto roll = [&s](TimeNs when, const crypto::GroupKey& key) {
    s.at(s.now + when, [&s, key] { s.sender->schedule_epoch(s.sender->next_sequence() + 500, key); });
  };
  roll(500 * kMs, s.sender->o.group_key);
  roll(1500 * kMs, other_key(8));  // as when someone is shut out
  roll(2500 * kMs, other_key(8));
  s.run_for(7 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_TRUE(s.requests_valid);
  EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 0u);
  EXPECT_EQ(s.count(ReceiveCounter::kUnknownEpoch), 0u);
  EXPECT_EQ(s.count(ReceiveCounter::kRestarts), 0u);
}

TEST(ChannelReceiverSealed, AFlippedBitIsSeenAndDisturbsNothing) {
  // Any bit of the packet but CMD's repair bit, QUIET and what is caught before the tag.
  for (const size_t at : {size_t{7}, size_t{8}, size_t{20}, size_t{700}, size_t{1339}, size_t{1347}}) {
    Scenario s;
    s.start_sender();
    s.send_stream(100, kMs);
    s.run_for(50 * kMs);
    const uint64_t before = s.count(ReceiveCounter::kReceived);
    Datagram packet = s.sender->data(Scenario::payload(s.sent++));
    ASSERT_EQ(packet.size(), 1348u);
    Datagram bad = packet;
    bad[at] ^= 1;
    s.receiver->receive(s.now, bad, kHop);
    EXPECT_EQ(s.count(ReceiveCounter::kReceived), before);
    EXPECT_EQ(s.count(ReceiveCounter::kBadTag) + s.count(ReceiveCounter::kContradictory) +
                  s.count(ReceiveCounter::kWrongSender),
              1u)
        << at;
    s.receiver->receive(s.now, packet, kHop);  // the forgery must not have used its place up
    s.run_for(3 * kNsPerSecond);
    EXPECT_EQ(s.played.size(), 101u);
    EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 0u);
  }
}

TEST(ChannelReceiverSealed, RepairAndQuietBitsAreNotSealed) {
  Scenario s;
  s.start_sender();
  s.send_stream(10, kMs);
  s.run_for(20 * kMs);
  Datagram packet = s.sender->data(Scenario::payload(s.sent++));
  set_data_command(packet.data(), DataCommand::kRepair, 9);
  s.receiver->receive(s.now, packet, kHop);
  EXPECT_EQ(s.count(ReceiveCounter::kRepairs), 1u);
  EXPECT_EQ(s.count(ReceiveCounter::kBadTag), 0u);
}

TEST(ChannelReceiverSealed, ReplaysAreDropped) {
  Scenario s;
  std::vector<Datagram> recorded;
  s.drop = [&](const Datagram& d) {
    recorded.push_back(d);
    return false;
  };
  s.stop_at = s.now + 2500 * kMs;
  s.start_sender();
  s.send_stream(100, kMs);
  s.run_for(3 * kNsPerSecond);
  ASSERT_TRUE(s.complete());
  const uint64_t heartbeats = s.count(ReceiveCounter::kHeartbeats);
  const uint64_t status = s.count(ReceiveCounter::kSenderStatus);
  const auto replay = recorded;
  for (const Datagram& d : replay) s.transmit(d, kHop + 1);
  s.run_for(3 * kNsPerSecond);
  EXPECT_EQ(s.played.size(), 100u);
  EXPECT_EQ(s.count(ReceiveCounter::kDuplicates), 100 + heartbeats);
  EXPECT_EQ(s.count(ReceiveCounter::kStaleMessage), status);
  EXPECT_EQ(s.count(ReceiveCounter::kRestarts), 0u);
  EXPECT_GT(s.receiver->key_announces().get(KeyAnnounceResult::kRepeat), 1u);
}

TEST(ChannelReceiverSealed, PacketsFromBeforeTheWindowAreReplays) {
  Scenario s({.settings = {.buffer_ns = 10 * kMs}});
  s.may_play_early = true;
  s.start_sender();
  s.run_for(2 * kMs);
  const Datagram old = s.sender->data(Scenario::payload(s.sent++));
  s.transmit(old);
  for (uint64_t i = 0; i < ReplayWindow::kWidth + 100; ++i)
    s.receiver->receive(s.now, s.sender->data(Scenario::payload(s.sent++)), kHop);
  s.transmit(old);
  s.stop_at = s.now;
  s.run_for(100 * kMs);
  EXPECT_EQ(s.count(ReceiveCounter::kReplayed), 1u + 1u) << "the first came after those that were handed in";
}

TEST(ChannelReceiverSealed, AnotherChannelsPackets) {
  SmartSender::Options other;
  other.channel_id = crypto::channel_id_from_name("other");
  other.salt = 9;
  other.first_sequence = 5000;
  SmartSender stranger(other);
  Scenario s;
  s.start_sender();
  s.send_stream(100, kMs);
  for (int i = 0; i < 50; ++i)
    s.at(s.now + i * kMs, [&] {
      s.transmit(stranger.announce());
      s.transmit(stranger.data(Scenario::payload(1)));
      s.transmit(stranger.heartbeat());
      s.transmit(stranger.status());  // names this group, but the MAC is another channel's
      s.transmit(stranger.quiet_message(1000));
    });
  s.run_for(3 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_EQ(s.receiver->key_announces().get(KeyAnnounceResult::kWrongChannel), 50u);
  EXPECT_GE(s.count(ReceiveCounter::kBadTag), 50u) << "but for heartbeats whose counter came before";
  EXPECT_EQ(s.count(ReceiveCounter::kBadTrailer), 100u);
  EXPECT_EQ(s.count(ReceiveCounter::kRestarts), 0u);
}

TEST(ChannelReceiverSealed, ClearPacketsAreRefused) {
  SmartSender::Options clear;
  clear.encrypted = false;
  SmartSender stranger(clear);
  Scenario s;
  s.start_sender();
  s.send_stream(100, kMs);
  for (int i = 0; i < 10; ++i) s.transmit(stranger.data(Scenario::payload(1)));
  s.transmit(stranger.status());
  s.transmit(stranger.quiet_message(1000));
  s.run_for(3 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_EQ(s.count(ReceiveCounter::kNotSealed), 12u);
  EXPECT_EQ(s.events_of(ReceiverEvent::kNotSealed), 1u);
}

TEST(ChannelReceiverSealed, AWrongNameIsTold) {
  SmartSender::Options other;
  other.channel_id = crypto::channel_id_from_name("tset");
  SmartSender stranger(other);
  Scenario s;
  for (int i = 0; i < 20; ++i)
    s.at(s.now + i * 100 * kMs, [&] {
      s.transmit(stranger.announce());
      s.transmit(stranger.heartbeat());
    });
  s.run_for(4 * kNsPerSecond);
  EXPECT_EQ(s.events_of(ReceiverEvent::kOtherChannels), 1u);
  EXPECT_EQ(s.events_of(ReceiverEvent::kNoKey), 0u);
}

TEST(ChannelReceiverSealed, ARestartBeginsAnewAndTheOldStreamIsPlayedOut) {
  Scenario s;
  Random random(3);
  s.drop = [&](const Datagram&) { return random.unit() < 0.1; };
  s.start_sender();
  s.send_stream(500, kMs);
  s.run_for(750 * kMs);  // the last heartbeat was at 640
  const uint64_t asked = s.requests.size();
  auto again = s.sender->o;
  again.start_number += 1;
  again.first_sequence = 120;  // its sequences overlap those before
  again.salt = 2;
  s.restart_sender(again);
  // Its first announcements are lost: what comes meanwhile waits, though it seems to open with the old key.
  int announced = 0;
  s.drop = [&](const Datagram& d) { return (is_announce(d) && ++announced <= 3) || random.unit() < 0.1; };
  s.start_sender();
  s.run_for(2 * kMs);
  s.send_stream(300, kMs);
  s.run_for(3 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_EQ(s.count(ReceiveCounter::kRestarts), 1u);
  EXPECT_EQ(s.events_of(ReceiverEvent::kRestart), 1u);
  EXPECT_GT(s.requests.size(), asked);
  EXPECT_EQ(s.played[500].sequence, 120u);

  // What the old start sends now, or who replays it, is refused.
  const uint64_t before = s.played.size();
  s.drop = [](const Datagram&) { return false; };
  s.transmit(s.retired[0]->announce());
  s.transmit(s.retired[0]->data(Scenario::payload(0)));
  s.transmit(s.retired[0]->status());
  s.run_for(2 * kNsPerSecond);
  EXPECT_EQ(s.played.size(), before);
  EXPECT_EQ(s.receiver->key_announces().get(KeyAnnounceResult::kOld), 1u);
  EXPECT_GE(s.count(ReceiveCounter::kBadTag), 1u);
  EXPECT_EQ(s.count(ReceiveCounter::kStaleMessage), 1u);
  EXPECT_EQ(s.count(ReceiveCounter::kRestarts), 1u);
  EXPECT_EQ(s.events_of(ReceiverEvent::kOldStart), 0u) << "the stream goes on";

  // Where nothing else comes, it may be the headend that has forgotten how far it was.
  s.drop = [](const Datagram&) { return true; };
  s.run_for(4 * kNsPerSecond);
  s.drop = [](const Datagram&) { return false; };
  s.receiver->receive(s.now, s.retired[0]->announce(), kHop);
  s.receiver->receive(s.now, s.retired[0]->announce(), kHop);
  EXPECT_EQ(s.events_of(ReceiverEvent::kOldStart), 1u);
}

TEST(ChannelReceiverSealed, ANewStartThatIsAnnouncedLateIsNotTakenForAnotherHeadend) {
  Scenario s;
  s.start_sender();
  s.send_stream(300, kMs);
  s.run_for(400 * kMs);
  s.drop = [](const Datagram&) { return true; };
  s.run_for(5 * kNsPerSecond);
  auto again = s.sender->o;
  again.start_number += 1;
  again.first_sequence += 20'000;
  again.salt = 2;
  s.restart_sender(again);
  const TimeNs announced = s.now + 2 * kNsPerSecond;
  s.drop = [&](const Datagram& d) { return is_announce(d) && s.now < announced; };
  s.start_sender();
  s.send_stream(4000, kMs);
  s.run_for(6 * kNsPerSecond);
  EXPECT_EQ(s.count(ReceiveCounter::kRestarts), 1u);
  EXPECT_EQ(s.events_of(ReceiverEvent::kNoLongerOpens), 0u);
}

// A copied lineup on a second machine: its start is later, so it is followed, and the first one's packets are
// not.
TEST(ChannelReceiverSealed, AnotherHeadendOfTheSameSenderIdIsToldAndANewStartOfTheFirstFollowed) {
  Scenario s;
  s.start_sender();
  s.send_stream(8000, kMs);
  auto copied = s.sender->o;
  copied.start_number += 1;
  copied.salt = 2;
  SmartSender second(copied);
  const auto both = [&](TimeNs at) {
    s.at(at, [&] {
      s.transmit(second.announce());
      s.transmit(second.heartbeat());
    });
  };
  for (int i = 0; i < 20; ++i) both(s.now + kNsPerSecond + i * 100 * kMs);
  s.run_for(8 * kNsPerSecond);
  EXPECT_EQ(s.count(ReceiveCounter::kRestarts), 1u);
  EXPECT_EQ(s.events_of(ReceiverEvent::kNoLongerOpens), 1u);
  EXPECT_EQ(s.events_of(ReceiverEvent::kNothingOpens), 0u) << "the group key is right";
  EXPECT_EQ(s.events_of(ReceiverEvent::kOldStart), 1u);

  auto again = s.sender->o;
  again.start_number += 2;
  again.salt = 3;
  s.restart_sender(again);
  s.start_sender();
  s.send_stream(500, kMs);
  const size_t before = s.played.size();
  s.run_for(2 * kNsPerSecond);
  EXPECT_EQ(s.played.size(), before + 500);
}

// The same where the first has moved on to an epoch that the second never announced.
TEST(ChannelReceiverSealed, AnotherHeadendOfTheSameSenderIdInAnEarlierEpoch) {
  Scenario s;
  s.start_sender();
  s.send_stream(8000, kMs);
  s.sender->schedule_epoch(s.sender->next_sequence() + 500, s.sender->o.group_key);
  auto copied = s.sender->o;
  copied.start_number += 1;
  copied.salt = 2;
  SmartSender second(copied);
  s.at(s.now + kNsPerSecond, [&] {
    s.transmit(second.announce());
    s.transmit(second.heartbeat());
  });
  s.run_for(8 * kNsPerSecond);
  EXPECT_EQ(s.events_of(ReceiverEvent::kOldStart), 1u);
  EXPECT_EQ(s.events_of(ReceiverEvent::kNoKey), 0u) << "that would say less";
}

TEST(ChannelReceiverSealed, AnOutageOfMoreThanTheWindow) {
  Scenario s;
  s.start_sender();
  s.send_stream(40'000, kMs / 4);
  s.drop = [&](const Datagram& d) { return is_original(d) && s.sent > 1000 && s.sent <= 31'000; };
  s.run_for(13 * kNsPerSecond);
  EXPECT_EQ(s.count(ReceiveCounter::kJumps), 1u);
  EXPECT_EQ(s.played.size(), 10'000u);
  EXPECT_EQ(s.given_up, 30'000u);
  EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 30'000u);
  EXPECT_TRUE(s.requests.empty()) << "nothing in between is asked for";
}

TEST(ChannelReceiverSealed, AnotherSenderTakesOverOnlyWhenTheFirstIsSilent) {
  Scenario s;
  auto standby = s.sender->o;
  standby.sender_id = 2;
  standby.start_number = 500;  // it may have started earlier
  standby.salt = 5;
  SmartSender second(standby);
  s.start_sender();
  s.send_stream(1000, kMs);
  for (int i = 0; i < 60; ++i)
    s.at(s.now + i * 100 * kMs, [&, i] {
      s.transmit(second.announce(), kHop + 1);
      s.transmit(second.data(Scenario::payload(i < 45 ? 0 : s.sent++)), kHop + 1);
    });
  s.stop_at = s.now + kNsPerSecond;
  s.run_for(8 * kNsPerSecond);
  EXPECT_EQ(s.count(ReceiveCounter::kRestarts), 1u);
  EXPECT_GT(s.count(ReceiveCounter::kWrongSender), 35u);
  EXPECT_GT(s.played.size(), 1010u);
  for (size_t i = 0; i < 1000; ++i) ASSERT_EQ(s.played[i].index, i);
}

TEST(ChannelReceiverSealed, RequestsCarryTheReceiversName) {
  Scenario s;
  s.drop = [&](const Datagram& d) { return is_original(d) && s.sent == 50; };
  s.start_sender();
  s.send_stream(100, kMs);
  s.run_for(kNsPerSecond);
  ASSERT_EQ(s.requests.size(), 1u);
  Split split;
  ASSERT_EQ(split_message(s.requests[0], split), WireFault::kNone);
  ASSERT_EQ(split.trailer.size(), kCmacTrailerSize);
  const TrailerFields fields = read_trailer(split.trailer);
  EXPECT_EQ(fields.id, 77u);
  EXPECT_EQ(fields.key_id, s.sender->o.group_key.id);
  EXPECT_GE(fields.count, s.sender->o.first_sequence + 54) << "the highest that was opened";
  EXPECT_LE(fields.count, s.sender->o.first_sequence + 55);
  EXPECT_EQ(split.header.synch_code, synch_code(1));
}

TEST(ChannelReceiverSealed, AForgedQuietOrStatusIsRefused) {
  Scenario s;
  s.start_sender();
  s.send_stream(100, kMs);
  s.run_for(10 * kMs);
  Datagram quiet = s.sender->quiet_message(1000);
  quiet[8] ^= 1;  // its duration
  s.transmit(quiet);
  Datagram status = s.sender->status(2000);
  status.back() ^= 1;
  s.transmit(status);
  s.run_for(10 * kMs);
  EXPECT_EQ(s.count(ReceiveCounter::kBadTrailer), 2u);
  EXPECT_EQ(s.count(ReceiveCounter::kQuietMessages), 0u);
}

}  // namespace
}  // namespace linecast::smart
