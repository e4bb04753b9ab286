// Replacement requests against a real lane: what is answered, what is refused and under which name.
#include <cstring>

#include "tests/vdev/requests.h"

namespace linecast {
namespace {

// After it a repair is sent again.
constexpr TimeNs kRoundTripNs = 60 * kNsPerMs;

TEST_F(Requests, ARepairIsTheOriginalWithAnotherCommand) {
  make({});
  const auto originals = send(20);
  const auto repairs = ask(request({{3, 0b101}}, 20), kStart + 1);  // 3, 4 and 6
  ASSERT_EQ(repairs.size(), 3u);
  const size_t sequences[] = {3, 4, 6};
  for (size_t k = 0; k < 3; ++k) {
    const auto& original = originals[sequences[k] - 1];
    const net::ParsedFrame out = net::parse_frame(repairs[k], {});
    ASSERT_EQ(out.fault, net::FrameFault::kNone);  // its own, correct checksums
    std::vector<uint8_t> datagram(out.payload.begin(), out.payload.end());
    smart::set_data_command(datagram.data(), smart::DataCommand::kOriginal, 0);
    EXPECT_TRUE(std::equal(datagram.begin(), datagram.end(), original.begin() + net::kUdpFrameOverhead,
                           original.end()));
    EXPECT_TRUE(
        std::equal(repairs[k].begin(), repairs[k].begin() + 6, original.begin()));  // to the group's MAC
  }
  EXPECT_EQ(count(ChannelCounter::kRepairsSent), 3u);
}

TEST_F(Requests, ASequenceIsRepairedOnceARoundTripHoweverManyAsk) {
  make({});
  send(5);
  EXPECT_EQ(ask(request({{2, 0}}, 5), kStart + 1).size(), 1u);
  EXPECT_EQ(ask(request({{2, 0}}, 5), kStart + kNsPerMs).size(), 0u);
  EXPECT_EQ(ask(request({{2, 0}}, 5), kStart + 2 * kNsPerMs, 0x0a010064).size(), 0u);
  EXPECT_EQ(count(ChannelCounter::kRequestRepeated), 2u);
  EXPECT_EQ(ask(request({{2, 0}}, 5), kStart + kRoundTripNs).size(), 1u);
}

TEST_F(Requests, WhatWasNotSentOrIsNoLongerKeptIsCounted) {
  make({});
  send(100);  // 64 are kept: 37 .. 100
  EXPECT_EQ(ask(request({{101, 0}}, 100), kStart + 1).size(), 0u);
  EXPECT_EQ(count(ChannelCounter::kRequestNotSent), 1u);
  EXPECT_EQ(ask(request({{36, 0}}, 100), kStart + 2).size(), 0u);
  EXPECT_EQ(count(ChannelCounter::kRequestTooOld), 1u);
  EXPECT_EQ(ask(request({{37, 0}}, 100), kStart + 3).size(), 1u);
  EXPECT_EQ(ask(request({{100, 0xffff}}, 100), kStart + 4).size(), 1u);
  EXPECT_EQ(count(ChannelCounter::kRequestNotSent), 17u);
}

TEST_F(Requests, TheTrailerMustBeRight) {
  make({});
  send(100);
  const auto good = request({{99, 0}}, 100);
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_EQ(ask(bad, kStart + 1).size(), 0u) << "bit " << bit;
  }
  EXPECT_EQ(ask(request({{99, 0}}, 100), kStart + 2).size(), 1u);
  EXPECT_GT(count(ChannelCounter::kRequestMac), 100u);
  EXPECT_GT(count(ChannelCounter::kRequestTrailer), 0u);
  sign_ = false;
  EXPECT_EQ(ask(request({{98, 0}}, 100), kStart + 3).size(), 0u);
}

TEST_F(Requests, StaleAndImpossibleCountsAreRefused) {
  make({});
  send(100);
  EXPECT_EQ(ask(request({{99, 0}}, 0), kStart + 1).size(), 0u);
  EXPECT_EQ(ask(request({{99, 0}}, 36), kStart + 1).size(), 0u);   // further behind than the ring
  EXPECT_EQ(ask(request({{99, 0}}, 101), kStart + 1).size(), 0u);  // never sent
  EXPECT_EQ(count(ChannelCounter::kRequestStale), 3u);
  EXPECT_EQ(ask(request({{99, 0}}, 37), kStart + 1).size(), 1u);
}

TEST_F(Requests, ClearChannelsTakeNoTrailer) {
  BedOptions options;
  options.encrypted = false;
  make(options);
  send(5);
  EXPECT_EQ(ask(request({{2, 0}}, 5), kStart + 1).size(), 0u);
  EXPECT_EQ(count(ChannelCounter::kRequestTrailer), 1u);
  sign_ = false;
  EXPECT_EQ(ask(request({{2, 0}}, 5), kStart + 1).size(), 1u);
}

TEST_F(Requests, TheBudgetHolds) {
  BedOptions options;
  options.window_packets = 1024;
  options.bitrate_cap_bps = 2'000'000;
  options.budget_percent =
      1;  // next to nothing: the least burst of 64 full frames remains, 65 of these and their QUIETs
  make(options);
  for (int second = 3; second > 0; --second)  // within the cap
    for (int k = 0; k < 40; ++k) {
      bed_->feed(feed_frame(0, ts_payload(7, 1)));
      bed_->lane().poll(kStart + (3 - second) * kNsPerSecond);
    }
  bed_->sent();
  ASSERT_EQ(bed_->channel(0).next_sequence(), 121u);
  size_t repaired = 0;
  for (uint16_t sequence = 1; sequence < 101; ++sequence) {
    become(sequence);  // each for one, so that none has had its share
    repaired += ask(request({{sequence, 0}}, 120), kStart + 3 * kNsPerSecond).size();
  }
  EXPECT_EQ(repaired, 65u);
  EXPECT_EQ(count(ChannelCounter::kRequestOverBudget), 35u);
}

TEST_F(Requests, OneAddressCannotAskWithoutEnd) {
  make({});
  send(5);
  const std::vector<smart::SequencePair> many(
      64, {2, 0xffff});  // 1,088 sequences: 30 times is within the allowance
  for (int k = 0; k < 40; ++k) ask(request(many, 5), kStart + 1);
  EXPECT_EQ(count(ChannelCounter::kRequestSourceLimit), 10u);
  ask(request(many, 5), kStart + 1, 0x0a010065);
  EXPECT_EQ(count(ChannelCounter::kRequestSourceLimit), 10u);
  ask(request(many, 5), kStart + kNsPerSecond);
  EXPECT_EQ(count(ChannelCounter::kRequestSourceLimit), 10u);
}

TEST_F(Requests, OneReceiverLeavesAQuarterOfTheBudgetToOthers) {
  for (const bool encrypted : {true, false}) {
    BedOptions options;
    options.encrypted = sign_ = encrypted;
    options.bitrate_cap_bps = 8'000'000;
    options.budget_percent = 1;  // the least burst remains, 67 of these
    options.window_packets = 512;
    make(options);
    send(300);
    size_t repaired = 0;
    // On an encrypted channel its id tells it from others, and on a clear one its address.
    for (uint16_t first = 1; first < 100; ++first)
      repaired +=
          ask(request({{first, 0}}, 300), kStart + 1, encrypted ? kReceiver + first : kReceiver).size();
    EXPECT_GE(repaired, 45u);
    EXPECT_LE(repaired, 51u);
    EXPECT_EQ(count(ChannelCounter::kRequestSourceShare), 99u - repaired);
    EXPECT_EQ(count(ChannelCounter::kRequestOverBudget), 0u);
    if (encrypted) become(7);
    EXPECT_EQ(ask(request({{150, 0}}, 300), kStart + 1, encrypted ? kReceiver : kReceiver + 1).size(), 1u);
  }
}

// Each under another address: one burst of requests as large as they get is too much for one turn.
TEST_F(Requests, AFloodOfBitmasksFullOfOnesHoldsNoLivePacketUp) {
  BedOptions options;
  options.window_packets = 2048;
  options.source_interface = 1;
  options.encrypted = sign_ = false;
  make(options);
  for (int k = 0; k < 1200; ++k) {
    bed_->feed(feed_frame(0, ts_payload(1, 1)), 1);
    bed_->lane().poll(kStart);
    bed_->sent();
  }
  ASSERT_EQ(count(ChannelCounter::kPacketsSent), 1200u);
  std::vector<smart::SequencePair> all;
  for (uint16_t k = 0; k < 64; ++k) all.push_back({static_cast<uint16_t>(1 + 17 * k), 0xffff});
  constexpr unsigned kTurns = 50, kRequests = 31;
  for (unsigned turn = 0; turn < kTurns; ++turn) {
    for (unsigned k = 0; k < kRequests; ++k) deliver(request(all, 0), 0x0b000000 + turn * kRequests + k);
    bed_->feed(feed_frame(0, ts_payload(1, 1)), 1);
    bed_->lane().poll(kStart + turn);
    const auto frames = bed_->sent();
    ASSERT_FALSE(frames.empty());
    EXPECT_FALSE(is_repair(frames[0]));
    EXPECT_LE(frames.size(), 1 + app::kBurst + 1);  // live, repairs, QUIET
  }
  EXPECT_EQ(count(ChannelCounter::kPacketsSent), 1200u + kTurns);
  EXPECT_EQ(count(ChannelCounter::kTransmitFull), 0u);
  // Two requests fit a turn.
  EXPECT_EQ(bed_->count(LaneCounter::kRequestTurnFull), kTurns * (kRequests - 2));
  EXPECT_EQ(count(ChannelCounter::kRequestedSequences), kTurns * 2 * 1088u);
  EXPECT_EQ(count(ChannelCounter::kRepairsSent), 1088u);  // each once
  EXPECT_EQ(count(ChannelCounter::kRequestRepeated), (kTurns * 2 - 1) * 1088u);
}

TEST_F(Requests, ManyForgedSourcesDrawNoMoreThanTheBudget) {
  BedOptions options;
  options.encrypted = sign_ = false;
  options.bitrate_cap_bps = 8'000'000;
  options.budget_percent = 1;  // 10,000 bytes a second, and 64 full frames at once
  options.window_packets = 512;
  make(options);
  send(300);
  size_t repaired = 0;
  for (uint16_t first = 1; first < 300; ++first)
    repaired += ask(request({{first, 0}}, 0), kStart + 1, 0x0b000000u + first).size();
  EXPECT_EQ(repaired, 67u);  // and a QUIET for each
  EXPECT_EQ(count(ChannelCounter::kRequestOverBudget), 299u - 67);
  EXPECT_LE(count(ChannelCounter::kQuietsSent), 67u + 1);
}

TEST_F(Requests, AReceiverThatAsksAndNeverStopsIsAnsweredSixteenTimesAWindow) {
  make({});
  send(5);
  size_t repaired = 0;
  for (TimeNs now = kStart; now < kStart + kNsPerSecond; now += kNsPerMs)
    repaired += ask(request({{2, 0}}, 5), now).size();
  EXPECT_EQ(repaired, 17u);  // at 0, 50 and 113 ms, and every 63 from then on
  EXPECT_EQ(count(ChannelCounter::kRequestRepeated), 983u);
}

TEST_F(Requests, OtherMessagesAndGroupsAreCounted) {
  make({});
  send(5);
  ask(request({{2, 0}}, 5, 0xef630000), kStart + 1);
  EXPECT_EQ(bed_->count(LaneCounter::kUnknownGroup), 1u);
  ask({1, 2, 3}, kStart + 1);
  EXPECT_EQ(bed_->count(smart::WireFault::kTruncated), 1u);
  ask({1, 0xbf, 0, 4}, kStart + 1);
  EXPECT_EQ(bed_->count(smart::WireFault::kUnknownCommand), 1u);
  std::vector<uint8_t> ours(128);
  ask(sign(ours, smart::encode(smart::SenderStatus{}, ours), 5), kStart + 1);
  EXPECT_EQ(bed_->count(LaneCounter::kMessageIgnored), 1u);
}

TEST_F(Requests, LiveTrafficGoesFirst) {
  BedOptions options;
  options.source_interface = 1;  // so that one burst brings both
  make(options);
  const auto feed = [&] { bed_->feed(feed_frame(0, ts_payload(7, 9)), 1); };
  feed();
  bed_->lane().poll(kStart + 1);
  bed_->sent();
  deliver(request({{1, 0}}, 1));
  feed();
  bed_->lane().poll(kStart + 2);
  const auto frames = bed_->sent();
  ASSERT_EQ(frames.size(), 3u);
  smart::DataHeader first;
  ASSERT_EQ(smart::decode_data(net::parse_frame(frames[0], {}).payload, first), smart::WireFault::kNone);
  EXPECT_EQ(first.command, smart::DataCommand::kOriginal);
  smart::Split quiet;
  ASSERT_EQ(smart::split_message(net::parse_frame(frames[1], {}).payload, quiet), smart::WireFault::kNone);
  EXPECT_TRUE(is_repair(frames[2]));
}

TEST_F(Requests, WithoutFreePacketsRepairsAreCountedAndTheLaneGoesOn) {
  make({});
  send(10);
  std::vector<drivers::Packet*> taken;
  while (drivers::Packet* packet = bed_->control_pool().take()) taken.push_back(packet);
  EXPECT_EQ(ask(request({{2, 0b11}}, 10), kStart + 1).size(), 0u);
  EXPECT_EQ(count(ChannelCounter::kRepairNoPacket), 3u);
  EXPECT_EQ(count(ChannelCounter::kQuietNoPacket), 1u);
  for (drivers::Packet* packet : taken) drivers::release(packet);
  EXPECT_EQ(ask(request({{2, 0b11}}, 10), kStart + kRoundTripNs).size(), 3u);
}

TEST_F(Requests, ARepairByReferenceKeepsItsFrameUntilTheCardHasSentIt) {
  BedOptions options;
  options.window_packets = 64;
  options.offloads.segments = true;
  make(options);
  const auto originals = send(1);
  deliver(request({{.sequence = 1, .mask = 0}}, 1));
  bed_->lane().poll(kStart);
  ASSERT_EQ(count(ChannelCounter::kRepairsSent), 1u);
  // The card is slow: the window goes round twice before it comes to the repair.
  for (unsigned k = 0; k < 128; ++k) {
    bed_->feed(feed_frame(0, ts_payload(7, static_cast<uint8_t>(100 + k))));
    bed_->lane().poll(kStart);
  }
  ASSERT_EQ(count(ChannelCounter::kPacketsSent), 129u);
  const auto original = net::parse_frame(originals.at(0), {}).payload;
  unsigned repairs = 0;
  for (const auto& frame : bed_->sent()) {
    const net::ParsedFrame out = net::parse_frame(frame, {});
    smart::DataHeader header;
    if (smart::decode_data(out.payload, header) != smart::WireFault::kNone ||
        header.command != smart::DataCommand::kRepair)
      continue;
    ++repairs;
    EXPECT_EQ(out.fault, net::FrameFault::kNone);
    ASSERT_EQ(out.payload.size(), original.size());
    EXPECT_TRUE(std::equal(original.begin() + smart::kDataHeaderSize, original.end(),
                           out.payload.begin() + smart::kDataHeaderSize));
  }
  EXPECT_EQ(repairs, 1u);
}

}  // namespace
}  // namespace linecast
