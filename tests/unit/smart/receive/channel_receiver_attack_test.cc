// What an outsider with a packet generator sends, and what must still work afterwards.
#include "tests/unit/smart/receive/scenario.h"

namespace linecast::smart {
namespace {

Datagram undecryptable(size_t size, uint8_t code, uint64_t counter) {
  Datagram datagram(size);
  encode_data_header({.synch_code = code,
                      .command = DataCommand::kOriginal,
                      .size = static_cast<uint16_t>(size),
                      .number = static_cast<uint16_t>(counter),
                      .format = PacketFormat::kMpegTs,
                      .sealed = true},
                     datagram.data());
  store_be64(&datagram[kDataHeaderSize], uint64_t{1} << 48 | counter);
  return datagram;
}

TEST(Attack, PacketsThatWaitAgainWhileTheStoreIsFullEndTheRetry) {
  Scenario s;
  s.may_play_early = true;
  s.start_sender();
  s.send_stream(100, kMs);
  s.run_for(3 * kNsPerSecond);
  s.sender->schedule_epoch(s.sender->next_sequence(), s.sender->o.group_key);
  s.drop = [](const Datagram& d) { return is_announce(d); };
  s.run_for(500 * kMs);
  const auto in = [&](const Datagram& d) { s.receiver->receive(s.now, d, kHop); };
  in(undecryptable(100, 1, 60000));
  for (int i = 0; i < 126; ++i) in(undecryptable(2100, 200, 1));
  for (uint64_t i = 0; i < 62; ++i) in(undecryptable(100, 1, 60001 + i));
  s.drop = [](const Datagram&) { return false; };
  s.now += 200 * kMs;
  in(s.sender->data(Scenario::payload(s.sent++)));  // of the next epoch
  in(s.sender->announce());
  s.now += 2 * kNsPerSecond;
  s.receiver->poll(s.now);  // returns
  EXPECT_GT(s.count(ReceiveCounter::kWaitingOverflow), 0u);
}

TEST(Attack, LargeUndecryptablePacketsTakeNoRoomForGood) {
  Scenario s;
  bool announced = false;
  s.drop = [&](const Datagram& d) { return is_announce(d) && !announced; };
  for (int i = 0; i < 200; ++i) s.receiver->receive(s.now, undecryptable(2049, 200, 0), kHop + 9);
  s.run_for(60 * kNsPerSecond);
  s.start_sender();
  s.send_stream(700, kMs);
  s.at(s.now + 550 * kMs, [&] { announced = true; });
  s.run_for(3 * kNsPerSecond);
  EXPECT_EQ(s.played.size(), 700u);
}

// Who has just begun to listen has not seen what came before, and can open it.
TEST(Attack, WhoSendsOldPacketsAgainIsNotAsked) {
  Scenario s;
  bool deaf = true;
  std::vector<Datagram> old;
  uint64_t originals = 0;
  s.drop = [&](const Datagram& d) {
    if (deaf && is_original(d)) old.push_back(d);
    return is_data(d) && (deaf || (is_original(d) && ++originals % 20 == 0));
  };
  s.start_sender();
  s.send_stream(2000, kMs);
  s.run_for(2100 * kMs);
  deaf = false;
  s.send_stream(2000, kMs);
  for (size_t i = 0; i < old.size(); ++i)
    s.at(s.now + 100 * kMs + static_cast<TimeNs>(i) * kMs, [&s, &old, i] {
      Datagram repair = old[i];
      set_data_command(repair.data(), DataCommand::kRepair, 0);
      s.receiver->receive(s.now, i % 2 == 0 ? old[i] : repair, kHop + 1 + static_cast<Ipv4>(i) % 12);
    });
  s.run_for(5 * kNsPerSecond);
  EXPECT_EQ(s.played.size(), 2000u);
  EXPECT_EQ(s.given_up, 0u);
  EXPECT_GE(s.asked.size(), 90u);
  EXPECT_EQ(std::ranges::count(s.asked, kHop), std::ssize(s.asked));
  EXPECT_EQ(s.count(ReceiveCounter::kBeforeStart), 2000u);
  EXPECT_EQ(s.count(ReceiveCounter::kHopOverflow), 0u);
}

Datagram clear_heartbeat(uint64_t last) {
  Datagram heartbeat(kDataHeaderSize + kHeartbeatPayloadSize);
  encode_data_header({.synch_code = 0,
                      .command = DataCommand::kHeartbeat,
                      .size = static_cast<uint16_t>(heartbeat.size()),
                      .number = static_cast<uint16_t>(last),
                      .format = PacketFormat::kOpaque,
                      .sealed = false},
                     heartbeat.data());
  store_be64(&heartbeat[kDataHeaderSize], last);
  return heartbeat;
}

TEST(Attack, StrangersSayNothingOnAClearChannel) {
  Scenario::Options options;
  options.sender.encrypted = false;
  Scenario s(options);
  Random random(5);
  s.drop = [&](const Datagram& d) { return is_original(d) && random.unit() < 0.1; };
  s.start_sender();
  s.send_stream(3'000, kMs);
  constexpr Ipv4 kStranger = kHop + 7;
  for (int i = 100; i < 3'000; ++i)
    s.at(s.now + i * kMs, [&] {
      s.receiver->receive(s.now, s.sender->quiet_message(65'000), kStranger);
      s.receiver->receive(s.now, s.sender->status(2'000, 30), kStranger);
      s.receiver->receive(s.now, clear_heartbeat(s.sender->next_sequence() + random.below(1 << 16)),
                          kStranger);
    });
  s.run_for(5 * kNsPerSecond);
  EXPECT_EQ(s.count(ReceiveCounter::kStrangers), 3u * 2'900);
  EXPECT_EQ(s.count(ReceiveCounter::kQuietMessages), 0u);
  EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 0u);
  EXPECT_TRUE(std::ranges::all_of(s.asked, [](Ipv4 hop) { return hop == kHop; }));
}

// A QUIET that was recorded has a good MAC.
TEST(Attack, QuietFromElsewhereHoldsNothingBack) {
  Scenario s;
  Random random(5);
  s.drop = [&](const Datagram& d) { return is_original(d) && random.unit() < 0.1; };
  s.start_sender();
  s.send_stream(3'000, kMs);
  for (int i = 100; i < 3'000; ++i)
    s.at(s.now + i * kMs, [&] { s.receiver->receive(s.now, s.sender->quiet_message(65'000), kHop + 7); });
  s.run_for(5 * kNsPerSecond);
  EXPECT_EQ(s.count(ReceiveCounter::kStrangers), 2'900u);
  EXPECT_EQ(s.count(ReceiveCounter::kQuietMessages), 0u);
  EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 0u);
}

// Of an outsider who forges the hop's own address, or of a member: it delays, and no more.
TEST(Attack, QuietWithoutEndDoesNotStopRepairs) {
  for (const bool encrypted : {false, true}) {
    Scenario::Options options;
    options.sender.encrypted = encrypted;
    Scenario s(options);
    Random random(5);
    s.drop = [&](const Datagram& d) { return is_original(d) && random.unit() < 0.1; };
    s.start_sender();
    s.send_stream(3'000, kMs);
    for (int i = 100; i < 3'000; ++i)
      s.at(s.now + i * kMs, [&] { s.transmit(s.sender->quiet_message(65'000)); });
    s.run_for(5 * kNsPerSecond);
    EXPECT_EQ(s.count(ReceiveCounter::kQuietMessages), 2'900u);
    EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 0u);
    EXPECT_GT(s.count(ReceiveCounter::kRepaired), 200u);
  }
}

TEST(Attack, WildHeartbeatsMoveNothing) {
  for (const bool encrypted : {false, true}) {
    Scenario::Options options;
    options.sender.encrypted = encrypted;
    Scenario s(options);
    s.start_sender();
    s.send_stream(2'000, kMs);
    Random random(5);
    for (int i = 100; i < 1'500; ++i)
      s.at(s.now + i * kMs, [&] {
        Datagram heartbeat = s.sender->heartbeat();
        if (encrypted) {  // its tag no longer fits
          heartbeat[kDataHeaderSize + kIvSize + random.below(8)] ^= 0x40;
        } else {
          heartbeat = clear_heartbeat(s.sender->next_sequence() + (1 << 14) + random.below(30'000));
        }
        s.receiver->receive(s.now, heartbeat, kHop);
      });
    s.run_for(4 * kNsPerSecond);
    EXPECT_TRUE(s.complete());
    EXPECT_TRUE(s.requests.empty());
    EXPECT_EQ(s.count(encrypted ? ReceiveCounter::kBadTag : ReceiveCounter::kDoubtful), 1'400u);
  }
}

TEST(Attack, AForgedHeartbeatDoesNotSilenceAClearChannelForLong) {
  Scenario::Options options;
  options.sender.encrypted = false;
  Scenario s(options);
  s.may_play_early = true;
  s.start_sender();
  s.send_stream(10'000, kMs);
  s.run_for(2 * kNsPerSecond);
  s.receiver->receive(s.now, clear_heartbeat(s.sender->next_sequence() + 16'000), kHop);
  s.run_for(12 * kNsPerSecond);
  // Lost: what was under way, a buffer's time, and the packets that it took to believe the data again.
  EXPECT_GT(s.played.size(), 8'000u);
}

TEST(Attack, AReceiverComesBackToTheFirstSenderWhenTheSecondEnds) {
  Scenario s;
  auto standby = s.sender->o;
  standby.sender_id = 2;
  standby.start_number = 500;
  standby.salt = 5;
  SmartSender second(standby);
  size_t played_at_end_of_second = 0;
  for (int i = 0; i < 200; ++i)
    s.at(s.now + i * 100 * kMs, [&, i] {
      if (i < 20 || i >= 80) {  // the first is away from 2 s to 8 s
        s.transmit(s.sender->announce());
        s.transmit(s.sender->data(Scenario::payload(s.sent++)));
      }
      if (i >= 5 && i < 80) {
        s.transmit(second.announce(), kHop + 1);
        s.transmit(second.data(Scenario::payload(static_cast<size_t>(i))), kHop + 1);
      }
      if (i == 79) played_at_end_of_second = s.played.size();
    });
  s.run_for(22 * kNsPerSecond);
  EXPECT_GT(s.played.size(), played_at_end_of_second + 60);
}

}  // namespace
}  // namespace linecast::smart
